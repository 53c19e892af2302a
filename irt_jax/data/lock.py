"""One process at a time for an output: its checkpoint and its unfinished files go by its name."""

import errno
import json
import os
import socket
import stat
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
        OutputError: another process holds it, or what stands there under the lock's name is somebody else's.
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
            number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):  # a link, a folder, a socket
                raise _not_ours(file, path) from error
            return None  # who cannot write here is told so by the output itself
        if not _ours(number):
            os.close(number)
            raise _not_ours(file, path)
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
            with suppress(OSError):  # on a full disk nobody is told who holds it
                os.truncate(number, 0)
                os.write(number, json.dumps({"process": os.getpid(), "machine": socket.gethostname()}).encode())
            return number
        os.close(number)  # its holder has just removed it
    return None


def _ours(number: int) -> bool:
    """Whether an opened file is one that a process of this program made: empty, or with its holder."""
    if not stat.S_ISREG(os.fstat(number).st_mode):
        return False
    content = os.pread(number, 1000, 0)
    return not content or content.startswith(b'{"process": ')


def _not_ours(file: Path, path: Path) -> OutputError:
    return OutputError(
        f"{file} is not a file of irt-jax: under that name it keeps others from writing {path}.",
        "Move it elsewhere, or choose another --out.",
    )


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
