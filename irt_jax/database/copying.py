"""Between PostgreSQL's COPY and Arrow: tables stream through CSV, which both sides parse outside Python.

COPY writes a null as nothing and an empty text as "", and Arrow reads and writes the same, so nothing is lost.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql

#: Bytes of CSV in a record batch: what an export holds in memory at a time.
BLOCK_BYTES = 1 << 20


class _Stream:
    """A COPY as a file that Arrow reads."""

    closed = False

    def __init__(self, copy: psycopg.Copy) -> None:
        self._copy = copy
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; none at the end."""
        wanted = BLOCK_BYTES if size < 0 else size
        parts: list[Any] = [self._rest]
        length = len(self._rest)
        while length < wanted:
            part = self._copy.read()  # one row
            if not part:
                break
            parts.append(part)
            length += len(part)
        found = b"".join(parts)
        self._rest = found[wanted:]
        return found[:wanted]

    def close(self) -> None:
        """The COPY is closed by who opened it."""

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def writable(self) -> bool:
        """Whether it can be written."""
        return False

    def seekable(self) -> bool:
        """Whether it has a position."""
        return False


def copy_out(
    connection: psycopg.Connection[Any], query: sql.Composable, parameters: Sequence[Any], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Stream a query's rows, with constant memory.

    Args:
        connection: open.
        query: its columns in the schema's order.
        parameters: of the query.
        schema: names and types; numbers, booleans and text.
    """
    # The header keeps Arrow from taking a first id's U+FEFF for a byte order mark.
    copying = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER true)").format(query)
    with connection.cursor() as cursor, cursor.copy(copying, parameters) as copy:
        reader = pa_csv.open_csv(
            pa.PythonFile(_Stream(copy), mode="r"),
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=schema.names, skip_rows=1
            ),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=schema,
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            if batch.num_rows:
                yield batch.cast(schema) if batch.schema != schema else batch


def copy_in(connection: psycopg.Connection[Any], target: sql.Composable, rows: pa.Table) -> None:
    """Copy a table into one of the database.

    Args:
        connection: open.
        target: the table.
        rows: columns named as there; numbers, booleans and text.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    copying = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(target, columns)
    options = pa_csv.WriteOptions(include_header=False, quoting_style="all_valid")
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for batch in rows.to_batches(max_chunksize=50_000):
            buffer = io.BytesIO()
            pa_csv.write_csv(batch, buffer, options)
            copy.write(buffer.getvalue())
