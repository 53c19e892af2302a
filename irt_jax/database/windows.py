"""Windows of time: a month by default, named in the table `windows`."""

import re
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from irt_jax.database.connection import table
from irt_jax.errors import DatabaseError, UsageError, first_few

#: A label that begins with a month means that month, where the table does not know it.
MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?!\d)")


class Window(NamedTuple):
    """A span of time.

    Attributes:
        label: its name.
        start: first moment.
        end: the first moment after it.
        zone: IANA name of the time zone that months and times without one are taken in.
        id: in the table; None where it is not there.
    """

    label: str
    start: datetime
    end: datetime
    zone: str
    id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the limits in ISO 8601, in the window's time zone."""
        zone = ZoneInfo(self.zone)
        return {
            "label": self.label,
            "start": self.start.astimezone(zone).isoformat(),
            "end": self.end.astimezone(zone).isoformat(),
            "end_is_exclusive": True,
            "time_zone": self.zone,
        }

    def __str__(self) -> str:
        zone = ZoneInfo(self.zone)
        texts = [
            f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}".removesuffix(":00") for moment in (self.start, self.end)
        ]
        return f"{self.label}: from {texts[0]} until {texts[1]} {self.zone}"


class Asked(NamedTuple):
    """What was asked for on the command line.

    Attributes:
        label: or None.
        start: or None.
        end: or None, with `start`.
        zone: see `Window`.
    """

    label: str | None
    start: datetime | None
    end: datetime | None
    zone: str


def read_asked(label: str | None, start: str | None, end: str | None, zone: str) -> Asked:
    """Read the options of a window.

    Args:
        label: as in the table.
        start: a date or a time in ISO 8601; without an offset it is in `zone`.
        end: likewise, exclusive.
        zone: IANA name.

    Raises:
        UsageError: what is no time, no time zone, one limit only, or an end before the start.
    """
    try:
        known = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"Unknown time zone: {zone!r}.", "Use an IANA name, such as UTC or Asia/Seoul.") from None
    if (start is None) != (end is None):
        raise UsageError("A window has two limits, found one.", "Give both --window-start and --window-end.")
    if label is not None and not label.strip():
        raise UsageError("The window's label is empty.", 'Give one, such as --window-label "2025-10 monthly".')
    if start is None or end is None:
        return Asked(label, None, None, zone)
    limits = [_moment(text, known) for text in (start, end)]
    if not limits[0] < limits[1]:
        raise UsageError(f"The window ends before it starts: {start} to {end}.", "--window-end is exclusive.")
    return Asked(label, limits[0], limits[1], zone)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"Expected a date or time in ISO 8601, found {text!r}.", "Write 2025-10-01.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def month(year: int, number: int, zone: str) -> tuple[datetime, datetime]:
    """First moment of a month, and of the next one."""
    known = ZoneInfo(zone)
    following = (year + number // 12, number % 12 + 1)
    return datetime(year, number, 1, tzinfo=known), datetime(*following, 1, tzinfo=known)


def previous_month(now: datetime, zone: str) -> tuple[int, int]:
    """Year and number of the calendar month before a moment."""
    local = now.astimezone(ZoneInfo(zone))
    return (local.year, local.month - 1) if local.month > 1 else (local.year - 1, 12)


def find_window(connection: psycopg.Connection[Any], asked: Asked, *, may_be_new: bool = False) -> Window:
    """Find a window in the table, or say what it would be.

    Without a label it is the previous calendar month's, "YYYY-MM monthly". A label that the table does not know means
    the month that it begins with.

    Args:
        connection: open.
        asked: from `read_asked`.
        may_be_new: whether a label that the table does not know and that names no month is the previous calendar month,
            as for a loader that makes the window.

    Raises:
        DatabaseError: the table knows no such label, or other limits than those asked for.
    """
    known = None
    label = asked.label
    if label is None and asked.start is None:
        label = "{:04}-{:02} monthly".format(*previous_month(_now(connection), asked.zone))
    if label is not None:
        query = sql.SQL("SELECT id, start_at, end_at FROM {} WHERE label = %s").format(table("windows"))
        known = connection.execute(query, [label]).fetchone()
    if known is not None and label is not None:
        found = Window(label, known[1], known[2], asked.zone, known[0])
        if asked.start is not None and (found.start, found.end) != (asked.start, asked.end):
            wanted = Window(label, asked.start, asked.end or asked.start, asked.zone)
            problem = f"The window {label!r} is there with other limits: {found}, not {wanted}."
            raise DatabaseError(problem, "Leave the limits out, or choose another label.")
        return found
    if asked.start is not None and asked.end is not None:
        return Window(label or f"{asked.start.isoformat()}/{asked.end.isoformat()}", asked.start, asked.end, asked.zone)
    named = MONTH.match(label or "")
    if named is None and not may_be_new:
        labels = _newest(connection)
        problem = f"There is no window {label!r}, and its label names no month; the newest are {first_few(labels)}."
        raise DatabaseError(problem, "Correct the label, or give --window-start and --window-end.")
    year, number = map(int, named.groups()) if named else previous_month(_now(connection), asked.zone)
    return Window(label or "", *month(year, number, asked.zone), asked.zone)


def _newest(connection: psycopg.Connection[Any]) -> list[str]:
    query = sql.SQL("SELECT label FROM {} ORDER BY end_at DESC LIMIT 5").format(table("windows"))
    return [row[0] for row in connection.execute(query)]


def _now(connection: psycopg.Connection[Any]) -> datetime:
    """The server's time."""
    row = connection.execute("SELECT now()").fetchone()
    assert row is not None
    return row[0]
