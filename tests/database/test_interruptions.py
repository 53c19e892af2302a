"""A load that is killed, interrupted, overtaken or cut off is whole or not there at all, and the next one completes.

The test holds a lock that makes the load wait at a known step, and sees in pg_stat_activity that it does.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from support.databases import Database, server_program
from support.monthly_folders import drift_table, monthly

SCRIPT = Path(__file__).parents[2] / "scripts" / "load_to_postgres.py"
#: Each table that the load touches, in its order; the lock on items stops it while it stages.
STEPS = ("windows", "items", "item_calibration", "drift_alerts", "item_parameters_current")


@pytest.fixture
def month(run, tmp_path) -> Path:
    drift = drift_table(["i01", "i07", "i12"], [0.05, -0.6, 0.3], [False, True, True])
    return monthly(tmp_path / "month", run, drift)


def start(database: Database, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(folder), "--database-url", database.url, "--promote", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def holding(database: Database, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that holds a lock until the end of the block."""
    connection = database.connect()
    connection.autocommit = False
    try:
        connection.execute(statement)
        yield connection
    finally:
        connection.close()


def wait_until(condition, what: str) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


def waiting(database: Database, number: int = 1) -> None:
    """Until so many loads wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'irt-jax load' AND wait_event_type = 'Lock'"
    wait_until(lambda: database.rows(query + " AND datname = current_database()")[0][0] == number, "a load that waits")


def gone(database: Database) -> None:
    """Until the server has no session of a load."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'irt-jax load' AND datname = current_database()"
    )
    wait_until(lambda: database.rows(query)[0][0] == 0, "the end of the session")


def complete(database: Database, folder: Path) -> None:
    """Another load goes through."""
    process = start(database, folder)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    found = database.everything()
    assert [len(found[name]) for name in found] == [1, 36, 2, 12]
    assert {row[10] for row in found["item_parameters_current"]} == {1}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_every_step(migrated_bank, month, step):
    before = migrated_bank.everything()
    with holding(migrated_bank, f"LOCK TABLE shared_irt.{step} IN ACCESS EXCLUSIVE MODE"):
        process = start(migrated_bank, month)
        waiting(migrated_bank)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    gone(migrated_bank)
    assert migrated_bank.everything() == before
    complete(migrated_bank, month)


def test_killed_after_each_line_that_it_says(migrated_bank, month):
    """Wherever it is by then: before the commit nothing is there, afterwards everything."""
    empty = migrated_bank.everything()
    lines = 0
    while True:
        process = start(migrated_bank, month, "--verbose")
        for _ in range(lines + 1):
            line = process.stderr.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        gone(migrated_bank)
        found = migrated_bank.everything()
        assert found == empty or [len(found[name]) for name in found] == [1, 36, 2, 12]
        assert (found == empty) or line in ("committing\n", "committed\n") or "merging" in line
        lines += 1
        if found != empty:
            break
    assert lines >= 6
    complete(migrated_bank, month)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(migrated_bank, month, number):
    before = migrated_bank.everything()
    with holding(migrated_bank, "LOCK TABLE shared_irt.drift_alerts IN ACCESS EXCLUSIVE MODE"):
        process = start(migrated_bank, month)
        waiting(migrated_bank)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert errors.startswith("error: Interrupted.")
    assert errors.count("\n") == 1
    gone(migrated_bank)
    assert migrated_bank.everything() == before
    complete(migrated_bank, month)


def test_two_at_once(migrated_bank, month):
    """The second waits for the first, and finds nothing left to do."""
    with holding(migrated_bank, "LOCK TABLE shared_irt.item_parameters_current IN ACCESS EXCLUSIVE MODE"):
        first = start(migrated_bank, month)
        waiting(migrated_bank)
        second = start(migrated_bank, month)
        waiting(migrated_bank, 2)
    printed, errors = first.communicate()
    assert first.returncode == 0, errors
    assert "item_calibration                      36         0          0" in printed
    printed, errors = second.communicate()
    assert second.returncode == 0, errors
    assert "another load is running; waiting" in errors
    assert "item_calibration                       0         0         36" in printed
    assert "item_parameters_current                0         0          9" in printed
    complete(migrated_bank, month)


def test_a_server_that_restarts_meanwhile(server, migrated_bank, month):
    before = migrated_bank.everything()
    folder = migrated_bank.rows("SHOW data_directory")[0][0]
    postmaster = psutil.Process(int((Path(folder) / "postmaster.pid").read_text().split()[0]))
    program = server_program("pg_ctl")
    with holding(migrated_bank, "LOCK TABLE shared_irt.item_parameters_current IN ACCESS EXCLUSIVE MODE"):
        process = start(migrated_bank, month)
        waiting(migrated_bank)
        command = [str(program), "-w", "-D", folder, "-m", "fast", "-l", f"{folder}/log", "restart"]
        subprocess.run(command, check=True, user=postmaster.username(), capture_output=True)
    printed, errors = process.communicate()
    assert (process.returncode, printed) == (5, "")
    assert errors.startswith("error: PostgreSQL: terminating connection due to administrator command")
    assert errors.count("\n") == 1
    assert migrated_bank.everything() == before
    complete(migrated_bank, month)
