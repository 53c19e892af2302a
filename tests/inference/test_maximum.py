"""Maximum likelihood of data whose likelihood has no maximum: what is null, what stays, and that every run ends."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import minimize
from scipy.special import log_expit, logsumexp

from irt_jax.calibration import calibrate
from irt_jax.errors import ConvergenceError, IrtError
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.inference.ridge import undetermined
from irt_jax.likelihood import grid_limit
from irt_jax.likelihood.flatten import Shapes
from irt_jax.likelihood.quadrature import even_nodes

NODES = np.linspace(-6.0, 6.0, 601)


def table_of(responses):
    """One row a response of a matrix, persons by items."""
    persons, items = np.indices(responses.shape)
    ids = [f"i{item:02d}" for item in items.ravel()]
    return pa.table({"person_id": persons.ravel(), "item_id": ids, "response": responses.ravel().astype(np.int8)})


def drawn(persons, items, seed, categories=2):
    """Responses of items with slopes of one and a half."""
    rng = np.random.default_rng(seed)
    theta, b = rng.normal(size=(persons, 1)), np.linspace(-1.0, 1.0, items)
    steps = np.linspace(-0.8, 0.8, categories - 1) if categories > 2 else np.zeros(1)
    p = 1.0 / (1.0 + np.exp(-1.5 * (theta - b)[:, :, None] + steps))
    return (rng.random((persons, items, 1)) < p).sum(2)


def best_log_likelihood(responses, steep):
    """Highest log-likelihood of the 2PL with given slopes of the first items, by SciPy on a fine fixed grid."""
    patterns, count = np.unique(responses, axis=0, return_counts=True)
    n_items, n_steep, right = responses.shape[1], len(steep), patterns.astype(float)
    weight = -0.5 * NODES**2 - logsumexp(-0.5 * NODES**2)

    def fall(x):
        slope, intercept = np.concatenate([steep, x[:-n_items]]), x[-n_items:]
        log_odds = slope[:, None] * NODES + intercept[:, None]
        joint = right @ log_odds + log_expit(-log_odds).sum(0) + weight
        total = logsumexp(joint, axis=1)
        share = np.exp(joint - total[:, None]) * count[:, None]
        score = right.T @ share - share.sum(0) * np.exp(log_expit(log_odds))
        gradient = np.concatenate([(score @ NODES)[n_steep:], score.sum(1)])
        return -(count * total).sum(), -gradient

    share = responses.mean(0)
    scale = np.concatenate([np.maximum(np.abs(steep), 1.0), np.ones(n_items - n_steep)])
    start = np.concatenate([np.ones(n_items - n_steep), scale * np.log(share / (1.0 - share))])
    return -minimize(fall, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-13}).fun


def test_items_answered_alike_are_null_and_the_others_are_as_without_them():
    alone = drawn(150, 6, seed=2)
    both = np.column_stack([alone[:, 0], alone[:, 0], alone[:, 1:]])
    heights = [best_log_likelihood(both, np.full(2, slope)) for slope in (2.0, 5.0, 10.0, 20.0, 40.0)]
    assert (np.diff(heights) > 0).all()  # the oracle: it rises as long as the slopes do
    fit = calibrate(table_of(both), method="mml", priors="flat")
    items = fit.items.set_index("item_id")
    assert items.reason[["i00", "i01"]].str.contains("no maximum").all()
    assert items[["a", "a_sd", "b", "b_sd", "log_a", "intercept"]].loc[["i00", "i01"]].isna().all(axis=None)
    assert items.reason[2:].isna().all()
    assert fit.diagnostics.ok
    assert any("2 items have no estimate" in warning for warning in fit.diagnostics.warnings)
    without = calibrate(table_of(alone[:, 1:]), method="mml", priors="flat")
    for name in ("a", "a_sd", "b", "b_sd"):
        np.testing.assert_allclose(items[name][2:], without.items[name], rtol=2e-3, atol=1e-3)
    assert fit.run["log_likelihood"] == pytest.approx(without.run["log_likelihood"], abs=2e-3)
    assert fit.run["log_likelihood"] == pytest.approx(best_log_likelihood(alone[:, 1:], np.zeros(0)), abs=2e-3)


def test_no_more_items_are_taken_out_than_have_no_maximum():
    """Taking out always the steepest leaves 4 of these 12: what remains grows again, when the wrong one goes."""
    responses = drawn(24, 12, seed=1)
    items = calibrate(table_of(responses), method="mml", priors="flat").items
    gone = items.a.isna().to_numpy()
    assert gone.sum() == items.reason.str.contains("no maximum", na=False).sum()
    assert 1 <= gone.sum() <= 3
    for item in np.flatnonzero(gone):  # none of them may be put back
        beside = np.column_stack([responses[:, item], responses[:, ~gone]])
        heights = [best_log_likelihood(beside, np.full(1, slope)) for slope in (5.0, 10.0, 20.0, 40.0)]
        assert (np.diff(heights) > 0).all()


def kinds(persons, items, categories, seed):
    """Responses by kind: regular, pure noise, alike, reversed, told apart perfectly, a Guttman pattern."""
    regular, rng = drawn(persons, items, seed, categories), np.random.default_rng(seed)
    alike, reverse, apart = regular.copy(), regular.copy(), regular.copy()
    alike[:, 1], reverse[:, 1] = regular[:, 0], categories - 1 - regular[:, 0]
    apart[:, 0] = (categories - 1) * (regular[:, 1:].sum(1) > np.median(regular[:, 1:].sum(1)))
    steps = np.linspace(0.1, 0.9, items * (categories - 1)).reshape(items, -1)
    guttman = (np.arange(persons)[:, None, None] > persons * steps).sum(2)
    noise = rng.integers(0, categories, (persons, items))
    return {
        "regular": regular,
        "noise": noise,
        "alike": alike,
        "reversed": reverse,
        "apart": apart,
        "guttman": guttman,
    }


def ended(table, model):
    """The result, or the error."""
    try:
        return calibrate(table, model=model, method="mml", priors="flat"), None
    except IrtError as error:
        return None, error


@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize(
    ("model", "categories"),
    [
        ("2pl", 2),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [("rasch", 2), ("1pl", 2), ("3pl", 2), ("grm", 3), ("gpcm", 3), ("pcm", 3), ("nominal", 3)]
        ),
    ],
)
def test_small_data_of_every_kind_end_with_estimates_or_one_line(model, categories):
    """Warnings are errors here, and so are tracebacks; what is not estimated says why."""
    for name, responses in kinds(15, 4, categories, seed=1).items():
        fit, error = ended(table_of(responses), model)
        if error is not None:
            assert error.exit_code in (3, 4), name
            assert "\n" not in str(error), name
        if fit is None:
            continue
        value = fit.items["intercepts" if model == "nominal" else "a"]
        assert (value.isna() == (fit.items.reason.notna() & value.isna())).all(), name
        assert not (fit.items[["a", "b"]].abs() > 1e6).any(axis=None), name


def test_two_items_whose_slopes_only_their_product_tells_are_no_result():
    """One of two more is all right and one all wrong: nothing is left that has an estimate."""
    rows = [(0, 0)] + [(0, 1)] * 2 + [(1, 0)] * 4 + [(1, 1)] * 3
    answers = np.array([(1, x, y, 0) for x, y in rows])
    person, item = np.indices(answers.shape).reshape(2, -1)
    table = pa.table({"person_id": person, "item_id": item, "response": answers.ravel()})
    with pytest.raises(ConvergenceError, match="No item has an estimate"):
        calibrate(table, method="mml", priors="flat")


def turned(persons=60):
    """Answers of which each goes against the others as often as it can."""
    rows = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1)])
    return rows[np.arange(persons) % 3]


def test_a_common_slope_of_zero_is_said():
    """The maximum is at zero: b is no number."""
    fit = calibrate(table_of(turned()), model="1pl", method="mml", priors="flat")
    assert fit.items.a.abs().max() < 1e-3
    assert fit.items.b.isna().all()
    assert any("no common ability" in warning for warning in fit.diagnostics.warnings)


def test_a_population_that_shrinks_to_a_point_is_not_called_steep():
    with pytest.raises(ConvergenceError, match="shrinks to zero"):
        calibrate(table_of(turned()), model="rasch", method="mml", priors="flat")


def test_both_items_of_a_ridge_are_null():
    """Of slopes of the first two only the product is known; beside the last they are of unlike sizes."""
    shapes = Shapes((("intercept", (3,)), ("slope", (3,))), ())
    variance = np.array([[1.0, 1e6], [1.0, 5e3], [1.0, 4.0]])
    covariances = np.eye(2) * variance[:, :, None]
    found = undetermined(shapes, covariances, lambda: np.broadcast_to(np.eye(2), (3, 2, 2)))
    np.testing.assert_array_equal(found, [True, True, False])


def test_a_grid_that_would_be_too_fine_is_refused_with_the_items_to_blame(small, monkeypatch):
    """A slope of 100 needs some 800 nodes."""
    monkeypatch.setattr(grid_limit, "MOST_NODES", 200)
    anchors = pa.table({"item_id": small.anchors["item_id"], "a": [100.0, 1.0], "b": [0.0, 0.0]})
    first = small.anchors["item_id"][0].as_py()
    with pytest.raises(ConvergenceError, match=rf"memory and sense allow.*discriminations up to .*'{first}'\."):
        calibrate(small.responses, anchors=anchors, method="mml", anchor_mode="fixed")


def test_a_grid_that_is_to_have_no_end_is_not_laid_out():
    assert len(even_nodes(-6.0, 6.0, 1e-14)) <= 1 << 21
    assert Problem._field_defaults["most_nodes"] <= 4096


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_a_reflection_does_not_climb_away_from_its_maximum():
    """Slopes of opposite signs, hardly determined, grew beyond all grids when the scale was turned around."""
    fit, error = ended(table_of(drawn(10, 4, seed=5, categories=3)), "nominal")
    assert fit is not None or "grid" not in str(error)
