"""What a checkpoint's folder may hold, and what tells that something in it is none of a checkpoint's."""

import os
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from irt_jax.errors import OutputError, first_few

STATE_FILE = "state.npz"
#: What reading a damaged archive of arrays raises: NumPy and zipfile have no error of their own for all of it.
DAMAGED = (
    *(OSError, KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error),
    *(RuntimeError, OverflowError, MemoryError),  # NotImplementedError and RecursionError are runtime errors
)

#: All files of a checkpoint, unfinished ones too.
OWN = re.compile(r"\.?(draws-\d{6,}|state)\.npz(\.tmp)?")


def check_place(folder: Path) -> None:
    """Refuse a checkpoint's place where something else is, before any work is done.

    Args:
        folder: of the checkpoint; it need not exist.

    Raises:
        OutputError: it is no folder, or holds files that no checkpoint has.
    """
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(
            f"{folder} is where the checkpoint goes, and cannot be used: {error.strerror}.",
            "Move it elsewhere, or choose another --out.",
        ) from error
    foreign = [name for name in names if not OWN.fullmatch(name)] or [STATE_FILE] * _is_foreign(folder / STATE_FILE)
    if foreign:
        raise OutputError(
            f"{folder} is where the checkpoint goes, and holds other files: {first_few(foreign)}.",
            "Move them elsewhere, or choose another --out.",
        )


def _is_foreign(state: Path) -> bool:
    """Whether a file of arrays is whole, and none of a checkpoint's; a damaged one may be a checkpoint's."""
    try:
        with state.open("rb") as stream, np.load(stream) as file:
            return "meta" not in file.files
    except DAMAGED:
        return False


def refuse_other_forms(
    leaves: Sequence[np.ndarray],
    shapes: Sequence[tuple[int, ...]],
    blocks: Sequence[Sequence[Mapping[str, np.ndarray]]],
) -> None:
    """Refuse a state or draws that are not of this run's shapes.

    Args:
        leaves: of the state that was found.
        shapes: of a state of this run.
        blocks: values and statistics, in order.

    Raises:
        ValueError: they are not.
    """
    if [leaf.shape for leaf in leaves] != list(shapes) or any(leaf.dtype.kind not in "biuf" for leaf in leaves):
        raise ValueError("its state is not one of this run")
    forms = [
        {name: (array.shape[:1], array.shape[2:]) for part in block for name, array in part.items()} for block in blocks
    ]
    if any(form != forms[0] or not all(block) for form, block in zip(forms, blocks, strict=True)):
        raise ValueError("its draws are not of one run")
