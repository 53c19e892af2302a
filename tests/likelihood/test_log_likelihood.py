"""The marginal log-likelihood that is reported, and the weights of the nodes behind it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm
from support import oracle

from irt_jax.data import encode
from irt_jax.inference.marginal_posterior import pose
from irt_jax.likelihood.marginal import node_log_weight
from irt_jax.models import TWO_PARAMETER, item_priors
from irt_jax.models.population import standard_population
from irt_jax.study.simulate import simulate


@pytest.mark.parametrize(
    ("per_person", "mean", "sd"), [(30, 0.0, 1.0), (30, 0.7, 1.5), (300, -0.3, 1.2)], ids=["30", "moved", "300"]
)
def test_equals_scipy_quadrature_of_every_person(per_person, mean, sd):
    """Long records have posteriors so narrow that the grid ends where the population does not."""
    simulation = simulate(25, per_person, per_person, seed=3, ability_mean=mean, ability_sd=sd)
    responses = encode(simulation.responses)
    a, b = (simulation.items[name].to_numpy() for name in ("a", "b"))
    problem = pose(TWO_PARAMETER, responses, item_priors(per_person), standard_population())
    population = np.array([mean]), np.array([sd])
    problem = problem.fitted({"a": a, "b": b}, population)
    exact = 0.0
    for person in range(25):
        own = responses.person == person
        exact += oracle.marginal_log_likelihood(a, b, responses.item[own], responses.response[own], mean, sd)
    assert problem.log_likelihood({"a": a, "b": b}, population) == pytest.approx(exact, abs=1e-4)


def weights(nodes, mean, sd):
    with jax.enable_x64(True):
        return np.exp(np.asarray(node_log_weight(jnp.asarray(nodes), jnp.array([mean]), jnp.array([sd]))))[0]


def test_weights_are_density_times_spacing_also_where_the_grid_ends_early():
    nodes = np.linspace(-1.0, 1.5, 11)
    np.testing.assert_allclose(weights(nodes, 0.2, 1.3), norm.pdf(nodes, 0.2, 1.3) * 0.25, rtol=1e-12)


@pytest.mark.parametrize("sd", [1e-3, 0.05, 0.12, 0.1249, 0.1251, 0.2, 1.0])
@pytest.mark.parametrize("mean", [0.0, 0.1, 0.125, 0.249])
def test_weights_sum_to_one_however_narrow_the_population(mean, sd):
    total = weights(np.arange(-40, 41) * 0.25, mean, sd).sum()
    assert total == pytest.approx(1.0, abs=1e-10)  # exponents of 5,000 cancel


def test_a_narrow_population_has_finite_derivatives():
    with jax.enable_x64(True):
        nodes = jnp.arange(-40, 41) * 0.25
        for sd in (1e-3, 0.125, 2.0):
            slopes = jax.grad(lambda m, s: node_log_weight(nodes, m[None], s[None])[0, 40], (0, 1))
            assert np.isfinite(slopes(jnp.float64(0.1), jnp.float64(sd))).all()
