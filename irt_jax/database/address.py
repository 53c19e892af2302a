"""Where the database is: an address from the command line or the environment, which no message repeats."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

from irt_jax.errors import UsageError

#: Marks the folder of an embedded PostgreSQL.
EMBEDDED = "embedded:"
#: Any of these says that libpq's own environment holds the address.
LIBPQ = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")
REMEDY = (
    "Write postgresql://USER@HOST:PORT/DATABASE, with special characters percent-encoded (@ is %40, / is %2F), and "
    "leave the password to PGPASSWORD or ~/.pgpass."
)


class Address(NamedTuple):
    """How to connect.

    Attributes:
        parameters: libpq's connection parameters, by keyword; empty where its environment says everything.
        embedded: folder of the embedded server, if it is one.
        secrets: texts that no message may hold.
    """

    parameters: dict[str, Any]
    embedded: Path | None = None
    secrets: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """Take the secrets out of a message."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def find_address(url: str | None, environment: Mapping[str, str] = os.environ) -> Address:
    """Read the address.

    Args:
        url: from the command line: a URL or keywords as libpq takes them, or `embedded:DIR`. None takes `DATABASE_URL`,
            and without it libpq's own environment.
        environment: variables.

    Raises:
        UsageError: there is none, or it cannot be read; libpq's own words would repeat parts of it, so they are not
            shown.
    """
    text = (environment.get("DATABASE_URL", "") if url is None else url).strip()
    if text.startswith(EMBEDDED):
        folder = text.removeprefix(EMBEDDED)
        if not folder:
            raise UsageError("The folder of the embedded database is missing.", "Write embedded:DIR.")
        return Address({}, Path(folder).expanduser().resolve())
    password = environment.get("PGPASSWORD", "")
    if not text:
        if any(environment.get(name) for name in LIBPQ):
            return Address({}, secrets=_forms(password))
        raise UsageError("There is no database to connect to.", "Give --database-url, or set DATABASE_URL.")
    parameters = _parse(text)
    return Address(parameters, secrets=_forms(password) + _forms(str(parameters.get("password") or "")))


def _parse(text: str) -> dict[str, Any]:
    """Read a URL or keywords.

    A password with a bare @ or / shifts what follows into the host, the port or the name of the database, which error
    messages name; such addresses are refused.
    """
    import psycopg

    try:
        parameters = dict(psycopg.conninfo.conninfo_to_dict(text))
        ports = str(parameters.get("port") or "").split(",")
    except (psycopg.Error, UnicodeError):
        raise UsageError("The database's address is malformed.", REMEDY) from None
    _, is_url, rest = text.partition("://")
    authority, _, path = rest.partition("/")
    shifted = is_url and (authority.count("@") > 1 or "@" in path.partition("?")[0])
    if shifted or not all(port.isdecimal() or not port for port in ports):
        raise UsageError("The database's address is malformed.", REMEDY)
    return parameters


def _forms(password: str) -> tuple[str, ...]:
    """A password as it is and as it may stand in a URL, longest first."""
    forms = {password, quote(password), quote(password, safe=""), quote_plus(password)} - {""}
    return tuple(sorted(forms, key=len, reverse=True))
