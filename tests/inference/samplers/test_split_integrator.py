"""The integrators: exact for a standard normal, reversible, volume-preserving, of second order with a small error."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blackjax.mcmc.integrators import new_integrator_state, velocity_verlet

from irt_jax.inference.samplers.split_integrator import GRADIENTS, LOBATTO, MCLACHLAN, POINTS, WEIGHTS, Step, rotation

SCHEMES = pytest.mark.parametrize("scheme", [LOBATTO, MCLACHLAN])
X, P = np.array([0.3, -1.2, 0.8]), np.array([-0.5, 0.9, 1.4])


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def normal(x):
    return -0.5 * jnp.sum(x**2)


def skewed(x):
    return -0.5 * jnp.sum(x**2) - 0.2 * jnp.sum(jnp.exp(0.7 * x) - 0.7 * x) - 0.1 * x[0] ** 2 * x[1]


def kinetic(momentum, position=None):
    return 0.5 * jnp.sum(momentum**2)


def flow(log_density, position, momentum, size, n=1, integrator=rotation):
    step = integrator(log_density, kinetic)
    state = new_integrator_state(log_density, jnp.asarray(position), jnp.asarray(momentum))
    for _ in range(n):
        state = step(state, size)
    return state


def energy_error(size, n, integrator=rotation, start=(X, P)):
    state = flow(skewed, *start, size, n, integrator)
    before = -skewed(jnp.asarray(start[0])) + kinetic(jnp.asarray(start[1]))
    return abs(float(-state.logdensity + kinetic(state.momentum) - before))


@SCHEMES
def test_a_standard_normal_is_turned_exactly(scheme):
    state = flow(normal, X, P, Step(np.pi / 2, scheme))
    np.testing.assert_allclose(state.position, P, atol=1e-14)
    np.testing.assert_allclose(state.momentum, -X, atol=1e-14)


@SCHEMES
def test_the_way_back_ends_where_it_began(scheme):
    there = flow(skewed, X, P, Step(0.8, scheme), 3)
    back = flow(skewed, there.position, -there.momentum, Step(0.8, scheme), 3)
    np.testing.assert_allclose(back.position, X, atol=1e-12)
    np.testing.assert_allclose(back.momentum, -P, atol=1e-12)


@SCHEMES
def test_volume_is_kept(scheme):
    def both(start):
        state = flow(skewed, start[:3], start[3:], Step(0.8, scheme))
        return jnp.concatenate([state.position, state.momentum])

    assert np.linalg.det(jax.jacfwd(both)(jnp.concatenate([X, P]))) == pytest.approx(1.0, abs=1e-12)


@SCHEMES
def test_the_log_density_and_gradient_are_those_at_the_end(scheme):
    state = flow(skewed, X, P, Step(0.8, scheme))
    assert float(state.logdensity) == pytest.approx(float(skewed(state.position)), rel=1e-14)
    np.testing.assert_allclose(state.logdensity_grad, jax.grad(skewed)(state.position), rtol=1e-13)


@SCHEMES
def test_the_error_is_of_second_order(scheme):
    errors = [energy_error(Step(1.6 / n, scheme), n) for n in (8, 16, 32)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.05)


@SCHEMES
def test_a_step_takes_as_many_gradients_as_it_says(scheme):
    calls = []

    def counted(x):
        jax.debug.callback(lambda: calls.append(1))
        return skewed(x)

    start = new_integrator_state(skewed, jnp.asarray(X), jnp.asarray(P))
    jax.block_until_ready(rotation(counted, kinetic)(start, Step(0.8, scheme)))
    jax.effects_barrier()
    assert len(calls) == GRADIENTS[scheme]


def test_to_first_order_in_the_distance_from_normality_lobattos_error_is_of_sixth_order():
    def error(distance, n):
        def nearly_normal(x):
            return normal(x) + distance * (skewed(x) - normal(x))

        state = flow(nearly_normal, X, P, Step(1.6 / n, LOBATTO), n)
        return -state.logdensity + kinetic(state.momentum) + nearly_normal(X) - kinetic(P)

    errors = [float(jax.jacfwd(partial(error, n=n))(0.0)) for n in (4, 8, 16)]
    assert errors[0] / errors[1] == pytest.approx(64.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(64.0, rel=0.05)


@pytest.mark.parametrize(
    ("scheme", "n", "points", "weights"),
    [
        (LOBATTO, 1, (0.0, 1 / 3, 2 / 3, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
        (MCLACHLAN, 2, (0.0, 0.5, 1.0, 1.0), (0.25, 0.5, 0.25, 0.25)),
    ],
)
def test_with_as_many_gradients_the_leapfrog_errs_more_and_so_do_even_kicks(monkeypatch, scheme, n, points, weights):
    starts = np.random.default_rng(1).normal(size=(40, 2, 3))
    gradients = n * GRADIENTS[scheme]
    ours = np.mean([energy_error(Step(1.2 / n, scheme), n, start=start) for start in starts])
    leapfrog = np.mean([energy_error(1.2 / gradients, gradients, velocity_verlet, start) for start in starts])
    monkeypatch.setattr("irt_jax.inference.samplers.split_integrator.POINTS", (points, points))
    monkeypatch.setattr("irt_jax.inference.samplers.split_integrator.WEIGHTS", (weights, weights))
    even = np.mean([energy_error(Step(1.2 / n, scheme), n, start=start) for start in starts])
    assert ours < 0.6 * even
    assert ours < 0.2 * leapfrog


def test_the_schemes_weights_and_points_span_the_step():
    lobatto = (np.polynomial.legendre.Legendre.basis(3).deriv().roots() + 1) / 2
    np.testing.assert_allclose(POINTS[LOBATTO], [0.0, *lobatto, 1.0], atol=1e-14)
    np.testing.assert_allclose(POINTS[MCLACHLAN], [0.0, 0.5, 1.0, 1.0])
    assert sum(WEIGHTS[LOBATTO]) == pytest.approx(1.0)
    assert sum(WEIGHTS[MCLACHLAN][:3]) == pytest.approx(1.0)
