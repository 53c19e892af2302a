"""Read responses: Parquet, CSV or a table in memory, long or wide, becomes a checked Arrow table."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import pyarrow as pa

from irt_jax.contract.bounds import check_options
from irt_jax.contract.names import GROUP, ITEM, PERSON, RESPONSE, SEQ, WEIGHT
from irt_jax.data.check import as_groups, as_numbers, as_order, as_responses, check_ids, is_string
from irt_jax.data.delimited import as_any, as_ids, as_weights
from irt_jax.data.locate import CSV_SUFFIXES, PARQUET_SUFFIXES, Files, locate
from irt_jax.data.missing import Codes, parse_codes, without_missing
from irt_jax.data.not_items import parse_columns
from irt_jax.data.peek import WAREHOUSE, Peek, known_names, peek_files, peek_memory, refuse_wide
from irt_jax.data.source import Wanted, are_text, describe, from_memory, read_parquet, read_text
from irt_jax.data.told import told_before, with_told
from irt_jax.data.wide import melt, refuse_columns_of_wide, wanted_of_wide
from irt_jax.errors import InputError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Source = Union[str, "os.PathLike[str]", pa.Table, "pd.DataFrame"]


def read_responses(
    source: Source,
    *,
    person_col: str = PERSON,
    item_col: str = ITEM,
    response_col: str = RESPONSE,
    group_col: str | None = None,
    seq_col: str | None = None,
    weight_col: str | None = None,
    wide: bool = False,
    ignore_cols: str | Iterable[str] | None = None,
    missing: str | int | float | Iterable[str | int | float] | None = None,
    first_category: int = 0,
) -> pa.Table:
    """Read and check responses, one row a response, or with `wide` one row a person.

    Only the columns that are needed are read. Ids keep their type (string, large_string or any integer;
    dictionaries are decoded); those of a CSV file are integers where all are written as integers are, and text
    otherwise. Floats are taken when all of them are whole numbers, and so is text; NA, N/A, NULL, NaN, None, a point
    and nothing are missing.

    Args:
        source: a Parquet or CSV file (by its suffix: .csv, .tsv, and .gz behind it), a folder (recursive, with hive
            partitions), a glob, an fsspec URL (`s3://...`), a `pa.Table`, or a pandas DataFrame, in which NaN means
            null. Columns id, item and resp, as the Item Response Warehouse has them, are recognised.
        person_col: the column of the persons' ids.
        item_col: the column of the items' ids.
        response_col: the column of the responses, integers from 0 or booleans; null means missing.
        group_col: the column of the persons' groups. None takes `group` where there is one.
        seq_col: the column that orders repeats of a person-item pair. None takes `seq` where there is one.
        weight_col: the column of the persons' weights. None takes `weight` where there is one.
        wide: one row a person; every column but those of persons, groups and weights is an item. Where every column
            looks like an item, persons are the rows, by number.
        ignore_cols: columns of a wide table that are no items, such as ["age", "total"].
        missing: codes of missing responses, such as [9, 99, -1].
        first_category: the number of the lowest category; 1 where categories count from 1.

    Returns:
        Columns person_id, item_id, response (int32, nulls kept) and, where present, group (string), seq (as
        read) and weight (float64), in the order of the files and rows; of a wide table, item after item. The
        schema's metadata says what a user should know of the reading.

    Raises:
        InputError: the source cannot be read, or a column is missing or holds what it must not.
        UsageError: one column is named for two purposes, or options contradict each other.
    """
    told = _Told(parse_codes(missing), first_category, [])
    check_options(first_category=first_category)
    where = describe(source)
    if before := told_before(source):
        told = _left(told, before)
    elif hasattr(source, "__arrow_c_stream__") and peek_memory(source) is None:
        source = pa.table(source)  # what can be read once only
    named = (person_col, item_col, response_col, group_col, seq_col, weight_col)
    if wide:
        if item_col != ITEM or response_col != RESPONSE or seq_col is not None:
            raise UsageError("--wide takes no --item-col, --response-col or --seq-col: every column is an item.")
        found, columns = _peek(source, where), (person_col, group_col, weight_col)
        wanted, notes = wanted_of_wide(found, where, *columns, parse_columns(ignore_cols), told.missing)
        told.notes.extend(notes)
        table = melt(_read(source, wanted, where), where)
        return _checked(table, where, told)
    if parse_columns(ignore_cols):
        raise UsageError("--ignore-cols leaves columns of a wide table out.", "Give it with --wide.")
    wanted = _wanted(*named)
    if named[:3] == (PERSON, ITEM, RESPONSE):
        return _checked(_read_contract(source, wanted, where, told), where, told)
    found = _peek(source, where)
    if any(want.required and want.column not in found.names for want in wanted):
        refuse_wide(found, where)
    table = _read(source, wanted, where)
    refuse_columns_of_wide(table, found, [want.column for want in wanted], where)
    return _checked(table, where, told)


class _Told(NamedTuple):
    """Codes that mean missing, the number of the lowest category, and notes so far."""

    missing: Codes
    first_category: int
    notes: list[str]


def _left(told: _Told, before: dict[str, Any]) -> _Told:
    """What there is left to do for a table that `read_responses` gave."""
    codes = parse_codes([code for code in told.missing.texts if code not in before["missing"]])
    first = 0 if before["first_category"] else told.first_category
    return _Told(codes, first, list(before["notes"]))


def _locate(source: Union[str, "os.PathLike[str]"]) -> Files:
    return locate(source, (*PARQUET_SUFFIXES, *CSV_SUFFIXES))


def _peek(source: Source, where: str) -> Peek:
    found = peek_memory(source)
    if found is not None:
        return found
    return peek_files(_locate(source), where) if isinstance(source, str | os.PathLike) else Peek([], None)


def _read_contract(source: Source, wanted: list[Wanted], where: str, told: "_Told") -> pa.Table:
    """A long table with the contract's columns or the Item Response Warehouse's, in any case and with spaces."""
    try:
        return _read(source, wanted, where)
    except InputError:
        found = _peek(source, where)
        known = known_names(found)
        if not known or {PERSON, ITEM, RESPONSE} <= set(found.names):
            if not {PERSON, ITEM, RESPONSE} <= set(found.names):
                refuse_wide(found, where)
            raise
    shown = ", ".join(map(repr, known.values()))
    of = " (Item Response Warehouse)" if known[PERSON].strip().lower() == WAREHOUSE[PERSON] else ""
    told.notes.append(f"The columns {shown} are taken as persons, items and responses{of}.")
    return _read(source, [want._replace(column=known.get(want.name, want.column)) for want in wanted], where)


def _read(source: Source, wanted: list[Wanted], where: str) -> pa.Table:
    """The wanted columns; those of a CSV file have the types that their text allows."""
    table = from_memory(source, wanted)
    if table is not None:
        return table
    if not isinstance(source, str | os.PathLike):
        problem = f"Expected a path, a URL, a pyarrow Table or a pandas DataFrame, found {where}."
        raise InputError(problem, "Pass the path of a Parquet or CSV file.")
    files = _locate(source)
    if not are_text(files, where):
        return read_parquet(files, wanted)
    table = read_text(files, wanted)
    casts = {PERSON: as_ids, ITEM: as_ids, SEQ: as_any, WEIGHT: as_weights}
    columns = zip(table.column_names, table.columns, strict=True)
    return pa.table({n: casts[n](c) if n in casts and is_string(c.type) else c for n, c in columns})


def _wanted(person: str, item: str, response: str, *optional: str | None) -> list[Wanted]:
    wanted = [
        Wanted(PERSON, person, True, "--person-col"),
        Wanted(ITEM, item, True, "--item-col"),
        Wanted(RESPONSE, response, True, "--response-col"),
    ]
    for name, column in zip((GROUP, SEQ, WEIGHT), optional, strict=True):
        if column is not None:
            wanted.append(Wanted(name, column, True, f"--{name}-col"))
    columns = [want.column for want in wanted]
    for want in wanted:
        if columns.count(want.column) > 1:
            problem = f"The column {want.column!r} is named for two purposes."
            raise UsageError(problem, "Give each of person, item, response, group, seq and weight its own column.")
    for name, column in zip((GROUP, SEQ, WEIGHT), optional, strict=True):
        if column is None and name not in columns:
            wanted.append(Wanted(name, name, False))
    return wanted


def _checked(table: pa.Table, where: str, told: _Told) -> pa.Table:
    columns = {name: table[name] for name in (PERSON, ITEM)}
    if told.missing.texts or is_string(table[RESPONSE].type):
        response, notes = without_missing(table, told.missing, where)
        table = table.set_column(table.column_names.index(RESPONSE), RESPONSE, response)
        told.notes.extend(notes)
    response = as_responses(table, where, told.first_category)
    if told.first_category:
        told.notes.append(f"Categories count from {told.first_category}, as --first-category says: that is category 0.")
    check_ids(table, PERSON, where)
    check_ids(table, ITEM, where)
    columns[RESPONSE] = response
    if GROUP in table.column_names:
        columns[GROUP] = as_groups(table[GROUP], where)
    if SEQ in table.column_names:
        columns[SEQ] = as_order(table[SEQ], where)
    if WEIGHT in table.column_names:
        columns[WEIGHT] = as_numbers(table[WEIGHT], WEIGHT, where)
    found = pa.table(columns)
    if not told.notes:
        return found
    return with_told(found, missing=told.missing.texts, first_category=told.first_category, notes=told.notes)
