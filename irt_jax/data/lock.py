"""One process at a time for an output: its checkpoint and its unfinished files go by its name."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from irt_jax.errors import OutputError

#: Tries to get the file while others make and remove it.
TRIES = 10


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold an output's lock, a file beside it; it ends with the process, however that ends.

    Where the file system knows no locks, there is none.

    Args:
        path: of the output.

    Raises:
        OutputError: another process holds it.
    """
    held = _taken(path.with_name(f".{path.name}.lock"), path)
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):
                os.unlink(path.with_name(f".{path.name}.lock"))
            os.close(held)


def _taken(file: Path, path: Path) -> int | None:
    """The locked file, opened; None where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    for _ in range(TRIES):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return None  # who cannot write here is told so by the output itself
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(number)
            os.close(number)
            raise OutputError(
                f"Another process is writing {path}{holder}.", "Wait for its end, or choose another --out."
            ) from None
        except OSError:
            os.close(number)
            return None
        if _still_there(number, file):
            os.truncate(number, 0)
            os.write(number, json.dumps({"process": os.getpid(), "machine": socket.gethostname()}).encode())
            return number
        os.close(number)  # its holder has just removed it
    return None


def _still_there(number: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), os.stat(file))
    except FileNotFoundError:
        return False


def _holder(number: int) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        found: dict[str, Any] = json.loads(os.pread(number, 1000, 0))
        return f": process {found['process']} on {found['machine']}"
    return ""
