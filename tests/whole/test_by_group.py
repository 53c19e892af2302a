"""Items with parameters of their own in every group."""

import numpy as np
import pyarrow as pa
import pytest
from support import limits
from support.seeds import seed
from whole.test_groups import grouped

from irt_jax.calibration import calibrate
from irt_jax.data import encode
from irt_jax.data.split import split_by_group
from irt_jax.errors import InputError, UsageError


@pytest.fixture(scope="module")
def table():
    return grouped(900, 10, seed=seed(5))[0]


def test_copies_hold_the_responses_of_their_groups(table):
    whole = encode(table)
    found = split_by_group(whole, [3, 7], 1)
    assert found.n_items == 8 + 2 * 3
    assert found.item_labels[3:7] == ["3 [ann]", "3 [bob]", "3 [cid]", "4"]
    assert found.item_ids.to_pylist()[3:7] == [3, 3, 3, 4]
    np.testing.assert_array_equal(found.response, whole.response)
    for copy, group in ((3, 0), (4, 1), (5, 2)):
        assert set(whole.group[found.person[found.item == copy]]) == {group}
    assert (np.diff(found.item)[np.diff(found.person) == 0] > 0).all()


@pytest.mark.slow
@pytest.mark.statistical
def test_an_item_that_is_harder_in_one_group_comes_out_so(table):
    frame = table.to_pandas()
    rng = np.random.default_rng(seed(0))
    harder = (frame.item_id == 4) & (frame.group == "bob") & (rng.random(len(frame)) < 0.7)
    frame.loc[harder, "response"] = 0
    fit = calibrate(pa.Table.from_pandas(frame, preserve_index=False), method="mml", by_group=(4,))
    copies = fit.items[fit.items.item_id == 4].set_index("group")
    assert copies.index.tolist() == ["ann", "bob", "cid"]
    apart = (copies.b - copies.b["ann"]) / np.hypot(copies.b_sd, copies.b_sd["ann"])
    assert limits.within(apart["cid"], 1)
    assert limits.beyond(apart["bob"], 1)
    assert fit.items.group.isna().sum() == 9


@pytest.mark.slow
def test_anchors_are_the_prior_of_all_copies(table):
    anchors = pa.table({"item_id": [4, 6], "a": [1.0, 1.0], "b": [0.2, -0.1], "a_sd": [1e-3] * 2, "b_sd": [1e-3] * 2})
    fit = calibrate(table, anchors, method="mml", by_group=(4,))
    np.testing.assert_allclose(fit.items.b[fit.items.item_id == 4], 0.2, atol=0.01)
    assert fit.items.is_anchor.sum() == 4
    assert len(fit.anchors) == 4


def test_what_cannot_be_split_is_named(table):
    with pytest.raises(InputError, match="found others: '99'"):
        calibrate(table, method="mml", by_group=(99,))
    with pytest.raises(UsageError, match="at least two groups"):
        calibrate(table.drop_columns("group"), method="mml", by_group=(4,))
