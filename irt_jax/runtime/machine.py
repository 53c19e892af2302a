"""What this process may use of its machine: cores and memory, within the limits of its container.

Source: the kernel's documentation of cgroup v2 (cpu.max, memory.max, memory.current, memory.stat) and v1
(cpu.cfs_quota_us, memory.limit_in_bytes, memory.usage_in_bytes).
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

#: What a process gets of free memory: the rest is for others and for what estimates of sizes miss.
SHARE = 0.8
PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


class Memory(NamedTuple):
    """Main memory, in bytes.

    Attributes:
        total: of the machine, or what the container may use if that is less.
        free: what can still be had without swapping; caches of files count as free.
        limited: whether a container's limit is what counts.
    """

    total: int
    free: int
    limited: bool


def room(ram: Memory) -> float:
    """Bytes of free memory that a run may count on."""
    return SHARE * ram.free


def available_cores(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """CPU cores that this process may use: those it may run on, and no more than the container's quota.

    Args:
        proc: where the kernel tells of processes.
        cgroups: where it tells of their limits.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _folders("cpu", proc, cgroups) if (quota := _quota(folder)) is not None]
    return max(1, min([count, *(math.ceil(quota) for quota in quotas)]))


def memory(proc: Path = PROC, cgroups: Path = CGROUPS) -> Memory | None:
    """Main memory that this process may use; None where the system does not tell.

    Args:
        proc: where the kernel tells of memory.
        cgroups: where it tells of limits.
    """
    found = _of_the_machine(proc)
    if found is None:
        return None
    for folder in _folders("memory", proc, cgroups):
        limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
        if limit is None or used is None or limit >= found.total:
            continue
        free = limit - used + _inactive(folder / "memory.stat")
        found = Memory(limit, max(0, min(found.free, free, limit)), True)
    return found


def _of_the_machine(proc: Path) -> Memory | None:
    with suppress(OSError, KeyError, ValueError):
        lines = (line.split(":", 1) for line in (proc / "meminfo").read_text().splitlines())
        kib = {name: int(value.split()[0]) for name, value in lines}
        return Memory(kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024, False)
    with suppress(OSError, ValueError):
        page = os.sysconf("SC_PAGE_SIZE")
        return Memory(page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES"), False)
    return None


def _folders(controller: str, proc: Path, cgroups: Path) -> Iterator[Path]:
    """The folders of a controller's limits on this process: the root's first, its own last; v2 and v1."""
    paths = []
    with suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                paths.append((cgroups, path))
            elif controller in controllers.split(","):
                paths += [(cgroups / controllers, path), (cgroups / controller, path)]
    for root, path in paths:
        folder = root
        yield folder
        for part in Path(path.lstrip("/")).parts:
            folder = folder / part
            yield folder


def _quota(folder: Path) -> float | None:
    """Cores' worth of time, None without a limit."""
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    quota_us, period_us = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return None if quota_us is None or not period_us or quota_us < 0 else quota_us / period_us


def _number(*files: Path) -> int | None:
    """The number in the first file that there is; None for "max" or none."""
    for file in files:
        with suppress(OSError, ValueError):
            return int(file.read_text())
    return None


def _inactive(file: Path) -> int:
    """Bytes of file caches that the kernel gives up first."""
    with suppress(OSError, ValueError):
        pairs = dict(line.split(" ", 1) for line in file.read_text().splitlines())
        return int(pairs.get("total_inactive_file", pairs.get("inactive_file", "0")))
    return 0
