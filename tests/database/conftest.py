"""A real PostgreSQL for the session, a fresh database for every test, and a tiny run to load."""

import itertools
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from support.databases import LABEL, Database, fill_bank

import irt_jax
from irt_jax.cli.database import run as run_program
from irt_jax.database import schema
from irt_jax.database.embedded import embedded_server
from irt_jax.study.simulate import Simulation, simulate
from scripts import demo_database, export_from_postgres, load_to_postgres

COMMANDS = {"export": export_from_postgres.app, "load": load_to_postgres.app, "demo": demo_database.app}
COUNTER = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, Any]]:
    """Not below pytest's folder, which is closed to the server's user where root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="irt_jax_pg_", dir="/tmp"))
    with embedded_server(folder) as parameters:
        with psycopg.connect(**parameters, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield parameters
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def empty(server) -> Iterator[Database]:
    """A database without the schema."""
    name = f"test_{next(COUNTER)}"
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield Database({**server, "dbname": name})
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(empty) -> Database:
    """With the users' schema."""
    with empty.connect() as connection:
        schema.initialise(connection)
    return empty


@pytest.fixture
def migrated(database) -> Database:
    with database.connect() as connection:
        schema.migrate(connection)
    return database


@pytest.fixture(params=["as it stands", "migrated"])
def either(request, database) -> Database:
    """On both schemas."""
    if request.param == "migrated":
        with database.connect() as connection:
            schema.migrate(connection)
    return database


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate(200, 12, 8, anchor_items=3, seed=5)


@pytest.fixture
def bank(either, simulation) -> Database:
    fill_bank(either, simulation)
    return either


@pytest.fixture
def migrated_bank(migrated, simulation) -> Database:
    fill_bank(migrated, simulation)
    return migrated


@pytest.fixture(scope="session")
def run(simulation, tmp_path_factory) -> Path:
    """A real run of 12 items, three of them anchors; never changed: copy it."""
    fit = irt_jax.calibrate(simulation.responses, simulation.anchors, method="mml")
    assert fit.diagnostics.ok
    return fit.write(tmp_path_factory.mktemp("runs") / "mml")


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command in this process; exit code, standard output, standard error."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for name in ("DATABASE_URL", "PGPASSWORD", "PGHOST"):
        monkeypatch.delenv(name, raising=False)

    def called(name: str, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            run_program(COMMANDS[name])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    yield called
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def load(call):
    """Load into a database and its window of October 2025."""

    def loaded(database: Database, folder: Path, *more: object) -> tuple[int, str, str]:
        return call("load", folder, "--database-url", database.url, "--window-label", LABEL, *more)

    return loaded
