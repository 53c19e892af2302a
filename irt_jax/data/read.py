"""Read responses: Parquet or a table in memory becomes a checked Arrow table."""

import os
from typing import TYPE_CHECKING, Union

import pyarrow as pa

from irt_jax.data.check import as_groups, as_numbers, as_order, as_responses, check_ids
from irt_jax.data.locate import locate
from irt_jax.data.source import Wanted, describe, from_memory, read_parquet
from irt_jax.errors import InputError, UsageError
from irt_jax.names import GROUP, ITEM, PERSON, RESPONSE, SEQ, WEIGHT

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
) -> pa.Table:
    """Read and check responses, one row a response.

    Only the columns that are needed are read. Ids keep their type (string, large_string or any integer;
    dictionaries are decoded), floats are taken when all of them are whole numbers.

    Args:
        source: a Parquet file, a folder (recursive, with hive partitions), a glob, an fsspec URL
            (`s3://...`), a `pa.Table`, or a pandas DataFrame, in which NaN means null.
        person_col: the column of the persons' ids.
        item_col: the column of the items' ids.
        response_col: the column of the responses, integers from 0 or booleans; null means missing.
        group_col: the column of the persons' groups. None takes `group` where there is one.
        seq_col: the column that orders repeats of a person-item pair. None takes `seq` where there is one.
        weight_col: the column of the persons' weights. None takes `weight` where there is one.

    Returns:
        Columns person_id, item_id, response (int32, nulls kept) and, where present, group (string), seq (as
        read) and weight (float64), in the order of the files and rows.

    Raises:
        InputError: the source cannot be read, or a column is missing or holds what it must not.
        UsageError: one column is named for two purposes.
    """
    wanted = _wanted(person_col, item_col, response_col, group_col, seq_col, weight_col)
    table = from_memory(source, wanted)
    if table is None:
        if not isinstance(source, str | os.PathLike):
            problem = f"Expected a path, a URL, a pyarrow Table or a pandas DataFrame, found {describe(source)}."
            raise InputError(problem, "Pass the path of a Parquet file.")
        table = read_parquet(locate(source), wanted)
    return _checked(table, describe(source))


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


def _checked(table: pa.Table, where: str) -> pa.Table:
    columns = {name: table[name] for name in (PERSON, ITEM)}
    response = as_responses(table, where)
    check_ids(table, PERSON, where)
    check_ids(table, ITEM, where)
    columns[RESPONSE] = response
    if GROUP in table.column_names:
        columns[GROUP] = as_groups(table[GROUP], where)
    if SEQ in table.column_names:
        columns[SEQ] = as_order(table[SEQ], where)
    if WEIGHT in table.column_names:
        columns[WEIGHT] = as_numbers(table[WEIGHT], WEIGHT, where)
    return pa.table(columns)
