"""Draws of abilities: each in its place of its exact conditional distribution, hence uniform there."""

import jax
import numpy as np
import pytest
from scipy.stats import kstest
from support import limits, records
from support.seeds import seed

from irt_jax.abilities import Populations, draw_abilities, mean_posterior, summarise_abilities
from irt_jax.likelihood.marginal import MarginalData
from irt_jax.likelihood.person_blocks import person_blocks
from irt_jax.models import TWO_PARAMETER, item_priors
from irt_jax.models.population import FixedPopulation, standard_population

N_DRAWS = 20_000
#: Comparisons of `uniform`: mean, mean square, four shares and the distribution function.
OF_UNIFORM = 7
STANDARD = Populations(np.zeros((N_DRAWS, 1)), np.ones((N_DRAWS, 1)))


def prepared(people, nodes, group=None):
    """Every record has items of its own."""
    count = np.array([len(record.a) for record in people])
    person = np.repeat(np.arange(len(people)), count)
    item = np.arange(count.sum())
    response = np.concatenate([record.response for record in people])
    blocks, place = person_blocks(person, 2 * item + response, len(people), 2 * len(item), group=group)
    n_groups = 1 if group is None else int(group.max()) + 1
    data = MarginalData(blocks, nodes, FixedPopulation(np.zeros(n_groups), np.ones(n_groups)), item_priors(len(item)))
    items = {name: np.concatenate([getattr(record, name) for record in people]) for name in ("a", "b")}
    return data, place, items


def repeated(items, n_draws):
    return {name: np.tile(value, (n_draws, 1)) for name, value in items.items()}


def probabilities(rank):
    """Of something as extreme under uniform ranks: mean, mean square, shares in the tails, Kolmogorov's distance."""
    n = len(rank)
    z = (rank.mean() - 0.5) * np.sqrt(12 * n), (((rank - 0.5) ** 2).mean() - 1 / 12) * np.sqrt(180 * n)
    tails = np.array([0.025, 0.05, 0.95, 0.975])
    shares = limits.binomial((rank[:, None] < tails).sum(0), n, tails)
    return np.array([*limits.of_z(np.array(z)), *shares, kstest(rank, "uniform").pvalue])


def assert_exact(theta, wanted, comparisons):
    """Draws have their exact distribution; spread or moved by ten errors (6 % and .07 SD of 20,000) they have not."""
    ranks = lambda draws: np.interp(draws, wanted.grid, wanted.below)  # noqa: E731
    theta, root = theta.astype(float), np.sqrt(len(theta))
    assert limits.likely(probabilities(ranks(theta)), comparisons)
    # Of a normal distribution the mean square of the ranks grows by .092 of the spread, their mean by .28 of a shift.
    spread, shift = 10.0 / np.sqrt(180.0) / 0.092 / root, 10.0 / np.sqrt(12.0) / 0.28 / root
    for wrong in (theta + spread * (theta - wanted.mean), theta + shift * wanted.sd):
        assert (probabilities(ranks(wrong)) < limits.level(comparisons)).any()


@pytest.mark.slow
@pytest.mark.statistical
def test_every_awkward_person_has_the_exact_distribution():
    people = list(records.RECORDS.values())
    nodes = np.linspace(-6, 6, 110)  # .9 SD of the narrowest
    data, place, items = prepared(people, nodes)
    theta = draw_abilities(TWO_PARAMETER, repeated(items, N_DRAWS), STANDARD, data, place, jax.random.key(seed(1)))
    assert theta.dtype == np.float32
    comparisons = (OF_UNIFORM + 1) * len(people)
    for person, record in enumerate(people):
        wanted, own = records.exact(record), theta[:, person].astype(float)
        assert_exact(own, wanted, comparisons)
        assert limits.within((own.mean() - wanted.mean) / wanted.sd * np.sqrt(N_DRAWS), comparisons)


@pytest.mark.statistical
@pytest.mark.parametrize("name", records.RECORDS)
def test_each_on_its_own_coarsest_grid(name):
    record = records.RECORDS[name]
    data, place, items = prepared([record], records.widest_nodes(record))
    theta = draw_abilities(TWO_PARAMETER, repeated(items, N_DRAWS), STANDARD, data, place, jax.random.key(seed(2)))
    assert_exact(theta[:, 0], records.exact(record), OF_UNIFORM)


@pytest.mark.statistical
def test_persons_who_share_a_place_are_drawn_independently():
    person, row = np.repeat(np.arange(40), 2), np.tile([0, 3], 40)
    blocks, place = person_blocks(person, row, 40, 4)
    assert len(set(place)) == 1
    data = MarginalData(blocks, np.linspace(-6, 6, 24), standard_population(), item_priors(2))
    items = repeated({"a": np.ones(2), "b": np.zeros(2)}, N_DRAWS)
    theta = draw_abilities(TWO_PARAMETER, items, STANDARD, data, place, jax.random.key(seed(3)))
    pairs = np.triu_indices(40, 1)
    comparisons = len(pairs[0]) + 1
    assert limits.within(np.corrcoef(theta.T)[pairs] * np.sqrt(N_DRAWS), comparisons)
    apart = np.corrcoef(theta[1:, 0], theta[:-1, 0])[0, 1]  # nor do successive draws hang together
    assert limits.within(apart * np.sqrt(N_DRAWS), comparisons)
    common = theta + 0.25 * theta[:, :1]
    assert limits.beyond(np.corrcoef(common.T)[pairs] * np.sqrt(N_DRAWS), comparisons).mean() > 0.9


