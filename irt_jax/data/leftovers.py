"""Names beside an output's own, under which it is made, and what killed processes left under such names."""

import ctypes
import os
import re
import shutil
import socket
import time
import zlib
from contextlib import suppress
from pathlib import Path

#: What another machine left goes after so many seconds: nothing says whether its process still runs.
OLD_SECONDS = 86_400.0
#: AT_FDCWD and RENAME_EXCHANGE of renameat2(2).
_CURRENT_FOLDER, _EXCHANGE = -100, 2
PURPOSES = ("part", "old", "probe")


def beside(path: Path, purpose: str) -> Path:
    """A hidden name in the same folder, of this process alone.

    Args:
        path: of the output.
        purpose: one of `PURPOSES`.
    """
    return path.parent / f".{path.name}.{purpose}-{os.getpid()}-{_machine()}"


def sweep(path: Path, *, alone: bool = False) -> None:
    """Remove what dead processes left beside an output, and put back an old one that had been moved out of its way.

    Args:
        path: of the output.
        alone: no other process can be writing it: its lock is held.
    """
    pattern = re.compile(rf"\.{re.escape(path.name)}\.({'|'.join(PURPOSES)})-(\d+)(?:-([0-9a-f]{{8}}))?")
    with suppress(OSError):
        for name in os.listdir(path.parent):
            found = pattern.fullmatch(name)
            if found and (alone or _dead(path.parent / name, int(found[2]), found[3])):
                _remove(path.parent / name, path if found[1] == "old" else None)


def _remove(left: Path, place: Path | None) -> None:
    with suppress(OSError):
        if place is not None and not os.path.lexists(place):
            left.rename(place)
        elif left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink()


def _dead(left: Path, number: int, machine: str | None) -> bool:
    if machine not in (None, _machine()):
        return time.time() - left.lstat().st_mtime > OLD_SECONDS
    return number == os.getpid() or not alive(number)  # in a container every process may be number 1


def alive(number: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _machine() -> str:
    """Eight digits for this machine or container."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders' names in one step, so that neither is missing at any moment.

    Returns:
        Whether it was done; only Linux can, and not in every file system.
    """
    with suppress(OSError, AttributeError):
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        return rename(_CURRENT_FOLDER, os.fsencode(one), _CURRENT_FOLDER, os.fsencode(other), _EXCHANGE) == 0
    return False
