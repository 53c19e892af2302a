"""From anchors.parquet to drift.parquet: linking taken apart, masking, flags, and fits."""

import numpy as np
import pyarrow as pa
import pytest
from support import drift_banks as banks
from support import limits
from support.seeds import seed

from irt_jax.calibration import calibrate
from irt_jax.errors import InputError, UsageError
from irt_jax.linking.drift import drift
from irt_jax.linking.drift.evidence import evidence, linking, without_linking
from irt_jax.linking.drift.read import is_linked
from irt_jax.study.simulate import simulate


@pytest.mark.parametrize(("count", "shared"), [(3, 1), (5, 2), (40, 2)])
def test_the_linking_is_taken_apart(count, shared):
    """Changes that are each linked by the others, by generalised least squares, come back as linked by all."""
    rng = np.random.default_rng(count)
    error = banks.errors(rng, count, 500)
    link = linking(rng.normal(size=count), error[:, 1, 1], shared=shared)
    weight = np.ones(count)
    weight[0] = 0.3  # a robust anchor that has released itself by 70 %
    z = rng.normal(size=(count, 2))
    seen, whole = np.empty_like(z), np.empty_like(error)
    for k in range(count):
        others = [j for j in range(count) if j != k]
        total = sum(weight[j] * link[j].T @ np.linalg.inv(error[j]) @ link[j] for j in others)
        pull = sum(weight[j] * link[j].T @ np.linalg.inv(error[j]) @ z[j] for j in others)
        seen[k] = z[k] - link[k] @ np.linalg.solve(total, pull)
        whole[k] = error[k] + link[k] @ np.linalg.inv(total) @ link[k].T
    total = sum(weight[j] * link[j].T @ np.linalg.inv(error[j]) @ link[j] for j in range(count))
    pull = sum(weight[j] * link[j].T @ np.linalg.inv(error[j]) @ z[j] for j in range(count))
    change, own = without_linking(seen, whole, link, weight)
    np.testing.assert_allclose(own, error, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(change, z - link @ np.linalg.solve(total, pull), rtol=1e-6, atol=1e-8)


def test_a_masked_pair_is_found_and_the_others_are_not():
    """Two of ten moved by .6: linked by them, every sound anchor seems to have moved the other way by .13."""
    moved = np.zeros(10)
    moved[[3, 7]] = 0.6
    seen = (moved - moved.mean()) * 10 / 9  # each linked by the nine others
    found = drift(banks.table_of(seen, 0.09))
    table = found.table.to_pandas()
    assert seen[0] == pytest.approx(-0.133, abs=1e-3)
    assert table.flagged.tolist() == (moved > 0).tolist()
    assert table.b_change[moved > 0].to_numpy() == pytest.approx(0.6, abs=0.07)
    assert table.b_change[moved == 0].abs().max() < 0.07
    assert table.p_drift_b[moved == 0].max() < 0.01
    assert found.shift[0] == pytest.approx(-0.12, abs=0.05)  # of the linking by all


def test_what_all_have_in_common_is_the_population():
    same = drift(banks.table_of(np.full(10, 0.8), 0.09), linked=False).table.to_pandas()
    assert not same.flagged.any()
    assert same.b_change.abs().max() < 0.05


def test_severity_goes_by_probability():
    changes = np.array([*[0.0, 0.01, -0.02, 0.02, -0.01, 0.0] * 3, 0.2, 0.45, 0.9, -0.9])
    anchors = banks.table_of(changes, 0.02)
    tight = anchors.to_pandas().assign(b_prev_sd=0.02, log_a_prev_sd=0.02, log_a_free_sd=0.03)
    table = drift(pa.Table.from_pandas(tight, preserve_index=False), linked=False).table.to_pandas()
    assert table.severity.tolist()[18:] == ["low", "medium", "high", "high"]
    assert table.flagged.tolist()[18:] == [False, True, True, True]
    assert table.severity[:18].isna().all()
    assert ((table.p_high <= table.p_drift) & (table.p_drift <= 1 - table.p_sound + 1e-9)).all()
    # The same estimates with errors as of few responses say nothing of the smaller ones.
    weak = drift(banks.table_of(changes, 0.25), linked=False).table.to_pandas()
    assert weak.severity[:20].isna().all()


def test_thresholds_of_a_are_on_the_scale_of_a():
    """A change of .25 in log a is one of .28 at a = 1 and one of .14 at a = .5."""
    table = banks.table_of(np.zeros(12), 0.05)
    log_a = table["log_a_free"].to_numpy().copy()
    log_a[2] += 0.25
    steep = np.where(np.arange(12) == 2, 1.0, 1.0)
    found = {}
    for a in (1.0, 0.5):
        columns = {name: table[name] for name in table.column_names}
        columns |= {"a_prev": steep * a, "log_a_prev": np.log(steep * a), "log_a_free": log_a + np.log(a)}
        columns |= {"log_a_free_sd": np.full(12, 0.03), "log_a_prev_sd": np.full(12, 0.01)}
        found[a] = drift(pa.table(columns), linked=False).table.to_pandas().loc[2]
    assert found[1.0].p_drift_a > 0.95
    assert found[0.5].p_drift_a < 0.01
    assert found[1.0].a_change == pytest.approx(np.expm1(0.25), abs=0.02)
    assert found[0.5].a_change == pytest.approx(0.5 * np.expm1(0.25), abs=0.02)


def test_models_without_slopes_go_by_b_alone():
    table = banks.table_of(np.array([0.0, 0.02, -0.03, 0.7, 0.0, 0.01]), 0.06).to_pandas()
    table[["log_a_free", "cov_log_a_b_free"]] = np.nan
    table["log_a_free_sd"] = 0.0
    found = drift(pa.Table.from_pandas(table, preserve_index=False)).table.to_pandas()
    assert found.flagged.tolist() == [False, False, False, True, False, False]
    assert found[["a_change", "a_change_sd", "p_drift_a"]].isna().all().all()
    np.testing.assert_allclose(found.p_drift, found.p_drift_b, atol=1e-9)


def test_a_common_slope_lets_the_scale_stretch():
    """Changes of b that grow with b are a stretched scale where a slope is estimated, and changes where it is one."""
    table = banks.table_of(np.zeros(12), 0.06).to_pandas()
    table["b_free"] = 1.3 * table.b_prev
    table["log_a_free_sd"] = 0.0
    one_slope = drift(pa.Table.from_pandas(table.assign(log_a_free=-0.26), preserve_index=False), linked=False)
    assert not one_slope.table["flagged"].to_numpy().any()
    assert np.abs(one_slope.table["b_change"].to_numpy()).max() < 0.1
    rasch = drift(pa.Table.from_pandas(table.assign(log_a_free=0.0), preserve_index=False), linked=False)
    assert np.abs(rasch.table["b_change"].to_numpy()[[0, -1]]).min() > 0.35


def test_anchors_without_an_estimate_of_their_own_are_null_with_a_reason():
    table = banks.table_of(np.array([0.0, 0.02, -0.03, 0.7, 0.0, 0.01]), 0.06).to_pandas()
    table.loc[1, ["b_free", "b_free_sd", "log_a_free", "log_a_free_sd"]] = np.nan
    found = drift(pa.Table.from_pandas(table, preserve_index=False)).table.to_pandas()
    assert found.loc[1, ["b_change", "p_drift", "p_sound", "severity"]].isna().all()
    assert not found.flagged[1]
    assert "do not determine" in found.reason[1]
    assert found.reason.drop(1).isna().all()
    assert found.flagged[3]


@pytest.mark.statistical
def test_the_smallest_change_found_is_found_with_its_power():
    rng, hits = np.random.default_rng(seed(5)), []
    sound = banks.table_of(np.zeros(20), 0.1)
    least = drift(sound, linked=False).table["b_detectable"].to_numpy()[0]
    for _ in range(90):
        noise = rng.normal(0, np.hypot(0.1, 0.05), 20)
        noise[0] += least
        noise[1:] *= 0.7
        hits.append(drift(banks.table_of(noise, 0.1), linked=False).table["flagged"][0].as_py())
    assert limits.likely(limits.binomial(np.sum(hits), len(hits), 0.9), 1)
    assert limits.binomial(np.sum(hits), len(hits), 0.55) < limits.level(1)


@pytest.mark.parametrize("options", [{"fdr": 0.0}, {"fdr": 1.0}, {"threshold_a": 0.0}, {"threshold_b": np.inf}])
def test_thresholds_and_rates_that_cannot_be(options):
    with pytest.raises(UsageError, match="must be a number from"):
        drift(banks.table_of(np.zeros(5), 0.1), **options)


def test_a_table_that_is_no_anchors_table():
    with pytest.raises(InputError, match="b_free"):
        drift(banks.table_of(np.zeros(5), 0.1).drop_columns(["b_free"]))
    with pytest.raises(InputError, match="0 rows"):
        drift(banks.table_of(np.zeros(5), 0.1).slice(0, 0))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_a_fit_with_two_drifted_anchors_of_ten():
    """1,000 responses an anchor; two have become harder by .6 since, so that their previous b are too low."""
    simulation = simulate(2500, 40, 16, anchor_items=10, seed=1002)
    anchors = simulation.anchors.to_pandas()
    gone = [4, 6]
    anchors.loc[gone, "b"] -= 0.6
    fit = calibrate(simulation.responses, pa.Table.from_pandas(anchors, preserve_index=False), method="mml")
    found = drift(fit.anchors_table, linked=is_linked(fit.run))
    table = found.table.to_pandas()
    assert table.n_responses.between(900, 1100).all()
    assert table.item_id[table.flagged].tolist() == anchors.item_id[gone].tolist()
    assert set(table.severity[table.flagged]) <= {"medium", "high"}
    assert table.severity[~table.flagged].isna().all()
    assert (np.abs(table.b_change[gone] - 0.6) < 3 * table.b_change_sd[gone]).all()
    # Every anchor's linking by the others contains the drifters: the sound ones seem to have moved together.
    raw = fit.anchors.b_free - fit.anchors.b_prev
    assert raw.drop(gone).mean() < -0.08
    assert abs(table.b_change.drop(gone).mean()) < 0.06
    # A change of the linking that is learned, not given.
    assert evidence(fit.anchors_table).link.shape[2] == 2
