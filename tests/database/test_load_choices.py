"""What a load takes and refuses: folders, methods, models, intervals, items, windows."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.databases import CALIBRATION, CURRENT, LABEL
from support.monthly_folders import change_about, change_items, copied, monthly, replaced


def test_failed_diagnostics_and_the_gate_refuse_and_a_reason_overrides(bank, load, run, tmp_path):
    failed = copied(run, tmp_path)
    change_about(failed, diagnostics={"ok": False, "problems": ["R-hat of b[i02] is 1.3."]})
    before = bank.everything()
    code, _, errors = load(bank, failed, "--promote")
    assert code == 4
    assert "R-hat of b[i02] is 1.3" in errors
    assert "--force" in errors
    assert errors.count("\n") == 1
    month = monthly(tmp_path / "month", run, ok=False, problems=["The methods differ."])
    code, _, errors = load(bank, month)
    assert code == 4
    assert "The methods differ." in errors
    assert bank.everything() == before
    reason = 'checked "by hand", 100 %\n'
    code, _, errors = load(bank, failed, "--promote", "--force", reason)
    assert code == 0, errors
    rows = bank.rows(CALIBRATION, LABEL)
    assert {row[11] for row in rows} == {False}
    assert all(row[13] == {"forced": reason} for row in rows)
    assert all(row[8].endswith(f"; forced: {reason}") for row in bank.rows(CURRENT) if row[8])
    load(bank, run)
    assert {(row[11], row[13]) for row in bank.rows(CALIBRATION, LABEL)} == {(True, None)}


def test_items_are_found_by_their_numbers_too(bank, load, run, tmp_path):
    keys = dict(bank.rows("SELECT id_str, id FROM shared_irt.items"))
    other = copied(run, tmp_path)

    def numbered(items):
        ids = pa.array([keys[name] for name in items["item_id"].to_pylist()], pa.int64())
        return items.set_column(0, "item_id", ids)

    change_items(other, numbered)
    code, _, errors = load(bank, other)
    assert code == 0, errors
    assert [row[0] for row in bank.rows(CALIBRATION, LABEL)] == sorted(keys)
    code, _, errors = load(bank, other, "--ids", "id_str")
    assert code == 5
    assert "12 items are not in items.id_str" in errors


def test_an_unknown_item_is_named_and_nothing_is_loaded(bank, load, run):
    bank.rows("DELETE FROM shared_irt.items WHERE id_str IN ('i02', 'i05') RETURNING 1")
    before = bank.everything()
    code, printed, errors = load(bank, run, "--promote")
    assert (code, printed) == (5, "")
    assert errors.startswith("error: 2 items are not in items.id_str: 'i02', 'i05'. Nothing was loaded.")
    assert errors.count("\n") == 1
    assert bank.everything() == before


def test_items_without_an_estimate_are_named_and_left_out(bank, load, run, tmp_path):
    other = copied(run, tmp_path)
    b = pq.read_table(run / "items.parquet")["b"].to_pylist()
    change_items(other, replaced("b", [None, float("nan"), *b[2:]]))
    code, _, errors = load(bank, other)
    assert code == 0
    assert "2 items without an estimate are left out: 'i01', 'i02'" in errors
    assert len(bank.rows(CALIBRATION, LABEL)) == 10


def test_models_by_the_databases_names(bank, load, run, tmp_path):
    other = copied(run, tmp_path)
    change_items(other, replaced("model", ["rasch", "1pl", "2pl", "3pl"] * 3))
    code, _, errors = load(bank, other)
    assert code == 0, errors
    assert [row[1] for row in bank.rows(CALIBRATION, LABEL)] == ["1PL", "1PL", "2PL", "3PL"] * 3
    change_items(other, replaced("model", ["grm", "gpcm"] + ["2pl"] * 10))
    code, _, errors = load(bank, other)
    assert code == 3
    assert "has items of grm, gpcm: 'i01', 'i02'" in errors


def test_intervals_are_of_95_percent_whatever_the_run_has(bank, load, run, tmp_path):
    """Under mml from the standard errors: with the run's interval of 94 % untouched they would differ."""
    exact = [row[3:5] + row[6:8] for row in (load(bank, run), bank.rows(CALIBRATION, LABEL))[1]]
    other = copied(run, tmp_path)
    change_about(other, options={"interval": 0.5})
    for name in ("a_lower", "a_upper", "b_lower", "b_upper"):
        change_items(other, replaced(name, [0.0] * 12))
    assert load(bank, other)[0] == 0
    wald = [row[3:5] + row[6:8] for row in bank.rows(CALIBRATION, LABEL)]
    np.testing.assert_allclose(wald, exact, rtol=1e-12)
    change_about(other, options={"method": "nuts"})
    code, _, errors = load(bank, other)
    assert code == 3
    assert "--interval 0.95" in errors


