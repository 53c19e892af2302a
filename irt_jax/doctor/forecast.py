"""What this machine has, and what a calibration of given data would cost on it."""

import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax

from irt_jax.contract.options import SAMPLER_DEFAULTS
from irt_jax.data import Responses, align_anchors, read_anchors
from irt_jax.data.categories import doubts
from irt_jax.data.read import Source
from irt_jax.doctor.choice import Choice, choose
from irt_jax.doctor.cost import METHODS, Cost, Sampling, Size, expected
from irt_jax.doctor.expected_grid import expected_nodes, mean_correlation
from irt_jax.errors import first_few
from irt_jax.results.assemble import package_versions
from irt_jax.runtime.devices import cache_folder
from irt_jax.runtime.machine import Memory, available_cores, memory


@dataclass(frozen=True)
class Device:
    """Where JAX computes.

    Attributes:
        backend: "cpu", "gpu" or "tpu".
        name: of the first device.
        count: of devices.
        free: bytes of the first device's memory, None where it has none of its own.
        total: bytes, likewise.
    """

    backend: str
    name: str
    count: int
    free: int | None
    total: int | None


@dataclass(frozen=True)
class Cache:
    """The folder of compiled programs.

    Attributes:
        folder: where.
        writable: without that every run compiles anew.
        files: in it.
        size: of them, bytes.
    """

    folder: str
    writable: bool
    files: int
    size: int


@dataclass(frozen=True)
class Report:
    """What `examine` finds.

    Attributes:
        versions: of Python and the packages that a result depends on.
        device: where JAX computes.
        precision: of the computations.
        cores: that this process may use.
        memory: main memory; None where the system does not tell.
        cache: of compiled programs.
        data: persons, items, responses, categories, anchors, groups, expected nodes; None without data.
        costs: by device, then by method; None where it was not measured. Empty without data.
        choice: None without data.
        notes: what a user should know, one sentence each.
    """

    versions: dict[str, str]
    device: Device
    precision: str
    cores: int
    memory: Memory | None
    cache: Cache
    data: dict[str, int] | None = None
    costs: dict[str, dict[str, Cost | None]] = field(default_factory=dict)
    choice: Choice | None = None
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a calibration can run here: anything, or of these data."""
        return self.choice is None or self.choice.method is not None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; memory in bytes, time in seconds."""
        found = asdict(self)
        found["memory"] = None if self.memory is None else self.memory._asdict()
        found["costs"] = {
            device: {method: cost and cost._asdict() for method, cost in costs.items()}
            for device, costs in self.costs.items()
        }
        return {**found, "notes": list(self.notes), "usable": self.usable}


def examine(responses: Responses | None = None, anchors: Source | None = None) -> Report:
    """Look at the machine, and at data if there are any.

    Args:
        responses: coded responses.
        anchors: what `read_anchors` takes.

    Raises:
        InputError: anchors that cannot be used.
    """
    devices = jax.devices()
    stats = devices[0].memory_stats() or {}
    total = stats.get("bytes_limit")
    free = None if total is None else total - stats.get("bytes_in_use", 0)
    device = Device(devices[0].platform, devices[0].device_kind, len(devices), free, total)
    found = Report(package_versions(), device, "float64", available_cores(), memory(), _cache(cache_folder()))
    notes = [] if found.cache.writable else ["Compiled programs cannot be kept: every run compiles anew."]
    if responses is None:
        return Report(**{**vars(found), "notes": tuple(notes)})
    notes += [*responses.notes, *doubts(responses)]
    aligned = None if anchors is None else align_anchors(responses, read_anchors(anchors))
    if aligned is not None and aligned.missing:
        notes.append(f"{len(aligned.missing):,} anchors are not in the data: {first_few(aligned.missing)}.")
    data = {
        "persons": responses.n_persons,
        "items": responses.n_items,
        "responses": responses.n_responses,
        "categories": max(2, int(responses.response.max()) + 1),
        "anchors": 0 if aligned is None else len(aligned.item),
        "groups": responses.n_groups,
    }
    longest = int(responses.person_counts.max())
    learned = size_of(data).learned
    data["nodes"] = expected_nodes(longest, mean_correlation(responses), learned=learned)
    costs = estimate_costs(size_of(data), found.cores)
    choice = choose(costs, "gpu" if device.backend == "gpu" else "cpu", found.memory, device.free)
    return Report(**{**vars(found), "data": data, "costs": costs, "choice": choice, "notes": tuple(notes)})


def size_of(data: dict[str, int]) -> Size:
    """What the cost depends on, of a report's counts."""
    learned = data["anchors"] > 0 or data["groups"] > 1
    nodes = data.get("nodes", Size(0, 0, 0).nodes)
    return Size(data["persons"], data["items"], data["responses"], data["categories"], learned, nodes)


def estimate_costs(size: Size, cores: int) -> dict[str, dict[str, Cost | None]]:
    """By device and method, with the default numbers of chains and draws.

    Args:
        size: of the data.
        cores: CPU cores.
    """
    found: dict[str, dict[str, Cost | None]] = {}
    for device in ("cpu", "gpu"):
        found[device] = {
            method: expected(method, size, _default(method), cores=cores, gpu=device == "gpu") for method in METHODS
        }
    return found


def _default(method: str) -> Sampling | None:
    by_method = {"hmc": ("marginal", "hmc"), "joint": ("joint", "nuts")}
    return Sampling(*SAMPLER_DEFAULTS[by_method[method]][:3]) if method in by_method else None


def _cache(folder: Path) -> Cache:
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return Cache(str(folder), _writable(folder), len(files), sum(path.stat().st_size for path in files))


def _writable(folder: Path) -> bool:
    """Whether a file can be made there, or in the nearest folder above that exists; nothing is left behind."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return os.access(folder, os.W_OK)
    except OSError:
        return False
