"""The job's folder: what it was asked for stands in it from the start, so that a killed job can go on."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from irt_jax.contract.names import ITEMS_FILE, MONTHLY_FILE
from irt_jax.data.leftovers import PURPOSES
from irt_jax.data.overwrite import MONTH, check_replaceable
from irt_jax.data.write import write_folder, write_json
from irt_jax.errors import OutputError

INPUTS_FILE = "inputs.json"
COMPARISON_FILE = "comparison.parquet"
PICTURE_FILE = "comparison.png"


def table_hash(table: pa.Table | None) -> str | None:
    """SHA-256 of a table's schema and values; None of none.

    Args:
        table: small, such as anchors.
    """
    if table is None:
        return None
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(stream.getvalue()).hexdigest()


def file_hashes(paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """SHA-256 of what options name: of a file, or of a run's items.parquet; what is neither is left out.

    Args:
        paths: files, runs, or other values of options.
    """
    found = {}
    for path in map(Path, paths):
        file = path / ITEMS_FILE if path.is_dir() else path
        if file.is_file():
            found[str(path)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def choose_folder(folder: Path, inputs: Mapping[str, Any], *, overwrite: bool) -> Path:
    """Say where the job is done: in its folder, or beside a finished one that it replaces when it is complete.

    Args:
        folder: of the job.
        inputs: see `open_folder`.
        overwrite: replace the folder of another or a finished job.

    Raises:
        OutputError: the folder holds something else, or something else besides a job.
    """
    if not overwrite or not folder.exists():
        return folder
    found = _read_inputs(folder)
    check_replaceable(folder, MONTH)
    if found == _plain(inputs) and not (folder / MONTHLY_FILE).exists():
        return folder
    place = Path(os.path.realpath(folder))
    beside = place.with_name(f".{place.name}.next")
    if beside.exists() and _read_inputs(beside) != _plain(inputs):
        shutil.rmtree(beside)
    return beside


def open_folder(folder: Path, inputs: Mapping[str, Any]) -> bool:
    """Make the job's folder, or go on in that of a killed job with the same inputs.

    Args:
        folder: from `choose_folder`.
        inputs: plain values: hashes of the data, options, settings.

    Returns:
        Whether the job is finished already.

    Raises:
        OutputError: the folder holds something else, or a job with other inputs.
    """
    if folder.exists():
        _refuse_others(folder, _plain(inputs))
        for unfinished in (left for purpose in PURPOSES for left in folder.glob(f".*.{purpose}-*")):
            shutil.rmtree(unfinished) if unfinished.is_dir() else unfinished.unlink()
        return (folder / MONTHLY_FILE).exists()
    write_folder(folder, lambda beside: write_json(beside / INPUTS_FILE, _plain(inputs)))
    return False


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as they come back from the file."""
    return dict(json.loads(json.dumps({**inputs, "version": version("irt-jax")}, default=str)))


def _read_inputs(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / INPUTS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise OutputError(
            f"{folder} exists and is not that of a monthly job.", "Choose another --out, or remove it."
        ) from None


def _refuse_others(folder: Path, inputs: Mapping[str, Any]) -> None:
    found = _read_inputs(folder)
    differing = sorted(name for name in inputs if found.get(name) != inputs[name])
    if differing:
        raise OutputError(
            f"The folder {folder} is that of a job with other inputs; these differ: {', '.join(differing)}.",
            "Repeat the command that was interrupted, choose another --out, or start anew with --overwrite.",
        )
