"""An export: one state of the database becomes a folder, whole or not at all."""

import json
from pathlib import Path
from typing import NamedTuple

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from irt_jax.contract.names import ANCHORS_FILE
from irt_jax.data.overwrite import EXPORT
from irt_jax.data.write import check_output, write_folder, write_json, write_table
from irt_jax.database.address import Address
from irt_jax.database.anchors import read_anchors
from irt_jax.database.connection import connect
from irt_jax.database.responses import IDS, RESPONSE_COLUMNS, Counts, Wish, read_responses, responses_schema
from irt_jax.database.schema import check_tables
from irt_jax.database.windows import Asked, Window, find_window
from irt_jax.errors import DatabaseError, UsageError

RESPONSES_FILE = "responses.parquet"
WINDOW_FILE = "window.json"
READ = ("items", "item_parameters_current", "windows", "item_responses")


class Exported(NamedTuple):
    """What was exported.

    Attributes:
        window: the span.
        counts: of responses.
        anchors: number of anchors.
        notes: what was left out or is missing, one sentence each.
    """

    window: Window
    counts: Counts
    anchors: int
    notes: list[str]


def export_window(address: Address, asked: Asked, wish: Wish, folder: Path, *, overwrite: bool = False) -> Exported:
    """Write responses.parquet, anchors.parquet and window.json in one read-only transaction that sees one state.

    Args:
        address: of the database.
        asked: the window.
        wish: columns.
        folder: to be made.
        overwrite: whether an existing folder may be replaced.

    Raises:
        UsageError: a choice that is not available.
        OutputError: the folder exists, or cannot be written.
        DatabaseError: the database says no, or there is no response in the window.
        InputError: scores that are no responses.
    """
    _check(wish)
    check_output(folder, overwrite=overwrite, kind=EXPORT)
    with connect(address, "export") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        check_tables(connection, READ)
        window = find_window(connection, asked)
        counts = Counts()
        anchors = read_anchors(connection, wish.ids)

        def fill(beside: Path) -> None:
            about = {b"window": json.dumps(window.as_dict()).encode()}
            schema = responses_schema(wish).with_metadata(about)
            with pq.ParquetWriter(beside / RESPONSES_FILE, schema, compression="zstd") as writer:
                for batch in read_responses(connection, window, wish, counts):
                    writer.write_batch(batch.cast(schema))
            if not counts.responses:
                raise DatabaseError(f"No response in the window {window}.", "Check the window and its time zone.")
            write_table(beside / ANCHORS_FILE, anchors.rows.replace_schema_metadata(about))
            described = {
                "responses": counts.responses,
                "null_responses": counts.nulls,
                "anchors": anchors.rows.num_rows,
            }
            write_json(beside / WINDOW_FILE, {**window.as_dict(), **described, **wish._asdict()})

        write_folder(folder, fill, overwrite=overwrite, kind=EXPORT)
    return Exported(window, counts, anchors.rows.num_rows, _notes(counts, anchors.rows, anchors.without))


def _check(wish: Wish) -> None:
    for option, value, choices in (("--ids", wish.ids, IDS), ("--response", wish.response, RESPONSE_COLUMNS)):
        if value not in choices:
            raise UsageError(f"Unknown {option}: {value!r}.", f"Choose from {', '.join(choices)}.")


def _notes(counts: Counts, anchors: pa.Table, without: int) -> list[str]:
    notes = []
    if counts.nulls:
        notes.append(f"{counts.nulls:,} responses are null: missing, not wrong.")
    if counts.nameless:
        notes.append(f"{counts.nameless:,} responses without a person or an item were left out.")
    if without:
        notes.append(f"{without:,} anchors have no current parameters and were left out.")
    lacking = max(anchors["a_sd"].null_count, anchors["b_sd"].null_count)
    if lacking:
        notes.append(f"{lacking:,} anchors have no standard error; they take irt_jax's default of 0.05.")
    return notes
