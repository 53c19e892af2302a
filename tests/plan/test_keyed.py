"""Keys of nominal items: the direction of the scale, and tests of keys that numbers of categories cannot make."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.calibration import calibrate
from irt_jax.data import encode
from irt_jax.errors import InputError, UsageError
from irt_jax.models.direction import category_scores, faces_up
from irt_jax.models.polytomous import same_direction
from irt_jax.scoring import read_items, score

N_ITEMS, N_CATEGORIES = 8, 3
#: The right category is 0 for most, so that most slopes of the others against it are negative.
KEY = np.array([0, 0, 2, 0, 1, 0, 0, 0])
MML = {"model": "nominal", "method": "mml"}


@pytest.fixture(scope="module")
def made():
    """Nominal responses, whose right category goes with ability, and the abilities."""
    rng = np.random.default_rng(8)
    theta = rng.normal(size=400)
    right = np.arange(N_CATEGORIES) == KEY[:, None]
    logit = 1.5 * right[None] * theta[:, None, None] + rng.normal(0.0, 0.5, (N_ITEMS, N_CATEGORIES))
    chosen = (logit + rng.gumbel(size=logit.shape)).argmax(-1)
    person, item = np.indices(chosen.shape).reshape(2, -1)
    return pa.table({"person_id": person, "item_id": item, "response": chosen.ravel()}), theta


def key_file(folder, categories=KEY, ids=None):
    ids = np.arange(len(categories)) if ids is None else ids
    pq.write_table(pa.table({"item_id": ids, "category": categories}), folder / "key.parquet")
    return str(folder / "key.parquet")


@pytest.fixture(scope="module")
def keyed(made, tmp_path_factory):
    wrong = np.where(np.arange(N_ITEMS) == 2, 1, KEY)
    return calibrate(made[0], key=key_file(tmp_path_factory.mktemp("key"), wrong), **MML)


def test_a_key_says_which_way_is_up(made, keyed):
    table, theta = made
    assert np.corrcoef(keyed.persons.theta, theta)[0, 1] > 0.5
    assert keyed.run["direction"] == {"by": "key", "keyed": 8, "with_ability": 7}
    assert keyed.run["options"]["key"].endswith("key.parquet")
    scored, _ = score(encode(table), read_items(keyed.items_table))
    np.testing.assert_allclose(scored["theta"], keyed.persons.theta, atol=1e-3)


def test_keyed_scores_are_tested(made, keyed):
    items = keyed.items
    assert items.key.tolist() == [0, 0, 1, 0, 1, 0, 0, 0]
    found = np.array(made[0]["response"]).reshape(-1, N_ITEMS)
    np.testing.assert_allclose(items.mean_response, (found == items.key.to_numpy()).mean(0))
    score_of = (found == items.key.to_numpy()).astype(float)
    scaled = (score_of - score_of.mean(0)) / score_of.std(0)
    rest = np.delete(scaled, 2, axis=1).mean(1)
    assert items.item_rest[2] == pytest.approx(np.corrcoef(scaled[:, 2], rest)[0, 1], abs=1e-10)
    assert items.item_ability[2] < 0
    assert (items.item_ability.drop(2) > 0).all()
    named = [text for text in keyed.diagnostics.warnings if "as with a wrong key" in text]
    assert named
    assert "1 item goes against" in named[0]
    assert "wrong key: 2;" in named[0]


@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_without_a_key_numbers_of_categories_judge_nobody(made):
    fit = calibrate(made[0], **MML)
    for name in ("item_rest", "item_ability", "item_fit", "mean_response", "key"):
        assert fit.items[name].isna().all()
    assert fit.diagnostics.warnings == []
    assert fit.run["direction"] == {"by": "majority of slopes"}
    slopes = np.concatenate(fit.items.slopes.to_list())
    assert (slopes > 0).mean() >= 0.5
    assert np.corrcoef(fit.persons.theta, made[1])[0, 1] < -0.5  # which is why a note asks for a key
    assert any("--key FILE" in note for note in fit.notes)


@pytest.mark.slow
@pytest.mark.parametrize("told", [{"draws": 50, "warmup": 50}, {"abilities": "joint", "draws": 100, "warmup": 200}])
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_draws_have_the_keys_direction(made, told, tmp_path):
    fit = calibrate(made[0], model="nominal", key=key_file(tmp_path), chains=4, **told)
    assert np.corrcoef(fit.persons.theta, made[1])[0, 1] > 0.5
    assert fit.run["direction"] == {"by": "key", "keyed": 8, "with_ability": 8}
    assert (fit.items.item_ability > 0).all()


def test_keys_that_are_none_are_named(made, tmp_path):
    for categories, ids, told in (
        ([0, 9], [0, 3], r"a category that its item has .*\(3, 9\)"),
        ([0, -1], [0, 3], r"a category that its item has .*\(3, -1\)"),
        ([0.0, 0.5], [0, 3], r"a category that its item has .*\(3, 0.5\)"),
        ([0, 1], [0, 77], "items of the data in .*found others: 77"),
        ([0, 1], [3, 3], "each item once.*3"),
    ):
        with pytest.raises(InputError, match=told):
            calibrate(made[0], key=key_file(tmp_path, categories, ids), **MML)
    two = made[0].set_column(2, "response", [np.minimum(np.array(made[0]["response"]), 1)])
    with pytest.raises(UsageError, match="--key is for nominal items"):
        calibrate(two, method="mml", key=key_file(tmp_path))


def test_directions_and_scores():
    has = np.ones((3, 3), bool)
    slopes = np.array([[-1.0, -2.0], [-1.0, -0.5], [0.2, 1.0]])
    assert not faces_up(slopes, has, None)
    assert faces_up(slopes, has, np.array([0, 0, -1]))
    assert not faces_up(slopes, has, np.array([2, 1, 0]))
    draws = {"slopes": np.stack([slopes, -slopes])[None], "theta": np.array([[[1.0], [-1.0]]])}
    turned = same_direction(draws, has, np.array([0, 0, -1]))
    np.testing.assert_array_equal(turned["theta"], [[[1.0], [1.0]]])
    np.testing.assert_array_equal(turned["slopes"][0, 1], slopes)
    found = category_scores(np.array([True, True, False]), 3, np.array([1, -1, -1]))
    np.testing.assert_array_equal(found, [[0, 1, 0], [np.nan] * 3, [0, 1, 2]])
