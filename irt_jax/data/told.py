"""How a table of responses was read: kept in the table's own metadata, so that it goes where the table goes."""

import json
from typing import Any

import pyarrow as pa

from irt_jax.contract.names import READ


def with_told(table: pa.Table, **told: Any) -> pa.Table:
    """The table, with what is told of its reading.

    Args:
        table: of responses.
        **told: what JSON can hold; `notes` are for the user.
    """
    return table.replace_schema_metadata({READ: json.dumps(told)})


def told_before(table: object) -> dict[str, Any]:
    """What was told of a table; nothing of what is no table or was not read by this package.

    Args:
        table: anything.
    """
    metadata = table.schema.metadata if isinstance(table, pa.Table) else None
    return json.loads((metadata or {}).get(READ, b"{}"))


def told_of(table: pa.Table) -> tuple[str, ...]:
    """What a user should know of how a table of responses was read.

    Args:
        table: of responses.
    """
    return tuple(told_before(table).get("notes", ()))
