"""The integrator: exact for a standard normal, reversible, volume-preserving, of second order with a small error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blackjax.mcmc.integrators import new_integrator_state, velocity_verlet

from irt_jax.engines.rotation import rotation


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


def flow(log_density, position, momentum, angle, n=1, integrator=rotation):
    step = integrator(log_density, kinetic)
    state = new_integrator_state(log_density, jnp.asarray(position), jnp.asarray(momentum))
    for _ in range(n):
        state = step(state, angle)
    return state


X, P = np.array([0.3, -1.2, 0.8]), np.array([-0.5, 0.9, 1.4])


def energy_error(angle, n, integrator=rotation, start=(X, P), log_density=skewed):
    state = flow(log_density, *start, angle, n, integrator)
    before = -log_density(jnp.asarray(start[0])) + kinetic(jnp.asarray(start[1]))
    return abs(float(-state.logdensity + kinetic(state.momentum) - before))


def test_a_standard_normal_is_turned_exactly():
    state = flow(normal, X, P, np.pi / 2)
    np.testing.assert_allclose(state.position, P, atol=1e-14)
    np.testing.assert_allclose(state.momentum, -X, atol=1e-14)


def test_the_way_back_ends_where_it_began():
    there = flow(skewed, X, P, 0.8, 3)
    back = flow(skewed, there.position, -there.momentum, 0.8, 3)
    np.testing.assert_allclose(back.position, X, atol=1e-12)
    np.testing.assert_allclose(back.momentum, -P, atol=1e-12)


def test_volume_is_kept():
    def both(start):
        state = flow(skewed, start[:3], start[3:], 0.8)
        return jnp.concatenate([state.position, state.momentum])

    assert np.linalg.det(jax.jacobian(both)(jnp.concatenate([X, P]))) == pytest.approx(1.0, abs=1e-12)


def test_the_log_density_and_gradient_are_those_at_the_end():
    state = flow(skewed, X, P, 0.8)
    assert float(state.logdensity) == pytest.approx(float(skewed(state.position)), rel=1e-14)
    np.testing.assert_allclose(state.logdensity_grad, jax.grad(skewed)(state.position), rtol=1e-13)


def test_the_error_is_of_second_order():
    errors = [energy_error(1.6 / n, n) for n in (8, 16, 32)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.05)


def test_to_first_order_in_the_distance_from_normality_the_error_is_of_sixth_order():
    def error(distance, n):
        def nearly_normal(x):
            return normal(x) + distance * (skewed(x) - normal(x))

        state = flow(nearly_normal, X, P, 1.6 / n, n)
        return -state.logdensity + kinetic(state.momentum) + nearly_normal(X) - kinetic(P)

    errors = [float(jax.grad(error)(0.0, n)) for n in (4, 8, 16)]
    assert errors[0] / errors[1] == pytest.approx(64.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(64.0, rel=0.05)


def test_with_as_many_gradients_the_leapfrog_errs_more_and_so_do_even_kicks(monkeypatch):
    starts = np.random.default_rng(1).normal(size=(40, 2, 3))
    ours = np.mean([energy_error(1.2, 1, start=start) for start in starts])
    leapfrog = np.mean([energy_error(0.4, 3, velocity_verlet, start) for start in starts])
    monkeypatch.setattr("irt_jax.engines.rotation.POINTS", (0.0, 1 / 3, 2 / 3, 1.0))
    monkeypatch.setattr("irt_jax.engines.rotation.WEIGHTS", (1 / 6, 1 / 3, 1 / 3, 1 / 6))
    even = np.mean([energy_error(1.2, 1, start=start) for start in starts])
    print(ours, even, leapfrog)
    assert ours < 0.6 * even
    assert ours < 0.2 * leapfrog
