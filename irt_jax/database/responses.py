"""The responses of a window, as a stream of record batches under irt_jax's names."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from irt_jax.contract.names import GROUP, ITEM, PERSON, RESPONSE, SEQ
from irt_jax.database.connection import table
from irt_jax.database.copying import copy_out
from irt_jax.database.windows import Window
from irt_jax.errors import DatabaseError, InputError, first_few

#: Columns of item_responses that hold the response.
RESPONSE_COLUMNS = ("is_correct", "score")
#: How items are named: by `items.id_str` or `items.id`.
IDS = ("id_str", "id")


class Wish(NamedTuple):
    """What is to be exported.

    Attributes:
        ids: one of `IDS`.
        response: one of `RESPONSE_COLUMNS`.
        group: column of item_responses that holds the group, or None.
    """

    ids: str = "id_str"
    response: str = "is_correct"
    group: str | None = None


class Counts:
    """What an export has seen.

    Attributes:
        responses: rows written.
        nulls: of these, rows whose response is null.
        nameless: rows without a person or without an item, left out.
    """

    def __init__(self) -> None:
        self.responses = 0
        self.nulls = 0
        self.nameless = 0


def responses_schema(wish: Wish) -> pa.Schema:
    """Columns of responses.parquet."""
    fields = [
        pa.field(PERSON, pa.string()),
        pa.field(ITEM, pa.string() if wish.ids == "id_str" else pa.int64()),
        pa.field(RESPONSE, pa.int32()),
        *([pa.field(GROUP, pa.string())] if wish.group else []),
        pa.field(SEQ, pa.int64()),
    ]
    return pa.schema(fields)


def read_responses(
    connection: psycopg.Connection[Any], window: Window, wish: Wish, counts: Counts
) -> Iterator[pa.RecordBatch]:
    """Stream the responses with `start <= answered_at < end`, in the order of answered_at and id.

    Args:
        connection: in a transaction that sees one state of the database.
        window: the span.
        wish: columns.
        counts: counted up on the way.

    Yields:
        Batches of `responses_schema`; seq counts from 0 in the order of answered_at and id.

    Raises:
        DatabaseError: the column of the group does not exist.
        InputError: a score is not a whole number from 0 to 2^31 - 1.
    """
    if wish.group is not None:
        _check_column(connection, wish.group)
    response = sql.SQL("r.is_correct::int") if wish.response == "is_correct" else sql.SQL("r.score")
    group = sql.SQL(", r.{}::text").format(sql.Identifier(wish.group)) if wish.group else sql.SQL("")
    query = sql.SQL(
        "SELECT r.user_id_hash, i.{ids}, {response} {group} "
        "FROM {responses} r LEFT JOIN {items} i ON i.id = r.item_id "
        "WHERE r.answered_at >= %s AND r.answered_at < %s ORDER BY r.answered_at, r.id"
    ).format(
        ids=sql.Identifier(wish.ids),
        response=response,
        group=group,
        responses=table("item_responses"),
        items=table("items"),
    )
    schema = responses_schema(wish)
    place = schema.get_field_index(RESPONSE)
    streamed = schema.set(place, pa.field(RESPONSE, pa.float64())).remove(len(schema) - 1)
    seen = 0
    for batch in copy_out(connection, query, [window.start, window.end], streamed):
        order = pa.array(np.arange(seen, seen + batch.num_rows))
        seen += batch.num_rows
        named = pc.and_(pc.is_valid(batch[PERSON]), pc.is_valid(batch[ITEM]))
        kept = batch.filter(named)
        counts.nameless += batch.num_rows - kept.num_rows
        counts.responses += kept.num_rows
        counts.nulls += kept[RESPONSE].null_count
        columns = [_whole(kept, wish) if n == place else kept[n] for n in range(kept.num_columns)]
        yield pa.record_batch([*columns, order.filter(named)], schema=schema)


def _whole(batch: pa.RecordBatch, wish: Wish) -> pa.Array:
    """Responses as integers."""
    values = batch[RESPONSE]
    good = pc.and_(pc.equal(values, pc.floor(values)), pc.and_(pc.greater_equal(values, 0), pc.less(values, 2**31)))
    bad = pc.invert(pc.fill_null(good, True))
    if pc.any(bad).as_py():
        rows = batch.filter(bad)
        found = zip(*(rows[name].slice(0, 5).to_pylist() for name in (PERSON, ITEM, RESPONSE)), strict=True)
        shown = first_few(list(found), total=rows.num_rows)
        problem = (
            f"Expected {wish.response} to be a whole number from 0, found others: (person, item, score) = {shown}."
        )
        raise InputError(problem, "Use --response is_correct, or give the categories of these items as 0, 1, 2, ...")
    return values.cast(pa.int32())


def _check_column(connection: psycopg.Connection[Any], name: str) -> None:
    query = (
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum"
    )
    row = [table("item_responses").as_string(connection)]
    names = [found[0] for found in connection.execute(query, row)]
    if name not in names:
        raise DatabaseError(
            f"item_responses has no column {name!r}; it has {', '.join(names)}.", "Correct --group-col."
        )
