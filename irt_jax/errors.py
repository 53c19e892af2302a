"""Errors with a remedy in their text, and the exit code that a command ends with.

Each error says what was wrong (what was expected, what was found, which ids) and what to do about it.
"""

from collections.abc import Iterable


class IrtError(Exception):
    """The base of this package's errors.

    Args:
        problem: what is wrong: what was expected, what was found, and the first ids.
        remedy: what to do about it; it becomes the last sentence of the message.
    """

    exit_code = 1

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}".strip())


class UsageError(IrtError):
    """An option or a combination of options that cannot be used."""

    exit_code = 2


class InputError(IrtError):
    """A file or a table that is not what the contract asks for."""

    exit_code = 3


class OutputError(IrtError):
    """A result that cannot be written: the folder exists, the disk is full or read-only."""

    exit_code = 3


class ConvergenceError(IrtError):
    """A sampler that cannot run at all, such as one without a finite starting point."""

    exit_code = 4


class DiagnosticsError(IrtError):
    """A run whose diagnostics failed, or that the monthly gate refused, where only a good one will do."""

    exit_code = 4


class DatabaseError(IrtError):
    """A database that cannot be reached, may not be written, or does not hold what is asked for."""

    exit_code = 5


class Interrupted(BaseException):
    """A run stopped by a signal; its checkpoint lies beside the output folder.

    No `Exception`, as `KeyboardInterrupt` is none: whoever handles every error of his own shall not swallow it.

    Args:
        signal_number: SIGINT (2) or SIGTERM (15); the exit code is 128 more.
        remedy: how to go on.
    """

    def __init__(self, signal_number: int, remedy: str = "") -> None:
        self.exit_code = 128 + signal_number
        self.problem = "Interrupted."
        self.remedy = remedy
        super().__init__(f"{self.problem} {remedy}".strip())


#: Characters of an id or another value that a message shows.
SHOWN = 60


def brief(value: object) -> str:
    """Write a value into a message: what does not print is escaped, and what is long is cut.

    Args:
        value: an id, or a tuple of ids and numbers.
    """
    if isinstance(value, tuple):
        return f"({', '.join(map(brief, value))}{',' if len(value) == 1 else ''})"
    if not isinstance(value, str | bytes):
        text = repr(value)
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return repr(value) if len(value) <= SHOWN else f"{value[:SHOWN]!r}..."


def first_few(values: Iterable[object], limit: int = 5, total: int | None = None) -> str:
    """Write the first ids of a list: `'q1', 'q7' and 12 more`.

    Args:
        values: ids, at least the first `limit` of them.
        limit: how many are written out.
        total: how many there are in all; counted from `values` when not given.
    """
    shown = list(values)
    count = len(shown) if total is None else total
    text = ", ".join(brief(value) for value in shown[:limit])
    left = count - min(limit, len(shown))
    return f"{text} and {left:,} more" if left > 0 else text


class CalibrationWarning(UserWarning):
    """Something a user should know about the data or the result, without stopping the run."""


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message, so that ours stays one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
