"""Making the tables, the migration, and the comparison of three methods."""

import numpy as np
import psycopg
import pyarrow.parquet as pq
import pytest
from support.databases import LABEL, fill_bank, run_psql
from support.monthly_folders import monthly

from irt_jax.database import schema

SHAPE = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
    "WHERE table_schema = 'shared_irt' ORDER BY 1, 2"
)
KEYS = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'shared_irt'::regnamespace "
    "AND contype <> 'n' ORDER BY 1"
)


def test_init_makes_the_tables_once(empty, call):
    code, printed, errors = call("load", "--init", "--database-url", empty.url)
    assert (code, printed, errors) == (0, "init     the tables were made\n", "")
    before = empty.rows(SHAPE), empty.rows(KEYS)
    assert {row[0] for row in before[0]} == set(schema.TABLES)
    code, printed, _ = call("load", "--init", "--database-url", empty.url)
    assert (code, printed) == (0, "init     the tables are there\n")
    assert (empty.rows(SHAPE), empty.rows(KEYS)) == before


def test_init_leaves_somebody_elses_schema_alone(empty, call):
    with empty.connect() as connection:
        connection.execute("CREATE SCHEMA shared_irt")
        connection.execute("CREATE TABLE shared_irt.items (id bigint PRIMARY KEY)")
    before = empty.rows(SHAPE), empty.rows(KEYS)
    code, _, errors = call("load", "--init", "--migrate", "--database-url", empty.url)
    assert code == 5
    assert "has items but no item_parameters_current, windows" in errors
    assert (empty.rows(SHAPE), empty.rows(KEYS)) == before


def test_the_migration_is_asked_for_keeps_rows_and_is_safe_to_run_twice(database, simulation, load, call, run):
    fill_bank(database, simulation)
    load(database, run)
    assert ("method" in {row[1] for row in database.rows(SHAPE)}) is False
    rows = database.rows("SELECT * FROM shared_irt.item_calibration ORDER BY id")
    code, printed, _ = call("load", "--migrate", "--database-url", database.url)
    assert (code, printed) == (0, "migrate  item_calibration now has a method\n")
    assert database.rows("SELECT * FROM shared_irt.item_calibration ORDER BY id") == [(*row, "unknown") for row in rows]
    before = database.rows(SHAPE), database.rows(KEYS)
    code, printed, _ = call("load", "--migrate", "--database-url", database.url)
    assert (code, printed) == (0, "migrate  it was done before\n")
    assert (database.rows(SHAPE), database.rows(KEYS)) == before
    assert [row[1] for row in before[1] if "item_calibration_item" in row[0] and row[1].startswith("UNIQUE")] == [
        "UNIQUE (item_id, window_id, model, method)"
    ]
    load(database, run)
    methods = database.rows("SELECT method, count(*) FROM shared_irt.item_calibration GROUP BY 1 ORDER BY 1")
    assert methods == [("mml", 12), ("unknown", 12)]


@pytest.mark.parametrize("kind", ["constraint of another name", "plain index"])
def test_the_older_key_goes_whatever_it_is_called(database, call, kind):
    with database.connect() as connection:
        connection.execute(
            "ALTER TABLE shared_irt.item_calibration DROP CONSTRAINT item_calibration_item_id_window_id_key"
        )
        if kind == "plain index":
            connection.execute('CREATE UNIQUE INDEX "Odd name" ON shared_irt.item_calibration (window_id, item_id)')
        else:
            connection.execute(
                'ALTER TABLE shared_irt.item_calibration ADD CONSTRAINT "Odd" UNIQUE (item_id, window_id)'
            )
    assert call("load", "--migrate", "--database-url", database.url)[0] == 0
    unique = database.rows(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'shared_irt.item_calibration'::regclass "
        "AND indisunique AND NOT indisprimary"
    )
    assert len(unique) == 1
    assert unique[0][0].endswith("(item_id, window_id, model, method)")


def test_three_methods_beside_each_other(migrated_bank, load, run, tmp_path):
    """One row an item, and three different methods, in the view and in the query."""
    bank = migrated_bank
    assert load(bank, monthly(tmp_path / "month", run))[0] == 0
    b = np.array(pq.read_table(run / "items.parquet")["b"].to_pylist())
    rows = bank.rows(
        "SELECT id_str, b_mml, b_nuts, b_joint, b_hmc, methods, b_range, converged FROM shared_irt.method_comparison "
        "WHERE label = %s ORDER BY id_str",
        LABEL,
    )
    assert len(rows) == 12
    found = np.array([row[1:4] for row in rows], float)
    np.testing.assert_allclose(found, b[:, None] + [0.0, 0.01, 0.02], rtol=1e-12)
    assert {row[4:6] + row[7:] for row in rows} == {(None, 3, True)}
    np.testing.assert_allclose([row[6] for row in rows], 0.02, rtol=1e-9)
    file = str(schema.SQL / "compare_methods.sql")
    chosen = [
        part
        for name, value in {"label": LABEL, "x": "mml", "y": "nuts", "z": "joint"}.items()
        for part in ("-v", f"{name}={value}")
    ]
    done = run_psql(bank.parameters, *chosen, "-A", "-t", "-F", ",", "-f", file)
    assert done.returncode == 0, done.stderr
    lines = sorted(line.split(",") for line in done.stdout.splitlines())
    assert [line[0] for line in lines] == [row[0] for row in rows]
    np.testing.assert_allclose(np.array([line[5:8] for line in lines], float), found, rtol=1e-12)


def test_two_methods_do_not_fit_the_older_key(database, simulation, load, run, tmp_path):
    fill_bank(database, simulation)
    load(database, run)
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.rows(
            "INSERT INTO shared_irt.item_calibration (item_id, window_id, model, b_hat, n_responses) "
            "SELECT item_id, window_id, model, b_hat, n_responses FROM shared_irt.item_calibration RETURNING 1"
        )
