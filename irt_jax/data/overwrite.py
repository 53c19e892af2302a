"""What --overwrite may replace: a folder that this program wrote, of the same kind, with nothing else in it.

And never what the command reads, nor a folder that holds it.
"""

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from irt_jax.contract.names import (
    ANCHORS_FILE,
    DRIFT_FILE,
    ITEMS_FILE,
    METRICS_FILE,
    MONTHLY_FILE,
    PERSONS_FILE,
    POSTERIOR_FILE,
    PROMOTION_FILE,
    RUN_FILE,
)
from irt_jax.data.paths import lies_above
from irt_jax.data.read_json import read_json
from irt_jax.errors import InputError, OutputError, first_few

#: What systems leave in folders, and what killed commands leave under hidden names.
PASSED_OVER = (".DS_Store", "Thumbs.db", "desktop.ini", ".nfs*", ".*.part-*", ".*.old-*", ".*.probe-*", ".*.lock")
#: What a run is read by, besides the responses.
OF_RUN = (ITEMS_FILE, PERSONS_FILE, ANCHORS_FILE, POSTERIOR_FILE, RUN_FILE, METRICS_FILE)
LATER = (DRIFT_FILE, "dif.parquet", "link.json", "loo.json", "report.html")
CHECKS = tuple(f"checks/{name}" for name in ("items.parquet", "pairs.parquet", "persons.parquet", "test.json"))
PICTURES = tuple(f"plots/*.{suffix}" for suffix in ("png", "pdf", "svg", "html"))


#: In front of paths of this machine: protocols of fsspec, and our own databases.
LOCAL = re.compile(r"^(?:(?:file|local)://|(?:file|local|embedded):)")


class Kind(NamedTuple):
    """A kind of folder that a command writes.

    Attributes:
        name: with its article.
        is_one: whether a folder is of this kind, by what the command always writes.
        files: patterns of all files that this and later commands write, relative to the folder.
    """

    name: str
    is_one: Callable[[Path], bool]
    files: tuple[str, ...]


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found = read_json(path)
    except (InputError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_run(folder: Path) -> bool:
    return "irt-jax" in (_json(folder / RUN_FILE).get("versions") or {})


def _is_month(folder: Path) -> bool:
    return {"responses", "version"} <= set(_json(folder / "inputs.json"))


def _is_export(folder: Path) -> bool:
    return "responses" in _json(folder / "window.json")


def _has(*names: str) -> Callable[[Path], bool]:
    return lambda folder: all((folder / name).is_file() for name in names)


_RUN_FILES = (*OF_RUN, *LATER, *CHECKS, *PICTURES)
_TABLES = ("responses.parquet", "anchors.parquet")
RUN = Kind("a run", _is_run, _RUN_FILES)
SIMULATION = Kind(
    "a simulation",
    _has("responses.parquet", "true_items.parquet", "true_persons.parquet"),
    (*_TABLES, "true_items.parquet", "true_persons.parquet"),
)
EXPORT = Kind("an export", _is_export, (*_TABLES, "window.json"))
DEMO = Kind(
    "a demonstration",
    lambda folder: _is_run(folder / "bank") and _is_run(folder / "run"),
    (*_TABLES, *(f"{run}/{name}" for run in ("bank", "run") for name in _RUN_FILES)),
)
MONTH = Kind(
    "that of a monthly job",
    _is_month,
    (
        *("inputs.json", MONTHLY_FILE, PROMOTION_FILE, DRIFT_FILE, "comparison.parquet", "comparison.png"),
        *(f"{run}/{name}" for run in ("screening", "mml", "nuts", "hmc", "joint") for name in _RUN_FILES),
        *(f"{run}.checkpoint/{name}" for run in ("screening", "mml", "nuts", "hmc", "joint") for name in ("*.npz",)),
    ),
)


def check_replaceable(folder: Path, kind: Kind) -> None:
    """Refuse to replace a folder that holds anything but what a command has written.

    Args:
        folder: that exists.
        kind: what it must be; an empty folder may be replaced too.

    Raises:
        OutputError: it is something else, or holds something else besides.
    """
    found = sorted(_files(folder))
    remedy = "Choose another --out, or remove it yourself."
    if found and not kind.is_one(folder):
        raise OutputError(f"{folder} exists and is not {kind.name}: --overwrite does not replace it.", remedy)
    foreign = [name for name in found if not any(fnmatch.fnmatchcase(name, pattern) for pattern in kind.files)]
    if foreign:
        problem = f"{folder} is {kind.name}, and holds other files too: {first_few(foreign)}."
        raise OutputError(problem, "--overwrite would remove them: move them elsewhere, or choose another --out.")


def _files(folder: Path) -> Iterator[str]:
    """Names of all files and empty folders, relative to the folder; links are not followed."""
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        alone = [] if folders or files or parent == str(folder) else [""]
        for name in [*files, *links, *alone]:
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in PASSED_OVER):
                yield Path(parent, name).relative_to(folder).as_posix()


