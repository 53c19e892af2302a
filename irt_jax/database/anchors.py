"""The current parameters of the bank's anchors, as irt_jax's anchors.parquet."""

from typing import Any, NamedTuple

import psycopg
import pyarrow as pa
from psycopg import sql

from irt_jax.contract.names import ITEM
from irt_jax.database.connection import table
from irt_jax.database.copying import copy_out
from irt_jax.errors import DatabaseError, first_few


class BankAnchors(NamedTuple):
    """Anchors of the bank.

    Attributes:
        rows: item_id, a, b, c, a_sd (SD of log a), b_sd, sorted by item_id; errors are null where the bank has none.
        without: number of items that are marked as anchors and have no current parameters.
    """

    rows: pa.Table
    without: int


def read_anchors(connection: psycopg.Connection[Any], ids: str) -> BankAnchors:
    """Read the items with `is_anchor` that have current parameters.

    The bank's a_se is the standard error of a, and irt_jax's a_sd that of log a: a_se / a. Items of the 1PL without an
    a have a = 1. An error of 0 says nothing, and is null.

    Args:
        connection: open.
        ids: "id_str" or "id".

    Raises:
        DatabaseError: an anchor of the 2PL or 3PL has no a, or one that is not positive.
    """
    query = sql.SQL(
        "SELECT i.{ids}, CASE WHEN p.model = '1PL' THEN coalesce(p.a, 1) ELSE p.a END, p.b, "
        "CASE WHEN p.model = '3PL' THEN p.c END, nullif(p.a_se, 0) / nullif(p.a, 0), nullif(p.b_se, 0), "
        "p.item_id IS NOT NULL "
        "FROM {items} i LEFT JOIN {current} p ON p.item_id = i.id WHERE i.is_anchor ORDER BY i.{ids}"
    ).format(ids=sql.Identifier(ids), items=table("items"), current=table("item_parameters_current"))
    numbers = [pa.field(name, pa.float64()) for name in ("a", "b", "c", "a_sd", "b_sd")]
    schema = pa.schema([(ITEM, pa.string() if ids == "id_str" else pa.int64()), *numbers, ("known", pa.bool_())])
    rows = pa.Table.from_batches(copy_out(connection, query, [], schema), schema)
    known = rows.filter(rows["known"]).drop_columns("known")
    bad = [
        name for name, a in zip(known[ITEM].to_pylist(), known["a"].to_pylist(), strict=True) if a is None or not a > 0
    ]
    if bad:
        problem = f"Expected a to be positive for every anchor of a 2PL or 3PL, found others: {first_few(bad)}."
        raise DatabaseError(problem, "Correct item_parameters_current, or unmark these anchors.")
    return BankAnchors(known, rows.num_rows - known.num_rows)
