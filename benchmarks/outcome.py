"""What a run leaves in its folder: `outcome.json`, and the draws as one NumPy file a parameter."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Settings(NamedTuple):
    """What a program is told besides the data; None leaves the program's own default.

    Attributes:
        seed: of every random number.
        cores: that the machine has.
        chains: Markov chains.
        draws: kept draws of each chain.
        warmup: iterations of each chain before them.
    """

    seed: int
    cores: int
    chains: int | None
    draws: int | None
    warmup: int | None

    def told(self, **names: str) -> dict[str, int]:
        """Keywords for a program, without those that are left to it.

        Args:
            **names: the program's keyword for a field, such as `warmup="tune"`.
        """
        return {theirs: getattr(self, ours) for ours, theirs in names.items() if getattr(self, ours) is not None}


class Outcome(NamedTuple):
    """What a program gives back.

    Attributes:
        draws: (chain, draw, parameter) by name; empty for an estimate without draws.
        items: which of them are parameters of items; the others are abilities.
        warmup: iterations before the kept draws, of each chain.
        compile_s: seconds of compilation.
        warmup_s: seconds of warm-up.
        sample_s: seconds of sampling.
        mode_s: seconds to a mode or an estimate.
        leapfrog_warmup: leapfrog steps in warm-up over all chains; None where the program does not tell.
        leapfrog_sample: leapfrog steps in sampling over all chains.
        divergences: after warm-up, over all chains.
        threads: chains or threads at work at the same time.
        dtype: floating-point type of the log density.
        device: what the log density ran on.
        packages: whose versions matter.
    """

    draws: dict[str, np.ndarray]
    packages: tuple[str, ...]
    threads: int
    items: tuple[str, ...] = ("a", "b")
    warmup: int | None = None
    compile_s: float | None = None
    warmup_s: float | None = None
    sample_s: float | None = None
    mode_s: float | None = None
    leapfrog_warmup: int | None = None
    leapfrog_sample: int | None = None
    divergences: int | None = None
    dtype: str = "float64"
    device: str = "cpu"

    def write(self, folder: Path, **more: Any) -> None:
        """Write the draws, then `outcome.json`.

        Args:
            folder: of the run.
            **more: further entries of outcome.json.
        """
        for name, values in self.draws.items():
            np.save(folder / f"{name}.npy", values)
        content = {**self._asdict(), "draws": list(self.draws), **more}
        (folder / "outcome.json").write_text(json.dumps(content, default=int))


def split_by(seconds: float, warmup: float, sample: float) -> dict[str, float]:
    """Divide the seconds of a whole run between warm-up and sampling.

    Args:
        seconds: of both together, by the wall clock.
        warmup: the share of the warm-up in any unit, such as the chains' own seconds or leapfrog steps.
        sample: the share of sampling in the same unit.
    """
    first = seconds * warmup / (warmup + sample)
    return {"warmup_s": first, "sample_s": seconds - first}
