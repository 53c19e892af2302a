"""Tables with one row an item: anchors, known items, models. From memory, Parquet, CSV or a run's folder."""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from jaxtyping import Float64

from irt_jax.contract.names import GROUP, ITEM, ITEMS_FILE, LISTS
from irt_jax.data.check import as_numbers, check_ids, is_string
from irt_jax.data.delimited import as_arrow, how_written
from irt_jax.data.item_lists import with_lists
from irt_jax.data.locate import CSV_SUFFIXES, Files, locate
from irt_jax.data.source import Wanted, describe, from_memory, pick, read_parquet
from irt_jax.errors import InputError, first_few, first_line

#: Marks ids from a CSV, where a number and its text look the same: they match ids of either kind.
UNTYPED = {b"irt_jax": b"untyped"}


def read_item_table(
    source: object, wanted: Sequence[Wanted], numbers: Collection[str], what: str = "item", *, by_group: bool = False
) -> pa.Table:
    """Read a table and check that every item stands in it once.

    Args:
        source: a Parquet file, folder, glob or URL; a CSV file (by its suffix), with semicolons or tabs too, and then
            decimal commas; a run's folder; or a table in memory. Lists may be in any of the forms of `with_lists`.
        wanted: its columns, that of the ids first.
        numbers: names of the columns that are numbers; in a CSV file the others are text.
        what: the rows are, for messages.
        by_group: whether an item may stand there once for each `group`.

    Returns:
        The wanted columns that are there; ids from a CSV file are marked `UNTYPED`.

    Raises:
        InputError: the source cannot be read; a column is missing, or of a type that it cannot have; there is no row;
            ids are null or repeated.
    """
    where = describe(source)
    table = from_memory(source, wanted)
    if table is None:
        if not isinstance(source, str | os.PathLike):
            problem = f"Expected a path, a URL, a pyarrow Table or a pandas DataFrame, found {where}."
            raise InputError(problem, "Pass the path of a Parquet or CSV file.")
        table = _read_path(source, wanted, numbers)
    table = with_lists(_of_kinds(table, numbers, where), where)
    if table.num_rows == 0:
        raise InputError(f"Expected {what}s, found 0 rows in {where}.", f"Leave the {what}s out if there are none.")
    check_ids(table, ITEM, where)
    keys = [ITEM, GROUP] if by_group and GROUP in table.column_names else [ITEM]
    counts = table.group_by(keys).aggregate([([], "count_all")])
    repeated = counts.filter(pc.greater(counts["count_all"], 1))[ITEM].unique()
    if len(repeated):
        shown = first_few(repeated.to_pylist())
        problem = f"Expected each {what} once, found repeated {ITEM} in {where}: {shown}."
        raise InputError(problem, "Keep one row for each item.")
    return table


def _of_kinds(table: pa.Table, numbers: Collection[str], where: str) -> pa.Table:
    """Columns as the types that are meant: float64, and lists of it where they are lists; text may stand for lists.

    Raises:
        InputError: a type that the column cannot have.
    """
    lists = {f"{name}{suffix}" for name in LISTS for suffix in ("", "_sd")}
    for place, name in enumerate(table.column_names):
        column = table[name]
        if name in numbers:
            table = table.set_column(place, name, as_numbers(column, name, where))
        elif name in lists and not is_string(column.type):
            table = table.set_column(place, name, _as_lists(column, name, where))
        elif name not in lists and name != ITEM and pa.types.is_nested(column.type):  # ids are looked at apart
            raise InputError(f"Expected text in {name}, found {column.type} in {where}.", "Write the column again.")
    return table


def _as_lists(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_null(column.type):
        with suppress(pa.ArrowException, ValueError):
            return column.cast(pa.list_(pa.float64()))
    problem = f"Expected lists of numbers in {name}, found {column.type} in {where}."
    raise InputError(problem, f"Write {name} as a list of floats, or remove the column.")


def _read_path(source: str | os.PathLike[str], wanted: Sequence[Wanted], numbers: Collection[str]) -> pa.Table:
    path = os.fspath(source)
    files = locate(path)
    if path.lower().endswith(CSV_SUFFIXES):
        return _read_csv(files, wanted, numbers)
    run_items = f"{files.base}/{ITEMS_FILE}"
    return read_parquet(files._replace(paths=[run_items]) if run_items in files.paths else files, wanted)


def _read_csv(files: Files, wanted: Sequence[Wanted], numbers: Collection[str]) -> pa.Table:
    path = files.paths[0]
    delimiter, decimal_point = how_written(files, path)
    types = {want.column: pa.float64() if want.name in numbers else pa.string() for want in wanted}
    try:
        with files.open(path) as stream:
            table = pa_csv.read_csv(
                as_arrow(stream, path),
                parse_options=pa_csv.ParseOptions(delimiter=delimiter),
                convert_options=pa_csv.ConvertOptions(column_types=types, decimal_point=decimal_point),
            )
    except PermissionError as error:
        raise InputError(f"No permission to read {path!r}.", "Check the file's permissions.") from error
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"Cannot read the CSV file {path!r}: {first_line(error)}", "Correct the file.") from error
    chosen = pick(table.column_names, wanted, repr(path))
    fields = [pa.field(want.name, table[want.column].type) for want in chosen]
    fields[0] = fields[0].with_metadata(UNTYPED)
    return pa.table([table[want.column] for want in chosen], schema=pa.schema(fields))


def numbers_or_nan(table: pa.Table, name: str) -> Float64[np.ndarray, " row"]:
    """A column of numbers, NaN where there is none.

    Args:
        table: any.
        name: of the column.
    """
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return pc.fill_null(table[name].cast(pa.float64()), np.nan).to_numpy().astype(np.float64)


def padded_lists(table: pa.Table, name: str) -> Float64[np.ndarray, "row entry"]:
    """A column of lists of numbers as a matrix, NaN beyond each list's end.

    Args:
        table: any.
        name: of the column.
    """
    if name not in table.column_names:
        return np.full((table.num_rows, 0), np.nan)
    lists = table[name].combine_chunks()
    count = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    matrix = np.full((len(count), int(count.max(initial=0))), np.nan)
    matrix[np.arange(matrix.shape[1]) < count[:, None]] = pc.fill_null(pc.list_flatten(lists), np.nan).to_numpy()
    return matrix
