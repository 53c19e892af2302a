"""`drift`, `compare` and `score` on runs that somebody else wrote or damaged: an error's line, no answer."""

import json

import drift_banks as banks
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.comparison.sides import _population
from irt_jax.data.read_json import read_json
from irt_jax.drift import drift
from irt_jax.drift.read import read_run_anchors
from irt_jax.errors import InputError
from irt_jax.scoring import read_populations

GOOD = banks.table_of(np.r_[0.5, np.zeros(9)], 0.1)
COUNT = GOOD.num_rows


def with_column(name: str, values: object) -> pa.Table:
    return GOOD.set_column(GOOD.column_names.index(name), name, pa.array(values))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("b_free", 1e300, "b_free from -10000 to 10000"),
        ("b_free_sd", 0.0, "b_free_sd from"),
        ("b_free_sd", -1.0, "b_free_sd from"),
        ("b_prev_sd", -1.0, "b_prev_sd from"),
        ("log_a_free_sd", -1.0, "log_a_free_sd from"),
        ("a_prev", 0.0, "a_prev from"),
        ("cov_log_a_b_free", 50.0, "a covariance within its SDs"),
        ("b_free", "x", "Expected numbers in anchors.parquet, found others in 'b_free'"),
        ("item_id", "same", "found repeated item_id: 'same'"),
        ("item_id", None, "found 10 nulls"),
    ],
)
def test_anchors_that_no_calibration_wrote_are_refused(name, value, said):
    with pytest.raises(InputError, match=said):
        drift(with_column(name, [value] * COUNT))


def test_one_anchor_out_of_range_is_named():
    values = GOOD["b_free"].to_pylist()
    values[3] = 1e300
    with pytest.raises(InputError, match=r"found 'i003' \(b_free 1e\+300\)"):
        drift(with_column("b_free", values))


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_an_anchor_without_an_estimate_is_none_of_them(value):
    values = GOOD["b_free"].to_pylist()
    values[3] = value
    found = drift(with_column("b_free", values)).table
    assert found["b_change"].null_count == 1
    assert found["reason"][3].as_py()


@pytest.mark.parametrize("population", [None, "x", [1], {}, {"mean": None, "sd": None}, {"mean": "x", "sd": "y"}])
def test_a_population_of_another_form_is_none(tmp_path, population):
    pq.write_table(GOOD, tmp_path / "anchors.parquet")
    (tmp_path / "run.json").write_text(json.dumps({"population": population}))
    assert read_run_anchors(tmp_path).linked
    assert _population(tmp_path) is None
    with pytest.raises(InputError, match="Expected the population in"):
        read_populations(tmp_path)


def test_json_without_an_end_of_brackets_is_no_json(tmp_path):
    (tmp_path / "run.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="it is not JSON"):
        read_json(tmp_path / "run.json")
    with pytest.raises(InputError, match=r"found none: Cannot read '.*it is not JSON\. Give"):
        read_populations(tmp_path)
