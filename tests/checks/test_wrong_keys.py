"""Items with a wrong key: found, named, and fitted where slopes may be negative."""

import numpy as np
import pyarrow as pa
import pytest
from support import slow_models
from support.posteriors import assert_one_posterior, count
from support.seeds import seed
from whole.test_marginal import draws_of

from irt_jax.calibration import calibrate
from irt_jax.checks.slope_score import ItemFit
from irt_jax.checks.wrong_keys import against_ability
from irt_jax.data import encode
from irt_jax.errors import UsageError
from irt_jax.plan.item_rest import item_rest
from irt_jax.study.simulate import simulate

#: Posterior SDs by which a mean must not be off unnoticed, nor an SD by that share.
NOTICE = 0.2


def with_wrong_key(simulation, item):
    table = simulation.responses.to_pandas()
    wrong = table.item_id == item
    table.loc[wrong, "response"] = 1 - table.loc[wrong, "response"]
    return pa.Table.from_pandas(table, preserve_index=False)


@pytest.fixture(scope="module")
def simulation():
    return simulate(500, 20, 14, seed=6)


def test_correlations_equal_a_loop(simulation):
    responses = encode(simulation.responses)
    found = item_rest(responses)
    y = np.full((responses.n_persons, responses.n_items), np.nan)
    y[responses.person, responses.item] = responses.response
    scaled = (y - np.nanmean(y, 0)) / np.nanstd(y, 0)
    for item in range(responses.n_items):
        rest = np.nanmean(np.delete(scaled, item, axis=1), axis=1)
        seen = ~np.isnan(y[:, item]) & ~np.isnan(rest)
        assert found.correlation[item] == pytest.approx(np.corrcoef(y[seen, item], rest[seen])[0, 1], abs=1e-10)


@pytest.mark.parametrize("model", ["2pl", "gpcm"])
def test_fit_equals_a_loop(model):
    """Over responses, by quadrature on a grid of the test's own; three categories where the model allows."""
    n_categories = 2 if model == "2pl" else 3
    rng, names = np.random.default_rng(4), [model] * 6
    items = [slow_models.random_item(model, rng, n_categories) for _ in names]
    found = slow_models.draw_responses(names, items, rng.normal(size=60), rng)
    person, item = np.nonzero(rng.random(found.shape) < 0.8)
    table = pa.table({"person_id": person, "item_id": item, "response": found[person, item]})
    fit = calibrate(table, model=model, method="mml", priors="mission", population="fixed")
    theta, score = np.linspace(-7.0, 7.0, 141), np.arange(n_categories)
    given = [{"a": row["a"], "b": row["b"], "thresholds": row["thresholds"]} for row in fit.items.to_dict("records")]
    p = np.array([[slow_models.probabilities(model, own, x) for x in theta] for own in given])
    responses = encode(table)
    for i in range(6):
        rows = []
        for r in np.flatnonzero(responses.item == i):
            others = (responses.person == responses.person[r]) & (responses.item != i)
            weight = np.exp(-0.5 * theta**2)
            for j, y in zip(responses.item[others], responses.response[others], strict=True):
                weight = weight * p[j, :, y]
            expected = p[i].T @ (weight / weight.sum())
            e = expected @ score
            rows.append((responses.response[r], theta @ weight / weight.sum(), e, expected @ score**2 - e**2))
        y, t, e, v = np.array(rows).T
        z = ((y - e) * (t - t.mean())).sum() / np.sqrt((v * (t - t.mean()) ** 2).sum())
        assert fit.items.item_fit[i] == pytest.approx(z, abs=2e-3)
        assert fit.items.item_ability[i] == pytest.approx(np.corrcoef(y, t)[0, 1], abs=2e-3)


@pytest.mark.parametrize("told", [{"method": "mml"}, {"draws": 100, "warmup": 50}, {"abilities": "joint", "draws": 50}])
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_a_wrong_key_is_named_and_sound_items_are_not(simulation, told):
    responses = encode(simulation.responses)
    key = responses.item_ids[4].as_py()
    fit = calibrate(with_wrong_key(simulation, key), **told)
    named = [text for text in fit.diagnostics.warnings if "as with a wrong key" in text]
    assert len(named) == 1
    assert named[0].startswith("1 item goes against the ability")
    assert f"wrong key: {key!r}; correlations" in named[0]
    assert fit.items.item_rest[4] < -0.1
    assert fit.items.item_ability[4] < -0.1
    assert fit.items.item_fit[4] < -5
    assert fit.items.a[4] > 0
    assert fit.items.item_fit.drop(4).abs().max() < 3.5


def test_sound_items_are_not_named(simulation):
    assert not calibrate(simulation.responses, method="mml").diagnostics.warnings


@pytest.mark.slow
def test_in_adaptive_tests_the_fit_tells_what_the_rest_cannot():
    """Everybody has about half of their items right there, so that the rest is nearly the same for all."""
    simulation = simulate(3000, 100, 20, adaptive=True, seed=0)
    sound = calibrate(simulation.responses, method="mml", min_responses=1)
    assert not [text for text in sound.diagnostics.warnings if "wrong key" in text]
    key = sound.items.sort_values("n_responses").item_id.iloc[-30]
    wrong = calibrate(with_wrong_key(simulation, key), method="mml", min_responses=1)
    assert [
        text
        for text in wrong.diagnostics.warnings
        if "wrong key" in text and text.startswith("1 item goes") and key in text
    ]
    row = wrong.items[wrong.items.item_id == key].iloc[0]
    print(f"{key}: {row.n_responses} responses, item-rest {row.item_rest:.2f}, fit {row.item_fit:.1f}")
    assert row.item_fit < -5
    assert np.arctanh(row.item_rest) * np.sqrt(row.n_responses - 3) > -3.3


def test_an_item_of_no_use_is_not_called_miskeyed():
    """Far flatter than its prior lets it be, but with no correlation; and one or the other beyond chance is told."""
    fit = ItemFit(np.array([0.0, -0.06, -0.2, 0.3, -0.9]), np.array([-9.0, -9.0, 0.0, 0.0, -9.0]))
    wrong, _ = against_ability(fit, np.array([1000, 1000, 1000, 1000, 20]))
    assert wrong.tolist() == [False, True, True, False, False]


@pytest.mark.slow
def test_free_signs_find_the_negative_slope(simulation):
    ids = encode(simulation.responses).item_ids
    wrong = with_wrong_key(simulation, ids[4].as_py())
    for told in ({"method": "mml"}, {"draws": 300, "warmup": 80}):
        fit = calibrate(wrong, sign="free", **told)
        assert fit.items.a[4] < -0.3
        assert (np.delete(fit.items.a.to_numpy(), 4) > 0).all()
        assert fit.diagnostics.ok
    with pytest.raises(UsageError, match="is on log a"):
        calibrate(wrong, sign="free", priors="mission")


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_joint_and_marginal_posterior_agree_with_free_signs():
    simulation = simulate(150, 9, 9, seed=seed(2))
    table = with_wrong_key(simulation, encode(simulation.responses).item_ids[0].as_py())
    joint = calibrate(table, sign="free", abilities="joint", warmup=1000, draws=5000, seed=seed(1))
    marginal = calibrate(table, sign="free", draws=1000, seed=seed(1))
    names = [name for name in ("a", "slope", "intercept") if name in joint.posterior["posterior"]]
    both = [{name: draws_of(fit, name) for name in names} for fit in (marginal, joint)]
    assert_one_posterior(*both, count(both[0]), notice=NOTICE)
