"""Connections, and what PostgreSQL says against them in one line."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors, sql

from irt_jax.database.address import Address
from irt_jax.database.embedded import embedded_server
from irt_jax.errors import DatabaseError, Interrupted, UsageError

#: The schema of the users' tables.
SCHEMA = "shared_irt"
#: Seconds to wait for a server that does not answer.
CONNECT_TIMEOUT = 15

_REMEDIES = (
    (errors.UndefinedTable, "Check that it is the right database; --init makes the tables of a new one."),
    (errors.InvalidSchemaName, "Check that it is the right database; --init makes the tables of a new one."),
    (errors.InsufficientPrivilege, "Ask the owner for the rights in irt_jax/database/sql/roles.sql."),
    (errors.UndefinedColumn, "Bring the tables up to date by load_to_postgres.py --migrate; nothing was changed."),
    (errors.ReadOnlySqlTransaction, "Connect to the primary server, with a user that may write."),
    (errors.UniqueViolation, "Somebody else wrote at the same time; run it again."),
    (errors.LockNotAvailable, "Somebody else holds a lock; run it again."),
)


def table(name: str) -> sql.Identifier:
    """A table of the schema, as an identifier to compose."""
    return sql.Identifier(SCHEMA, name)


@contextmanager
def connect(address: Address, purpose: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection, without autocommit, and close it; an embedded server is started and stopped around it.

    Args:
        address: where to.
        purpose: shown to the server as the application's name.

    Raises:
        DatabaseError: for everything that PostgreSQL refuses within the block.
    """
    with embedded_server(address.embedded) as started, explained(address):
        parameters = {"application_name": f"irt-jax {purpose}", "connect_timeout": CONNECT_TIMEOUT, **started}
        with _open({**parameters, **address.parameters, "client_encoding": "UTF8"}) as connection:
            try:
                yield connection
            except Interrupted:
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=5.0)
                connection.close()
                raise


def _open(parameters: dict[str, Any]) -> psycopg.Connection[Any]:
    connection = psycopg.connect(**parameters)
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Turn PostgreSQL's errors into one line without the address's secrets."""
    try:
        yield
    except UnicodeEncodeError as error:  # bytes of the command line that are no text, as Python holds them
        raise UsageError(
            f"Expected words in UTF-8, found {error.object[:40]!a}.", "Give the window's label in UTF-8."
        ) from None
    except psycopg.Error as error:
        said = error.diag.message_primary or (str(error).strip() or type(error).__name__).splitlines()[0]
        detail = error.diag.message_detail
        text = " ".join(f"{said} ({detail})".split() if detail else said.split()).rstrip(".")
        raise DatabaseError(f"PostgreSQL: {address.hide(text)}.", _remedy(error)) from None


def _remedy(error: psycopg.Error) -> str:
    for kind, remedy in _REMEDIES:
        if isinstance(error, kind):
            return remedy
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return "Check the address, the password and that the server runs; nothing was changed."
    return "Nothing was changed."
