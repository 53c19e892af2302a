"""Estimates without an item's own prior, anchors.parquet, and conflicts with priors."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import kstest
from support import datasets, limits
from support.seeds import seed

from irt_jax.calibration import calibrate
from irt_jax.study.demo import verbagg
from irt_jax.study.simulate import simulate

pytestmark = pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")


@pytest.fixture(scope="module")
def simulation():
    return simulate(1500, 30, 15, anchor_items=8, seed=11)


def with_wide_prior(anchors: pa.Table, row: int) -> pa.Table:
    """The same anchors, one of which has hardly a prior."""
    frame = anchors.to_pandas()
    frame.loc[row, ["a_sd", "b_sd"]] = 30.0
    return pa.Table.from_pandas(frame, preserve_index=False)


FIXED, LEARNED = {"priors": "mission", "population": "fixed"}, {}


@pytest.mark.slow
@pytest.mark.parametrize(("row", "told", "share"), [(0, FIXED, 0.1), (5, FIXED, 0.1), (0, LEARNED, 0.3)])
def test_equals_a_refit_without_the_prior(simulation, row, told, share):
    """Its own likelihood followed, against a climb to the other mode: apart by little of the error.

    The first anchor is the worst of the eight; where the population is learned from them its removal moves the rest.
    """
    options = {"method": "mml", **told}
    one = calibrate(simulation.responses, simulation.anchors, **options).anchors.iloc[row]
    refit = calibrate(simulation.responses, with_wide_prior(simulation.anchors, row), **options).items
    item = refit[refit.item_id == one.item_id].iloc[0]
    assert one.b_free == pytest.approx(item.b, abs=share * item.b_sd)
    assert one.log_a_free == pytest.approx(item.log_a, abs=share * item.log_a_sd)
    assert one.b_free_sd == pytest.approx(item.b_sd, rel=share)
    assert one.log_a_free_sd == pytest.approx(item.log_a_sd, rel=share)
    assert one.b_free_sd > 1.2 * one.b_sd


@pytest.mark.slow
def test_a_suspect_equals_a_refit(simulation):
    """Far from its previous values an anchor is refitted without them: the same maximum, and errors to 2 %."""
    drifted = simulation.anchors.to_pandas()
    drifted.loc[2, "b"] -= 0.8
    drifted = pa.Table.from_pandas(drifted, preserve_index=False)
    one = calibrate(simulation.responses, drifted, method="mml").anchors.iloc[2]
    refit = calibrate(simulation.responses, with_wide_prior(drifted, 2), method="mml").items
    item = refit[refit.item_id == one.item_id].iloc[0]
    assert one.b_free == pytest.approx(item.b, abs=0.01 * item.b_sd)
    assert one.log_a_free == pytest.approx(item.log_a, abs=0.01 * item.log_a_sd)
    assert one.b_free_sd == pytest.approx(item.b_sd, rel=0.02)
    assert one.log_a_free_sd == pytest.approx(item.log_a_sd, rel=0.02)


@pytest.mark.slow
def test_a_drifted_anchor_does_not_hide_behind_a_large_error():
    """Before it is refitted its error comes out three times too large, so that it would not look far."""
    simulation = simulate(5000, 40, 16, anchor_items=10, seed=3013)
    drifted = simulation.anchors.to_pandas()
    drifted.loc[:1, "b"] -= 0.6
    one = calibrate(simulation.responses, pa.Table.from_pandas(drifted, preserve_index=False), method="mml")
    drifted = pa.Table.from_pandas(drifted, preserve_index=False)
    refit = calibrate(simulation.responses, with_wide_prior(drifted, 0), method="mml").items
    item, own = refit[refit.item_id == "i01"].iloc[0], one.anchors.iloc[0]
    assert own.b_free == pytest.approx(item.b, abs=0.02 * item.b_sd)
    assert own.b_free_sd == pytest.approx(item.b_sd, rel=0.02)


@pytest.mark.slow
@pytest.mark.statistical
def test_sound_anchors_have_uniform_p_values():
    values = []
    for number in range(6):
        simulation = simulate(1200, 40, 15, anchor_items=20, seed=seed(number))
        values += calibrate(simulation.responses, simulation.anchors, method="mml").anchors.p_value.tolist()
    assert limits.likely(np.array(kstest(values, "uniform").pvalue), 1)
    # Errors that are half as large as they should be, or twice: squared distances by which log a and b have moved.
    distances = -2.0 * np.log(values)
    for factor in (0.5, 2.0):
        wrong = np.exp(-0.5 * distances / factor**2)
        assert kstest(wrong, "uniform").pvalue < limits.level(1)


@pytest.mark.slow
@pytest.mark.statistical
def test_a_drifted_anchor_is_named_and_the_file_has_everything(simulation, tmp_path):
    frame = simulation.anchors.to_pandas()
    frame.loc[2, "b"] -= 0.8
    fit = calibrate(simulation.responses, pa.Table.from_pandas(frame, preserve_index=False), draws=100, warmup=50)
    assert any("1 anchors contradict" in note and frame.item_id[2] in note for note in fit.notes)
    fit.write(tmp_path / "run")
    table = pq.read_table(tmp_path / "run" / "anchors.parquet").to_pandas()
    assert table.item_id.tolist() == sorted(frame.item_id)
    own = table[table.item_id == frame.item_id[2]].iloc[0]
    drifted = own.b_free - own.b_prev, np.hypot(own.b_free_sd, own.b_prev_sd)
    assert limits.within((drifted[0] - 0.8) / drifted[1], 1)
    assert limits.beyond(drifted[0] / drifted[1], 1)
    assert own.p_value < 1e-4
    assert own.b < own.b_free
    np.testing.assert_allclose(table.a_prev, frame.sort_values("item_id").a)
    assert calibrate(simulation.responses, method="mml").anchors.empty


@pytest.mark.slow
def test_verbagg_contradicts_the_missions_prior_and_lsat7_does_not():
    conflict = [text for text in calibrate(verbagg(), method="mml").diagnostics.warnings if "contradict" in text]
    assert len(conflict) >= 1
    assert "log a, N(0, 0.2)" in conflict[0]
    assert "hierarchical" in conflict[0]
    seventh = calibrate(datasets.lsat7(), method="mml")
    assert not [text for text in seventh.diagnostics.warnings if "contradict" in text]
    wide = calibrate(verbagg(), method="mml", a_prior_sd=1.0, b_prior_sd=2.0)
    assert not [text for text in wide.diagnostics.warnings if "contradict" in text]
