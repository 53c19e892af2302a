"""The files of a run, read by the programs that users read them with."""

import json

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr
from support import arviz_compat

from irt_jax.calibration import calibrate
from irt_jax.contract.schema import items_schema, persons_schema
from irt_jax.data.write import check_output, write_folder, write_json
from irt_jax.errors import OutputError

QUICK = {"chains": 2, "warmup": 200, "draws": 300, "seed": 7}


@pytest.fixture(scope="module")
def fit(small):
    return calibrate(small.responses, small.anchors, **QUICK)


@pytest.fixture(scope="module")
def run(fit, tmp_path_factory):
    return fit.write(tmp_path_factory.mktemp("out") / "run")


def test_a_run_has_its_six_files_and_nothing_else_lies_beside_it(run):
    assert sorted(path.name for path in run.iterdir()) == [
        "anchors.parquet",
        "items.parquet",
        "metrics.prom",
        "persons.parquet",
        "posterior.nc",
        "run.json",
    ]
    assert list(run.parent.iterdir()) == [run]


def test_tables_have_the_documented_types(run):
    items, persons = pq.read_table(run / "items.parquet"), pq.read_table(run / "persons.parquet")
    assert items.schema.remove_metadata() == items_schema(items.schema.field("item_id").type)
    assert persons.schema.remove_metadata() == persons_schema(persons.schema.field("person_id").type)


def test_items_open_in_duckdb(run):
    rows = duckdb.sql(f"describe select * from '{run / 'items.parquet'}'").fetchall()
    types = {row[0]: row[1] for row in rows}
    assert types["item_id"] == "VARCHAR"
    assert types["is_anchor"] == "BOOLEAN"
    assert types["n_responses"] == "BIGINT"
    assert types["a"] == types["b_upper"] == types["mcse"] == "DOUBLE"
    assert types["thresholds"] == "DOUBLE[]"
    assert duckdb.sql(f"select count(*) from '{run / 'items.parquet'}' where a > 0").fetchall() == [(8,)]


def test_items_open_in_pandas(run):
    frame = pd.read_parquet(run / "items.parquet")
    assert frame.is_anchor.dtype == bool
    assert frame.n_responses.dtype == "int64"
    assert frame.a.dtype == frame.rhat.dtype == "float64"
    assert frame.item_id.is_unique


def test_the_posterior_opens_in_xarray_with_the_ids(run, fit):
    with xr.open_datatree(run / "posterior.nc", engine="h5netcdf") as tree:
        assert set(tree.children) == {"posterior", "sample_stats", "observed_data", "constant_data"}
        assert tree["posterior"].sizes == {"chain": 2, "draw": 300, "item": 8, "person": 60, "group": 1}
        assert list(tree["posterior"]["item"].values) == list(fit.items.item_id)
        assert list(tree["posterior"]["person"].values) == list(fit.persons.person_id)
        b = tree["posterior"]["b"].sel(item=fit.items.item_id[3]).values
    assert b.mean() == pytest.approx(fit.items.b[3])


def test_the_posterior_opens_in_arviz(run, fit):
    draws, summary = arviz_compat.open_and_summarise(str(run / "posterior.nc"), "b")
    assert list(summary.index) == [f"b[{name}]" for name in fit.items.item_id]
    np.testing.assert_allclose(draws.mean(("chain", "draw")), fit.items.b)


def test_integer_ids_come_back_as_integers(small, tmp_path):
    numbers = small.responses.to_pandas()
    numbers["person_id"] = numbers.person_id.str[1:].astype("int64") * 10**12
    numbers["item_id"] = numbers.item_id.str[1:].astype("int16")
    run = calibrate(numbers, **QUICK).write(tmp_path / "run")
    assert str(pq.read_schema(run / "items.parquet").field("item_id").type) == "int16"
    with xr.open_datatree(run / "posterior.nc", engine="h5netcdf") as tree:
        assert tree["posterior"]["person"].values[0] == 10**12
        assert tree["posterior"]["item"].dtype == np.int16


def test_run_json_says_what_the_contract_names(run):
    content = json.loads((run / "run.json").read_text())
    assert {
        "options",
        "seed",
        "data_hash",
        "versions",
        "device",
        "counts",
        "timings",
        "diagnostics",
        "reliability",
        "log_likelihood",
        "population",
    } <= set(content)
    assert {"import_s", "read_s", "compile_s", "warmup_s", "sample_s", "write_s", "total_s"} <= set(content["timings"])
    assert {
        "ok",
        "rhat_max",
        "ess_bulk_min",
        "ess_tail_min",
        "divergences",
        "quadrature_error",
        "offenders",
    } <= set(content["diagnostics"])
    assert 0 < content["reliability"] < 1


def test_the_same_seed_gives_the_same_bytes(small, run, tmp_path):
    again = calibrate(small.responses, small.anchors, **QUICK).write(tmp_path / "again")
    assert (again / "items.parquet").read_bytes() == (run / "items.parquet").read_bytes()
    assert (again / "persons.parquet").read_bytes() == (run / "persons.parquet").read_bytes()


def test_an_existing_folder_is_refused_or_replaced_whole(fit, tmp_path):
    out = fit.write(tmp_path / "run")
    (out / "drift.parquet").write_text("of a later command, and kept until the new one is complete")
    before = {path.name for path in out.iterdir()}
    with pytest.raises(OutputError, match="exists"):
        fit.write(out)

    def fail(folder):
        (folder / "half").write_text("")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        write_folder(out, fail, overwrite=True)
    assert {path.name for path in out.iterdir()} == before
    assert list(tmp_path.iterdir()) == [out]
    fit.write(out, overwrite=True)
    assert {path.name for path in out.iterdir()} == before - {"drift.parquet"}
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        check_output(tmp_path / "file")
    with pytest.raises(OutputError, match="could not be written"):
        check_output(tmp_path / "file" / "run")


def test_json_never_holds_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
