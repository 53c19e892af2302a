"""A posterior without one item's own prior, put together from compiled functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from whole.test_every_model import planned_and_posed

from irt_jax.inference.laplace.hessian import compiled
from irt_jax.inference.prior_free import prior_target
from irt_jax.inference.prior_free_refit import functions_without
from irt_jax.plan import plan_priors


@pytest.mark.parametrize("method", ["mml", "hmc"])
def test_equals_the_posterior_less_the_items_prior(small, method):
    """Derivatives by finite differences of its value, which is that of the posterior without the item's densities."""
    plan, problem = planned_and_posed(small.responses, small.anchors, method=method)
    item, data = 2, problem.data
    x = np.random.default_rng(0).normal(0.0, 0.3, problem.shapes.size)
    priors = plan_priors(plan)

    def own_log_prior(at):
        log_a, base = at.reshape(-1, 2)[item, ::-1]
        scale = np.exp(priors.b_power[item] * log_a)
        away = (base / scale - priors.b_mean[item]) / priors.b_sd[item]
        of_log_a = (log_a - priors.log_a_mean[item]) / priors.log_a_sd[item]
        return -0.5 * (away**2 + of_log_a**2) - np.log(scale)

    with jax.enable_x64(True):
        centre = jnp.asarray(np.random.default_rng(1).normal(0.0, 0.3, len(x)))
        without = functions_without(problem, prior_target(problem.model), centre, item)
        whole = compiled(problem.target, problem.shapes)

        def value(at):
            return float(without.value_and_gradient(at, data)[0])

        def exact(at):
            return float(whole.value_and_gradient(at, data)[0]) - own_log_prior(at)

        other = x + np.random.default_rng(2).normal(0.0, 0.2, len(x))
        assert value(other) - value(x) == pytest.approx(exact(other) - exact(x), abs=1e-9)
        units = np.eye(len(x))
        gradient = np.asarray(without.value_and_gradient(x, data)[1])
        slopes = [(value(x + 1e-3 * unit) - value(x - 1e-3 * unit)) / 2e-3 for unit in units]
        np.testing.assert_allclose(gradient, slopes, atol=0.02)
        rows = np.asarray(without.rows_of_hessian(x, units, data))
        ahead, behind = (
            np.stack([np.asarray(without.value_and_gradient(x + h * unit, data)[1]) for unit in units])
            for h in (1e-2, -1e-2)
        )
        np.testing.assert_allclose(rows, (behind - ahead) / 2e-2, atol=0.02)
        np.testing.assert_allclose(without.hessian_times(x, units[4], data), rows[4], rtol=1e-5, atol=1e-6)
        own = slice(2 * item, 2 * item + 2)
        found = np.asarray(without.blocks(x, data))[item] - np.asarray(whole.blocks(x, data))[item]
        np.testing.assert_allclose(
            found, rows[own, own] - np.asarray(whole.rows_of_hessian(x, units, data))[own, own], atol=1e-4
        )
