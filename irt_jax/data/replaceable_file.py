"""Which file an output may become: --overwrite replaces a table of the same command, no device."""

import os
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from irt_jax.data.paths import lies_above
from irt_jax.errors import OutputError

#: Where names stand for devices and open files, /dev/stdout for one; the last is a folder like any other.
DEVICES, MEMORY = ("/dev", "/proc", "/sys"), "/dev/shm"


def check_place(path: Path, option: str) -> None:
    """Refuse a file where a device or a link to nothing is or would be.

    Args:
        path: of the output.
        option: that names it.

    Raises:
        OutputError: it is one.
    """
    remedy = f"Choose another {option}."
    text = os.path.abspath(path)
    if any(lies_above(folder, text) for folder in DEVICES) and not lies_above(MEMORY, text):
        raise OutputError(f"{path} is a device, not a file.", remedy)
    if os.path.islink(path) and not os.path.exists(path):
        raise OutputError(f"{path} is a link that leads nowhere.", remedy)


def check_table(path: Path, columns: Collection[str], option: str) -> None:
    """Refuse to replace what is no table of the same kind; an empty file may be replaced.

    Args:
        path: a file that exists.
        columns: some that every such table has.
        option: that names the file.

    Raises:
        OutputError: it is something else.
    """
    if os.path.getsize(path) and not set(columns) <= _columns(path):
        problem = f"{path} exists and is no table that this command wrote: --overwrite does not replace it."
        raise OutputError(problem, f"Choose another {option}, or remove it yourself.")


def _columns(path: Path) -> set[str]:
    """Names of a table's columns, of a CSV file by its first line; none where it is no table."""
    try:
        if path.suffix.lower() != ".csv":
            return set(pq.read_schema(path).names)
        with path.open(encoding="utf-8", errors="replace") as file:
            return {name.strip().strip('"') for name in file.readline(100_000).split(",")}
    except (pa.ArrowException, OSError):
        return set()
