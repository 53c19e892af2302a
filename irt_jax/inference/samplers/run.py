"""A run in blocks of iterations that can be watched, stopped and resumed: what every sampler shares."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from irt_jax.contract.sampler_settings import Draws, Progress, ProgressCallback, Settings
from irt_jax.errors import ConvergenceError
from irt_jax.inference.samplers.checkpoint import Block, Checkpoint, join_blocks
from irt_jax.likelihood.log_density import Position, Target
from irt_jax.runtime.arrays import AnyArray
from irt_jax.runtime.devices import Layout, choose_layout, replicate, shard_over_chains

#: A block of iterations aims at this many seconds: how long a signal or a progress bar may wait.
BLOCK_SECONDS = 2.0
#: Iterations that one block can hold at most.
BLOCK_DRAWS = 50


class Programs(NamedTuple):
    """The functions of a run, each over all chains; the first two are compiled once per shape of the data.

    Attributes:
        begin: `(keys, data) -> state`.
        advance: `(state, data, n) -> (state, block)`, n at most `BLOCK_DRAWS`; the block's arrays have
            the chain first and then `BLOCK_DRAWS` rows, of which the first n are filled.
        log_density: `state -> (chain,)`.
        position: `state -> position`, every array with the chain first.
    """

    begin: Callable[..., Any]
    advance: Callable[..., Any]
    log_density: Callable[[Any], AnyArray]
    position: Callable[[Any], Position]


MakePrograms = Callable[[Target, Settings, Layout], Programs]


def sample_in_blocks(
    make: MakePrograms,
    target: Target,
    data: Any,
    settings: Settings,
    seed: int,
    progress: ProgressCallback | None,
    checkpoint: Checkpoint | None,
) -> Draws:
    """Compile, warm up and sample.

    Everything runs in float64: an energy is a sum over all responses, and a trajectory is accepted by
    differences of energies far smaller than float32 resolves there.

    Args:
        make: of the sampler; called with settings that leave out the number of draws, so that another number
            compiles nothing new.
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
        programs = make(target, settings._replace(draws=0, devices=None), layout)
        state = programs.begin(keys, data)
        jax.block_until_ready(programs.advance(state, data, 0))
        _refuse_unusable_start(np.asarray(programs.log_density(state)))
        watch(Progress("compile", 1, 1))
        compile_s = time.perf_counter() - started
        with checkpoint.deferred_signals() if checkpoint else nullcontext():
            state, blocks, timings = _iterate(programs, state, data, settings, watch, checkpoint)
        last = jax.tree.map(np.asarray, programs.position(state))
    values, stats = join_blocks(blocks)
    return Draws(values, stats, {"compile_s": compile_s, **timings}, layout.description, last)


def _iterate(
    programs: Programs,
    state: Any,
    data: Any,
    settings: Settings,
    watch: ProgressCallback,
    checkpoint: Checkpoint | None,
) -> tuple[Any, list[Block], dict[str, float]]:
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
        # A copy: a part of the array would keep all of its rows, of which a slow problem fills one.
        block: Block = jax.tree.map(lambda rows, n=n: np.array(np.asarray(rows)[:, :n]), filled)
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
    if checkpoint:
        checkpoint.finish(state, done, timings)
    return state, blocks, timings


def _refuse_unusable_start(log_density: np.ndarray) -> None:
    finite = np.isfinite(log_density)
    if not finite.all():
        raise ConvergenceError(
            f"The log density is not finite at the start of {np.sum(~finite)} of {finite.size} chains.",
            "Check the priors' standard deviations and the anchors for extreme values.",
        )


def _widen(leaf: Any) -> Array:
    """Floats become float64, integers and flags stay as they are."""
    leaf = jnp.asarray(leaf)
    return leaf.astype(jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def empty_rows(kept: Any) -> Any:
    """Room for `BLOCK_DRAWS` iterations.

    Args:
        kept: shapes and types of what one iteration keeps.
    """
    return jax.tree.map(lambda leaf: jnp.zeros((BLOCK_DRAWS, *leaf.shape), leaf.dtype), kept)
