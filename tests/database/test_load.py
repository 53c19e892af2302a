"""What a load writes, and that the second load changes nothing."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.databases import CALIBRATION, CURRENT, LABEL
from support.monthly_folders import change_items, copied, drift_table, monthly, replaced


def drifted(ids=("i01", "i07", "i12"), b_change=(0.05, -0.6, 0.3), flagged=(False, True, True)):
    return drift_table(list(ids), list(b_change), list(flagged))


def test_a_run_arrives_number_by_number(bank, load, run):
    code, printed, errors = load(bank, run)
    assert code == 0, errors
    assert "item_calibration                      12         0          0" in printed
    items, about = pq.read_table(run / "items.parquet").to_pylist(), json.loads((run / "run.json").read_text())
    rows = bank.rows(CALIBRATION, LABEL)
    assert len(rows) == len(items) == 12
    for row, item in zip(rows, items, strict=True):
        wanted = [item[name] for name in ("a", "a_lower", "a_upper", "b", "b_lower", "b_upper")]
        assert row[:9] == (item["item_id"], "2PL", *wanted, None)
        assert row[9:] == (item["n_responses"], about["log_likelihood"], True, None, None)
    limits = bank.rows("SELECT label, start_at::text, end_at::text FROM shared_irt.windows")
    assert limits == [(LABEL, "2025-10-01 00:00:00+00", "2025-11-01 00:00:00+00")]
    assert len(bank.rows(CURRENT)) == 3


def test_the_second_load_changes_nothing(bank, load, run, tmp_path):
    folder = monthly(tmp_path / "month", run, drifted())
    code, _, errors = load(bank, folder, "--promote")
    assert code == 0, errors
    before = bank.everything()
    assert len(before["drift_alerts"]) == 2
    code, printed, errors = load(bank, folder, "--promote")
    assert code == 0, errors
    assert bank.everything() == before
    for line in printed.splitlines()[3:]:
        assert line.split()[1:3] == ["0", "0"]


def test_alerts_are_of_flagged_items_and_the_primary_method_has_the_flags(migrated_bank, load, run, tmp_path):
    load(migrated_bank, monthly(tmp_path / "month", run, drifted()))
    alerts = migrated_bank.rows(
        "SELECT id_str, metric, value, threshold, severity, message, resolved_at FROM shared_irt.drift_alerts "
        "JOIN shared_irt.items i ON i.id = item_id ORDER BY id_str"
    )
    assert alerts == [
        ("i07", "delta_b", -0.6, 0.25, "high", "b changed by -0.600, P(drift) 1.000", None),
        ("i12", "delta_b", 0.3, 0.25, "medium", "b changed by +0.300, P(drift) 1.000", None),
    ]
    flags = migrated_bank.rows("SELECT method, drift_flag, count(*) FROM shared_irt.item_calibration GROUP BY 1, 2")
    assert set(flags) == {
        ("mml", None, 12),
        ("joint", None, 12),
        ("nuts", None, 10),
        ("nuts", "high", 1),
        ("nuts", "medium", 1),
    }


def test_all_methods_with_the_migration_and_the_primary_one_without(bank, load, run, tmp_path, request):
    folder = monthly(tmp_path / "month", run)
    code, printed, errors = load(bank, folder)
    assert code == 0
    if "migrated" in request.node.name:
        assert "methods  mml, nuts, joint" in printed
        b = pq.read_table(run / "items.parquet")["b"].to_numpy()
        for method, by in (("mml", 0.0), ("nuts", 0.01), ("joint", 0.02)):
            query = (
                "SELECT b_hat FROM shared_irt.item_calibration JOIN shared_irt.items i ON i.id = item_id "
                "WHERE method = %s ORDER BY id_str"
            )
            np.testing.assert_allclose([row[0] for row in bank.rows(query, method)], b + by, rtol=1e-12)
    else:
        assert "--migrate" in errors
        assert "nuts is loaded, not mml, joint" in errors
        nuts = pq.read_table(folder / "nuts" / "items.parquet")["b"].to_pylist()
        assert [row[5] for row in bank.rows(CALIBRATION, LABEL)] == nuts
        code, _, _ = load(bank, folder, "--method", "joint")
        assert code == 0
        joint = pq.read_table(folder / "joint" / "items.parquet")["b"].to_pylist()
        assert [row[5] for row in bank.rows(CALIBRATION, LABEL)] == joint


def test_a_new_run_updates_rows_and_counts_versions(bank, load, run, tmp_path):
    load(bank, run, "--promote")
    before = {row[0]: row for row in bank.rows(CURRENT)}
    other = copied(run, tmp_path)
    b = pq.read_table(run / "items.parquet")["b"].to_pylist()
    change_items(other, replaced("b", [b[0], b[1] + 0.25, *b[2:]]))
    code, printed, _ = load(bank, other, "--promote", "--dry-run")
    assert code == 0
    assert f"    i02: b {b[1]:.4g} -> {b[1] + 0.25:.4g}" in printed
    assert {row[0]: row for row in bank.rows(CURRENT)} == before
    code, printed_then, _ = load(bank, other, "--promote")
    assert "item_parameters_current                0         1          8" in printed_then
    after = {row[0]: row for row in bank.rows(CURRENT)}
    assert after["i02"][3] == b[1] + 0.25
    assert after["i02"][7] == 2
    assert after["i02"][9] > before["i02"][9]
    assert {name: row for name, row in after.items() if name != "i02"} == {
        n: r for n, r in before.items() if n != "i02"
    }


def test_a_dry_run_says_what_the_load_then_does(bank, load, run, tmp_path):
    folder = monthly(tmp_path / "month", run, drifted(), promoted=["i02", "i03"])
    before = bank.everything()
    code, dry, _ = load(bank, folder, "--promote", "--dry-run")
    assert code == 0
    assert bank.everything() == before
    _, real, _ = load(bank, folder, "--promote")
    tables = [line for line in dry.splitlines()[3:] if not line.startswith(" ")]
    assert tables == real.splitlines()[3:]
    assert max(map(len, dry.splitlines())) <= 80


def test_a_run_promotes_its_stable_items(bank, load, run, tmp_path):
    other = copied(run, tmp_path)
    pq.write_table(drift_table(["i02"], [0.4], [True]), other / "drift.parquet")
    change_items(other, replaced("calibrated", [True, True, False, *[True] * 9]))
    anchors = bank.rows(CURRENT)
    code, _, errors = load(bank, other, "--promote")
    assert code == 0, errors
    assert "1 items that are not calibrated (too few responses) are left out: 'i03'" in errors
    rows = {row[0]: row for row in bank.rows(CURRENT)}
    items = {row["item_id"]: row for row in pq.read_table(other / "items.parquet").to_pylist()}
    stable = {name for name in items if name not in {"i01", "i07", "i12", "i02", "i03"}}
    assert set(rows) == stable | {"i01", "i07", "i12"}
    assert [rows[row[0]] for row in anchors] == anchors
    for name in stable:
        item = items[name]
        assert rows[name][1:8] == ("2PL", item["a"], item["b"], None, item["a_sd"], item["b_sd"], 1)
        assert rows[name][8].startswith(f"{LABEL}: mml, run ")


def test_a_month_promotes_what_the_gate_promotes(bank, load, run, tmp_path):
    folder = monthly(tmp_path / "month", run, promoted=["i02", "i05"])
    load(bank, folder, "--promote")
    rows = {row[0]: row for row in bank.rows(CURRENT)}
    nuts = {row["item_id"]: row for row in pq.read_table(folder / "nuts" / "items.parquet").to_pylist()}
    assert set(rows) == {"i01", "i02", "i05", "i07", "i12"}
    assert rows["i05"][3] == nuts["i05"]["b"]
    assert rows["i05"][8].startswith(f"{LABEL}: nuts, run ")


def test_a_promoted_run_comes_back_as_anchors(bank, load, call, run, tmp_path):
    """Round trip: what was loaded is exported as anchors and read by irt_jax, with the SD of log a."""
    import irt_jax

    load(bank, run, "--promote")
    bank.rows("UPDATE shared_irt.items SET is_anchor = true RETURNING id")
    code, _, errors = call("export", "--database-url", bank.url, "--window-label", LABEL, "--out", tmp_path / "out")
    assert code == 0, errors
    anchors = irt_jax.read_anchors(tmp_path / "out" / "anchors.parquet").to_pylist()
    items = {row["item_id"]: row for row in pq.read_table(run / "items.parquet").to_pylist()}
    assert len(anchors) == 12
    for row in anchors:
        item = items[row["item_id"]]
        if not item["is_anchor"]:
            assert (row["a"], row["b"], row["b_sd"]) == (item["a"], item["b"], item["b_sd"])
            assert row["log_a_sd"] == pytest.approx(item["a_sd"] / item["a"], rel=1e-12)


def test_what_others_wrote_beside_the_numbers_stays(bank, load, run):
    load(bank, run)
    bank.rows("UPDATE shared_irt.item_calibration SET dif_metadata = '{\"lang\": 1}' RETURNING 1")
    code, printed, _ = load(bank, run)
    assert code == 0
    assert "item_calibration                       0         0         12" in printed
    assert {json.dumps(row[13]) for row in bank.rows(CALIBRATION, LABEL)} == {'{"lang": 1}'}


def test_the_columns_own_precision_is_no_change(bank, load, run):
    """Where a column holds less than a double, the same numbers are still the same."""
    for column in ("a", "b", "a_se", "b_se"):
        with bank.connect() as connection:
            connection.execute(f"ALTER TABLE shared_irt.item_parameters_current ALTER {column} TYPE real")
    load(bank, run, "--promote")
    before = bank.everything()
    load(bank, run, "--promote")
    assert bank.everything() == before


def test_alerts_of_todays_job_are_not_doubled_and_resolved_ones_stay_so(bank, load, run, tmp_path):
    folder = monthly(tmp_path / "month", run, drifted())
    load(bank, folder)
    bank.rows("UPDATE shared_irt.drift_alerts SET resolved_at = now() RETURNING 1")
    for _ in range(2):
        bank.rows(
            "INSERT INTO shared_irt.drift_alerts (item_id, window_id, metric, value, threshold, severity, message) "
            "SELECT item_id, window_id, metric, 0.9, threshold, severity, message FROM shared_irt.drift_alerts "
            "WHERE id = (SELECT min(id) FROM shared_irt.drift_alerts) RETURNING 1"
        )
    code, printed, _ = load(bank, folder)
    assert code == 0
    assert "drift_alerts                           0         1          1" in printed
    values = bank.rows("SELECT value, resolved_at IS NULL FROM shared_irt.drift_alerts ORDER BY id")
    assert values == [(-0.6, False), (0.3, False), (0.9, True), (-0.6, True)]
