"""What every sampler takes and gives back."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Settings(NamedTuple):
    """Options of a sampler, the same for all engines.

    Attributes:
        chains: independent chains, each from its own over-dispersed start.
        warmup: iterations per chain that tune the step size and the metric and are thrown away.
        draws: iterations per chain that are kept.
        target_accept: the acceptance statistic that the step size is tuned to.
        max_tree_depth: a trajectory has at most 2 ** this many leapfrog steps.
        devices: how many devices to spread the chains over; None for what fits.
    """

    chains: int = 4
    warmup: int = 1000
    draws: int = 2000
    target_accept: float = 0.8
    max_tree_depth: int = 10
    devices: int | None = None


class Progress(NamedTuple):
    """Where a run stands, handed to the progress callback after each block of iterations.

    Attributes:
        phase: "mode", "compile", "warmup" or "sample".
        done: iterations per chain finished in this phase.
        total: iterations per chain that this phase has.
        steps: mean leapfrog steps per iteration in the last block.
        divergences: among the kept draws so far.
    """

    phase: str
    done: int
    total: int
    steps: float = float("nan")
    divergences: int = 0


ProgressCallback = Callable[[Progress], None]


class Draws(NamedTuple):
    """What a sampler gives back.

    Attributes:
        values: named quantities of `Target.report`, each (chain, draw, ...).
        stats: sampler statistics, each (chain, draw): diverging, energy, lp, n_steps, acceptance_rate,
            step_size.
        timings: wall-clock seconds: compile_s, warmup_s, sample_s.
        device: what it ran on, in words.
        last: the chains' last positions, every array with the chain first.
    """

    values: dict[str, np.ndarray]
    stats: dict[str, np.ndarray]
    timings: dict[str, float]
    device: str
    last: dict[str, np.ndarray]
