"""Writing: a folder appears whole, under its name, or not at all."""

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from irt_jax.data.leftovers import beside as _beside
from irt_jax.data.leftovers import exchange, sweep
from irt_jax.data.overwrite import RUN, Kind, check_replaceable, keep_runs
from irt_jax.data.paths import check_path, check_writable
from irt_jax.data.replaceable_file import check_place, check_table
from irt_jax.errors import OutputError
from irt_jax.runtime import signals

if TYPE_CHECKING:
    import xarray as xr


def check_output(folder: Path, *, overwrite: bool = False, kind: Kind = RUN) -> None:
    """Refuse an output folder before any work is done for it.

    Args:
        folder: the folder to be made.
        overwrite: whether an existing folder may be replaced.
        kind: what an existing folder must be for that.

    Raises:
        OutputError: it exists and may not be replaced, or its parent cannot be written.
        UsageError: no folder can have its name, see `check_path`.
    """
    check_path(folder)
    place = Path(os.path.realpath(folder))
    sweep(place)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} exists and is a file, not a folder.", "Choose another --out.")
    if folder.exists() and not overwrite:
        raise OutputError(f"The folder {folder} exists.", "Choose another --out, or replace it by --overwrite.")
    if folder.exists():
        check_replaceable(folder, kind)
    probe = _beside(place, "probe")
    with _explain(folder):
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            probe.mkdir()
            (probe / "probe").write_bytes(b"0" * 4096)
        finally:
            shutil.rmtree(probe, ignore_errors=True)


def write_folder(folder: Path, fill: Callable[[Path], object], *, overwrite: bool = False, kind: Kind = RUN) -> None:
    """Fill a folder beside the wanted one, then rename it into place.

    Args:
        folder: the wanted folder.
        fill: writes the files into the folder it is given.
        overwrite: whether an existing folder may be replaced; it stays until the new one is complete.
        kind: what an existing folder must be for that.

    Raises:
        OutputError: it exists, or cannot be written; nothing is left behind.
        Interrupted: a signal came before it was complete.
    """
    check_output(folder, overwrite=overwrite, kind=kind)
    beside = _beside(Path(os.path.realpath(folder)), "part")
    try:
        with _explain(folder):
            beside.mkdir()
            fill(beside)
            replace_folder(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_file(path: Path, *, overwrite: bool = False, columns: Collection[str] = (), option: str = "--out") -> None:
    """Refuse an output file before any work is done for it.

    Args:
        path: the file to be made.
        overwrite: whether an existing file may be replaced.
        columns: what an existing table must have for that; nothing is asked of it when empty.
        option: that names the file.

    Raises:
        OutputError: it exists and may not be replaced, or is a folder, a device or a run's own file; or its own folder
            cannot be written.
        UsageError: no file can have its name, see `check_path`.
    """
    check_path(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder, not a file.", f"Choose another {option}.")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is a device, not a file.", f"Choose another {option}.")
    check_place(path, option)
    keep_runs(path)
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists.", "Choose another name, or replace it by --overwrite.")
    if path.exists() and columns:
        check_table(path, columns, option)
    check_writable(path)


def write_file(path: Path, table: pa.Table, *, overwrite: bool = False) -> None:
    """Write a table beside the wanted file, then rename it into place.

    Args:
        path: a CSV file by its suffix, Parquet otherwise.
        table: without lists for a CSV file.
        overwrite: whether an existing file may be replaced; it stays until the new one is complete.

    Raises:
        OutputError: it exists, or cannot be written; nothing is left behind.
    """
    write = pa_csv.write_csv if path.suffix.lower() == ".csv" else lambda rows, file: write_table(file, rows)
    _write_beside(path, lambda beside: write(table, beside), overwrite=overwrite)


def write_bytes(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write a file, such as a picture, whole or not at all.

    Args:
        path: of the file.
        content: of it.
        overwrite: whether an existing file may be replaced.

    Raises:
        OutputError: it exists, or cannot be written; nothing is left behind.
    """
    _write_beside(path, lambda beside: beside.write_bytes(content), overwrite=overwrite)


def _write_beside(path: Path, write: Callable[[Path], object], *, overwrite: bool) -> None:
    check_file(path, overwrite=overwrite)
    place = Path(os.path.realpath(path))  # where a link leads to
    sweep(place)
    beside = _beside(place, "part")
    try:
        with _explain(path):
            place.parent.mkdir(parents=True, exist_ok=True)
            write(beside)
            signals.check()
            beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def write_text_file(path: Path, text: str) -> None:
    """Write text beside the wanted file, then rename it into place: no reader sees half of it.

    Args:
        path: an existing file is replaced.
        text: the whole of it.

    Raises:
        OutputError: it cannot be written; nothing is left behind.
    """
    _write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"), overwrite=True)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file (zstd), the same bytes for the same table."""
    pq.write_table(table, path, compression="zstd")


def write_netcdf(path: Path, tree: "xr.DataTree") -> None:
    """Write draws as NetCDF, after making sure that the space is there.

    HDF5 cannot fail cleanly: a file that it can neither fill nor close crashes the process at its end.
    """
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, _netcdf_bytes(tree))
    tree.to_netcdf(path, engine="h5netcdf")


def _netcdf_bytes(tree: "xr.DataTree") -> int:
    """An upper bound of the file's size: text counts as 256 bytes, each group as 64 KiB."""
    values = [
        256 * variable.size if variable.dtype == object else variable.nbytes
        for node in tree.subtree
        for variable in node.variables.values()
    ]
    return sum(values) + (1 << 16) * len(list(tree.subtree))


def as_json(content: Mapping[str, Any]) -> str:
    """JSON, indented, without NaN (which no other reader takes)."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON."""
    path.write_text(as_json(content), encoding="utf-8")


def replace_folder(beside: Path, folder: Path) -> None:
    """Put a complete folder in its place; what it replaces is there until then, and is removed afterwards.

    Args:
        beside: the complete folder, in the same file system.
        folder: its place. Where that is a link to a folder, what it leads to is replaced.

    Raises:
        Interrupted: a signal came before.
    """
    place = Path(os.path.realpath(folder))
    with signals.held():
        signals.check()
        if not place.exists():
            beside.rename(place)
            return
        if exchange(beside, place):
            old = beside
        else:
            old = _beside(place, "old")
            place.rename(old)
            try:
                beside.rename(place)
            except OSError:
                old.rename(place)
                raise
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _explain(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        failed = _system_error(error)
        if failed is None:
            raise
        reason = os.strerror(failed.errno) if failed.errno else str(failed)
        raise OutputError(
            f"{folder} could not be written: {reason}.",
            "Nothing was left behind. Free some space, or choose another --out.",
        ) from error


def _system_error(error: BaseException | None) -> OSError | None:
    """The system's error behind another one: HDF5 raises its own when a file cannot be closed."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
