"""Responses of independent items are told from those that have an ability in common."""

import numpy as np
import pyarrow as pa
import pytest

from irt_jax.calibration import calibrate
from irt_jax.checks.common_ability import no_common_ability
from irt_jax.checks.slope_score import Association
from irt_jax.data import encode
from irt_jax.study.simulate import simulate

NOTHING = ([], [])


def coded(matrix):
    person, item = np.indices(matrix.shape)
    columns = {"person_id": person.ravel(), "item_id": item.ravel(), "response": matrix.ravel()}
    return encode(pa.table(columns))


def flips(n_persons, n_items):
    """Every pair of items has the same four patterns equally often: columns of a Hadamard matrix."""
    return np.array([[bin(u & i).count("1") % 2 for i in range(1, n_items + 1)] for u in range(n_persons)])


@pytest.mark.parametrize("extreme", [False, True])
def test_coin_flips_have_no_common_ability_even_beside_two_who_answer_all_alike(extreme):
    matrix = flips(64, 20)
    if extreme:
        matrix[3], matrix[40] = 0, 1
    problems, warnings = no_common_ability(coded(matrix), None)
    assert len(problems) == 1
    assert "no common ability" in problems[0]
    assert not warnings


def test_responses_to_ability_are_not_accused():
    assert no_common_ability(encode(simulate(300, 20, 20, seed=1).responses), None) == NOTHING
    assert no_common_ability(encode(simulate(300, 20, 10, seed=1).responses), None) == NOTHING


def test_nor_are_items_of_which_half_are_keyed_the_other_way():
    responses = simulate(300, 20, 20, seed=1).responses.to_pandas()
    turned = responses.item_id.str[1:].astype(int) % 2 == 0
    responses.loc[turned, "response"] = 1 - responses.loc[turned, "response"]
    assert no_common_ability(encode(pa.Table.from_pandas(responses, preserve_index=False)), None) == NOTHING


def test_few_data_tell_nothing():
    assert no_common_ability(coded(np.arange(60).reshape(12, 5) % 2), None) == NOTHING


def test_fewer_coin_flips_are_a_warning():
    problems, warnings = no_common_ability(coded(flips(32, 12)), None)
    assert not problems
    assert len(warnings) == 1
    assert "beyond chance" in warnings[0]


def test_of_sparse_responses_the_model_must_expect_and_not_find_an_association():
    """Half the items for each half of the persons, as in a design that nobody chose."""
    person, item = np.nonzero((np.arange(64)[:, None] + np.arange(24)) % 2)
    columns = {"person_id": person, "item_id": item, "response": flips(64, 24)[person, item]}
    responses = encode(pa.table(columns))
    for observed, expected, told in ((0.0, 3.0, 1), (5.0, 3.0, 0), (0.0, 1.0, 0)):
        problems, warnings = no_common_ability(responses, Association(observed, expected, 1.0))
        assert len(warnings) == told
        assert not problems


@pytest.mark.parametrize("related", [False, True])
def test_categories_of_nominal_items_go_together_or_not(related):
    """Two columns and their product make four categories; no two items share one of the three."""
    persons, items = np.indices((64, 8))
    columns = flips(64, 63)
    independent = 2 * columns[:, [0, 3, 4, 5, 15, 16, 17, 18]] + columns[:, [1, 7, 9, 10, 31, 33, 35, 37]]
    same = (persons % 4 + items) % 4
    problems, warnings = no_common_ability(coded(same if related else independent), None, nominal=True)
    assert bool(problems or warnings) != related


def test_noise_is_not_blamed_on_keys():
    rng = np.random.default_rng(5)
    person, item = np.indices((150, 12))
    noise = pa.table({"person_id": person.ravel(), "item_id": item.ravel(), "response": rng.integers(0, 3, 1800)})
    fit = calibrate(noise, method="mml", model="grm")
    assert any("no common ability" in text for text in fit.diagnostics.problems)
    assert not any("against the ability" in text for text in fit.diagnostics.warnings)
