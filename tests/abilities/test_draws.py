"""Draws of abilities: each in its place of its exact conditional distribution, hence uniform there."""

import jax
import numpy as np
import pytest
import records
from scipy.stats import kstest

from irt_jax.abilities import Populations, draw_abilities, mean_posterior, summarise_abilities
from irt_jax.likelihood.blocks import person_blocks
from irt_jax.likelihood.marginal import MarginalData
from irt_jax.models import TWO_PARAMETER, item_priors
from irt_jax.models.population import FixedPopulation, standard_population

N_DRAWS = 20_000
Z_LIMIT = 4.5
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


def assert_uniform(rank):
    n = len(rank)
    assert abs(rank.mean() - 0.5) * np.sqrt(12 * n) < Z_LIMIT
    assert abs(((rank - 0.5) ** 2).mean() - 1 / 12) * np.sqrt(180 * n) < Z_LIMIT
    for probability in (0.025, 0.05, 0.95, 0.975):
        error = np.sqrt(probability * (1 - probability) / n)
        assert abs((rank < probability).mean() - probability) < Z_LIMIT * error
    assert kstest(rank, "uniform").pvalue > 1e-5


@pytest.mark.slow
def test_every_awkward_person_has_the_exact_distribution():
    people = list(records.RECORDS.values())
    nodes = np.linspace(-6, 6, 110)  # .9 SD of the narrowest
    data, place, items = prepared(people, nodes)
    theta = draw_abilities(TWO_PARAMETER, repeated(items, N_DRAWS), STANDARD, data, place, jax.random.key(1))
    assert theta.dtype == np.float32
    for person, record in enumerate(people):
        wanted = records.exact(record)
        own = theta[:, person].astype(float)
        assert_uniform(np.interp(own, wanted.grid, wanted.below))
        assert abs(own.mean() - wanted.mean) < Z_LIMIT * wanted.sd / np.sqrt(N_DRAWS)


@pytest.mark.parametrize("name", records.RECORDS)
def test_each_on_its_own_coarsest_grid(name):
    record = records.RECORDS[name]
    wanted = records.exact(record)
    data, place, items = prepared([record], records.widest_nodes(record))
    theta = draw_abilities(TWO_PARAMETER, repeated(items, N_DRAWS), STANDARD, data, place, jax.random.key(2))
    assert_uniform(np.interp(theta[:, 0], wanted.grid, wanted.below))


def test_persons_who_share_a_place_are_drawn_independently():
    person, row = np.repeat(np.arange(40), 2), np.tile([0, 3], 40)
    blocks, place = person_blocks(person, row, 40, 4)
    assert len(set(place)) == 1
    data = MarginalData(blocks, np.linspace(-6, 6, 24), standard_population(), item_priors(2))
    items = repeated({"a": np.ones(2), "b": np.zeros(2)}, N_DRAWS)
    theta = draw_abilities(TWO_PARAMETER, items, STANDARD, data, place, jax.random.key(3))
    correlation = np.corrcoef(theta.T)[np.triu_indices(40, 1)]
    assert np.abs(correlation).max() * np.sqrt(N_DRAWS) < Z_LIMIT
    apart = np.corrcoef(theta[1:, 0], theta[:-1, 0])[0, 1]  # nor do successive draws hang together
    assert abs(apart) * np.sqrt(N_DRAWS) < Z_LIMIT


def test_the_population_is_that_of_the_draw_and_of_the_group():
    record = records.RECORDS["one response"]
    data, place, items = prepared([record, record], np.linspace(-9, 9, 60), group=np.array([0, 1]))
    means, sds = np.array([[-2.0, 0.5], [1.5, 3.0]]), np.array([[0.5, 1.0], [1.0, 0.7]])  # (kind of draw, group)
    kind = np.arange(N_DRAWS) % 2
    populations = Populations(means[kind], sds[kind])
    theta = draw_abilities(TWO_PARAMETER, repeated(items, N_DRAWS), populations, data, place, jax.random.key(4))
    posterior = np.asarray(mean_posterior(TWO_PARAMETER, repeated(items, N_DRAWS), populations, data))
    found = summarise_abilities(posterior.reshape(-1, 60), place, data.nodes, 0.95)
    for group in (0, 1):
        parts = [records.exact(record, means[k, group], sds[k, group]) for k in (0, 1)]
        for k, part in enumerate(parts):
            assert_uniform(np.interp(theta[kind == k, group], part.grid, part.below))
        mean = (parts[0].mean + parts[1].mean) / 2
        sd = np.sqrt(sum(part.sd**2 + (part.mean - mean) ** 2 for part in parts) / 2)
        np.testing.assert_allclose([found.mean[group], found.sd[group]], [mean, sd], atol=1e-3 * sd)


def varying(n_draws):
    rng = np.random.default_rng(0)
    people = [records.Record(list(np.exp(0.3 * rng.normal(size=8))), list(rng.normal(size=8)), [1, 0] * 4)] * 40
    data, place, items = prepared(people, np.linspace(-7, 7, 40))
    items = {
        "a": items["a"] * np.exp(0.3 * rng.normal(size=(n_draws, 320))),
        "b": items["b"] + 0.3 * rng.normal(size=(n_draws, 320)),
    }
    populations = Populations(0.3 * rng.normal(size=(n_draws, 1)), np.exp(0.2 * rng.normal(size=(n_draws, 1))))
    return items, data, place, populations


def test_averages_of_the_draws_equal_the_average_of_the_posteriors():
    n_draws = 4001
    items, data, place, populations = varying(n_draws)
    theta = draw_abilities(TWO_PARAMETER, items, populations, data, place, jax.random.key(5)).astype(float)
    posterior = np.asarray(mean_posterior(TWO_PARAMETER, items, populations, data)).reshape(-1, 40)
    wanted = summarise_abilities(posterior, place, data.nodes, 0.9)
    z = (theta.mean(0) - wanted.mean) / wanted.sd * np.sqrt(n_draws)
    squares = (theta - wanted.mean) ** 2
    z_square = (squares.mean(0) - wanted.sd**2) / squares.std(0) * np.sqrt(n_draws)
    error = np.sqrt(0.05 * 0.95 / n_draws)
    z_lower = ((theta < wanted.lower).mean(0) - 0.05) / error
    z_upper = ((theta > wanted.upper).mean(0) - 0.05) / error
    assert np.abs([z, z_square, z_lower, z_upper]).max() < Z_LIMIT


def test_the_seed_and_not_the_batches_decides(monkeypatch):
    items, data, place, populations = varying(37)
    draw = lambda seed: draw_abilities(TWO_PARAMETER, items, populations, data, place, jax.random.key(seed))  # noqa: E731
    first = draw(6)
    assert first.shape == (37, 40)
    np.testing.assert_array_equal(first, draw(6))
    assert np.abs(first - draw(7)).max() > 1
    one_way = mean_posterior(TWO_PARAMETER, items, populations, data)
    monkeypatch.setattr("irt_jax.abilities.density.BESIDE", 3)
    monkeypatch.setattr("irt_jax.abilities.draws.RETURNED", 1)
    np.testing.assert_allclose(draw(6), first, atol=1e-4)
    np.testing.assert_allclose(mean_posterior(TWO_PARAMETER, items, populations, data), one_way, atol=1e-6)
