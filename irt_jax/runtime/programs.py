"""Compiled programs take memory maps, of which Linux gives a process 65,530: without one left, LLVM crashes."""

from contextlib import suppress
from pathlib import Path

import jax

#: The part of a process' memory maps at which compiled programs are given up. One program of a calibration takes some
#: tens to hundreds, and a calibration of new shapes about 1,500.
FULL = 0.4


def free_programs() -> bool:
    """Give up compiled programs when they have taken many of the memory maps that a process may have.

    A process that calibrates data sets of ever new shapes, such as a simulation study, would otherwise die with a
    segmentation fault after some dozens. What is needed again is compiled again, or read from the persistent cache.

    Returns:
        Whether programs were given up; never where the system doesn't say how many maps there are.
    """
    with suppress(OSError, ValueError):
        limit = int(Path("/proc/sys/vm/max_map_count").read_text())
        if Path("/proc/self/maps").read_bytes().count(b"\n") > FULL * limit:
            jax.clear_caches()
            return True
    return False
