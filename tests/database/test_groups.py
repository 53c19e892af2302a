"""Items with parameters by group: no row of their own, but their difference as an alert and in dif_metadata."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr
from support.databases import LABEL
from support.monthly_folders import change_about, change_items

#: Means of b of the copies, by item and group; SD .1 each.
B = {"i02": {"en": 0.0, "ko": 0.6, "zh-Hans": 0.1}, "i03": {"en": 1.0, "ko": 1.05}, "i04": {"en": 0.0, "ko": -0.32}}


def by_group(run, folder):
    """A run whose items i02 to i04 have copies, with draws."""
    shutil.copytree(run, folder)
    rows = []
    for row in pq.read_table(run / "items.parquet").to_pylist():
        rows += [{**row, "group": group} for group in B.get(row["item_id"], [None])]
    change_items(folder, lambda items: pa.Table.from_pylist(rows, items.schema))
    change_about(folder, options={"method": "hmc"})
    centre = [B[row["item_id"]][row["group"]] if row["group"] else row["b"] for row in rows]
    b = np.array(centre) + 0.1 * np.random.default_rng(3).normal(size=(2, 2000, len(rows)))
    labels = [f"{row['item_id']} [{row['group']}]" if row["group"] else row["item_id"] for row in rows]
    posterior = xr.Dataset({"b": (("chain", "draw", "item"), b)}, {"item": np.array(labels, object)})
    xr.DataTree.from_dict({"/posterior": posterior}).to_netcdf(folder / "posterior.nc", engine="h5netcdf")
    return {label: b[:, :, place].ravel() for place, label in enumerate(labels)}


def test_differences_between_groups(migrated_bank, load, run, tmp_path):
    bank = migrated_bank
    assert load(bank, run)[0] == 0
    draws = by_group(run, tmp_path / "groups")
    code, _, errors = load(bank, tmp_path / "groups", "--promote")
    assert code == 0, errors
    assert "hmc: 3 items with parameters by group are left out: 'i02', 'i03', 'i04'" in errors
    counts = bank.rows("SELECT method, count(*) FROM shared_irt.item_calibration GROUP BY 1 ORDER BY 1")
    assert counts == [("hmc", 9), ("mml", 12)]
    assert bank.rows("SELECT count(*) FROM shared_irt.item_parameters_current") == [(9,)]

    def probability(item, one, other):
        return np.mean(np.abs(draws[f"{item} [{one}]"] - draws[f"{item} [{other}]"]) > 0.3)

    alerts = bank.rows(
        "SELECT i.id_str, metric, value, threshold, severity, message FROM shared_irt.drift_alerts "
        "JOIN shared_irt.items i ON i.id = item_id"
    )
    assert len(alerts) == 1
    assert alerts[0][:5] == ("i02", "dif_prob", probability("i02", "en", "ko"), 0.9, "high")
    means = [draws[f"i02 [{group}]"].mean() for group in ("en", "ko")]
    assert alerts[0][5] == f"b is {means[0]:.3f} in en and {means[1]:.3f} in ko"
    about = dict(
        bank.rows(
            "SELECT i.id_str, dif_metadata FROM shared_irt.item_calibration JOIN shared_irt.items i ON i.id = item_id "
            "WHERE dif_metadata IS NOT NULL"
        )
    )
    assert {name: value["dif_prob"] for name, value in about.items()} == {
        "i02": probability("i02", "en", "ko"),
        "i03": probability("i03", "en", "ko"),
        "i04": probability("i04", "en", "ko"),
    }
    np.testing.assert_allclose(list(about["i02"]["groups"].values()), means, rtol=1e-12)
    before = bank.everything()
    load(bank, tmp_path / "groups", "--promote")
    load(bank, run)
    assert bank.everything() == before
    assert LABEL in {row[1] for row in before["windows"]}
