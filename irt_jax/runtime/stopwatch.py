"""Wall-clock seconds of a run's stages."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from irt_jax.runtime import signals

STAGES = ("import", "read", "mode", "information", "anchors", "compile", "warmup", "sample", "summarise", "write")


class Stopwatch:
    """Adds up seconds by stage name, and the total since it was made.

    Args:
        told: called with a stage and its seconds whenever some are added, as the run goes on.
    """

    def __init__(self, told: Callable[[str, float], None] | None = None) -> None:
        self._started = time.perf_counter()
        self._seconds: dict[str, float] = {}
        self._told = told
        self._earlier, self._runs = 0.0, 1

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent in the `with` block to a stage.

        Args:
            stage: one of `STAGES`.
        """
        signals.check()
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started)

    def add(self, stage: str, seconds: float) -> None:
        """Add seconds measured elsewhere."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        if self._told is not None and seconds > 0.0:
            self._told(stage, seconds)

    def spent(self) -> dict[str, float]:
        """The total so far and the number of runs, for a checkpoint; see `go_on`."""
        return {"total_s": self._total(), "runs": self._runs}

    def go_on(self, spent: dict[str, float]) -> None:
        """Count what earlier runs took that this one goes on from.

        Args:
            spent: what the last of them had `spent`.
        """
        self._earlier, self._runs = spent["total_s"], int(spent["runs"]) + 1

    def _total(self) -> float:
        return self._earlier + time.perf_counter() - self._started

    def timings(self) -> dict[str, float]:
        """Seconds as `import_s, read_s, ...`, zero for stages that did not run, `total_s` and the number of `runs`.

        Of a run that was interrupted and resumed, warm-up, sampling and the total are of all its runs.
        """
        seconds = {f"{stage}_s": round(self._seconds.get(stage, 0.0), 4) for stage in STAGES}
        return {**seconds, "total_s": round(self._total(), 4), "runs": self._runs}
