"""Whether a path can be written at all, by its name and by its folder: looked at before any work is done for it."""

import os
import tempfile
from pathlib import Path

from irt_jax.errors import OutputError, UsageError

#: Bytes of a name: file systems take 255, and what is written beside it (`.NAME.checkpoint`, `.NAME.part-PID`) needs
#: the rest.
LONGEST_NAME = 200
#: Bytes of a path; Linux takes 4,096.
LONGEST_PATH = 3_800


def check_path(path: Path) -> None:
    """Refuse a path that no file or folder can be made under.

    Args:
        path: of an output.

    Raises:
        UsageError: it has no name of its own (`.`, `..`, `/`), is not UTF-8, holds control characters, or is too long.
        OutputError: what is in front of it cannot be looked at.
    """
    text = os.fspath(path)
    readable = ascii(text) if len(text) <= 60 else f"{ascii(text[:57])[:-1]}...'"
    if path.name in ("", ".."):
        raise UsageError(f"Expected the name of an output, found {readable}.", "Name a file or folder within it.")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise UsageError(f"Expected an output's name in UTF-8, found {readable}.", "Choose another name.") from None
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise UsageError(f"Expected an output's name without control characters, found {readable}.")
    longest = max(len(part.encode("utf-8")) for part in path.parts)
    if longest > LONGEST_NAME or size > LONGEST_PATH:
        raise UsageError(
            f"Expected an output's name of at most {LONGEST_NAME} bytes in a path of at most {LONGEST_PATH:,}, found "
            f"{longest:,} and {size:,}: {readable}.",
            "Choose a shorter one.",
        )
    try:
        os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{text} could not be written: {error.strerror}.", "Choose another path.") from error


def check_writable(path: Path) -> None:
    """Refuse a file whose folder cannot be written, or not be made, without making it.

    Args:
        path: of the file.

    Raises:
        OutputError: nothing could be written there.
    """
    folder = path.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror} ({folder}).", "Choose another path, or mend its folder."
        ) from error


def lies_above(folder: str, path: str) -> bool:
    """Whether a folder holds a path, by their names alone; no folder holds itself.

    Args:
        folder: without links in it.
        path: likewise.
    """
    return path != folder and path.startswith(folder.rstrip("/") + "/")
