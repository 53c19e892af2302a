"""Wall-clock seconds of a run's stages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up seconds by stage name, and the total since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent in the `with` block to a stage.

        Args:
            stage: "import", "read", "mode", "information", "compile", "warmup", "sample", "summarise" or
                "write".
        """
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started)

    def add(self, stage: str, seconds: float) -> None:
        """Add seconds measured elsewhere."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def timings(self) -> dict[str, float]:
        """Seconds as `import_s, read_s, ...`, zero for stages that did not run, and `total_s`."""
        stages = ("import", "read", "mode", "information", "compile", "warmup", "sample", "summarise", "write")
        seconds = {f"{stage}_s": round(self._seconds.get(stage, 0.0), 4) for stage in stages}
        return {**seconds, "total_s": round(time.perf_counter() - self._started, 4)}
