"""Tables that no run wrote: drift is not told from them."""

import numpy as np
import pyarrow as pa
import pytest
from support import drift_banks as banks

from irt_jax.errors import InputError
from irt_jax.linking.drift import drift

TABLE = banks.table_of(np.zeros(5), 0.1)
NUMBERS = [name for name in TABLE.column_names if name not in ("item_id", "n_responses")]
LAST = {name: TABLE[name].to_pylist()[:-1] for name in NUMBERS}


def with_column(name: str, values: list) -> pa.Table:
    return pa.table({each: TABLE[each] for each in TABLE.column_names} | {name: values})


@pytest.mark.parametrize("value", [1e300, float("inf"), -1e300], ids=str)
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_no_run_writes_are_refused_by_column_and_anchor(name, value):
    """An infinite free or previous b says that there is none, which is told as such."""
    table = with_column(name, [*LAST[name], value])
    if name in ("b_free", "b_free_sd", "b_prev", "b_prev_sd", "log_a_free") and np.isinf(value):
        assert drift(table).table["item_id"].to_pylist() == TABLE["item_id"].to_pylist()
        return
    if name == "log_a_free_sd" and value < 0:  # as in a model without slopes
        return
    with pytest.raises(InputError, match=rf"Expected {name} .*anchors\.parquet, found 'i004'"):
        drift(table)


@pytest.mark.parametrize("name", ["a_prev", "log_a_prev", "log_a_prev_sd"])
def test_a_previous_slope_that_is_missing_is_named(name):
    with pytest.raises(InputError, match=rf"Expected {name} from .*, found 'i004' \(none\)"):
        drift(with_column(name, [*LAST[name], None]))


@pytest.mark.parametrize(
    ("name", "value"), [("a_prev", 0.0), ("b_free_sd", 0.0), ("b_prev_sd", -0.1), ("a_prev", -1.0)]
)
def test_a_slope_and_errors_are_positive(name, value):
    with pytest.raises(InputError, match=f"Expected {name} from"):
        drift(with_column(name, [*LAST[name], value]))


def test_a_covariance_is_within_the_errors():
    with pytest.raises(InputError, match="Expected cov_log_a_b_free within log_a_free_sd times b_free_sd"):
        drift(with_column("cov_log_a_b_free", [0.0, 0.0, 0.0, 0.0, 0.02]))
    drift(with_column("cov_log_a_b_free", [0.0, 0.0, 0.0, 0.0, 0.005]))


def test_an_anchor_stands_there_once_and_numbers_are_numbers():
    with pytest.raises(InputError, match=r"Expected each anchor once in anchors\.parquet, found again: 'i000', 'i001'"):
        drift(pa.concat_tables([TABLE, TABLE.slice(0, 2)]))
    with pytest.raises(InputError, match="Expected numbers in b_free, found string"):
        drift(with_column("b_free", ["x"] * 5))


def test_changes_without_an_end_beside_their_errors_are_refused_before_any_memory_is_taken():
    table = banks.table_of(np.array([0.0, 0.0, 9e5]), 1e-9)
    columns = {name: table[name] for name in table.column_names} | {"b_prev_sd": np.full(3, 1e-9)}
    with pytest.raises(InputError, match=r"found some that are .* errors away"):
        drift(pa.table(columns))
