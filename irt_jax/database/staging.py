"""Staging: rows go into a temporary table by COPY, find their items and the rows they replace, and are merged in."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
import pyarrow as pa
from psycopg import sql

from irt_jax.database.connection import table
from irt_jax.database.copying import copy_in
from irt_jax.errors import DatabaseError, first_few


class Change(NamedTuple):
    """What a load changes in a table.

    Attributes:
        table: its name.
        inserted: new rows.
        updated: rows with other values than before.
        unchanged: rows that were so already.
        examples: the first rows that are new or changed, in words.
    """

    table: str
    inserted: int
    updated: int
    unchanged: int
    examples: list[str]


class Target(NamedTuple):
    """A table to merge rows into.

    Attributes:
        name: of the table.
        key: its primary key.
        columns: that the rows have.
        given: columns with one value for all rows, such as the window.
        matching: condition on t (the table) and s (the staged row, with item_id) under which s replaces t; of several
            the newest is replaced.
        on_update: further assignments where a row changes.
        shown: columns for the examples.
    """

    name: str
    key: str
    columns: tuple[str, ...]
    given: dict[str, Any]
    matching: sql.Composable
    on_update: sql.Composable
    shown: tuple[str, ...]

    @property
    def staged(self) -> sql.Identifier:
        """The temporary table."""
        return sql.Identifier("pg_temp", f"staged_{self.name}")


def stage(connection: psycopg.Connection[Any], target: Target, rows: pa.Table, ids: str) -> None:
    """Copy rows into a temporary table with the target's own types, and find their items and the rows they replace.

    Args:
        connection: in the load's transaction.
        target: where they will go.
        rows: `item` (text) and the target's columns but those given.
        ids: "id_str" or "id": how `item` names items.

    Raises:
        DatabaseError: items that the database does not know.
    """
    columns = sql.SQL(", ").join(sql.Identifier("t", name) for name in (*target.columns, *target.given))
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT NULL::text AS item, NULL::bigint AS item_id, "
            "t.{} AS target_key, {} FROM {} t WITH NO DATA"
        ).format(sql.Identifier(f"staged_{target.name}"), sql.Identifier(target.key), columns, table(target.name))
    )
    copy_in(connection, target.staged, rows.select(["item", *target.columns]))
    for name, value in target.given.items():
        connection.execute(sql.SQL("UPDATE {} SET {} = %s").format(target.staged, sql.Identifier(name)), [value])
    connection.execute(sql.SQL("ANALYZE {}").format(target.staged))
    connection.execute(
        sql.SQL("UPDATE {} s SET item_id = i.id FROM {} i WHERE i.{}::text = s.item").format(
            target.staged, table("items"), sql.Identifier(ids)
        )
    )
    _refuse_unknown(connection, target, ids)
    connection.execute(
        sql.SQL(
            "UPDATE {staged} s SET target_key = f.newest FROM (SELECT s.ctid AS place, max(t.{key}) AS newest "
            "FROM {staged} s JOIN {table} t ON {matching} GROUP BY s.ctid) f WHERE f.place = s.ctid"
        ).format(
            staged=target.staged,
            key=sql.Identifier(target.key),
            table=table(target.name),
            matching=target.matching,
        )
    )


def _refuse_unknown(connection: psycopg.Connection[Any], target: Target, ids: str) -> None:
    query = sql.SQL("SELECT DISTINCT item FROM {} WHERE item_id IS NULL ORDER BY item").format(target.staged)
    unknown = [row[0] for row in connection.execute(query)]
    if unknown:
        problem = f"{len(unknown):,} items are not in items.{ids}: {first_few(unknown)}."
        raise DatabaseError(problem, "Nothing was loaded. Add them, or name items by the other --ids.")


def merge(connection: psycopg.Connection[Any], target: Target) -> Change:
    """Insert the staged rows that are new, update those whose values differ, and leave the others alone.

    Args:
        connection: in the load's transaction, after `stage`.
        target: where they go.
    """
    names = [*target.columns, *target.given]
    parts = {
        "table": table(target.name),
        "staged": target.staged,
        "key": sql.Identifier(target.key),
        "columns": sql.SQL(", ").join(map(sql.Identifier, names)),
        "own": sql.SQL(", ").join(sql.Identifier("s", name) for name in names),
        "differs": sql.SQL("({}) IS DISTINCT FROM ({})").format(
            *(sql.SQL(", ").join(sql.Identifier(side, name) for name in names if name != "note") for side in "ts")
        ),
        "assigned": sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("s", name)) for name in names
        ),
        "further": target.on_update,
    }
    examples = _examples(connection, target, parts)
    updating = "UPDATE {table} t SET {assigned} {further} FROM {staged} s WHERE t.{key} = s.target_key AND {differs}"
    updated = connection.execute(sql.SQL(updating).format(**parts)).rowcount
    inserting = (
        "INSERT INTO {table} (item_id, {columns}) SELECT s.item_id, {own} FROM {staged} s WHERE target_key IS NULL"
    )
    inserted = connection.execute(sql.SQL(inserting).format(**parts)).rowcount
    row = connection.execute(sql.SQL("SELECT count(*) FROM {staged}").format(**parts)).fetchone()
    return Change(target.name, inserted, updated, (row[0] if row else 0) - inserted - updated, examples)


def _examples(connection: psycopg.Connection[Any], target: Target, parts: dict[str, Any]) -> list[str]:
    shown = sql.SQL(", ").join(
        sql.SQL("{}, {}").format(sql.Identifier("t", name), sql.Identifier("s", name)) for name in target.shown
    )
    query = sql.SQL(
        "SELECT s.item, t.{key} IS NULL, {shown} FROM {staged} s LEFT JOIN {table} t ON t.{key} = s.target_key "
        "WHERE t.{key} IS NULL OR {differs} ORDER BY s.item LIMIT 5"
    ).format(shown=shown, **parts)
    return [_in_words(target.shown, *row) for row in connection.execute(query)]


def _in_words(names: Sequence[str], item: str, is_new: bool, *values: Any) -> str:
    before, after = values[::2], values[1::2]
    if is_new:
        return f"{item}, new: " + ", ".join(f"{name} {_short(value)}" for name, value in zip(names, after, strict=True))
    moved = [
        f"{name} {_short(old)} -> {_short(new)}"
        for name, old, new in zip(names, before, after, strict=True)
        if old != new
    ]
    return f"{item}: " + (", ".join(moved) or "other columns")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
