"""Cores and memory within the limits of a container, from files as the kernel writes them."""

import os
from pathlib import Path

import pytest

from irt_jax.runtime.machine import available_cores, memory

GIB = 2**30


@pytest.fixture
def kernel(tmp_path):
    """Two folders: of processes, with 16 GiB of which 12 are free, and of limits, with none."""
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    cgroups.mkdir()
    (proc / "meminfo").write_text(
        "MemTotal:       16777216 kB\nMemFree:  100 kB\nMemAvailable:   12582912 kB\nHugePages_Total: 0\n"
    )
    (proc / "self" / "cgroup").write_text("0::/\n")
    return proc, cgroups


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_without_limits_the_machines_memory_counts(kernel):
    assert memory(*kernel) == (16 * GIB, 12 * GIB, False)


def test_a_containers_limit_counts_and_its_file_caches_are_free(kernel):
    stat = f"anon 5\ninactive_file {GIB}\nactive_file 7"
    write(kernel[1], memory__max=4 * GIB, memory__current=3 * GIB, memory__stat=stat)
    assert memory(*kernel) == (4 * GIB, 2 * GIB, True)


def test_max_is_no_limit(kernel):
    write(kernel[1], memory__max="max", memory__current=3 * GIB, cpu__max="max 100000")
    assert memory(*kernel) == (16 * GIB, 12 * GIB, False)
    assert available_cores(*kernel) == len(os.sched_getaffinity(0))


def test_the_tightest_limit_on_the_way_counts(kernel):
    proc, cgroups = kernel
    (proc / "self" / "cgroup").write_text("0::/kubepods/pod1/run\n")
    write(cgroups / "kubepods", memory__max=8 * GIB, memory__current=0)
    write(cgroups / "kubepods" / "pod1", memory__max=2 * GIB, memory__current=GIB)
    write(cgroups / "kubepods" / "pod1" / "run", memory__max="max", memory__current=GIB)
    assert memory(*kernel) == (2 * GIB, GIB, True)


def test_the_machines_free_memory_bounds_that_of_a_wide_limit(kernel):
    write(kernel[1], memory__max=15 * GIB, memory__current=0)
    assert memory(*kernel) == (15 * GIB, 12 * GIB, True)


def test_a_full_container_has_nothing_free(kernel):
    write(kernel[1], memory__max=GIB, memory__current=2 * GIB)
    assert memory(*kernel) == (GIB, 0, True)


def test_version_1_of_cgroups(kernel):
    proc, cgroups = kernel
    (proc / "self" / "cgroup").write_text("4:memory:/docker/x\n2:cpu,cpuacct:/docker/x\n")
    of_memory, of_cpu = cgroups / "memory" / "docker" / "x", cgroups / "cpu,cpuacct" / "docker" / "x"
    write(
        of_memory,
        memory__limit_in_bytes=4 * GIB,
        memory__usage_in_bytes=3 * GIB,
        memory__stat=f"total_inactive_file {GIB}",
    )
    write(of_cpu, cpu__cfs_quota_us=50_000, cpu__cfs_period_us=100_000)
    assert memory(*kernel) == (4 * GIB, 2 * GIB, True)
    assert available_cores(*kernel) == 1
    write(of_memory, memory__limit_in_bytes=9223372036854771712)
    write(of_cpu, cpu__cfs_quota_us=-1)
    assert memory(*kernel) == (16 * GIB, 12 * GIB, False)
    assert available_cores(*kernel) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("quota", "cores"), [(50_000, 1), (100_000, 1), (150_000, 2)])
def test_a_quota_of_time_bounds_the_cores(kernel, quota, cores):
    write(kernel[1], cpu__max=f"{quota} 100000")
    assert available_cores(*kernel) == min(cores, len(os.sched_getaffinity(0)))


def test_nothing_known_is_no_error(tmp_path):
    assert available_cores(tmp_path, tmp_path) == len(os.sched_getaffinity(0))
    found = memory(tmp_path, tmp_path)
    assert found is None or found.total > 0


def test_this_machine():
    found = memory()
    assert found is not None
    assert 0 < found.free <= found.total
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
