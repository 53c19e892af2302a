"""What an export holds: every response of the window once, in order, nulls kept; anchors with the SD of log a."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.databases import LABEL

import irt_jax

INSERT = (
    "INSERT INTO shared_irt.item_responses (user_id_hash, item_id, answered_at, is_correct, score, lang, org_id) "
    "SELECT %s, id, %s::timestamptz, %s, %s, %s, %s FROM shared_irt.items WHERE id_str = %s RETURNING id"
)


@pytest.fixture
def export(call, tmp_path):
    def exported(database, *more):
        return call("export", "--database-url", database.url, "--out", tmp_path / "out", *more)

    return exported


def add(database, person, item, at, correct=True, score=None, lang="en", org="o"):
    database.rows(INSERT, person, at, correct, score, lang, org, item)


def test_what_went_in_comes_out(bank, export, simulation, tmp_path):
    code, printed, errors = export(bank, "--window-label", LABEL)
    assert (code, errors) == (0, "")
    assert "data     1,600 responses, 3 anchors" in printed
    assert max(len(line) for line in printed.splitlines() if str(tmp_path) not in line) <= 80
    table = pq.read_table(tmp_path / "out" / "responses.parquet")
    assert table.column_names == ["person_id", "item_id", "response", "seq"]
    for name in ("person_id", "item_id", "response"):
        assert table[name].to_pylist() == simulation.responses[name].to_pylist()
    assert table["seq"].to_pylist() == list(range(1600))
    anchors = irt_jax.read_anchors(tmp_path / "out" / "anchors.parquet")
    wanted = irt_jax.read_anchors(simulation.anchors)
    for name in ("item_id", "a", "b", "b_sd"):
        assert anchors[name].to_pylist() == wanted[name].to_pylist()
    np.testing.assert_allclose(anchors["log_a_sd"], wanted["log_a_sd"], rtol=1e-12)
    window = json.loads(pq.read_schema(tmp_path / "out" / "anchors.parquet").metadata[b"window"])
    assert json.loads(table.schema.metadata[b"window"]) == window
    assert window == {
        "label": LABEL,
        "start": "2025-10-01T00:00:00+00:00",
        "end": "2025-11-01T00:00:00+00:00",
        "end_is_exclusive": True,
        "time_zone": "UTC",
    }
    assert window.items() <= json.loads((tmp_path / "out" / "window.json").read_text()).items()
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_the_windows_end_is_exclusive_and_repeats_are_ordered_by_time_then_number(bank, export, tmp_path):
    add(bank, "late", "i01", "2025-11-01 00:00:00+00")
    add(bank, "early", "i01", "2025-09-30 23:59:59.999999+00")
    add(bank, "rep", "i02", "2025-10-31 23:59:59.999999+00", correct=False)
    add(bank, "rep", "i02", "2025-10-31 23:59:59.999999+00", correct=True)
    add(bank, "rep", "i02", "2025-10-01 00:00:00+00", correct=None)
    code, _, errors = export(bank, "--window-start", "2025-10-01", "--window-end", "2025-11-01")
    assert code == 0
    assert errors == "note: 1 responses are null: missing, not wrong.\n"
    table = pq.read_table(tmp_path / "out" / "responses.parquet")
    assert table.num_rows == 1603
    rows = [row for row in table.to_pylist() if row["person_id"] == "rep"]
    assert [(row["response"], row["seq"]) for row in rows] == [(None, 1), (0, 1601), (1, 1602)]
    coded = irt_jax.encode(irt_jax.read_responses(tmp_path / "out" / "responses.parquet"), repeats="last")
    assert coded.n_responses == 1601


def test_time_zones_of_the_window(bank, export, tmp_path):
    add(bank, "seoul", "i01", "2025-11-01 00:00:00+09:00")
    add(bank, "seoul", "i02", "2025-11-30 23:59:59+09:00")
    add(bank, "seoul", "i03", "2025-12-01 00:00:00+09:00")
    code, printed, _ = export(bank, "--window-label", "2025-11 Seoul", "--time-zone", "Asia/Seoul")
    assert code == 0
    table = pq.read_table(tmp_path / "out" / "responses.parquet").to_pandas()
    assert table.item_id[table.person_id == "seoul"].tolist() == ["i01", "i02"]
    assert "from 2025-11-01 00:00 until 2025-12-01 00:00 Asia/Seoul" in printed


def test_the_previous_month_is_the_default_and_unknown_labels_are_refused(bank, export, tmp_path):
    month = "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
    moment = bank.rows(f"SELECT ({month} - interval '1 second')::text, to_char({month} - interval '1 day', 'YYYY-MM')")
    add(bank, "x", "i01", moment[0][0])
    code, printed, errors = export(bank)
    assert code == 0, errors
    assert printed.startswith(f"window   {moment[0][1]} monthly: ")
    code, _, errors = export(bank, "--window-label", "autumn", "--overwrite")
    assert code == 5
    assert "'autumn'" in errors
    query = "INSERT INTO shared_irt.windows (label, start_at, end_at) VALUES (%s, %s, %s) RETURNING id"
    bank.rows(query, "autumn", "2025-10-05", "2025-10-06")
    code, printed, errors = export(bank, "--window-label", "autumn", "--overwrite")
    assert code == 0, errors
    assert "from 2025-10-05 00:00 until 2025-10-06 00:00 UTC" in printed


def test_an_empty_window_is_an_error_and_writes_nothing(bank, export, tmp_path):
    code, _, errors = export(bank, "--window-label", "2031-01")
    assert code == 5
    assert "No response in the window 2031-01" in errors
    assert list(tmp_path.iterdir()) == []


def test_scores_groups_and_numbers_as_ids(bank, export, tmp_path):
    bank.rows("UPDATE shared_irt.item_responses SET score = 2 WHERE user_id_hash = 'p001' RETURNING 1")
    bank.rows("UPDATE shared_irt.item_responses SET lang = 'ko' WHERE user_id_hash = 'p002' RETURNING 1")
    more = ("--response", "score", "--group-col", "lang", "--ids", "id", "--window-label", LABEL)
    code, _, errors = export(bank, *more)
    assert code == 0, errors
    table = pq.read_table(tmp_path / "out" / "responses.parquet")
    assert table.schema.field("item_id").type == pa.int64()
    keys = [row[0] for row in bank.rows("SELECT id FROM shared_irt.items")]
    assert set(table["item_id"].to_pylist()) == set(keys)
    frame = table.to_pandas()
    assert set(frame.response[frame.person_id == "p001"]) == {2}
    assert set(frame.group[frame.person_id == "p002"]) == {"ko"}
    assert set(frame.group[frame.person_id != "p002"]) == {"en"}
    bank.rows("UPDATE shared_irt.item_responses SET score = 0.5 WHERE user_id_hash = 'p003' RETURNING 1")
    code, _, errors = export(bank, *more, "--overwrite")
    assert code == 3
    assert "'p003'" in errors
    assert "and 3 more" in errors
    assert pq.read_table(tmp_path / "out" / "responses.parquet").equals(table)  # the older export stays


@pytest.mark.parametrize("score", [-1.0, float("nan"), float("inf"), 2.0**31])
def test_scores_that_are_no_categories(migrated_bank, export, tmp_path, score):
    bank = migrated_bank
    add(bank, "odd", "i01", "2025-10-15", score=score)
    code, _, errors = export(bank, "--response", "score", "--window-label", LABEL)
    assert code == 3
    assert "('odd', 'i01', " in errors
    assert list(tmp_path.iterdir()) == []


def test_wrong_choices(migrated_bank, export):
    for more in (("--ids", "name"), ("--response", "correct"), ("--window-start", "soon", "--window-end", "later")):
        assert export(migrated_bank, *more)[0] == 2
    code, _, errors = export(migrated_bank, "--group-col", 'no"such', "--window-label", LABEL)
    assert code == 5
    assert "'no\"such'; it has id, org_id, user_id_hash" in errors


def test_anchors_of_every_model(migrated_bank, export, tmp_path):
    bank = migrated_bank
    bank.rows("UPDATE shared_irt.items SET is_anchor = true WHERE id_str IN ('i02', 'i03', 'i04') RETURNING 1")
    for name, model, a, c, a_se, b_se in (("i02", "1PL", None, None, None, 0.1), ("i03", "3PL", 2.0, 0.2, 0.5, 0.0)):
        bank.rows(
            "INSERT INTO shared_irt.item_parameters_current (item_id, model, a, b, c, a_se, b_se) "
            "SELECT id, %s, %s, 0.5, %s, %s, %s FROM shared_irt.items WHERE id_str = %s RETURNING 1",
            *(model, a, c, a_se, b_se, name),
        )
    code, printed, errors = export(bank, "--window-label", LABEL)
    assert code == 0
    assert "1 anchors have no current parameters" in errors
    assert "1 anchors have no standard error; they take irt_jax's default of 0.05." in errors
    assert "5 anchors" in printed
    rows = {row["item_id"]: row for row in pq.read_table(tmp_path / "out" / "anchors.parquet").to_pylist()}
    assert rows["i02"] == {"item_id": "i02", "a": 1.0, "b": 0.5, "c": None, "a_sd": None, "b_sd": 0.1}
    assert rows["i03"] == {"item_id": "i03", "a": 2.0, "b": 0.5, "c": 0.2, "a_sd": 0.25, "b_sd": None}
    bank.rows("UPDATE shared_irt.item_parameters_current SET model = '2PL' WHERE a IS NULL RETURNING 1")
    code, _, errors = export(bank, "--window-label", LABEL, "--overwrite")
    assert code == 5
    assert "'i02'" in errors


def test_one_state_of_the_database_in_a_read_only_transaction(migrated_bank, export, tmp_path):
    """The table tells in an error what transaction it is read in."""
    bank = migrated_bank
    with bank.connect() as connection:
        connection.execute(
            "CREATE FUNCTION shared_irt.spy() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% %', "
            "current_setting('transaction_isolation'), current_setting('transaction_read_only'); END $$"
        )
        connection.execute("ALTER TABLE shared_irt.item_responses RENAME TO kept")
        connection.execute(
            "CREATE VIEW shared_irt.item_responses AS SELECT * FROM shared_irt.kept WHERE shared_irt.spy()"
        )
    code, _, errors = export(bank, "--window-label", LABEL)
    assert code == 5
    assert "repeatable read on" in errors
    assert list(tmp_path.iterdir()) == []


def test_the_command_runs_from_any_folder(migrated_bank, tmp_path):
    script = Path(__file__).parents[2] / "scripts" / "export_from_postgres.py"
    command = [sys.executable, str(script), "--window-label", LABEL, "--out", "out"]
    environment = {"DATABASE_URL": migrated_bank.url, "PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert pq.read_table(tmp_path / "out" / "responses.parquet").num_rows == 1600
