"""Delimited text: CSV and its kin, every column as text, so that ids stay what they are."""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from irt_jax.data.locate import Files
from irt_jax.errors import InputError, brief, first_few, first_line

DELIMITERS = (",", ";", "\t", "|")
#: Bytes of the start of a file that tell how it is written.
_START = 1 << 16
#: Text that stands for an integer and comes back as the same text.
_INTEGER = r"^(?:0|-?[1-9][0-9]{0,17})$"


class Header(NamedTuple):
    """How a file of delimited text is written.

    Attributes:
        names: of the columns.
        delimiter: between them.
        row_bytes: mean length of the first rows; 0 where there is none.
        size: of the file, bytes; 0 where it is not known, as of a compressed one.
    """

    names: list[str]
    delimiter: str
    row_bytes: float
    size: int


def read_header(files: Files, path: str) -> Header:
    """Look at the start of a file of delimited text.

    Args:
        files: opens it.
        path: the file; one that ends in `.gz` is decompressed.

    Raises:
        InputError: it is empty, not text, or its columns have no or equal names.
    """
    with files.open(path) as stream:
        size = 0 if path.lower().endswith(".gz") else _size(stream)
        start = _beginning(stream, path)
    if b"\0" in start:
        problem = f"Expected a CSV file in UTF-8, found other bytes in {path!r}."
        raise InputError(problem, "Save it as UTF-8 text, or as Parquet.")
    try:
        text = start.decode("utf-8-sig", "strict" if len(start) < _START else "ignore")
    except UnicodeDecodeError as error:
        problem = (
            f"Expected a CSV file in UTF-8, found other bytes in {path!r}: {error.reason} at byte {error.start:,}."
        )
        raise InputError(problem, "Save it as UTF-8.") from None
    lines = [line for line in text.splitlines() if line]
    if not lines:
        raise InputError(
            f"Expected a header with the names of the columns, found nothing in {path!r}.", "Export again."
        )
    delimiter = max(DELIMITERS, key=lambda mark: len(next(csv.reader([lines[0]], delimiter=mark))))
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        problem = f"Expected a name of its own for each column, found {first_few(repeated)} again in {path!r}."
        raise InputError(problem, "Give the file a header line with the columns' names.")
    rows = lines[1:-1] or lines[1:]
    return Header(names, delimiter, sum(map(len, rows)) / len(rows) + 1 if rows else 0.0, size)


def _size(stream: Any) -> int:
    size = getattr(stream, "size", 0)
    return int(size() if callable(size) else size or 0)


def _beginning(stream: Any, path: str) -> bytes:
    if path.lower().endswith(".gz"):
        with gzip.GzipFile(fileobj=stream) as plain:
            return plain.read(_START)
    return bytes(stream.read(_START))


def read_delimited(
    files: Files, path: str, header: Header, columns: Sequence[str], rows: int | None = None
) -> pa.Table:
    """Read columns as text; what is empty is null.

    Args:
        files: opens the file.
        path: the file.
        header: what `read_header` found.
        columns: to read.
        rows: the first so many at most, as far as the file's start has them; None for all.

    Raises:
        InputError: rows of another length, or bytes that are no UTF-8.
    """
    read = pa_csv.ReadOptions(column_names=header.names, skip_rows=1, use_threads=rows is None)
    parse = pa_csv.ParseOptions(delimiter=header.delimiter, newlines_in_values=True)
    convert = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()),
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
    )
    try:
        with files.open(path) as stream:
            source = as_arrow(stream, path)
            if rows is None:
                return pa_csv.read_csv(source, read, parse, convert)
            with pa_csv.open_csv(source, read, parse, convert) as batches:
                return pa.Table.from_batches([batches.read_next_batch()]).slice(0, rows)
    except StopIteration:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        problem = f"Cannot read the CSV file {path!r}: {first_line(error)[:200].rstrip('.')}."
        raise InputError(
            problem, "Correct the file: UTF-8, and as many values in every row as names in the first."
        ) from error


def as_arrow(stream: Any, path: str) -> Any:
    """A stream that Arrow reads, decompressed where the path ends in `.gz`.

    Args:
        stream: an open file.
        path: its name.
    """
    plain = stream if isinstance(stream, pa.NativeFile) else pa.PythonFile(stream, mode="r")
    return pa.CompressedInputStream(plain, "gzip") if path.lower().endswith(".gz") else plain


def how_written(files: Files, path: str) -> tuple[str, str]:
    """The delimiter and the decimal point of a file of numbers, by its start; a comma can be only one of them.

    Args:
        files: opens it.
        path: the file.

    Raises:
        InputError: it cannot be read, is empty or no text, or its columns have no or equal names.
    """
    try:
        with files.open(path) as stream:
            text = _beginning(stream, path).decode("utf-8-sig", "ignore")
        delimiter = read_header(files, path).delimiter
    except PermissionError as error:
        raise InputError(f"No permission to read {path!r}.", "Check the file's permissions.") from error
    except OSError as error:
        raise InputError(f"Cannot read the CSV file {path!r}: {first_line(error)}", "Correct the file.") from error
    if delimiter == ",":
        return delimiter, "."
    value = rf'(?:^|{re.escape(delimiter)})"?[-+]?[0-9]*{{}}[0-9]+(?:[eE][-+]?[0-9]+)?"?(?={re.escape(delimiter)}|\r?$)'
    found = {point: re.search(value.format(re.escape(point)), text, re.MULTILINE) for point in ",."}
    return delimiter, "," if found[","] and not found["."] else "."


def _all(column: pa.ChunkedArray, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(column, pattern)).as_py() is not False


def as_ids(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids from text: integers where all of them are written as integers are, text otherwise ("007" stays)."""
    if len(column) == column.null_count or not _all(column, _INTEGER):
        return column
    return column.cast(pa.int64())


def as_any(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers or times where all of the text can be read as such."""
    casts: tuple[Callable[[], pa.ChunkedArray], ...] = (
        lambda: column.cast(pa.int64()),
        lambda: column.cast(pa.float64()),
        lambda: column.cast(pa.timestamp("us")),
        lambda: column.cast(pa.timestamp("us", "UTC")),
    )
    for cast in casts:
        try:
            return cast()
        except pa.ArrowInvalid:
            continue
    return column


def as_weights(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers from text.

    Raises:
        InputError: text that is no number.
    """
    try:
        return column.cast(pa.float64())
    except pa.ArrowInvalid as error:
        raise InputError(
            f"Expected numbers in weight, found {brief(first_line(error))}.", "Correct the weights."
        ) from None
