"""Columns of a wide table that are no items: which to leave out, and which look as if they should be."""

import math
from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.data.check import is_string
from irt_jax.data.missing import NUMBER, WORDS, Codes
from irt_jax.data.peek import Peek, looks_like_item
from irt_jax.data.source import plain
from irt_jax.errors import InputError, UsageError, first_few

#: Names of columns that describe persons or add up items, in lower case.
OTHERS = (
    *("age", "sex", "gender", "grade", "class", "school", "school_id", "country", "region", "language", "year", "date"),
    *("time", "duration", "rt", "total", "total_score", "totalscore", "sum", "sumscore", "sum_score", "score"),
    *("raw_score", "rawscore", "percent", "pct", "mean", "average", "theta", "income", "education", "edu", "race"),
    *("ethnicity", "wave", "cohort", "site", "form", "booklet", "rater", "teacher", "district", "ses"),
)
#: A table of which so large a share of columns look like items has few others, and those are told.
MOST = 0.5
#: Begins what to do about columns that may be no items.
NO_ITEMS = "If they are none"


def parse_columns(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Names of columns from an option or an argument.

    Args:
        given: names; text may hold several, with commas between.
    """
    given = (given,) if isinstance(given, str) else given or ()
    return tuple(dict.fromkeys(part.strip() for name in given for part in name.split(",") if part.strip()))


def check_ignored(ignored: Sequence[str], found: Peek, columns: Collection[str], where: str) -> None:
    """Refuse to leave out what is not there, or what is named for something else.

    Args:
        ignored: columns to leave out.
        found: the start of the table.
        columns: that are named for persons, groups or weights.
        where: the source, for messages.

    Raises:
        InputError: there is no such column.
        UsageError: a column has another purpose.
    """
    unknown = [name for name in ignored if name not in found.names]
    if unknown:
        problem = f"Expected the columns of --ignore-cols in {where}, found no {first_few(unknown)}"
        raise InputError(f"{problem}; there are {first_few(found.names, 12)}.", "Correct the names.")
    if twice := [name for name in ignored if name in columns]:
        raise UsageError(f"The column {twice[0]!r} is named for two purposes.", "Take it out of --ignore-cols.")


def doubtful_columns(found: Peek, items: Sequence[str], codes: Codes, where: str) -> list[str]:
    """A note on columns that may be no items; columns that can be none are refused.

    Args:
        found: the start of the table.
        items: columns that are taken as items.
        codes: that mean missing.
        where: the source, for messages.

    Raises:
        InputError: columns without a whole number, among others that are items.
    """
    if found.rows is None:
        return []
    rows = found.rows
    seen = [name for name in items if name in rows.column_names]
    likely = [name for name in seen if looks_like_item(rows[name])]
    if len(likely) <= MOST * len(seen):
        return []
    missing = {*WORDS, *(text.lower() for text in codes.texts)}
    none = [name for name in seen if name not in likely and not _has_whole_number(rows[name], missing)]
    if none:
        shown = [f"{name} ({first_few(pc.unique(plain(rows[name])).drop_null().to_pylist(), 2)})" for name in none]
        more = f" and {len(none) - 3:,} more" if len(none) > 3 else ""
        problem = f"Expected responses in every column of {where} but those of persons, found none in "
        remedy = f"Leave out what is no item with --ignore-cols {','.join(none[:10])}; --group-col names groups."
        raise InputError(f"{problem}{', '.join(shown[:3])}{more}.", remedy)
    doubtful = [name for name in seen if name.strip().lower() in OTHERS or name not in likely]
    if not doubtful:
        return []
    return [
        f"Taken as items, though their names or numbers are unlike items': {first_few(doubtful)}. {NO_ITEMS}, "
        f"leave them out with --ignore-cols {','.join(doubtful[:10])}."
    ]


def _has_whole_number(column: pa.ChunkedArray, missing: Collection[str]) -> bool:
    """Whether a response stands somewhere in a column, or nothing at all."""
    values = pc.unique(plain(column)).drop_null()
    if is_string(values.type):
        texts = [text.strip() for text in values.to_pylist() if text.strip().lower() not in missing]
        numbers = pc.match_substring_regex(pa.array(texts, pa.string()), NUMBER).to_pylist()
        found = [float(text) for text, number in zip(texts, numbers, strict=True) if number]
        return not texts or any(map(float.is_integer, found))
    if pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        found = [float(value) for value in values.to_pylist() if math.isfinite(value)]
        return not found or sum(map(float.is_integer, found)) > MOST * len(found)
    return pa.types.is_integer(values.type) or pa.types.is_boolean(values.type) or pa.types.is_null(values.type)
