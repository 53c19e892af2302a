"""NUTS by NumPyro on any log density.

Source: Hoffman & Gelman (2014), The No-U-Turn Sampler; multinomial variant of Betancourt (2017) with
Stan's warm-up schedule, as implemented in `numpyro.infer.hmc`.
"""

from functools import cache
from typing import Any

import jax
from jaxtyping import Array
from numpyro.infer.hmc import hmc

from irt_jax.contract.sampler_settings import Draws, ProgressCallback, Settings
from irt_jax.inference.samplers.checkpoint import Checkpoint
from irt_jax.inference.samplers.run import Programs, empty_rows, sample_in_blocks
from irt_jax.likelihood.log_density import Position, Target
from irt_jax.runtime.arrays import AnyArray
from irt_jax.runtime.devices import Layout, over_chains


def nuts(
    target: Target,
    data: Any,
    settings: Settings,
    seed: int,
    *,
    progress: ProgressCallback | None = None,
    checkpoint: Checkpoint | None = None,
) -> Draws:
    """Draw from a target by NUTS.

    Args:
        target: the posterior.
        data: its data, any tree of arrays.
        settings: see `Settings`.
        seed: see `sample_in_blocks`.
        progress: called after each block.
        checkpoint: where to keep finished blocks, and where to go on from.

    Raises:
        ConvergenceError: the log density is not finite at a starting point.
        Interrupted: a signal asked for the end; what was drawn lies in the checkpoint.
    """
    return sample_in_blocks(_programs, target, data, settings, seed, progress, checkpoint)


def _kept(target: Target, state: Any, data: Any) -> tuple[dict[str, AnyArray], dict[str, Array]]:
    """Named quantities and sampler statistics of one iteration."""
    values = target.report(state.z, data)
    stats = {
        "acceptance_rate": state.accept_prob,
        "diverging": state.diverging,
        "energy": state.energy,
        "lp": -state.potential_energy,
        "n_steps": state.num_steps,
        "step_size": state.adapt_state.step_size,
    }
    return values, stats


@cache
def _programs(target: Target, settings: Settings, layout: Layout) -> Programs:
    def potential(data: Any) -> Any:
        return lambda position: -target.log_density(position, data)

    begin_chain, next_state = hmc(potential_fn_gen=potential, algo="NUTS")

    def begin(key: Array, data: Any) -> Any:
        key_start, key_chain = jax.random.split(key)
        position: Position = target.start(key_start, data)
        return begin_chain(
            position,
            num_warmup=settings.warmup,
            target_accept_prob=settings.target_accept,
            adapt_mass_matrix=not target.whitened,
            max_tree_depth=settings.max_tree_depth,
            model_args=(data,),
            rng_key=key_chain,
        )

    def advance(state: Any, data: Any, n: Array) -> Any:
        begin(jax.random.key(0), data)  # the sampler keeps its options in a closure that this trace must set
        empty = empty_rows(jax.eval_shape(lambda s: _kept(target, s, data), state))

        def iterate(i: Array, carry: Any) -> Any:
            state, block = carry
            state = next_state(state, (data,))
            kept = _kept(target, state, data)
            return state, jax.tree.map(lambda rows, row: rows.at[i].set(row), block, kept)

        return jax.lax.fori_loop(0, n, iterate, (state, empty))

    return Programs(
        jax.jit(over_chains(begin, layout, shared=1)),
        jax.jit(over_chains(advance, layout, shared=2)),
        lambda state: -state.potential_energy,
        lambda state: state.z,
    )
