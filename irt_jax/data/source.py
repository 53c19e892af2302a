"""Take the wanted columns of Parquet or CSV files or of a table that is already in memory.

What comes out is one Arrow table under this package's names. Whether the values are good is not decided here
but in `check`.
"""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from irt_jax.data.delimited import read_delimited, read_header
from irt_jax.data.item_lists import numbered
from irt_jax.data.locate import CSV_SUFFIXES, Files, parts_below
from irt_jax.data.room import Room, bytes_of
from irt_jax.errors import InputError, first_few, first_line

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_THREADS = 8


class Wanted(NamedTuple):
    """One column to read.

    Attributes:
        name: what it is called in the result.
        column: what it is called in the source.
        required: whether its absence is an error.
        option: how a user says that it has another name, such as `--person-col`; empty when there is no way.
        numbered: whether columns of this name with a number behind it are wanted too, and do instead.
    """

    name: str
    column: str
    required: bool = True
    option: str = ""
    numbered: bool = False


def describe(source: object) -> str:
    """Say in a message what was read: the quoted path or URL, or the kind of table."""
    if isinstance(source, str | os.PathLike):
        return repr(os.fspath(source))
    return f"the {type(source).__name__}"


def pick(names: Sequence[str], wanted: Sequence[Wanted], where: str) -> list[Wanted]:
    """Choose the wanted columns that are there.

    Args:
        names: the columns of the source.
        wanted: the columns to read.
        where: the source, for the message.

    Raises:
        InputError: a required column is missing, or a wanted column is there more than once.
    """
    more = [Wanted(name, name, False) for want in wanted if want.numbered for name in numbered(names, want.column)]
    do_instead = {want.column for want in wanted if want.numbered and numbered(names, want.column)}
    for want in wanted:
        if want.required and want.column not in names and want.column not in do_instead:
            problem = f"Expected a column {want.column!r} in {where}, found {first_few(names, 12) or 'none'}."
            hint = f"Name the column with {want.option}." if want.option else "Add the column."
            raise InputError(problem, hint)
        if list(names).count(want.column) > 1:
            raise InputError(f"The column {want.column!r} is more than once in {where}.", "Rename one of them.")
    return [*(want for want in wanted if want.column in names), *more]


def read_parquet(files: Files, wanted: Sequence[Wanted]) -> pa.Table:
    """Read the wanted columns of Parquet files, hive partitions included, into one table.

    Raises:
        InputError: a file is not Parquet, damaged or not permitted, lacks a column, or its types differ from
            those of the other files; or there is no memory for the rows.
    """
    return _read_all(files, wanted, _read_file)


def read_text(files: Files, wanted: Sequence[Wanted]) -> pa.Table:
    """Read the wanted columns of CSV files, hive partitions included, into one table of text.

    Raises:
        InputError: a file is no CSV file, damaged or not permitted, or lacks a column; or there is no memory.
    """
    return _read_all(files, wanted, _read_text_file)


def are_text(files: Files, where: str) -> bool:
    """Whether the files are CSV, by their names.

    Raises:
        InputError: some are.
    """
    text = [path.lower().endswith(CSV_SUFFIXES) for path in files.paths]
    if any(text) and not all(text):
        shown = [os.path.basename(files.paths[text.index(kind)]) for kind in (True, False)]
        problem = f"Expected files of one kind in {where}, found CSV and others: {first_few(shown, total=len(text))}."
        raise InputError(problem, "Name those that are meant, as in '*.parquet' or '*.csv'.")
    return any(text)


def _read_all(files: Files, wanted: Sequence[Wanted], read: "_Read") -> pa.Table:
    partitions = _partition_columns(files)
    room = Room(repr(files.paths[0]) if len(files.paths) == 1 else f"{len(files.paths):,} files")

    def read_one(path: str) -> pa.Table:
        return read(files, path, wanted, partitions, room)

    if len(files.paths) == 1:
        return read_one(files.paths[0])
    with ThreadPoolExecutor(_THREADS) as pool:
        tables = list(pool.map(read_one, files.paths))
    return _concat(files.paths, tables)


def _partition_columns(files: Files) -> "_Partitions":
    """Give for each hive key the value of each file: integers when all are written as such, else strings."""
    columns: dict[str, dict[str, Any]] = {}
    for path in files.paths:
        for part in parts_below(path, files.base)[:-1]:
            key, equals, value = part.partition("=")
            if equals:
                text = None if value == _NULL_PARTITION else unquote(value)
                columns.setdefault(unquote(key), {})[path] = text
    for values in columns.values():
        texts = [text for text in values.values() if text is not None]
        if texts and all(text.lstrip("-").isdecimal() and str(int(text)) == text for text in texts):
            values.update({path: None if text is None else int(text) for path, text in values.items()})
    return columns


_Partitions = dict[str, dict[str, Any]]
_Read = Callable[[Files, str, Sequence[Wanted], _Partitions, Room], pa.Table]


def _read_file(files: Files, path: str, wanted: Sequence[Wanted], partitions: _Partitions, room: Room) -> pa.Table:
    try:
        with files.open(path) as stream, pq.ParquetFile(stream, pre_buffer=True) as parquet:
            inside = parquet.schema_arrow.names
            outside = [key for key, values in partitions.items() if path in values and key not in inside]
            chosen = pick([*inside, *outside], wanted, repr(path))
            rows = parquet.metadata.num_rows
            kinds = [parquet.schema_arrow.field(want.column).type for want in chosen if want.column in inside]
            room.take(rows, sum(map(bytes_of, kinds)))
            table = parquet.read([want.column for want in chosen if want.column in inside])
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            f"No memory left while reading {path!r}.", "Read fewer rows, or use another machine."
        ) from error
    except Exception as error:  # Arrow and each fsspec file system have errors of their own
        raise _unreadable(files, path, error) from error
    return _named(table, chosen, path, partitions, rows)


