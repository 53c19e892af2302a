"""What links persons, items and groups, and what is said where nothing does."""

import numpy as np
import pyarrow as pa
import pytest

from irt_jax.checks.linkage import described, linkage, unlinked
from irt_jax.contract.prior_settings import PriorSettings
from irt_jax.data import encode
from irt_jax.models.population import learned_population, standard_population


def two_forms(common=0):
    """Two groups of 30 with 5 items each, of which some are common."""
    rows = [(f"p{u:02d}", f"i{i}", (u + i) % 2, "xy"[u // 30]) for u in range(60) for i in range(5)]
    item = [name if group == "x" or int(name[1]) < common else name.replace("i", "j") for _, name, _, group in rows]
    columns = {"person_id": [row[0] for row in rows], "item_id": item, "response": [row[2] for row in rows]}
    return encode(pa.table(columns | {"group": [row[3] for row in rows]}))


def learned(*groups):
    free = np.array(groups)
    return learned_population(free, free, PriorSettings())


@pytest.mark.parametrize(
    ("anchors", "population", "rests_on"),
    [
        ([], standard_population(2), ["population", "population"]),
        ([], learned(False, True), ["population", "priors"]),
        (["i0"], learned(True, True), ["anchors", "priors"]),
        (["i0"], standard_population(2), ["anchors", "population"]),
        (["i0", "i1", "i2", "j0", "j1", "j2"], learned(True, True), ["anchors", "anchors"]),
    ],
)
def test_what_the_scale_of_each_part_rests_on(anchors, population, rests_on):
    responses = two_forms()
    is_anchor = np.isin(responses.item_ids.to_pylist(), anchors)
    found = linkage(responses, is_anchor, population)
    assert found.rests_on.tolist() == rests_on
    assert found.persons.tolist() == [30, 30]
    problems, warnings = unlinked(found, responses)
    assert bool(problems) == ("priors" in rests_on)
    assert bool(warnings) == ("population" in rests_on and "priors" not in rests_on)
    assert not problems or "of group 'y' with the others: 30 persons with 5 items ('j0', 'j1'" in problems[0]
    told = described(found, responses)
    assert told["parts"] == 2
    assert [part["groups"] for part in told["largest"]] == [["x"], ["y"]]


def test_one_common_item_links_and_is_called_few():
    responses = two_forms(common=1)
    found = linkage(responses, np.zeros(responses.n_items, bool), learned(False, True))
    assert found.persons.tolist() == [60]
    problems, warnings = unlinked(found, responses)
    assert not problems
    assert len(warnings) == 1
    assert "'y' (1)" in warnings[0]


def test_an_item_that_is_left_out_links_nothing():
    responses = two_forms(common=1)
    keep = np.array(responses.item_ids.to_pylist()) != "i0"
    found = linkage(responses, np.zeros(responses.n_items, bool), learned(False, True), keep)
    assert found.persons.tolist() == [30, 30]
    assert found.rests_on.tolist() == ["population", "priors"]


def test_linked_data_are_not_remarked_on():
    responses = two_forms(common=5)
    found = linkage(responses, np.zeros(responses.n_items, bool), learned(False, True))
    assert unlinked(found, responses) == ([], [])
