"""Wide tables: one row a person and a column for each item become one row a response."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import GROUP, ITEM, PERSON, RESPONSE, WEIGHT
from irt_jax.data.check import check_ids, is_string
from irt_jax.data.missing import Codes
from irt_jax.data.not_items import check_ignored, doubtful_columns
from irt_jax.data.peek import Peek, item_columns, looks_like_item, nobody_named, person_columns
from irt_jax.data.room import Room, bytes_of
from irt_jax.data.source import Wanted
from irt_jax.errors import InputError, UsageError, first_few

#: What R and pandas call the column of row numbers that they write.
ROW_NUMBERS = ("", "Unnamed: 0", "__index_level_0__")
#: Names of a column of item ids, in lower case.
ITEM_NAMES = ("item", "items", "item_id", "itemid", "question", "question_id", "questions")
NO_CODES = Codes()


def wanted_of_wide(
    found: Peek,
    where: str,
    person: str,
    group: str | None,
    weight: str | None,
    ignored: Sequence[str] = (),
    codes: Codes = NO_CODES,
) -> tuple[list[Wanted], list[str]]:
    """All columns of a wide table, those of the persons under this package's names.

    Args:
        found: the start of the table.
        where: the source, for messages.
        person: the column of the persons' ids.
        group: of their groups; None takes `group` where there is one.
        weight: of their weights; None takes `weight` where there is one.
        ignored: columns to leave out.
        codes: that mean missing.

    Returns:
        The columns, without that of the persons where nothing is one, and notes.

    Raises:
        InputError: a column that is not there, or no item.
        UsageError: one column is named for two purposes.
    """
    notes: list[str] = []
    if person == PERSON and person not in found.names and len(known := person_columns(found)) == 1:
        person = known[0]
        _refuse_transposed(person, where)
        notes.append(f"The column {person!r} is taken as the persons' ids; --person-col names another.")
    others = [*ignored, *(name for name in (group or GROUP, weight or WEIGHT) if name in found.names)]
    if person == PERSON and nobody_named(found, others):
        chosen = []
        notes.append("No column has the persons' ids: they are the numbers of the rows; --person-col names a column.")
    else:
        chosen = [Wanted(PERSON, person, True, "--person-col")]
    for name, column in ((GROUP, group), (WEIGHT, weight)):
        if column is not None or name in found.names:
            chosen.append(Wanted(name, column or name, True, f"--{name}-col"))
    columns = [want.column for want in chosen]
    if len(set(columns)) < len(columns):
        raise UsageError("One column is named for two purposes.", "Give person, group and weight columns of their own.")
    for want in chosen:
        if want.column not in found.names:
            problem = f"Expected a column {want.column!r} in {where}, found {first_few(found.names, 12) or 'none'}."
            raise InputError(problem, f"Name the column with {want.option}.")
    check_ignored(ignored, found, columns, where)
    columns += ignored
    numbers = [name for name in found.names if name in ROW_NUMBERS and name not in columns]
    if numbers:
        notes.append(f"The column {numbers[0]!r} is left out: row numbers, and no item.")
    items = [Wanted(f"{RESPONSE} {name}", name) for name in found.names if name not in (*columns, *numbers)]
    if not items:
        raise InputError(f"Expected a column for each item in {where}, found none besides {first_few(columns)}.")
    if {PERSON, ITEM, RESPONSE} <= set(found.names):
        problem = f"Expected a wide table, found the columns {PERSON}, {ITEM} and {RESPONSE} of a long one in {where}."
        raise UsageError(problem, "Leave --wide out.")
    notes += doubtful_columns(found, [want.column for want in items], codes, where)
    return [*chosen, *items], notes


def melt(table: pa.Table, where: str) -> pa.Table:
    """One row a response, item after item.

    Args:
        table: with the columns of `wanted_of_wide`.
        where: the source, for messages.

    Raises:
        InputError: a person stands in several rows, a column holds what no response is, or there is no memory.
    """
    if PERSON not in table.column_names:
        table = table.add_column(0, PERSON, pa.array(np.arange(1, table.num_rows + 1)))
    of_persons = [name for name in (PERSON, GROUP, WEIGHT) if name in table.column_names]
    check_ids(table, PERSON, where)
    items = [name for name in table.column_names if name not in of_persons]
    _refuse_repeated(table, where)
    kind = _common([table[name].type for name in items])
    if kind is None:
        bad = [name for name in items if _common([table[name].type]) is None]
        name = bad[0].removeprefix(f"{RESPONSE} ")
        problem = (
            f"Expected responses in every column but the persons' in {where}, found {table[bad[0]].type} in {name!r}."
        )
        raise InputError(
            problem, f"Leave it out with --ignore-cols {name}, or name what it is with --person-col or --group-col."
        )
    widths = bytes_of(pa.int32()) + sum(bytes_of(table[name].type) for name in of_persons) + bytes_of(kind)
    Room(f"persons times items of {where}").take(table.num_rows * len(items), widths + bytes_of(pa.string()))
    chunks = [chunk for name in items for chunk in table[name].cast(kind).chunks]
    ids = pa.array([name.removeprefix(f"{RESPONSE} ") for name in items])
    columns = {name: pa.chunked_array(table[name].chunks * len(items), table[name].type) for name in of_persons}
    columns[ITEM] = pa.chunked_array([ids.take(pa.array(np.repeat(np.arange(len(items)), table.num_rows)))])
    return pa.table({**columns, RESPONSE: pa.chunked_array(chunks, kind)})


def _refuse_transposed(person: str, where: str) -> None:
    if person.strip().lower() in ITEM_NAMES:
        problem = f"Expected a row for each person in {where}, found the column {person!r}, as if rows were items."
        raise InputError(problem, f"Transpose the table; if its rows are persons, say so with --person-col {person}.")


def _refuse_repeated(table: pa.Table, where: str) -> None:
    counts = table[PERSON].value_counts()
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if len(repeated):
        shown = first_few(repeated.slice(0, 5).to_pylist(), total=len(repeated))
        problem = f"Expected one row for each person in the wide table {where}, found several for {shown}."
        raise InputError(problem, "Keep one row for each person, or make it a long table and choose with --repeats.")


def _common(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """A type that holds all of them; None where one is no type of responses."""
    kinds = [kind for kind in kinds if not pa.types.is_null(kind)]
    if not kinds or all(pa.types.is_boolean(kind) for kind in kinds):
        return pa.bool_() if kinds else pa.null()
    if any(is_string(kind) for kind in kinds):
        known = (
            is_string(k) or pa.types.is_integer(k) or pa.types.is_floating(k) or pa.types.is_boolean(k) for k in kinds
        )
        return pa.large_string() if all(known) else None
    if all(pa.types.is_boolean(kind) or pa.types.is_integer(kind) for kind in kinds):
        return pa.int64()
    numbers = (
        pa.types.is_boolean(k) or pa.types.is_integer(k) or pa.types.is_floating(k) or pa.types.is_decimal(k)
        for k in kinds
    )
    return pa.float64() if all(numbers) else None


def refuse_columns_of_wide(table: pa.Table, found: Peek, columns: Sequence[str], where: str) -> None:
    """Refuse a wide table of which two items were named as the items and the responses.

    Such a table has one row a person, and "item ids" that are responses: few kinds of small numbers.

    Args:
        table: person_id, item_id and response, as read.
        found: the start of the source.
        columns: that were named, person, item and response first.
        where: the source, for the message.

    Raises:
        InputError: it is one.
    """
    others = item_columns(found, but=columns)
    if not looks_like_item(table[ITEM]) or not looks_like_item(table[RESPONSE]):
        return
    once = pc.count_distinct(table[PERSON]).as_py() == table.num_rows
    binary = len(pc.unique(table[ITEM]).drop_null()) <= 2 and len(others) >= 2
    if (once and table.num_rows > 1) or binary:
        shown = first_few(sorted(map(str, pc.unique(table[ITEM]).to_pylist())), 3)
        problem = (
            f"Expected ids of items in the column {columns[1]!r} of {where}, found {shown}, which look like responses"
            f"{', with one row a person' if once else ''}"
        )
        more = f"; {len(others):,} other columns look like items too" if others else ""
        raise InputError(f"{problem}{more}.", "If each column is an item, read the table with --wide.")