def _read_text_file(files: Files, path: str, wanted: Sequence[Wanted], partitions: _Partitions, room: Room) -> pa.Table:
    try:
        header = read_header(files, path)
        outside = [key for key, values in partitions.items() if path in values and key not in header.names]
        chosen = pick([*header.names, *outside], wanted, repr(path))
        inside = [want.column for want in chosen if want.column in header.names]
        if header.row_bytes:
            room.take(int(header.size / header.row_bytes), int(header.row_bytes) + 4 * len(inside))
        table = read_delimited(files, path, header, inside)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            f"No memory left while reading {path!r}.", "Read fewer rows, or use another machine."
        ) from error
    except Exception as error:  # each fsspec file system has errors of its own
        raise _not_opened(path, error) or InputError(
            f"Cannot read the CSV file {path!r}: {first_line(error)}.", "Write or copy it again."
        ) from error
    return _named(table, chosen, path, partitions, table.num_rows)


def _named(table: pa.Table, chosen: Sequence[Wanted], path: str, partitions: _Partitions, rows: int) -> pa.Table:
    """The wanted columns by this package's names, with those that the path gives."""
    columns = {}
    for want in chosen:
        if want.column in table.column_names:
            columns[want.name] = plain(table[want.column])
        else:
            value = partitions[want.column][path]
            kinds = {type(other) for other in partitions[want.column].values()}
            columns[want.name] = _constant(value, pa.int64() if int in kinds else pa.string(), rows)
    return pa.table(columns)


def _constant(value: Any, kind: pa.DataType, rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(pa.scalar(value, kind), rows)])


def _not_opened(path: str, error: Exception) -> InputError | None:
    if isinstance(error, PermissionError):
        return InputError(f"No permission to read {path!r}.", "Check the file's permissions.")
    if isinstance(error, FileNotFoundError):
        return InputError(f"No such file: {path!r}.", "Check the path.")
    return None


def _unreadable(files: Files, path: str, error: Exception) -> InputError:
    known = _not_opened(path, error)
    if known is not None:
        return known
    try:
        with files.open(path) as stream:
            magic = bytes(stream.read(4))
    except Exception:  # the first error is the one to tell
        magic = b""
    if magic == b"PAR1":
        problem = f"The Parquet file {path!r} is truncated or damaged: {first_line(error)}"
        return InputError(problem, "Write or copy it again.")
    remedy = "Convert it to Parquet, or name it .csv or .tsv if it is text."
    return InputError(f"Expected a Parquet file, found something else: {path!r}.", remedy)


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Undo encodings that change how values are stored and not what they are."""
    if pa.types.is_dictionary(column.type):
        return plain(column.cast(column.type.value_type))
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    return column


def _concat(paths: Sequence[str], tables: Sequence[pa.Table]) -> pa.Table:
    names = list(dict.fromkeys(name for table in tables for name in table.column_names))
    fields = []
    for name in names:
        types: dict[pa.DataType, str] = {}
        for path, table in zip(paths, tables, strict=True):
            if name not in table.column_names:
                problem = f"The column {name!r} is in some of the files and not in {path!r}."
                raise InputError(problem, "Write all files with the same columns.")
            types.setdefault(table[name].type, path)
        common = _common_type([kind for kind in types if not pa.types.is_null(kind)])
        if common is None:
            found = ", ".join(f"{kind} in {path!r}" for kind, path in list(types.items())[:3])
            problem = f"The column {name!r} has different types: {found}."
            raise InputError(problem, "Write all files with the same type.")
        fields.append(pa.field(name, common))
    schema = pa.schema(fields)
    return pa.concat_tables([table.select(names).cast(schema) for table in tables])


def _common_type(types: Sequence[pa.DataType]) -> pa.DataType | None:
    if len(set(types)) <= 1:
        return types[0] if types else pa.null()
    if all(pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in types):
        return pa.large_string()
    if all(pa.types.is_unsigned_integer(kind) for kind in types):
        return pa.uint64()
    if all(pa.types.is_integer(kind) and kind != pa.uint64() for kind in types):
        return pa.int64()
    return None


def from_memory(source: object, wanted: Sequence[Wanted]) -> pa.Table | None:
    """Take the wanted columns of a table in memory.

    Args:
        source: a `pa.Table`, a pandas DataFrame (where NaN means null, as in pandas), or anything else with
            the Arrow stream protocol.
        wanted: the columns to take.

    Returns:
        The table, or None when `source` is none of these.

    Raises:
        InputError: a column is missing or does not hold values of one type.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        columns = [want.column for want in pick(list(map(str, source.columns)), wanted, describe(source))]
        try:
            table = pa.Table.from_pandas(source, columns=columns, preserve_index=False)
        except (pa.ArrowException, ValueError, TypeError) as error:
            problem = f"Expected one type in each column of {describe(source)}: {first_line(error)}"
            raise InputError(problem, "Convert the column to one type.") from error
    elif hasattr(source, "__arrow_c_stream__"):
        table = source if isinstance(source, pa.Table) else pa.table(source)
    else:
        return None
    chosen = pick(table.column_names, wanted, describe(source))
    return pa.table({want.name: plain(table[want.column]) for want in chosen})
