"""The tables: what is there, making them for a new installation, and the migration that a person asks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from irt_jax.database.connection import SCHEMA
from irt_jax.errors import DatabaseError

SQL = Path(__file__).with_name("sql")
TABLES = ("items", "item_parameters_current", "windows", "item_calibration", "drift_alerts", "item_responses")


def existing_tables(connection: psycopg.Connection[Any]) -> set[str]:
    """Names of the tables and views of the schema; the catalogue shows them to everybody."""
    query = (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'f')"
    )
    return {row[0] for row in connection.execute(query, [SCHEMA])}


def check_tables(connection: psycopg.Connection[Any], needed: Sequence[str]) -> None:
    """Refuse a database without the tables.

    Raises:
        DatabaseError: naming those that are missing.
    """
    missing = [name for name in needed if name not in existing_tables(connection)]
    if missing:
        row = connection.execute("SELECT current_database()").fetchone()
        problem = (
            f"Expected the schema {SCHEMA} in the database {row[0] if row else ''!r}, found no {', '.join(missing)}."
        )
        raise DatabaseError(problem, "Check that it is the right database; --init makes the tables of a new one.")


def initialise(connection: psycopg.Connection[Any]) -> bool:
    """Make the tables, where there is none of them.

    Returns:
        Whether they were made; False where all are there.

    Raises:
        DatabaseError: some are there; they are somebody's, and are left alone.
    """
    there = [name for name in TABLES if name in existing_tables(connection)]
    if len(there) == len(TABLES):
        return False
    if there:
        missing = ", ".join(name for name in TABLES if name not in there)
        problem = f"The schema {SCHEMA} has {', '.join(there)} but no {missing}."
        raise DatabaseError(
            problem, "An existing schema is left alone; take what is missing from irt_jax/database/sql/schema.sql."
        )
    _run(connection, "schema.sql")
    return True


def migrate(connection: psycopg.Connection[Any]) -> bool:
    """Give item_calibration a method, and make the view method_comparison. Safe to run twice.

    Returns:
        Whether the method is new.
    """
    check_tables(connection, TABLES)
    before = has_method(connection)
    _run(connection, "migrate.sql")
    return not before


def has_method(connection: psycopg.Connection[Any]) -> bool:
    """Whether item_calibration keeps one row a method: a unique key says so."""
    query = (
        "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = 'item_calibration' AND i.indisunique "
        "AND i.indpred IS NULL AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a "
        "WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)) = ARRAY['item_id', 'method', 'model', 'window_id']"
    )
    row = connection.execute(query, [SCHEMA]).fetchone()
    return bool(row and row[0])


def _run(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute((SQL / name).read_bytes())
