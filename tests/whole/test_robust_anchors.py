"""Anchors that may release themselves: a drifted one does, says so, and pulls nobody."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from irt_jax.calibration import calibrate
from irt_jax.study.simulate import simulate

DRIFT = 0.6


def drifted(seed, persons=2500, items=40, per_person=16, anchors=10, gone=2):
    """Responses of a bank in which some anchors have become harder since, and the truth."""
    simulation = simulate(persons, items, per_person, anchor_items=anchors, seed=seed)
    table = simulation.anchors.to_pandas()
    table.loc[: gone - 1, "b"] -= DRIFT
    return simulation, pa.Table.from_pandas(table, preserve_index=False), table.item_id[:gone].tolist()


def bias(fit, simulation):
    truth = simulation.items.to_pandas().set_index("item_id").loc[fit.items.item_id]
    free = ~fit.items.is_anchor.to_numpy()
    return float((fit.items.b.to_numpy() - truth.b.to_numpy())[free].mean())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_drifted_anchors_release_themselves_and_the_others_stay():
    simulation, anchors, gone = drifted(seed=1)
    robust = calibrate(simulation.responses, anchors, method="mml", anchor_mode="robust")
    released = robust.items[robust.items.p_released > 0.5].item_id.tolist()
    assert released == gone
    assert (robust.items.p_released[robust.items.is_anchor & ~robust.items.item_id.isin(gone)] < 0.3).all()
    assert robust.items.p_released.notna().equals(robust.items.is_anchor)
    assert any("2 anchors have released themselves" in note and gone[0] in note for note in robust.notes)
    assert not any("contradict" in note for note in robust.notes)
    soft = calibrate(simulation.responses, anchors, method="mml", anchor_mode="soft")
    assert soft.items.p_released.isna().all()
    sound = calibrate(simulation.responses, simulation.anchors, method="mml", anchor_mode="soft")
    off = [float((fit.items.b - sound.items.b)[~fit.items.is_anchor].mean()) for fit in (robust, soft)]
    print(f"free b beside those with sound anchors: robust {off[0]:+.3f}, soft {off[1]:+.3f}")
    assert abs(off[0]) < abs(off[1]) / 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_sound_anchors_hold_as_firmly_as_without():
    simulation, anchors, _ = drifted(seed=2, gone=0)
    robust = calibrate(simulation.responses, anchors, method="mml", anchor_mode="robust")
    soft = calibrate(simulation.responses, anchors, method="mml", anchor_mode="soft")
    assert (robust.items.p_released.dropna() < 0.3).all()
    np.testing.assert_allclose(robust.items.b, soft.items.b, atol=0.05)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_the_bias_over_many_data_sets():
    """Two of ten anchors are off by 0.6, with 1,000 responses each: the free items stay where they are."""
    found = {"robust": [], "soft": []}
    for seed in range(20):
        simulation, anchors, _ = drifted(seed=100 + seed)
        for mode, values in found.items():
            values.append(bias(calibrate(simulation.responses, anchors, method="mml", anchor_mode=mode), simulation))
    for mode, values in found.items():
        print(f"{mode}: mean bias of free b {np.mean(values):+.3f} +- {np.std(values) / np.sqrt(len(values)):.3f}")
    assert abs(np.mean(found["robust"])) < 0.05
    assert abs(np.mean(found["soft"])) > 0.05


def test_the_prior_is_the_mixture():
    """Log density of the robust posterior less that of the soft one, at places near and far."""
    from whole.test_every_model import planned_and_posed

    simulation, anchors, _ = drifted(seed=3, persons=40, items=8, per_person=6, anchors=3)
    modes = ("soft", "robust")
    soft, robust = (planned_and_posed(simulation.responses, anchors, anchor_mode=mode)[1] for mode in modes)
    rng, apart = np.random.default_rng(0), []
    for scale in (0.1, 0.5, 2.0):
        vector = rng.normal(0.0, scale, soft.shapes.size)
        values = soft.report(vector)
        priors = soft.data.priors
        sound = norm.logpdf(values["log_a"], priors.log_a_mean, priors.log_a_sd)
        sound = sound + norm.logpdf(values["b"], priors.b_mean, priors.b_sd)
        wide = norm.logpdf(values["log_a"], priors.log_a_mean, 0.5) + norm.logpdf(values["b"], priors.b_mean, 1.0)
        mixed = logsumexp([np.log(0.95) + sound, np.log(0.05) + wide], axis=0)
        anchor = np.asarray(robust.data.priors.released.anchor)
        expected = (mixed - sound)[anchor].sum()
        apart.append(float(robust.log_density(vector)) - float(soft.log_density(vector)) - expected)
    np.testing.assert_allclose(apart, 0.0, atol=1e-6)
