"""NUTS by NumPyro on any log density, in blocks of iterations that can be watched, stopped and resumed.

Source: Hoffman & Gelman (2014), The No-U-Turn Sampler; multinomial variant of Betancourt (2017) with
Stan's warm-up schedule, as implemented in `numpyro.infer.hmc`.
"""

import time
from contextlib import nullcontext
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpyro.infer.hmc import hmc

from irt_jax.arrays import AnyArray
from irt_jax.engines.checkpoint import Block, Checkpoint, join_blocks
from irt_jax.engines.devices import Layout, choose_layout, over_chains, replicate, shard_over_chains
from irt_jax.engines.settings import Draws, Progress, ProgressCallback, Settings
from irt_jax.engines.target import Position, Target
from irt_jax.errors import ConvergenceError

#: A block of iterations aims at this many seconds: how long a signal or a progress bar may wait.
BLOCK_SECONDS = 2.0
#: Iterations that one block can hold at most.
BLOCK_DRAWS = 50


class Programs(NamedTuple):
    """The two functions of a run, each over all chains, compiled once per shape of the data.

    Attributes:
        begin: `(key, data) -> state`.
        advance: `(state, data, n) -> (state, block)`, n at most `BLOCK_DRAWS`; the block's arrays have
            the chain first and then `BLOCK_DRAWS` rows, of which the first n are filled.
    """

    begin: Any
    advance: Any


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

    Everything runs in float64: an energy is a sum over all responses, and a trajectory is accepted by
    differences of energies far smaller than float32 resolves there.

    Args:
        target: the posterior.
        data: its data, any tree of arrays.
        settings: see `Settings`.
        seed: the same seed, settings, data and machine give the same draws to the bit.
        progress: called after each block.
        checkpoint: where to keep finished blocks, and where to go on from.

    Raises:
        ConvergenceError: the log density is not finite at a starting point.
        Interrupted: a signal asked for the end; what was drawn lies in the checkpoint.
    """
    watch = progress or (lambda _: None)
    with jax.enable_x64(True):
        layout = choose_layout(settings.chains, settings.devices)
        started = time.perf_counter()
        watch(Progress("compile", 0, 1))
        data = replicate(jax.tree.map(_widen, data), layout)
        keys = shard_over_chains(jax.random.split(jax.random.key(seed), settings.chains), layout)
        programs = _programs(target, settings._replace(draws=0, devices=None), layout)
        state = programs.begin(keys, data)
        jax.block_until_ready(programs.advance(state, data, 0))
        _refuse_unusable_start(state)
        watch(Progress("compile", 1, 1))
        compile_s = time.perf_counter() - started
        with checkpoint.deferred_signals() if checkpoint else nullcontext():
            blocks, timings = _iterate(programs, state, data, settings, watch, checkpoint)
    values, stats = join_blocks(blocks)
    return Draws(values, stats, {"compile_s": compile_s, **timings}, layout.description)


def _iterate(
    programs: Programs,
    state: Any,
    data: Any,
    settings: Settings,
    watch: ProgressCallback,
    checkpoint: Checkpoint | None,
) -> tuple[list[Block], dict[str, float]]:
    """Advance all chains block by block through warm-up and sampling; blocks of the warm-up are dropped."""
    saved = checkpoint.load(state) if checkpoint else None
    state, done, blocks, timings = saved or (state, 0, [], {"warmup_s": 0.0, "sample_s": 0.0})
    total = settings.warmup + settings.draws
    n = 1
    while done < total:
        warming = done < settings.warmup
        first, last = (0, settings.warmup) if warming else (settings.warmup, total)
        n = min(n, BLOCK_DRAWS, last - done)
        started = time.perf_counter()
        state, filled = programs.advance(state, data, n)
        block: Block = jax.tree.map(lambda rows, n=n: np.asarray(rows)[:, :n], filled)
        seconds = time.perf_counter() - started
        done += n
        timings["warmup_s" if warming else "sample_s"] += seconds
        if not warming:
            blocks.append(block)
        diverged = sum(int(stats["diverging"].sum()) for _, stats in blocks)
        phase = "warmup" if warming else "sample"
        watch(Progress(phase, done - first, last - first, float(block[1]["n_steps"].mean()), diverged))
        if checkpoint:
            checkpoint.keep(state, done, None if warming else block, timings)
        n = max(1, round(BLOCK_SECONDS * n / seconds))
    return blocks, timings


def _refuse_unusable_start(state: Any) -> None:
    finite = np.isfinite(np.asarray(state.potential_energy))
    if not finite.all():
        raise ConvergenceError(
            f"The log density is not finite at the start of {np.sum(~finite)} of {finite.size} chains.",
            "Check the priors' standard deviations and the anchors for extreme values.",
        )


def _widen(leaf: Any) -> Array:
    """Floats become float64, integers stay as they are."""
    leaf = jnp.asarray(leaf)
    return leaf.astype(jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


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
        empty = jax.tree.map(
            lambda leaf: jnp.zeros((BLOCK_DRAWS, *leaf.shape), leaf.dtype),
            jax.eval_shape(lambda s: _kept(target, s, data), state),
        )

        def iterate(i: Array, carry: Any) -> Any:
            state, block = carry
            state = next_state(state, (data,))
            kept = _kept(target, state, data)
            return state, jax.tree.map(lambda rows, row: rows.at[i].set(row), block, kept)

        return jax.lax.fori_loop(0, n, iterate, (state, empty))

    return Programs(
        jax.jit(over_chains(begin, layout, shared=1)),
        jax.jit(over_chains(advance, layout, shared=2)),
    )
