"""Find files: a path, a folder, a glob or a URL becomes a list of files that can be opened."""

import glob
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa

from irt_jax.errors import InputError, first_few

PARQUET_SUFFIXES = (".parquet", ".parq", ".pq")


class Files(NamedTuple):
    """The files behind a path, in sorted order.

    Attributes:
        paths: the files.
        base: the folder above the hive partitions (`key=value` folders) of the paths.
        open: opens one of the paths for reading.
    """

    paths: list[str]
    base: str
    open: Callable[[str], Any]


class _Local:
    """The local disk with the method names of an fsspec file system, so that fsspec is not needed for it."""

    isfile = staticmethod(os.path.isfile)
    isdir = staticmethod(os.path.isdir)

    def find(self, folder: str) -> list[str]:
        def fail(error: OSError) -> None:
            raise error

        walk = os.walk(folder, onerror=fail, followlinks=True)
        return [os.path.join(parent, name) for parent, _, names in walk for name in names]

    def glob(self, pattern: str) -> list[str]:
        return glob.glob(pattern, recursive=True)

    def open(self, path: str, _mode: str = "rb") -> Any:
        return pa.OSFile(path)


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message, so that ours stays one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def locate(source: str | os.PathLike[str]) -> Files:
    """Find the files of a path, folder, glob or URL.

    Files and folders whose name begins with `_` or `.` are passed over inside folders and globs.

    Raises:
        InputError: nothing is there, it may not be listed, or the URL cannot be opened.
    """
    text = os.fspath(source)
    if text.startswith("file://"):
        text = unquote(text.removeprefix("file://"))
    if "://" not in text:
        return _search(_Local(), os.path.expanduser(text), text)
    try:
        import fsspec

        system, root = fsspec.core.url_to_fs(text)
        return _search(system, root, text)
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"Cannot open {text!r}: {first_line(error)}", "Install what it names.") from error
    except Exception as error:  # each fsspec file system has errors of its own
        problem = f"Cannot open {text!r}: {type(error).__name__}: {first_line(error)}"
        raise InputError(problem, "Check the address, the network and the credentials.") from error


def _search(system: Any, path: str, shown: str) -> Files:
    path = path.rstrip("/") or path
    try:
        if system.isfile(path):
            return Files([path], os.path.dirname(path), system.open)
        if system.isdir(path):
            found = _visible(system.find(path), path)
            paths = [name for name in found if name.lower().endswith(PARQUET_SUFFIXES)]
            if not paths:
                there = f"found {first_few(map(os.path.basename, found))}" if found else "it is empty"
                problem = f"No Parquet file in the folder {shown!r}: {there}."
                raise InputError(problem, "Files must end in .parquet; names that begin with _ or . do not count.")
            return Files(paths, path, system.open)
        if not any(letter in path for letter in "*?["):
            raise InputError(f"No such file or folder: {shown!r}.", "Check the path.")
        return _search_glob(system, path, shown)
    except PermissionError as error:
        raise InputError(f"No permission to read {shown!r}.", "Check the file's permissions.") from error


def _search_glob(system: Any, pattern: str, shown: str) -> Files:
    parts = pattern.split("/")
    fixed = next(place for place, part in enumerate(parts) if any(letter in part for letter in "*?["))
    base = "/".join(parts[:fixed])
    paths: list[str] = []
    for match in system.glob(pattern):
        if system.isdir(match):
            paths += [name for name in system.find(match) if name.lower().endswith(PARQUET_SUFFIXES)]
        else:
            paths.append(match)
    paths = _visible(set(paths), base)
    if not paths:
        remedy = "Check the pattern; names that begin with _ or . do not count."
        raise InputError(f"No file matches {shown!r}.", remedy)
    return Files(paths, base, system.open)


def parts_below(path: str, base: str) -> list[str]:
    """Split the part of a path below the base folder into its names."""
    return path.removeprefix(base).replace(os.sep, "/").strip("/").split("/")


def _visible(paths: Iterable[str], base: str) -> list[str]:
    return sorted(path for path in paths if not any(part[:1] in "_." for part in parts_below(path, base)))