def keep_runs(path: Path) -> None:
    """Refuse to write a file over one that a run consists of: the run would be none any more.

    Args:
        path: of the file.

    Raises:
        OutputError: it is one.
    """
    path = Path(os.path.realpath(path))
    if path.name in OF_RUN and path.name != METRICS_FILE and _is_run(path.parent):
        raise OutputError(f"{path} is part of a run: --overwrite does not replace it.", "Choose another name.")


def keep_inputs(outputs: Mapping[str, Path | None], inputs: Iterable[tuple[str, str]]) -> None:
    """Refuse to write over what the command reads, and to write two outputs into one place.

    Args:
        outputs: paths by option; None for what is not asked for.
        inputs: options with their values, of which those that name nothing do not count.

    Raises:
        OutputError: an output is an input or a folder above it, lies within a folder of input and exists, or lies
            within --out.
    """
    given = {option: path for option, path in outputs.items() if path is not None}
    listed = list(given.items())
    for number, (option, path) in enumerate(listed):
        for other, same in listed[:number]:
            if _real(path) == _real(same):
                raise OutputError(f"{option} and {other} name one place, {path}.", f"Choose another {option}.")
            for inner, outer in ((option, other), (other, option)):
                if outer == "--out" and lies_above(_real(given[outer]), _real(given[inner])):
                    problem = f"{inner} {given[inner]} lies within --out {given[outer]}."
                    raise OutputError(problem, f"Choose another {inner}.")
    for option, value in inputs:
        for place in _places(value):
            for name, path in given.items():
                _refuse(name, path, option, place)


def _refuse(name: str, path: Path, option: str, place: str) -> None:
    out, read = _real(path), _real(place)
    fixed = _fixed(place)
    remedy = f"Choose another {name}."
    if not os.path.exists(place) and fixed != place:  # a pattern
        pattern = os.path.join(_real(fixed), place[len(fixed) :].strip("/") + "*")
        same, within = os.path.exists(path) and fnmatch.fnmatch(out, pattern), False
        above = lies_above(out, _real(fixed) + "/x")
    elif not os.path.exists(place):
        return
    else:
        same = out == read or _one_file(out, read)
        above = lies_above(out, read) or lies_above(os.path.abspath(path), os.path.abspath(place))
        within = os.path.isdir(place) and lies_above(read, out) and os.path.exists(path) and _is_read(read, out)
    if same:
        raise OutputError(f"{name} {path} is what {option} reads.", remedy)
    if above and name == "--out":  # the others are files, for which a folder is no place
        raise OutputError(f"{name} {path} holds what {option} reads, {place}.", remedy)
    if within:
        raise OutputError(f"{name} {path} is among what {option} reads, {place}.", remedy)


def _is_read(folder: str, out: str) -> bool:
    """Whether what lies in a folder of input is input: of a run some files are, and others can be written anew."""
    return os.path.basename(out) in OF_RUN or not os.path.exists(os.path.join(folder, RUN_FILE))


def _places(value: str) -> list[str]:
    """Paths that a value may name: itself, or what stands behind NAME=, or behind the caches of an fsspec URL."""
    found = []
    for text in {value, value.partition("=")[2], value.rpartition("::")[2]}:
        path = LOCAL.sub("", text)
        if path and "://" not in path and "\0" not in path:
            found.append(os.path.expanduser(path).rstrip("/") or "/")
    return found


def _fixed(path: str) -> str:
    """The part of a pattern in front of what varies."""
    parts = path.split("/")
    count = next((number for number, part in enumerate(parts) if any(sign in part for sign in "*?[")), len(parts))
    return "/".join(parts[:count])


def _real(path: str | Path) -> str:
    return os.path.realpath(path or ".")


def _one_file(out: str, read: str) -> bool:
    """Whether two names are of one file: a hard link, or another case where that does not count."""
    try:
        return os.path.samefile(out, read)
    except OSError:
        return False
