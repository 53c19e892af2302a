"""One process, its wall clock, its peak memory and its end."""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        code: exit code, negative for a signal.
        wall_s: seconds from its start to its end, when all its files are on disk.
        peak_memory_mib: largest resident memory of it or of any process it started and waited for.
        over_limit: whether it was stopped at the limit.
    """

    code: int
    wall_s: float
    peak_memory_mib: int
    over_limit: bool


def environment(folder: Path) -> dict[str, str]:
    """The environment of a run: all caches of compiled programs and of fits are its own, and empty."""
    cache = folder / "cache"
    return {
        **{name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"},
        "XDG_CACHE_HOME": str(cache),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "PYTENSOR_FLAGS": f"base_compiledir={cache / 'pytensor'}",
    }


def launch(command: list[str], folder: Path, root: Path, limit_s: float) -> Ended:
    """Run a command to its end, with what it prints in `log.txt`.

    Args:
        command: words.
        folder: for the log and the caches.
        root: working directory.
        limit_s: after so many seconds the process and all that it started are killed.
    """
    stopped = threading.Event()
    with (folder / "log.txt").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=root, env=environment(folder), stdout=log, stderr=log, start_new_session=True
        )

        def stop() -> None:
            stopped.set()
            _kill_all(process.pid)

        timer = threading.Timer(limit_s, stop)
        timer.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            _kill_all(process.pid)
            raise
        finally:
            timer.cancel()
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(process.returncode, wall_s, round(used.ru_maxrss / 1024), stopped.is_set())


def _kill_all(group: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(group, signal.SIGKILL)


def last_words(folder: Path) -> str:
    """The last line that a process printed."""
    lines = (folder / "log.txt").read_text(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