def test_intervals_of_draws(bank, load, run, tmp_path):
    import xarray as xr

    other = copied(run, tmp_path)
    change_about(other, options={"interval": 0.5, "method": "nuts"})
    draws = {name: np.random.default_rng(1).normal(size=(2, 500, 12)) for name in "ab"}
    ids = pq.read_table(other / "items.parquet")["item_id"].to_pylist()
    posterior = xr.Dataset(
        {n: (("chain", "draw", "item"), v) for n, v in draws.items()}, {"item": np.array(ids, object)}
    )
    xr.DataTree.from_dict({"/posterior": posterior}).to_netcdf(other / "posterior.nc", engine="h5netcdf")
    code, _, errors = load(bank, other)
    assert code == 0, errors
    wanted = {n: np.quantile(v.reshape(1000, 12), [0.025, 0.975], axis=0).T for n, v in draws.items()}
    rows = bank.rows(CALIBRATION, LABEL)
    np.testing.assert_allclose([row[3:5] for row in rows], wanted["a"], rtol=1e-12)
    np.testing.assert_allclose([row[6:8] for row in rows], wanted["b"], rtol=1e-12)


def test_windows(bank, load, call, run):
    url = ("--database-url", bank.url)
    code, _, _ = load(bank, run, "--window-start", "2025-10-01", "--window-end", "2025-10-15")
    assert code == 0
    code, _, errors = load(bank, run, "--window-start", "2025-10-01", "--window-end", "2025-11-01")
    assert code == 5
    assert "is there with other limits" in errors
    code, printed, _ = call("load", run, *url, "--window-label", "2024-12 Seoul", "--time-zone", "Asia/Seoul")
    assert code == 0
    assert "from 2024-12-01 00:00 until 2025-01-01 00:00 Asia/Seoul" in printed
    code, printed, _ = call("load", run, *url)
    assert code == 0
    previous = bank.rows("SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 day', 'YYYY-MM')")
    assert printed.startswith(f"window   {previous[0][0]} monthly: from {previous[0][0]}-01 00:00 until ")


def test_the_months_label_must_be_the_windows(bank, call, run, tmp_path):
    folder = monthly(tmp_path / "month", run)
    code, _, errors = call("load", folder, "--database-url", bank.url, "--window-label", "2025-09 monthly")
    assert code == 2
    assert "'2025-10 monthly', not '2025-09 monthly'" in errors
    code, printed, _ = call("load", folder, "--database-url", bank.url)
    assert code == 0
    assert printed.startswith("window   2025-10 monthly")


@pytest.mark.parametrize("name", ["run.json", "items.parquet"])
def test_bad_folders_end_with_three(bank, load, run, tmp_path, name):
    other = copied(run, tmp_path)
    (other / name).write_text("[]")
    code, _, errors = load(bank, other)
    assert code == 3, errors
    assert name in errors
    assert errors.count("\n") == 1
    (other / name).unlink()
    code, _, errors = load(bank, other)
    assert code == 3, errors
    code, _, errors = load(bank, tmp_path / "nowhere")
    assert code == 3


@pytest.mark.parametrize(
    "arguments",
    [(), ("--ids", "name"), ("--force", " "), ("--window-start", "2025-10-01"), ("--time-zone", "Mars/Olympus")],
)
def test_wrong_usage_ends_with_two(bank, load, call, run, arguments):
    code, _, errors = load(bank, run, *arguments) if arguments else call("load", "--database-url", bank.url)
    assert code == 2
    assert errors.startswith("error: ")


def test_a_method_that_is_not_loaded_is_not_promoted(bank, load, run, tmp_path):
    folder = monthly(tmp_path / "month", run)
    before = bank.everything()
    code, _, errors = load(bank, folder, "--method", "mml", "--promote")
    assert code == 2
    assert "promotes the estimates of nuts, which is not loaded" in errors
    assert load(bank, folder, "--method", "hmc")[0] == 2
    assert bank.everything() == before
    (folder / "promotion.parquet").unlink()
    assert load(bank, folder, "--promote")[0] == 3
    assert load(bank, folder)[0] == 0
