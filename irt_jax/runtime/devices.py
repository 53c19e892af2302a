"""Devices: one per CPU core for chains side by side, or one GPU with all chains in its vectors."""

import hashlib
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from irt_jax.errors import UsageError
from irt_jax.runtime.machine import available_cores

#: Programs that compile in less are not worth a file.
WORTH_KEEPING_S = 0.2


class Layout(NamedTuple):
    """How chains lie on devices.

    Attributes:
        mesh: the devices, one axis named "chain".
        vectorised: whether the chains of one device advance in lockstep (GPU, TPU) or one after the
            other (CPU, where lockstep would wait for the longest trajectory).
        description: in words, for run.json.
    """

    mesh: Mesh
    vectorised: bool
    description: str


def cache_folder(folder: Path | None = None) -> Path:
    """Where compiled programs are kept: see `keep_compiled`."""
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    if folder is not None:
        return folder
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "irt_jax" / _processor()


def keep_compiled(folder: Path | None = None) -> None:
    """Have JAX keep compiled programs, so that the next process of the same shapes starts at once.

    They lie in the user's cache folder, apart for every kind of processor. JAX_COMPILATION_CACHE_DIR, where it is set,
    says where instead.

    Args:
        folder: where; the user's cache folder when None.
    """
    jax.config.update("jax_compilation_cache_dir", str(cache_folder(folder)))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING_S)


def _processor() -> str:
    """A name for what compiled programs may use of this machine's processor."""
    words = [platform.machine()]
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        words += sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))})
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def prepare_devices(devices: int | None = None) -> None:
    """Have one CPU device per core, which only works before JAX has run anything in this process.

    Args:
        devices: more than there are cores, if asked for.
    """
    with suppress(RuntimeError):  # JAX already runs: its devices were fixed then
        jax.config.update("jax_num_cpu_devices", max(devices or 0, available_cores()))


def choose_layout(chains: int, devices: int | None = None) -> Layout:
    """Spread chains over devices evenly: as many devices as divide the number of chains.

    The first call of a process decides how many CPU devices JAX makes, so that is set here, before
    anything has run; in a process where JAX already runs, what it has is used.

    Args:
        chains: number of chains.
        devices: at most this many devices; None for one per core on CPU, all on GPU.

    Raises:
        UsageError: more devices asked for than there are.
    """
    prepare_devices(devices)
    found = jax.devices()
    if devices is not None and devices > len(found):
        raise UsageError(
            f"{devices} devices were asked for, {len(found)} {found[0].platform} found.",
            "Use a smaller --devices, or leave it out.",
        )
    count = devices or len(found)
    used = max(n for n in range(1, min(count, chains) + 1) if chains % n == 0)
    kind = found[0].device_kind
    return Layout(
        mesh=Mesh(np.array(found[:used]), ("chain",)),
        vectorised=found[0].platform != "cpu",
        description=f"{used} x {kind} ({found[0].platform})",
    )


def over_chains(function: Callable[..., Any], layout: Layout, *, shared: int) -> Callable[..., Any]:
    """Turn a function of one chain into a function of all, sharded over the devices.

    Args:
        function: takes per-chain arguments, then `shared` arguments that all chains see.
        layout: from `choose_layout`.
        shared: how many of the last arguments are the same for all chains.
    """

    def of_device(*arguments: Any) -> Any:
        own, common = arguments[: len(arguments) - shared], arguments[len(arguments) - shared :]
        one = lambda chain: function(*chain, *common)  # noqa: E731
        return jax.vmap(one)(own) if layout.vectorised else jax.lax.map(one, own)

    def of_all(*arguments: Any) -> Any:
        per_chain = len(arguments) - shared
        specs = (PartitionSpec("chain"),) * per_chain + (PartitionSpec(),) * shared
        return jax.shard_map(
            of_device,
            mesh=layout.mesh,
            in_specs=specs,
            out_specs=PartitionSpec("chain"),
            check_vma=False,
        )(*arguments)

    return of_all


def shard_over_chains(tree: Any, layout: Layout) -> Any:
    """Place arrays whose first axis is the chain on the devices of the layout."""
    sharding = jax.sharding.NamedSharding(layout.mesh, PartitionSpec("chain"))
    return jax.tree.map(partial(jax.device_put, device=sharding), tree)


def replicate(tree: Any, layout: Layout) -> Any:
    """Place a copy of every array on each device of the layout."""
    sharding = jax.sharding.NamedSharding(layout.mesh, PartitionSpec())
    return jax.tree.map(partial(jax.device_put, device=sharding), tree)
