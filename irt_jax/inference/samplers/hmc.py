"""Hamiltonian Monte Carlo by BlackJAX on a whitened log density, all chains in lockstep.

All chains share one step size and one number of steps, so that none waits for another and one gradient call serves all
chains of a device. In whitened coordinates every direction turns at about the same speed, so trajectories are a quarter
turn long: the draw at their end is then independent of the draw at their start, its square as well.

Source: Neal (2011), MCMC using Hamiltonian dynamics; `blackjax.mcmc.hmc`; step size by dual averaging over all chains
(Nesterov 2009; Hoffman & Gelman 2014).
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from blackjax.mcmc import hmc as blackjax_hmc
from blackjax.optimizers.dual_averaging import DualAveragingState, dual_averaging
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int

from irt_jax.contract.sampler_settings import Draws, ProgressCallback, Settings
from irt_jax.inference.samplers.checkpoint import Checkpoint
from irt_jax.inference.samplers.run import Programs, empty_rows, sample_in_blocks
from irt_jax.inference.samplers.split_integrator import GRADIENTS, LOBATTO, MCLACHLAN, Step, rotation
from irt_jax.likelihood.log_density import Target
from irt_jax.runtime.devices import Layout

#: Length of a trajectory, in radians of a direction of unit scale: a little over a quarter turn, so that deviations
#: from the mean change their signs from draw to draw. Smallest ESS of 3,600 draws of the reference problem, tails and
#: bulk: 2,618 and 3,587 at 1.7, 2,658 and 4,463 at 1.85, 2,506 and 5,752 at 2.0.
TURN = 1.85
#: Each trajectory's step is longer or shorter by up to this share, so that no direction can resonate.
JITTER = 0.1
#: This share of the trajectories takes so many times as many steps: a chain that has come to where the posterior is
#: more strongly curved than at its mode finds back.
CAREFUL, CAREFUL_TIMES = 0.01, 4
#: Trajectories of one step of Lobatto's scheme, 3 gradients, are taken only where their acceptance in the warm-up, but
#: for its first quarter, its harmonic mean over the chains, is above the first number; those of two of McLachlan's, 4
#: gradients, where it is above the second. Below, some are off by far, though most are good enough. The first is .97 on
#: the reference problem, and .63 and .83 on two small ones with learned priors, where one in a thousand was never
#: accepted; the second .75 and .84 on two of 3pl, and .56 on an adaptive one where three of 4,800 diverged. A mean
#: begins at one, as if that were the mean of so many.
ENOUGH, ENOUGH_BEFORE = (0.9, 0.7), 5.0
#: Where the search for a step size starts.
FIRST_STEP = 1.0
#: The key of what all chains share comes from the first chain's, by this number, which no iteration has.
SHARED = 2**32 - 1
#: The largest difference of energies along a trajectory that is not called a divergence.
DIVERGENCE = 1000.0


class HmcState(NamedTuple):
    """All chains.

    Attributes:
        chains: BlackJAX states, the chain first.
        keys: of each chain.
        jitter: the key of what all chains share: how long a trajectory is, and how careful.
        averaging: of the step size, shared.
        short: the acceptance of trajectories of one step and of two of McLachlan's: sums and numbers, shared.
        iteration: how many are done, shared; -1 before the log density at the start is known.
    """

    chains: blackjax_hmc.HMCState
    keys: Any
    jitter: Any
    averaging: DualAveragingState
    short: Any
    iteration: Any


def hmc(
    target: Target,
    data: Any,
    settings: Settings,
    seed: int,
    *,
    progress: ProgressCallback | None = None,
    checkpoint: Checkpoint | None = None,
) -> Draws:
    """Draw from a whitened target by HMC.

    Args:
        target: the posterior, in coordinates of about unit scale whose only array is `z`.
        data: its data, any tree of arrays.
        settings: see `Settings`.
        seed: see `sample_in_blocks`.
        progress: called after each block.
        checkpoint: where to keep finished blocks, and where to go on from.

    Raises:
        ValueError: a target that is not whitened: its directions have no common length of a trajectory.
        ConvergenceError: the log density is not finite at a starting point.
        Interrupted: a signal asked for the end; what was drawn lies in the checkpoint.
    """
    if not target.whitened:
        raise ValueError("hmc needs a whitened target: see irt_jax.inference.laplace.whitened.")
    return sample_in_blocks(_programs, target, data, settings, seed, progress, checkpoint)


@cache
def _programs(target: Target, settings: Settings, layout: Layout) -> Programs:
    begin_averaging, average, _ = dual_averaging()
    transition = blackjax_hmc.build_kernel(rotation, DIVERGENCE)
    own, common = PartitionSpec("chain"), PartitionSpec()
    places = HmcState(own, own, common, common, common, common)

    def log_density(data: Any) -> Any:
        return lambda z: target.log_density({"z": z}, data)

    def place(keys: Array, jitter: Array, data: Any) -> HmcState:
        both = jax.vmap(jax.random.split)(keys)
        z = jax.vmap(lambda key: target.start(key, data)["z"])(both[:, 0])
        chains = blackjax_hmc.HMCState(z, jnp.full(len(z), -jnp.inf, z.dtype), jnp.zeros_like(z))
        averaging = begin_averaging(FIRST_STEP)._replace(log_x_avg=jnp.log(FIRST_STEP))
        averaging = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), averaging)
        short = jnp.full((2, 2), ENOUGH_BEFORE, jnp.float64)
        return HmcState(chains, both[:, 1], jitter, averaging, short, jnp.full((), -1, jnp.int32))

    def iterate(state: HmcState, data: Any) -> tuple[HmcState, Any]:
        step, n_steps = _trajectory(state, settings)
        keys = jax.vmap(lambda key: jax.random.fold_in(key, state.iteration))(state.keys)
        masses = jnp.ones(state.chains.position.shape[1])
        one = lambda key, chain: transition(key, chain, log_density(data), step, masses, n_steps)  # noqa: E731
        chains, info = jax.vmap(one)(keys, state.chains)
        warming = (state.iteration >= 0) & (state.iteration < settings.warmup)
        accepted = _accepted(info.acceptance_rate)
        moved = average(state.averaging, settings.target_accept - accepted)
        averaging = jax.tree.map(lambda new, old: jnp.where(warming, new, old), moved, state.averaging)
        counts = warming & (state.iteration >= settings.warmup // 4)
        is_short = jnp.stack([(step.scheme == LOBATTO) & (n_steps == 1), (step.scheme == MCLACHLAN) & (n_steps == 2)])
        short = state.short + jnp.outer(is_short & counts, jnp.stack([accepted, jnp.ones_like(accepted)]))
        values = jax.vmap(lambda z: target.report({"z": z}, data))(chains.position)
        shared = jnp.ones_like(info.acceptance_rate)
        stats = {
            "acceptance_rate": info.acceptance_rate,
            "diverging": info.is_divergent,
            "energy": 0.5 * (info.momentum**2).sum(1) - state.chains.logdensity,
            "lp": chains.logdensity,
            "n_steps": (jnp.asarray(GRADIENTS)[step.scheme] * n_steps * shared).astype(jnp.int32),
            "step_size": step.angle * shared,
        }
        return state._replace(chains=chains, averaging=averaging, short=short, iteration=state.iteration + 1), (
            values,
            stats,
        )

    def advance(state: HmcState, data: Any, n: Array) -> tuple[HmcState, Any]:
        empty = empty_rows(jax.eval_shape(lambda state: iterate(state, data)[1], state))

        def once(i: Array, carry: Any) -> Any:
            state, block = carry
            state, kept = iterate(state, data)
            return state, jax.tree.map(lambda rows, row: rows.at[i].set(row), block, kept)

        state, block = jax.lax.fori_loop(0, n, once, (state, empty))
        return state, jax.tree.map(lambda rows: jnp.swapaxes(rows, 0, 1), block)

    shard = partial(jax.shard_map, mesh=layout.mesh, check_vma=False)
    placed = jax.jit(shard(place, in_specs=(own, common, common), out_specs=places))
    advanced = jax.jit(shard(advance, in_specs=(places, common, common), out_specs=(places, own)))
    return Programs(
        lambda keys, data: advanced(placed(keys, jax.random.fold_in(keys[0], SHARED), data), data, 1)[0],
        advanced,
        lambda state: state.chains.logdensity,
        lambda state: {"z": state.chains.position},
    )


def _accepted(rate: Float[Array, " chain"]) -> Float[Array, ""]:
    """Harmonic mean of the acceptance over all chains, which a single chain that is stuck pulls to zero.

    Source: Hoffman, Radul & Sountsov (2021), An adaptive MCMC scheme for setting trajectory lengths, AISTATS.
    """
    return 1.0 / jax.lax.pmean((1.0 / jnp.maximum(rate, 1e-3)).mean(), "chain")


def _trajectory(state: HmcState, settings: Settings) -> tuple[Step, Int[Array, ""]]:
    """Steps and their number: as many equal ones as the tuned size asks for, now and then smaller ones.

    They are of Lobatto's scheme. Where one of them, 3 gradients, is a little too long, there are two of McLachlan's, 4
    gradients, before there are two of Lobatto's. What has not proved good enough in the warm-up is left out.

    Before the first iteration it is one step that goes nowhere: its end has the log density and the gradient of the
    start, by the one program that there is, and is accepted unless that is not finite.
    """
    averaging = state.averaging
    warming = state.iteration < settings.warmup
    size = jnp.exp(jnp.where(warming, averaging.log_x, averaging.log_x_avg))
    for_turn, for_care = jax.random.split(jax.random.fold_in(state.jitter, state.iteration))
    enough = state.short[:, 0] >= jnp.asarray(ENOUGH) * state.short[:, 1]
    wanted = TURN / size
    one = (wanted <= 1.0) & enough[0]
    little = (wanted <= 2.0 * GRADIENTS[MCLACHLAN] / GRADIENTS[LOBATTO]) & ~one & enough[1]
    n_steps = jnp.where(one, 1, jnp.clip(jnp.ceil(wanted), 2, 2**settings.max_tree_depth))
    n_steps = n_steps * jnp.where(jax.random.uniform(for_care) < CAREFUL, CAREFUL_TIMES, 1)
    turn = TURN * (1.0 + JITTER * jax.random.uniform(for_turn, minval=-1.0, maxval=1.0))
    started = state.iteration >= 0
    step = Step(jnp.where(started, turn / n_steps, 0.0), jnp.where(little, MCLACHLAN, LOBATTO))
    return step, jnp.where(started, n_steps, 1).astype(jnp.int32)
