"""Every reason against an item by itself, several at once, and none."""

import numpy as np
import pyarrow as pa
import pytest

from irt_jax.contract.schema import items_schema
from irt_jax.monthly.gate import REASONS, Evidence, promotion_table


def bank(ids, **columns):
    """items.parquet of sound 2PL items, with some columns changed."""
    n = len(ids)
    sound = {
        "item_id": ids,
        "model": ["2pl"] * n,
        "is_anchor": [False] * n,
        "calibrated": [True] * n,
        "n_responses": [500] * n,
        "item_ability": [0.4] * n,
        "item_fit": [0.0] * n,
        **{name: [1.0] * n for name in ("a", "a_sd", "b", "b_sd")},
    }
    schema = items_schema(pa.array(ids).type)
    return pa.table(
        [pa.array({**sound, **columns}.get(field.name, [None] * n), field.type) for field in schema], schema=schema
    )


IDS = ["p", "q", "r", "s"]
ONE = [False, True, False, False]


@pytest.mark.parametrize(
    ("reason", "columns", "evidence"),
    [
        ("no estimate", {"b": [1.0, None, 1.0, 1.0]}, {}),
        ("too few responses", {"calibrated": [True, False, True, True]}, {}),
        ("miskeyed", {"item_ability": [0.4, -0.4, -0.05, None]}, {}),
        ("methods differ", {}, {"differing": pa.array(["q"])}),
        ("drift", {}, {"drifted": pa.array(["q"])}),
        ("anchor", {"is_anchor": ONE}, {}),
    ],
)
def test_a_reason_holds_its_item_back_and_no_other(reason, columns, evidence):
    found = promotion_table(bank(IDS, **columns), "nuts", Evidence(**evidence))
    assert found["promoted"].to_pylist() == [True, False, True, True]
    assert found["reasons"].to_pylist() == [[], [reason], [], []]
    assert found["method"].to_pylist() == ["nuts"] * 4


def test_a_failed_method_holds_all_back():
    found = promotion_table(bank(IDS), "nuts", Evidence(failed=["joint"]))
    assert found["reasons"].to_pylist() == [["not converged"]] * 4


def test_a_prior_conflict_holds_the_free_items_back():
    found = promotion_table(bank(IDS, is_anchor=ONE), "nuts", Evidence(conflict=True), promote_anchors=True)
    assert found["promoted"].to_pylist() == ONE


def test_sound_anchors_are_promoted_where_that_is_asked_for():
    items = bank(IDS, is_anchor=[True, True, False, False])
    found = promotion_table(items, "nuts", Evidence(drifted=pa.array(["q"])), promote_anchors=True)
    assert found["promoted"].to_pylist() == [True, False, True, True]


def test_all_reasons_are_said_in_their_order():
    items = bank(
        IDS, is_anchor=ONE, calibrated=[True, False, True, True], b=[1, None, 1, 1], item_ability=[0, -0.9, 0, 0]
    )
    told = pa.array(["q"])
    found = promotion_table(items, "nuts", Evidence(["mml"], False, told, told, True))
    assert found["reasons"].to_pylist()[1] == [reason for reason in REASONS if reason != "prior conflict"]
    assert found["reasons"].to_pylist()[0] == ["not converged", "not linked", "prior conflict"]


def test_ids_are_matched_by_value_whatever_the_width_of_their_type():
    items = bank(np.array([3, 5, 8], np.int32))
    found = promotion_table(items, "nuts", Evidence(drifted=pa.array([5], pa.int64())))
    assert found["promoted"].to_pylist() == [True, False, True]


def test_nominal_items_have_no_b_and_are_promoted():
    items = bank(IDS, b=[None, 1, 1, 1], intercepts=[[0.5, 1.0], None, None, None])
    assert promotion_table(items, "nuts", Evidence())["promoted"].to_pylist() == [True] * 4


def test_values_are_those_of_the_items():
    items = bank(IDS, b=[0.1, 0.2, 0.3, 0.4])
    found = promotion_table(items, "nuts", Evidence())
    assert found["b"].to_pylist() == [0.1, 0.2, 0.3, 0.4]
    assert found["item_id"].to_pylist() == IDS
