"""Find files: a path, a folder, a glob or a URL becomes a list of files that can be opened."""

import fnmatch
import glob
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa

from irt_jax.errors import InputError, first_few, first_line

PARQUET_SUFFIXES = (".parquet", ".parq", ".pq")
#: Delimited text; with `.gz` behind it too.
CSV_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


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
    """The local disk with the method names of an fsspec file system, so that fsspec is not needed for it.

    A file is found once, however many links lead to it or to a folder above it.
    """

    isfile = staticmethod(os.path.isfile)
    isdir = staticmethod(os.path.isdir)

    def find(self, folder: str) -> list[str]:
        def fail(error: OSError) -> None:
            raise error

        found: list[str] = []
        waiting, seen = [folder], set[str]()
        while waiting:  # what lies in folders that are no links goes before what links lead to
            for parent, folders, names in os.walk(waiting.pop(0), onerror=fail):
                real = os.path.realpath(parent)
                if real in seen:
                    folders.clear()
                    continue
                seen.add(real)
                found += [os.path.join(parent, name) for name in names]
                links = [path for path in (os.path.join(parent, name) for name in folders) if os.path.islink(path)]
                waiting += [path for path in links if not _is_above(path, folder)]
        return self.distinct(found)

    def glob(self, pattern: str) -> list[str]:
        parts = pattern.split("/")
        if "**" not in parts:
            return self.distinct(glob.glob(pattern))
        fixed = next(place for place, part in enumerate(parts) if _is_pattern(part))
        base, parts = "/".join(parts[:fixed]), parts[fixed:]
        found = [path.removeprefix("./") for path in self.find(base or ("/" if fixed else "."))]
        return [path for path in found if _matches(parts, parts_below(path, base))]

    @staticmethod
    def distinct(paths: Iterable[str]) -> list[str]:
        """One path for each file: what is no link before what is one."""
        first: dict[str, str] = {}
        for path in sorted(paths, key=lambda path: (os.path.islink(path), path.count("/"), path)):
            first.setdefault(os.path.realpath(path), path)
        return sorted(first.values())

    def open(self, path: str, _mode: str = "rb") -> Any:
        return pa.OSFile(path)


def _is_above(link: str, folder: str) -> bool:
    """Whether a link leads to a folder that the given one lies in."""
    above, below = os.path.realpath(link), os.path.realpath(folder)
    return below != above and os.path.commonpath([above, below]) == above


def _is_pattern(part: str) -> bool:
    return any(letter in part for letter in "*?[")


def _matches(parts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a glob with `**` matches a path or a folder above it."""
    if not parts or parts == ["**"]:
        return True
    if parts[0] == "**":
        return any(_matches(parts[1:], names[place:]) for place in range(len(names)))
    return bool(names) and fnmatch.fnmatchcase(names[0], parts[0]) and _matches(parts[1:], names[1:])


def locate(source: str | os.PathLike[str], suffixes: Sequence[str] = PARQUET_SUFFIXES) -> Files:
    """Find the files of a path, folder, glob or URL.

    Files and folders whose name begins with `_` or `.` are passed over inside folders and globs. Links are followed,
    and what several paths lead to is found once.

    Args:
        source: the path.
        suffixes: of the files that count inside folders.

    Raises:
        InputError: nothing is there, it may not be listed, or the URL cannot be opened.
    """
    text = os.fspath(source)
    if text.startswith("file://"):
        text = unquote(text.removeprefix("file://"))
    if "://" not in text:
        return _search(_Local(), os.path.expanduser(text), text, tuple(suffixes))
    try:
        import fsspec

        system, root = fsspec.core.url_to_fs(text)
        return _search(system, root, text, tuple(suffixes))
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"Cannot open {text!r}: {first_line(error)}", "Install what it names.") from error
    except Exception as error:  # each fsspec file system has errors of its own
        problem = f"Cannot open {text!r}: {type(error).__name__}: {first_line(error)}"
        raise InputError(problem, "Check the address, the network and the credentials.") from error


def _search(system: Any, path: str, shown: str, suffixes: tuple[str, ...]) -> Files:
    path = path.rstrip("/") or path
    try:
        if system.isfile(path):
            return Files([path], os.path.dirname(path), system.open)
        if system.isdir(path):
            found = _visible(system.find(path), path)
            paths = [name for name in found if name.lower().endswith(suffixes)]
            if not paths:
                there = f"found {first_few(map(os.path.basename, found))}" if found else "it is empty"
                text = set(suffixes) & set(CSV_SUFFIXES)
                problem = f"No Parquet {'or CSV ' if text else ''}file in the folder {shown!r}: {there}."
                remedy = f"Files must end in .parquet{', .csv or .tsv' if text else ''}; "
                raise InputError(problem, remedy + "names that begin with _ or . do not count.")
            return Files(paths, path, system.open)
        if not _is_pattern(path):
            raise InputError(f"No such file or folder: {shown!r}.", "Check the path.")
        return _search_glob(system, path, shown, suffixes)
    except PermissionError as error:
        raise InputError(f"No permission to read {shown!r}.", "Check the file's permissions.") from error


def _search_glob(system: Any, pattern: str, shown: str, suffixes: tuple[str, ...]) -> Files:
    parts = pattern.split("/")
    fixed = next(place for place, part in enumerate(parts) if _is_pattern(part))
    base = "/".join(parts[:fixed])
    paths: list[str] = []
    for match in system.glob(pattern):
        if system.isdir(match):
            paths += [name for name in system.find(match) if name.lower().endswith(suffixes)]
        else:
            paths.append(match)
    paths = _visible(system.distinct(paths) if isinstance(system, _Local) else set(paths), base)
    if not paths:
        remedy = "Check the pattern; names that begin with _ or . do not count."
        raise InputError(f"No file matches {shown!r}.", remedy)
    return Files(paths, base, system.open)


def parts_below(path: str, base: str) -> list[str]:
    """Split the part of a path below the base folder into its names."""
    return path.removeprefix(base).replace(os.sep, "/").strip("/").split("/")


def _visible(paths: Iterable[str], base: str) -> list[str]:
    return sorted(path for path in paths if not any(part[:1] in "_." for part in parts_below(path, base)))
