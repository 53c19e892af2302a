"""Writing: a folder appears whole, under its name, or not at all."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from irt_jax.errors import OutputError


def check_output(folder: Path, *, overwrite: bool = False) -> None:
    """Refuse an output folder before any work is done for it.

    Args:
        folder: the folder to be made.
        overwrite: whether an existing folder may be replaced.

    Raises:
        OutputError: it exists, or its parent cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} exists and is a file, not a folder.", "Choose another --out.")
    if folder.exists() and not overwrite:
        raise OutputError(
            f"The folder {folder} exists.", "Choose another --out, or replace it by --overwrite."
        )
    probe = _beside(folder, "probe")
    with _explain(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        (probe / "probe").write_bytes(b"0" * 4096)
        shutil.rmtree(probe)


def write_folder(folder: Path, fill: Callable[[Path], None], *, overwrite: bool = False) -> None:
    """Fill a folder beside the wanted one, then rename it into place.

    Args:
        folder: the wanted folder.
        fill: writes the files into the folder it is given.
        overwrite: whether an existing folder may be replaced; it stays until the new one is complete.

    Raises:
        OutputError: it exists, or cannot be written; nothing is left behind.
    """
    check_output(folder, overwrite=overwrite)
    beside = _beside(folder, "part")
    try:
        with _explain(folder):
            beside.mkdir()
            fill(beside)
            _put_in_place(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file (zstd), the same bytes for the same table."""
    pq.write_table(table, path, compression="zstd")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, indented, without NaN (which no other reader takes)."""
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _beside(folder: Path, purpose: str) -> Path:
    return folder.parent / f".{folder.name}.{purpose}-{os.getpid()}"


def _put_in_place(beside: Path, folder: Path) -> None:
    """Rename, moving an existing folder out of the way and back if the rename fails."""
    if not folder.exists():
        beside.rename(folder)
        return
    old = _beside(folder, "old")
    folder.rename(old)
    try:
        beside.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)


@contextmanager
def _explain(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{folder} could not be written: {reason}.",
            "Nothing was left behind. Free some space, or choose another --out.",
        ) from error
