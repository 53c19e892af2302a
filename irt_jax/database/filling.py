"""Fill an empty database from files: items, the anchors' current parameters, and a window's responses."""

from datetime import datetime
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from irt_jax.contract.names import GROUP, ITEM, PERSON, RESPONSE
from irt_jax.database.connection import table
from irt_jax.database.copying import copy_in
from irt_jax.errors import DatabaseError

LANGUAGES = ("en", "ko", "zh-Hans", "zh-Hant")


def fill(
    connection: psycopg.Connection[Any], responses: pa.Table, anchors: pa.Table | None, start: datetime, end: datetime
) -> dict[str, int]:
    """Copy files into the tables.

    Args:
        connection: open; the caller commits.
        responses: what `irt_jax.read_responses` gives. Answers come in the order of the rows, spread evenly over the
            window; groups become lang where they are languages of the database.
        anchors: what `irt_jax.read_anchors` gives, or None.
        start: first moment of the window.
        end: the first moment after it.

    Returns:
        Rows by table.

    Raises:
        DatabaseError: there are items already.
    """
    if connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table("items"))).fetchone() is not None:
        raise DatabaseError("The database has items already.", "Choose a new one.")
    names = pc.unique(responses[ITEM].cast(pa.string()))
    known = pa.nulls(0, pa.string()) if anchors is None else anchors[ITEM].cast(pa.string()).combine_chunks()
    names = pc.unique(pa.concat_arrays([names, known]))
    items = {
        "id_str": names,
        "bank_id": pa.repeat(pa.scalar("demo"), len(names)),
        "lang": pa.repeat(pa.scalar("en"), len(names)),
        "is_anchor": pc.is_in(names, value_set=known),
    }
    copy_in(connection, table("items"), pa.table(items))
    rows = connection.execute(sql.SQL("SELECT id_str, id FROM {}").format(table("items"))).fetchall()
    ids, keys = pa.array([row[0] for row in rows], pa.string()), pa.array([row[1] for row in rows], pa.int64())

    def keys_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
        return keys.take(pc.index_in(column.cast(pa.string()), value_set=ids))

    if anchors is not None:
        error_of_a = pc.multiply(anchors["log_a_sd"], anchors["a"])
        current = {"item_id": keys_of(anchors[ITEM]), "model": pa.repeat(pa.scalar("2PL"), len(known))}
        current |= {"a": anchors["a"], "b": anchors["b"], "a_se": error_of_a, "b_se": anchors["b_sd"]}
        copy_in(connection, table("item_parameters_current"), pa.table(current))
    count = responses.num_rows
    moments = np.linspace(start.timestamp(), end.timestamp(), count, endpoint=False) * 1e6
    answered = {
        "org_id": pa.repeat(pa.scalar("demo"), count),
        "user_id_hash": responses[PERSON].cast(pa.string()),
        "item_id": keys_of(responses[ITEM]),
        "answered_at": pa.array(moments.astype(np.int64), pa.timestamp("us", tz="UTC")),
        "is_correct": pc.equal(responses[RESPONSE], 1),
        "score": responses[RESPONSE].cast(pa.float64()),
        "lang": _languages(responses),
    }
    copy_in(connection, table("item_responses"), pa.table(answered))
    return {"items": len(names), "item_parameters_current": len(known), "item_responses": count}


def empty(connection: psycopg.Connection[Any]) -> None:
    """Remove all rows of the schema."""
    names = sql.SQL(", ").join(map(table, ("items", "windows", "item_responses")))
    connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))


def _languages(responses: pa.Table) -> pa.ChunkedArray | pa.Array:
    if GROUP not in responses.column_names:
        return pa.repeat(pa.scalar("en"), responses.num_rows)
    groups = responses[GROUP].cast(pa.string())
    return pc.if_else(pc.is_in(groups, value_set=pa.array(LANGUAGES)), groups, pa.scalar("en"))
