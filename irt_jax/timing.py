"""Wall-clock seconds of a run's stages."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent in the `with` block to a stage.

        Args:
            stage: one of `STAGES`.
        """
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

    def timings(self) -> dict[str, float]:
        """Seconds as `import_s, read_s, ...`, zero for stages that did not run, and `total_s`."""
        seconds = {f"{stage}_s": round(self._seconds.get(stage, 0.0), 4) for stage in STAGES}
        return {**seconds, "total_s": round(time.perf_counter() - self._started, 4)}
