"""HMC on whitened targets: moments, and trajectories as long as the target asks for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import limits
from support.posteriors import moments_apart
from support.seeds import seed

from irt_jax.contract.sampler_settings import Settings
from irt_jax.diagnostics import ess_mean, ess_sd
from irt_jax.errors import ConvergenceError
from irt_jax.inference.samplers.hmc import TURN, _programs, hmc
from irt_jax.inference.samplers.split_integrator import GRADIENTS, LOBATTO
from irt_jax.likelihood.log_density import Target
from irt_jax.runtime.devices import choose_layout, replicate, shard_over_chains

SETTINGS = Settings(chains=4, warmup=100, draws=500, target_accept=0.7)
SIZE = 40


def of(log_density, start=None):
    """A whitened target; its data are how far it is from a normal one."""

    def normal(key, _):
        return {"z": 1.5 * jax.random.normal(key, (SIZE,))}

    return Target(lambda at, data: log_density(at["z"], data), start or normal, lambda at, _: at, whitened=True)


def skewed(z, by):
    """Independent coordinates, each exp-gamma with shape 1 / by^2: closer to normal as `by` falls, skewed by `by`."""
    shape = 1.0 / by**2
    return jnp.sum(shape * (by * z - jnp.exp(by * z)))


SKEWED = of(skewed)


@pytest.mark.statistical
@pytest.mark.parametrize(("by", "gradients"), [(0.1, 3), (0.6, 4), (1.3, 6)])
def test_trajectories_are_as_short_as_the_target_lets_them_be(by, gradients):
    """And the moments are right for all of them; they are those of the logarithm of a gamma variable."""
    draws = hmc(SKEWED, np.asarray(by), SETTINGS._replace(draws=6000), seed=seed(1))
    assert np.median(draws.stats["n_steps"]) == gradients
    assert draws.stats["diverging"].sum() == 0
    z, shape = draws.values["z"], 1.0 / by**2
    with jax.enable_x64(True):
        mean = float(jax.scipy.special.digamma(shape) - np.log(shape)) / by
        sd = float(np.sqrt(jax.scipy.special.polygamma(1, shape))) / by
    apart, df = moments_apart(z, mean, sd)
    assert limits.within(apart, 2 * SIZE, df)
    for wrong in ((mean + 0.3 * sd, sd), (mean, 1.4 * sd)):
        apart, df = moments_apart(z, *wrong)
        assert limits.beyond(apart, 2 * SIZE, df).any(0).all()


def test_a_normal_target_gives_independent_draws_of_both_moments():
    draws = hmc(of(lambda z, _: -0.5 * jnp.sum(z**2)), np.asarray(0.0), SETTINGS, seed=2)
    z, total = draws.values["z"], 4 * SETTINGS.draws
    assert np.median(ess_mean(z)) > 0.9 * total
    assert np.median(ess_sd(z)) > 0.7 * total
    assert draws.stats["acceptance_rate"].min() > 1.0 - 1e-9


def test_a_run_begins_at_its_start_with_the_density_there():
    """The sampler's own program finds it, by a step that goes nowhere and is none of the draws."""
    layout, by = choose_layout(SETTINGS.chains, None), jnp.asarray(0.1)
    with jax.enable_x64(True):
        keys = shard_over_chains(jax.random.split(jax.random.key(3), SETTINGS.chains), layout)
        programs = _programs(SKEWED, SETTINGS._replace(draws=0), layout)
        state = programs.begin(keys, replicate(by, layout))
        starts = jax.vmap(lambda key: SKEWED.start(jax.random.split(key)[0], by)["z"])(keys)
        np.testing.assert_allclose(programs.position(state)["z"], starts, rtol=1e-14)
        densities, gradients = jax.vmap(jax.value_and_grad(skewed), (0, None))(starts, by)
        np.testing.assert_allclose(programs.log_density(state), densities, rtol=1e-12)
        np.testing.assert_allclose(state.chains.logdensity_grad, gradients, rtol=1e-9, atol=1e-9)
    assert int(state.iteration) == 0


def test_a_start_without_density_is_refused():
    nowhere = of(lambda z, _: jnp.where(z[0] > 1e6, 0.0, jnp.nan))
    with pytest.raises(ConvergenceError, match="start of 4 of 4 chains"):
        hmc(nowhere, np.asarray(0.0), SETTINGS, seed=0)


def test_a_target_that_is_not_whitened_is_refused():
    with pytest.raises(ValueError, match="whitened"):
        hmc(SKEWED._replace(whitened=False), np.asarray(0.1), SETTINGS, seed=0)


def test_the_seed_enters_the_lengths_of_trajectories():
    """After the warm-up a trajectory's length is its step times their number, a share of it by chance."""
    normal = of(lambda z, _: -0.5 * jnp.sum(z**2))
    found = [hmc(normal, np.asarray(0.0), SETTINGS._replace(draws=50), seed=seed).stats for seed in (1, 2)]
    lengths = [stats["step_size"][0] * np.rint(stats["n_steps"][0] / GRADIENTS[LOBATTO]) for stats in found]
    assert all(0.85 * TURN < np.median(own) < 1.15 * TURN for own in lengths)
    assert not np.isclose(*lengths, rtol=1e-6).any()
