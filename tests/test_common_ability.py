"""Responses of independent items are told from those that have an ability in common."""

import numpy as np
import pyarrow as pa
import pytest

from irt_jax.common_ability import no_common_ability
from irt_jax.data import encode
from irt_jax.study.simulate import simulate


def coded(matrix):
    person, item = np.indices(matrix.shape)
    columns = {"person_id": person.ravel(), "item_id": item.ravel(), "response": matrix.ravel()}
    return encode(pa.table(columns))


@pytest.mark.parametrize("extreme", [False, True])
def test_coin_flips_have_no_common_ability_even_beside_two_who_answer_all_alike(extreme):
    """Every pair of items has the same four patterns equally often: columns of a Hadamard matrix."""
    flips = np.array([[bin(u & i).count("1") % 2 for i in range(1, 21)] for u in range(64)])
    if extreme:
        flips[3], flips[40] = 0, 1
    told = no_common_ability(coded(flips), None)
    assert len(told) == 1
    assert "no common ability" in told[0]


def test_responses_to_ability_are_not_accused():
    assert not no_common_ability(encode(simulate(300, 20, 20, seed=1).responses), None)
    assert not no_common_ability(encode(simulate(300, 20, 10, seed=1).responses), None)


def test_nor_are_items_of_which_half_are_keyed_the_other_way():
    responses = simulate(300, 20, 20, seed=1).responses.to_pandas()
    turned = responses.item_id.str[1:].astype(int) % 2 == 0
    responses.loc[turned, "response"] = 1 - responses.loc[turned, "response"]
    assert not no_common_ability(encode(pa.Table.from_pandas(responses, preserve_index=False)), None)


def test_few_data_tell_nothing():
    assert not no_common_ability(coded(np.arange(60).reshape(12, 5) % 2), None)