@pytest.mark.statistical
def test_the_population_is_that_of_the_draw_and_of_the_group():
    record = records.RECORDS["one response"]
    data, place, items = prepared([record, record], np.linspace(-9, 9, 60), group=np.array([0, 1]))
    means, sds = np.array([[-2.0, 0.5], [1.5, 3.0]]), np.array([[0.5, 1.0], [1.0, 0.7]])  # (kind of draw, group)
    kind = np.arange(N_DRAWS) % 2
    populations = Populations(means[kind], sds[kind])
    theta = draw_abilities(TWO_PARAMETER, repeated(items, N_DRAWS), populations, data, place, jax.random.key(seed(4)))
    posterior = np.asarray(mean_posterior(TWO_PARAMETER, repeated(items, N_DRAWS), populations, data))
    found = summarise_abilities(posterior.reshape(-1, 60), place, data.nodes, 0.95)
    for group in (0, 1):
        parts = [records.exact(record, means[k, group], sds[k, group]) for k in (0, 1)]
        for k, part in enumerate(parts):
            assert_exact(theta[kind == k, group], part, 4 * OF_UNIFORM)
        mean = (parts[0].mean + parts[1].mean) / 2
        sd = np.sqrt(sum(part.sd**2 + (part.mean - mean) ** 2 for part in parts) / 2)
        np.testing.assert_allclose([found.mean[group], found.sd[group]], [mean, sd], atol=1e-3 * sd)


def varying(n_draws):
    rng = np.random.default_rng(seed(0))
    people = [records.Record(list(np.exp(0.3 * rng.normal(size=8))), list(rng.normal(size=8)), [1, 0] * 4)] * 40
    data, place, items = prepared(people, np.linspace(-7, 7, 40))
    items = {
        "a": items["a"] * np.exp(0.3 * rng.normal(size=(n_draws, 320))),
        "b": items["b"] + 0.3 * rng.normal(size=(n_draws, 320)),
    }
    populations = Populations(0.3 * rng.normal(size=(n_draws, 1)), np.exp(0.2 * rng.normal(size=(n_draws, 1))))
    return items, data, place, populations


@pytest.mark.statistical
def test_averages_of_the_draws_equal_the_average_of_the_posteriors():
    n_draws = 4001
    items, data, place, populations = varying(n_draws)
    theta = draw_abilities(TWO_PARAMETER, items, populations, data, place, jax.random.key(seed(5))).astype(float)
    posterior = np.asarray(mean_posterior(TWO_PARAMETER, items, populations, data)).reshape(-1, 40)
    wanted = summarise_abilities(posterior, place, data.nodes, 0.9)
    comparisons, df = 4 * len(wanted.mean), n_draws - 1
    squares = (theta - wanted.mean) ** 2

    def apart(mean, sd):
        z = (theta.mean(0) - mean) / theta.std(0), (squares.mean(0) - sd**2) / squares.std(0)
        return np.array(z) * np.sqrt(n_draws)

    def tails(lower, upper):
        return np.array([limits.binomial(out.sum(0), n_draws, 0.05) for out in (theta < lower, theta > upper)])

    assert limits.within(apart(wanted.mean, wanted.sd), comparisons, df)
    assert limits.likely(tails(wanted.lower, wanted.upper), comparisons)
    assert limits.beyond(apart(wanted.mean + 0.2 * wanted.sd, wanted.sd)[0], comparisons, df).all()
    assert limits.beyond(apart(wanted.mean, 1.2 * wanted.sd)[1], comparisons, df).all()
    assert (tails(wanted.lower - 0.45 * wanted.sd, wanted.upper + 0.45 * wanted.sd) < limits.level(comparisons)).all()


def test_the_seed_and_not_the_batches_decides(monkeypatch):
    items, data, place, populations = varying(37)
    draw = lambda key: draw_abilities(TWO_PARAMETER, items, populations, data, place, jax.random.key(key))  # noqa: E731
    first = draw(6)
    assert first.shape == (37, 40)
    np.testing.assert_array_equal(first, draw(6))
    assert np.abs(first - draw(7)).max() > 1
    one_way = mean_posterior(TWO_PARAMETER, items, populations, data)
    monkeypatch.setattr("irt_jax.abilities.density.BESIDE", 3)
    monkeypatch.setattr("irt_jax.abilities.draws.RETURNED", 1)
    np.testing.assert_allclose(draw(6), first, atol=1e-4)
    np.testing.assert_allclose(mean_posterior(TWO_PARAMETER, items, populations, data), one_way, atol=1e-6)
