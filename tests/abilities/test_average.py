import jax
import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid
from support import oracle

from irt_jax.abilities import Populations, mean_posterior, summarise_abilities
from irt_jax.data import encode
from irt_jax.likelihood.kernel import posterior_over_nodes
from irt_jax.likelihood.marginal import MarginalData, item_table, node_log_weight
from irt_jax.likelihood.person_blocks import person_blocks
from irt_jax.likelihood.quadrature import first_nodes, fitting_nodes, nodes_of_abilities
from irt_jax.models import TWO_PARAMETER, item_priors
from irt_jax.models.population import standard_population
from irt_jax.study.simulate import simulate


def fitted(responses, a, b):
    """Data with the grid that the package would choose at these items, and each person's place."""
    row = 2 * responses.item + responses.response
    blocks, place = person_blocks(responses.person, row, responses.n_persons, 2 * responses.n_items)
    nodes = first_nodes(int(responses.person_counts.max()))
    for _ in range(8):
        table = item_table(TWO_PARAMETER, {"a": a, "b": b}, nodes)
        posterior = posterior_over_nodes(table, node_log_weight(nodes, np.zeros(1), np.ones(1)), blocks)
        wanted = fitting_nodes(np.asarray(posterior).reshape(-1, len(nodes)), np.asarray(table), nodes)
        if wanted[1] - wanted[0] >= 0.95 * (nodes[1] - nodes[0]):
            break
        nodes = wanted
    return MarginalData(blocks, nodes_of_abilities(nodes), standard_population(), item_priors(len(b))), place


def exact(draws_a, draws_b, items, responses):
    """Mean, SD, 2.5 % and 97.5 % quantile of one person on a fine grid, averaged over the draws."""
    grid = np.linspace(-8, 8, 40_001)
    density = 0.0
    for a, b in zip(draws_a, draws_b, strict=True):
        eta = a[items][:, None] * (grid - b[items][:, None])
        log_p = -np.logaddexp(0, np.where(responses[:, None] == 1, -eta, eta)).sum(0) - grid**2 / 2
        p = np.exp(log_p - log_p.max())
        density = density + p / p.sum()
    density = density / density.sum()
    mean = (density * grid).sum()
    mass = cumulative_trapezoid(density, grid, initial=0)
    lower, upper = np.interp([0.025, 0.975], mass / mass[-1], grid)
    return mean, np.sqrt((density * (grid - mean) ** 2).sum()), lower, upper


@pytest.mark.parametrize(
    ("items", "per_person", "scale"),
    [(20, 20, 1.0), (5, 5, 1.0), (4, 1, 4.0), (300, 300, 1.5)],
    ids=["20 items", "5 items", "one response, steep", "300 items, narrow"],
)
def test_means_sds_and_quantiles_equal_fine_quadrature(items, per_person, scale):
    simulation = simulate(120, items, per_person, seed=items)
    responses = encode(simulation.responses)
    present = [int(name[1:]) - 1 for name in responses.item_ids.to_pylist()]
    rng = np.random.default_rng(0)
    a = scale * simulation.items["a"].to_numpy()[present] * np.exp(0.1 * rng.normal(size=(3, len(present))))
    b = simulation.items["b"].to_numpy()[present] + 0.1 * rng.normal(size=(3, len(present)))
    data, place = fitted(responses, a[0], b[0])
    with jax.enable_x64(True):
        posterior = np.asarray(
            mean_posterior(TWO_PARAMETER, {"a": a, "b": b}, Populations(np.zeros((3, 1)), np.ones((3, 1))), data)
        )
    found = summarise_abilities(posterior.reshape(-1, len(data.nodes)), place, data.nodes, 0.95)
    for person in range(0, responses.n_persons, 11):
        own = responses.person == person
        wanted = exact(a, b, responses.item[own], responses.response[own])
        got = [found.mean[person], found.sd[person], found.lower[person], found.upper[person]]
        np.testing.assert_allclose(got, wanted, atol=1e-3 * wanted[1])


def test_oracles_agree():
    a, b = np.array([1.0, 1.5]), np.array([0.0, 0.5])
    items, responses = np.array([0, 1]), np.array([1, 0])
    mean, sd = oracle.posterior_moments(a, b, items, responses)
    assert exact(a[None], b[None], items, responses)[:2] == pytest.approx((mean, sd), abs=1e-6)
