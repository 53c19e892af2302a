import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support import limits
from support.seeds import seed

from irt_jax.calibration import calibrate
from irt_jax.data.exchange import FORMS, convert, from_other, to_other
from irt_jax.errors import InputError, UsageError
from irt_jax.scoring import read_items
from irt_jax.study.simulate import simulate


def some_items(form, steps):
    rng = np.random.default_rng(0)
    own = FORMS[form]
    columns = {"item_id": ["x", "y", "z"], own.slope: [0.7, 1.4, -0.5], f"{own.slope}_se": rng.uniform(0.05, 0.2, 3)}
    for step in steps:
        columns[own.location + step] = rng.normal(size=3)
        columns[f"{own.location}{step}_se"] = rng.uniform(0.05, 0.2, 3)
        columns[f"cov_{own.slope}_{own.location}{step}"] = rng.uniform(-0.002, 0.002, 3)
    columns[own.guessing] = [0.1, 0.2, 0.0]
    return pd.DataFrame(columns)


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(FORMS, 2)))
@pytest.mark.parametrize("steps", [("",), ("1", "2")])
def test_a_round_trip_changes_nothing(source, target, steps):
    items = some_items(source, steps)
    there = convert(items, source, target)
    pd.testing.assert_frame_equal(convert(there, target, source)[items.columns], items, rtol=1e-12)


@pytest.mark.parametrize("target", FORMS)
def test_log_odds_stay_the_same(target):
    items = some_items("irt_jax", ("",))
    other, form = convert(items, "irt_jax", target), FORMS[target]
    theta = np.linspace(-2, 2, 5)[:, None]
    slope, location = other[form.slope].to_numpy(), other[form.location].to_numpy()
    product = form.d * slope if form.difficulty else 1.0
    np.testing.assert_allclose(
        form.d * slope * theta + form.sign * product * location, items.a.to_numpy() * (theta - items.b.to_numpy())
    )


@pytest.mark.statistical
def test_errors_equal_simulation():
    items = some_items("irt_jax", ("",)).iloc[:2]
    found = convert(items, "irt_jax", "mirt")
    rng, n = np.random.default_rng(seed(1)), 200_000
    for row, (_, item) in enumerate(items.iterrows()):
        covariance = [[item.a_se**2, item.cov_a_b], [item.cov_a_b, item.b_se**2]]
        a, b = rng.multivariate_normal([item.a, item.b], np.array(covariance) / 1e4, n).T
        sd, own = np.array([1e2 * np.std(a), 1e2 * np.std(-a * b)]), np.array([item.a_se, found.d_se[row]])
        assert limits.likely(limits.of_sds(sd, n, own), 6)
        assert (limits.of_sds(1.02 * sd, n, own) < limits.level(6)).all()
        correlation = np.corrcoef(a, -a * b)[0, 1], found.cov_a1_d[row] / own.prod()
        assert limits.within(np.diff(np.arctanh(correlation)) * np.sqrt(n - 3), 6)
        assert limits.beyond((np.arctanh(correlation[0] + 0.02) - np.arctanh(correlation[1])) * np.sqrt(n - 3), 6)


@pytest.mark.parametrize("form", [name for name in FORMS if name != "irt_jax"])
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_a_run_comes_back_as_the_same_anchors(form):
    simulation = simulate(200, 8, 8, seed=5)
    items = calibrate(simulation.responses, method="mml").items
    back = from_other(to_other(items, form), form)
    names = ["item_id", "a", "b", "log_a_sd", "b_sd", "cov_log_a_b"]
    pd.testing.assert_frame_equal(back[names], items[names], rtol=1e-12)
    again = [calibrate(simulation.responses, anchors, method="mml").items for anchors in (back, items[names])]
    for name in ("a", "b", "b_sd"):
        np.testing.assert_allclose(again[0][name], again[1][name], atol=1e-4)


def test_thresholds_go_there_and_back():
    items = pd.DataFrame({"item_id": ["x", "y"], "a": [0.8, 1.5], "thresholds": [[-1.0, 0.5], [0.2]]})
    there = to_other(items, "mirt")
    np.testing.assert_allclose(there[["d1", "d2"]], [[0.8, -0.4], [-0.3, np.nan]])
    back = from_other(there, "mirt")
    np.testing.assert_allclose(back.b, [-0.25, 0.2])
    assert [np.round(row, 12).tolist() for row in back.thresholds] == items.thresholds.tolist()
    assert (
        read_items(pa.Table.from_pandas(back.assign(model="grm"), preserve_index=False)).coding.n_categories.max() == 3
    )


def test_what_is_missing_is_named():
    items = some_items("mirt", ("",))
    with pytest.raises(UsageError, match="no form 'sas'"):
        convert(items, "sas", "mirt")
    with pytest.raises(InputError, match="Expected a column 'a'"):
        convert(items, "irt_jax", "mirt")
    with pytest.raises(InputError, match="Expected a column 'd' or 'd1'"):
        convert(items[["item_id", "a1"]], "mirt", "irt_jax")
    with pytest.raises(InputError, match="other than zero"):
        convert(items.assign(a1=0.0), "mirt", "irt_jax")
