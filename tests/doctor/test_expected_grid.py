"""How many nodes of ability data will take, told before anything is fitted."""

import numpy as np
import pyarrow as pa

from irt_jax.data import encode
from irt_jax.doctor.expected_grid import LARGEST, expected_nodes, mean_correlation


def coded(responses):
    persons, items = (places.ravel() for places in np.indices(responses.shape))
    columns = {"person_id": persons, "item_id": items, "response": responses.ravel()}
    return encode(pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()}))


def test_longer_records_and_responses_that_go_together_take_more_nodes():
    assert expected_nodes(20, 0.15, learned=False) == 20  # the reference problem
    assert expected_nodes(20, 0.15, learned=True) > 20
    assert expected_nodes(703, 0.15, learned=False) == 112  # as 1,422 persons x 703 items took
    assert expected_nodes(249, 0.36, learned=False) > expected_nodes(249, 0.15, learned=False)


def test_the_mean_correlation_is_that_of_all_pairs_of_items():
    random = np.random.default_rng(3)
    ability = random.normal(size=(400, 1))
    responses = (ability + random.normal(size=(400, 9)) > random.normal(size=9)).astype(int)
    between = np.corrcoef(responses.T)
    expected = (between.sum() - 9) / 72
    np.testing.assert_allclose(mean_correlation(coded(responses)), expected, rtol=1e-9)


def test_duplicates_constant_items_and_single_responses_do_no_harm():
    column = np.array([0, 1] * 20)
    assert mean_correlation(coded(np.stack([column] * 4, axis=1))) == LARGEST
    assert mean_correlation(coded(np.stack([column, 1 - column], axis=1))) == 0.0
    assert mean_correlation(coded(np.zeros((5, 3), int))) == 0.0
    assert mean_correlation(coded(column[:, None])) == 0.0
