"""b of a slope that may be zero: null with a reason, while the slope and the intercept are said."""

import numpy as np
import pyarrow as pa
import pytest

from irt_jax.calibration import calibrate
from irt_jax.inference.location import uncertain, undecided, unlocated
from irt_jax.scoring.items import SMALLEST_SLOPE, read_items


@pytest.fixture(scope="module")
def responses():
    """Four items that measure, and one of coin flips, so balanced that its slope is about zero."""
    rng = np.random.default_rng(3)
    theta = rng.normal(size=(120, 1))
    y = (rng.random((120, 4)) < 1.0 / (1.0 + np.exp(-2.0 * (theta - np.linspace(-1, 1, 4))))).astype(int)
    noise = np.empty(120, int)
    noise[np.lexsort((rng.random(120), y.sum(1)))] = np.tile([0, 1, 1, 0], 30)
    y = np.column_stack([y, noise])
    persons, items = np.indices(y.shape)
    ids = [f"i{item}" for item in items.ravel()]
    return pa.table({"person_id": persons.ravel(), "item_id": ids, "response": y.ravel()})


def test_slopes_whose_draws_straddle_zero():
    normal = np.random.default_rng(0).normal(size=(2, 4000))
    a = np.stack([0.1 + normal, 10.0 + normal, -10.0 + normal, 2.5 + normal], axis=-1)
    assert undecided(a).tolist() == [True, False, False, True]
    assert not undecided(np.exp(a)).any()  # log a keeps slopes from zero


def test_slopes_within_an_error_of_zero():
    found = uncertain(np.array([0.5, -0.5, 2.0, 1.0, 9.7]), np.array([0.6, 0.6, 0.6, 0.0, 57.0]))
    assert found.tolist() == [True, True, False, False, False]


def told(items):
    """What every method has to say of the responses."""
    items = items.set_index("item_id")
    assert items.loc["i4", ["b", "b_sd", "b_lower", "b_upper"]].isna().all()
    assert items.loc["i4", ["a", "a_sd", "intercept", "intercept_sd"]].notna().all()
    assert "b = -intercept / slope" in items.reason["i4"]
    assert items.b[:4].notna().all()
    assert items.reason[:4].isna().all()
    np.testing.assert_allclose(items.intercept[:4], -items.a[:4] * items.b[:4], atol=0.3)


def test_estimates(responses):
    fit = calibrate(responses, method="mml", priors="flat")
    told(fit.items)
    assert unlocated(fit.items_table) == ["1 items have a slope that may be zero, and so no b: 'i4'."]
    assert unlocated(fit.items_table)[0] in fit.notes


@pytest.mark.slow
def test_draws_and_who_reads_them(responses):
    fit = calibrate(responses, method="hmc", sign="free", draws=500, a_prior_sd=None)
    told(fit.items)
    assert np.isfinite(fit.items.mcse).all()
    assert fit.posterior["posterior"]["intercept"].shape == fit.posterior["posterior"]["a"].shape
    assert np.isfinite(fit.posterior["posterior"]["b"]).all()
    known = read_items(fit.items_table)
    slope = known.parameters["a"]
    assert known.ids.to_pylist() == ["i0", "i1", "i2", "i3", "i4"]
    steep = np.copysign(max(abs(slope[4]), SMALLEST_SLOPE), slope[4])
    np.testing.assert_allclose(-steep * known.parameters["b"][4], fit.items.intercept[4], rtol=1e-6)
