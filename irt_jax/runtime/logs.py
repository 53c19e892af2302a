"""What a run says of itself as it goes: lines for people, or one JSON object a line for machines.

`--log-format json` puts everything that goes to standard error into that form: stages as they finish, progress, notes,
the verdict, errors and the exit code. What looks like a password is blanked.
"""

import json
import logging
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from irt_jax.errors import CalibrationWarning, Interrupted, IrtError, UsageError

if TYPE_CHECKING:
    from irt_jax.contract.sampler_settings import Progress, ProgressCallback

FORMATS = ("text", "json")
#: Seconds between two lines of progress in one phase.
LINE_EVERY_SECONDS = 10.0

_LOGGER = logging.getLogger("irt_jax.run")
_SECRETS = (
    (re.compile(r"(://[^:/?#\s@]*):\S*@"), r"\1:***@"),
    (re.compile(r"(?i)((?:password|passwd|secret|token|signature|credential|key)\w*\s*=\s*)[^\s&'\"]+"), r"\1***"),
)


def without_secrets(text: str) -> str:
    """Blank the password of a URL, and what stands behind `password=`, `token=` and the like.

    Args:
        text: a message.
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time (UTC), level, event, and the record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; another package's has the event "log" and its text as the message."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        content: dict[str, Any] = {"time": when, "level": record.levelname.lower()}
        if record.name == _LOGGER.name:
            content |= {"event": record.msg, **getattr(record, "fields", {})}
        else:
            content |= {"event": "log", "logger": record.name, "message": record.getMessage()}
        return json.dumps(_plain(content), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """What JSON can hold: secrets blanked, no NaN, paths and the like as text."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else without_secrets(str(value))


def asked_for(arguments: Sequence[str]) -> str:
    """The format that a command line asks for, before it is parsed: its errors are to be in that format too.

    Args:
        arguments: of the command.
    """
    for here, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if here == "--log-format=json" or (here == "--log-format" and following == "json"):
            return "json"
    return "text"


def check_format(name: str) -> None:
    """Refuse a format that there is not.

    Raises:
        UsageError: it is none of `FORMATS`.
    """
    if name not in FORMATS:
        raise UsageError(f"--log-format {name!r} is not available.", f"Choose from: {', '.join(FORMATS)}.")


@contextmanager
def logging_as(name: str) -> Iterator[None]:
    """Within the block standard error is in a format; other packages' warnings too.

    Args:
        name: one of `FORMATS`; text leaves everything as it is.
    """
    if name != "json":
        yield
        return
    handler, root = logging.StreamHandler(sys.stderr), logging.getLogger()
    handler.setFormatter(JsonFormatter())
    root.addHandler(handler)
    before = _LOGGER.level
    _LOGGER.setLevel(logging.INFO)
    try:
        with warnings_shown_by(warned):
            yield
    finally:
        _LOGGER.setLevel(before)
        root.removeHandler(handler)


@contextmanager
def warnings_shown_by(show: Callable[..., None]) -> Iterator[None]:
    """Within the block all notes are shown, and how warnings are.

    Args:
        show: as `warnings.showwarning`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always", CalibrationWarning)
        warnings.filterwarnings("ignore", message="Error (writing|reading) persistent compilation cache")
        warnings.showwarning = show
        yield


def warned(message: Warning | str, category: type[Warning], *_: object) -> None:
    """Tell of a warning."""
    event("note" if issubclass(category, CalibrationWarning) else "warning", "warning", message=str(message))


def as_json() -> bool:
    """Whether standard error is in JSON now."""
    return _LOGGER.level == logging.INFO


def event(name: str, level: str = "info", **fields: Any) -> None:
    """Say that something happened; only heard in JSON.

    Args:
        name: of the event: "start", "stage", "progress", "note", "written", "verdict", "error" or "exit".
        level: "info", "warning", "error" or "critical".
        **fields: of the event.
    """
    if as_json():
        _LOGGER.log(logging.getLevelNamesMapping()[level.upper()], name, extra={"fields": fields})


def stage_finished(stage: str, seconds: float) -> None:
    """Tell of a finished stage; what a `Stopwatch` calls."""
    event("stage", stage=stage, seconds=round(seconds, 4))


def progress_events(*, quiet: bool = False) -> "ProgressCallback":
    """A progress callback that tells where a run stands: the first and the last of a phase, and some between.

    Args:
        quiet: tell nothing.
    """
    told: dict[str, float] = {}

    def tell(standing: "Progress") -> None:
        now = time.monotonic()
        due = standing.phase not in told or now >= told[standing.phase] + LINE_EVERY_SECONDS
        if not quiet and (due or standing.done == standing.total):
            told[standing.phase] = now
            event("progress", **standing._asdict())

    return tell


def exit_code_of(run: Callable[[], int | None]) -> int:
    """Run a command whose errors become events.

    Args:
        run: the command; it returns its exit code, None for a good end.

    Returns:
        The exit code: the package's own for its errors, 2 for wrong usage, 1 for what nobody foresaw.
    """
    code = 0
    try:
        code = run() or 0
    except (IrtError, Interrupted) as error:
        code = error.exit_code
        event("error", "error", message=error.problem, remedy=error.remedy, exit_code=code)
    except Exception as error:
        usage = getattr(error, "format_message", None)  # Typer's errors, whose class is not the same in all versions
        code = int(getattr(error, "exit_code", 1)) if usage else 1
        message = usage() if usage else f"{type(error).__name__}: {error}"
        trace = {} if usage else {"traceback": traceback.format_exc()}
        event("error", "error" if usage else "critical", message=message, exit_code=code, **trace)
    event("exit", "info" if code == 0 else "error", exit_code=code)
    return code


def last_words(problem: str, remedy: str, exit_code: int) -> str:
    """The lines of a command that ends now, in the format that was asked for; for who can wait for no lock.

    Args:
        problem: see `IrtError`.
        remedy: likewise.
        exit_code: of the command.
    """
    if not as_json():
        return f"error: {problem} {remedy}\n"
    content = {"message": problem, "remedy": remedy, "exit_code": exit_code}
    records = [("error", content), ("exit", {"exit_code": exit_code})]
    made = [logging.LogRecord(_LOGGER.name, logging.ERROR, "", 0, name, None, None) for name, _ in records]
    for record, (_, fields) in zip(made, records, strict=True):
        record.fields = fields
    return "".join(JsonFormatter().format(record) + "\n" for record in made)
