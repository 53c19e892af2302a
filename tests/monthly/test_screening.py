"""Anchors that drifted stop linking, and the free items are then not bent by them."""

import json

import numpy as np
import pyarrow as pa
import pytest

from irt_jax.calibration import calibrate
from irt_jax.data import read_anchors
from irt_jax.monthly import MonthlySettings
from irt_jax.monthly.screening import Screened, said, screen, still_linking
from irt_jax.study.simulate import simulate

SETTINGS = MonthlySettings("2025-10 monthly")
DRIFT = 0.6
pytestmark = pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")


@pytest.fixture(scope="module")
def simulation():
    """About 1,000 responses an item."""
    return simulate(2500, 40, 16, anchor_items=10, seed=11)


def previous(simulation, drifted):
    """The anchors file, with some whose items have become harder since."""
    table = simulation.anchors.to_pandas()
    table.loc[table.item_id.isin(drifted), "b"] -= DRIFT
    return pa.Table.from_pandas(table, preserve_index=False)


def bias(fit, simulation):
    truth = simulation.items.to_pandas().set_index("item_id").b
    free = fit.items[~fit.items.item_id.isin(simulation.anchors["item_id"].to_pylist())]
    return float(np.mean(free.b.to_numpy() - truth[free.item_id].to_numpy()))


@pytest.mark.slow
def test_the_drifted_go_and_take_their_bias_along(simulation, tmp_path):
    drifted = simulation.anchors["item_id"].to_pylist()[:2]
    bank = read_anchors(previous(simulation, drifted))
    fit = calibrate(simulation.responses, bank, method="mml")
    screened = screen(tmp_path, fit.write(tmp_path / "screening"), SETTINGS)
    assert screened.linked
    assert screened.drifted.to_pylist() == drifted
    assert drifted[0] in said(screened)
    left = still_linking(bank, screened)
    assert left["item_id"].to_pylist() == simulation.anchors["item_id"].to_pylist()[2:]
    again = calibrate(simulation.responses, left, method="mml")
    assert bias(fit, simulation) < -0.1
    # Over 20 such data sets the bias without the two was -.014 with an SD of .036.
    assert abs(bias(again, simulation)) < 0.014 + 3 * 0.036
    assert bias(again, simulation) - bias(fit, simulation) > 0.06


def test_a_first_fit_that_failed_links_nothing(simulation, tmp_path):
    fit = calibrate(simulation.responses, simulation.anchors, method="mml")
    run = fit.write(tmp_path / "screening")
    content = json.loads((run / "run.json").read_text())
    content["diagnostics"]["ok"] = False
    (run / "run.json").write_text(json.dumps(content))
    screened = screen(tmp_path, run, SETTINGS)
    assert not screened.linked
    assert "first fit" in screened.problems[0]


@pytest.mark.parametrize("linked", [True, False])
def test_too_many_drifted_are_all_kept_and_nothing_is_said_to_link(linked):
    bank = pa.table({"item_id": ["p", "q", "r"], "a": [1.0] * 3, "b": [0.0] * 3})
    screened = Screened(bank, pa.array(["q", "r"]), linked, ())
    assert still_linking(bank, screened).num_rows == (1 if linked else 3)
    assert bool(said(screened)) == linked


def test_without_anchors_nothing_drifts():
    bank = pa.table({"item_id": ["p"], "a": [1.0], "b": [0.0]})
    assert still_linking(bank, Screened()) is bank
