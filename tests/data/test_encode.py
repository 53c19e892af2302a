import dataclasses
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables import assert_refused

from irt_jax.contract.options import Options
from irt_jax.data import Responses, encode, read_responses
from irt_jax.errors import InputError, UsageError
from irt_jax.plan.preparation import prepare

COLUMNS = ("person_id", "item_id", "response")


def table(rows, **columns):
    values = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    return read_responses(pa.table({**values, **columns}))


def decoded(result):
    """Write the responses with their ids, in order."""
    persons, items = result.person_ids.to_pylist(), result.item_ids.to_pylist()
    coded = zip(result.person, result.item, result.response, strict=True)
    return [(persons[person], items[item], int(response)) for person, item, response in coded]


def shuffled(source, seed):
    order = np.random.default_rng(seed).permutation(source.num_rows)
    return source.take(pa.array(order))


assert_fails = partial(assert_refused, encode)


ROWS = [("bob", "q2", 1), ("ann", "q1", 0), ("bob", "q1", 2), ("ann", "q3", None), ("cy", "q4", None)]


def test_codes_are_sorted_and_nulls_are_dropped():
    result = encode(table(ROWS))
    assert result.person.tolist() == [0, 1, 1]
    assert result.item.tolist() == [0, 0, 1]
    assert result.response.tolist() == [0, 2, 1]
    assert result.person_ids.to_pylist() == ["ann", "bob"]
    assert result.item_ids.to_pylist() == ["q1", "q2"]
    assert {array.dtype for array in (result.person, result.item, result.response)} == {np.dtype(np.int32)}
    assert (result.n_persons, result.n_items, result.n_responses) == (2, 2, 3)
    assert result.person_counts.tolist() == [1, 2]
    assert result.item_counts.tolist() == [2, 1]
    assert result.calibrated.tolist() == [True, True]
    assert (result.group, result.group_ids, result.weight) == (None, None, None)
    assert result.dropped == {
        "null_responses": 2,
        "repeats": 0,
        "rare_items": 0,
        "rare_responses": 0,
        "persons_without_responses": 1,
        "items_without_responses": 2,
    }


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.int8(), pa.int32(), pa.int64(), pa.uint64()])
def test_ids_come_back_in_their_type(kind):
    ids = pa.array([11, 2, 30]).cast(kind)
    result = encode(read_responses(pa.table({"person_id": ids, "item_id": ids, "response": [1, 1, 1]})))
    assert result.person_ids.type == result.item_ids.type == kind
    expected = [2, 11, 30] if pa.types.is_integer(kind) else ["11", "2", "30"]
    assert result.person_ids.to_pylist() == result.item_ids.to_pylist() == expected


def test_tables_in_many_chunks():
    source = table(ROWS)
    chunks = pa.concat_tables([source.slice(row, 1) for row in range(source.num_rows)])
    assert encode(chunks).data_hash == encode(source).data_hash


def test_nothing_to_encode():
    source = table(ROWS)
    assert_fails(source.slice(0, 0), "found none")
    assert_fails(source.slice(3), "found none")


REPEATED = [("ann", "q1", 0), ("bob", "q1", 1), ("ann", "q1", 1), ("ann", "q1", 2), ("ann", "q2", 1)]


def test_repeats_are_an_error_unless_asked_for():
    assert_fails(table(REPEATED), "found 1 pairs with several: ('ann', 'q1')", "--repeats first, last or all")
    many = table([(person, "q", 1) for person in [*range(12), *range(12)]])
    assert_fails(many, "found 12 pairs", "(0, 'q')", "and 7 more")
    assert_fails(table(REPEATED), "error, first, last, all", "'median'", error=UsageError, repeats="median")


@pytest.mark.parametrize(("repeats", "kept", "dropped"), [("first", [0], 2), ("last", [2], 2), ("all", [0, 1, 2], 0)])
def test_repeats_in_the_order_of_the_rows(repeats, kept, dropped):
    result = encode(table(REPEATED), repeats=repeats)
    assert decoded(result) == [("ann", "q1", r) for r in kept] + [("ann", "q2", 1), ("bob", "q1", 1)]
    assert result.dropped["repeats"] == dropped


@pytest.mark.parametrize(("repeats", "kept"), [("first", 1), ("last", 0)])
@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.timestamp("us"), pa.date32()])
def test_repeats_in_the_order_of_seq(repeats, kept, kind):
    seq = pa.array([9, 0, 3, 5, 0], kind)
    result = encode(table(REPEATED, seq=seq), repeats=repeats)
    assert decoded(result)[0] == ("ann", "q1", kept)
    for seed in range(5):
        again = encode(shuffled(table(REPEATED, seq=seq), seed), repeats=repeats)
        assert again.data_hash == result.data_hash


def test_equal_seq_leaves_the_order_of_the_rows():
    same = table(REPEATED, seq=[4, 4, 4, 4, 4])
    assert decoded(encode(same, repeats="first"))[0] == ("ann", "q1", 0)
    assert decoded(encode(same, repeats="last"))[0] == ("ann", "q1", 2)


def test_a_repeat_needs_a_seq():
    for seq in ([1, 2, None, 3, 4], [1.0, 2.0, np.nan, 3.0, 4.0]):
        assert_fails(table(REPEATED, seq=seq), "Expected a seq", "('ann', 'q1')", repeats="first")
    assert encode(table(REPEATED, seq=[1, None, 2, 3, None]), repeats="last").n_responses == 3


def test_the_first_repeat_is_the_first_that_is_not_null():
    rows = [("ann", "q1", None), ("ann", "q1", 1), ("ann", "q1", 0)]
    result = encode(table(rows), repeats="first")
    assert decoded(result) == [("ann", "q1", 1)]
    assert (result.dropped["null_responses"], result.dropped["repeats"]) == (1, 1)


RARE = [("ann", "q1", 0), ("bob", "q1", 1), ("cy", "q2", 1), ("bob", "q3", 1), ("cy", "q4", None)]


def test_rare_items_stay_but_are_not_calibrated():
    result = encode(table(RARE), min_responses=2)
    assert result.n_items == 3
    assert result.calibrated.tolist() == [True, False, False]
    assert result.dropped["rare_items"] == result.dropped["rare_responses"] == 0
    assert encode(table(RARE), min_responses=9).calibrated.tolist() == [False] * 3


def test_rare_items_are_dropped_on_request():
    result = encode(table(RARE), min_responses=2, drop_rare=True)
    assert decoded(result) == [("ann", "q1", 0), ("bob", "q1", 1)]
    assert result.calibrated.tolist() == [True]
    assert result.dropped["rare_items"] == result.dropped["rare_responses"] == 2
    assert result.dropped["persons_without_responses"] == 1
    assert result.dropped["items_without_responses"] == 1
    assert_fails(table(RARE), "at least 3", "at most 2", "--min-responses", min_responses=3, drop_rare=True)
    assert_fails(table(RARE), "min_responses", "-1", error=UsageError, min_responses=-1)


def test_groups_and_weights_are_those_of_the_persons():
    source = table(ROWS, group=["y", "x", "y", "x", "z"], weight=[2, 0.5, 2, 0.5, 7])
    result = encode(source)
    assert result.group_ids.to_pylist() == ["x", "y"]
    assert result.group.tolist() == [0, 1]
    assert result.group.dtype == np.int32
    assert result.weight.tolist() == [0.5, 2.0]
    assert result.weight.dtype == np.float64


def test_bad_groups():
    assert_fails(table(ROWS, group=["y", "x", "x", "x", "z"]), "one group", "several for 'bob'")
    assert_fails(table(ROWS, group=["y", None, "y", "x", "z"]), "null for 'ann'")


@pytest.mark.parametrize("value", [None, np.nan, np.inf, 0.0, -1.0])
def test_bad_weights(value):
    weight = pa.array([1.0, value, 1.0, 1.0, 1.0])
    assert_fails(table(ROWS, weight=weight), "finite, positive weights", "for 'ann'")


def test_weights_differ_within_a_person():
    assert_fails(table(ROWS, weight=[1, 1, 2, 1, 1]), "one weight", "several for 'bob'")


def test_the_hash_depends_on_the_data_and_not_on_the_order_of_the_rows():
    plain = table(ROWS)
    result = encode(plain)
    assert len(result.data_hash) == 64
    assert {encode(shuffled(plain, seed)).data_hash for seed in range(5)} == {result.data_hash}
    all_kept = {encode(shuffled(table(REPEATED), s), repeats="all").data_hash for s in range(5)}
    assert len(all_kept) == 1
    others = [
        table([*ROWS[:2], ("bob", "q1", 1)]),
        table([("bob", "q2", 1), ("ann", "q1", 0), ("bob", "q3", 2)]),
        table([("bo", "bq2", 1), ("ann", "q1", 0), ("bo", "q1", 2)]),
        plain.set_column(0, "person_id", plain["person_id"].cast(pa.large_string())),
        table(ROWS, group=["x"] * 5),
        table(ROWS, group=["y"] * 5),
        table(ROWS, weight=[1] * 5),
        table(ROWS, weight=[2] * 5),
    ]
    hashes = {encode(other).data_hash for other in others}
    assert len(hashes | {result.data_hash}) == len(others) + 1


def test_the_hash_does_not_change_between_versions():
    source = table(ROWS, group=["y", "x", "y", "x", "z"], weight=[2, 0.5, 2, 0.5, 7])
    expected = "b17db6c070de64126abd7b91573e927b30261b9ce9b66011d1ffeb0a8f8e79b3"
    assert encode(source).data_hash == expected


def test_the_hash_of_sliced_ids_is_that_of_copied_ids():
    result = encode(table(ROWS))
    longer = pa.array(["aa", "ann", "bob", "cy"])
    sliced = dataclasses.replace(result, person_ids=longer.slice(1, 2))
    assert isinstance(sliced, Responses)
    assert sliced.data_hash == result.data_hash
    empty = encode(table([("", "", 1)]))
    assert len(empty.data_hash) == 64


def slow_encode(rows, repeats, min_responses, drop_rare):
    """Do what `encode` does, one row after the other."""
    rows = sorted((row for row in rows if row[2] is not None), key=lambda row: row[:2])
    if repeats != "all":
        chosen = {}
        for person, item, response, seq in rows:
            old = chosen.get((person, item))
            later = old is None or (seq >= old[1] if repeats == "last" else seq < old[1])
            if later:
                chosen[person, item] = (response, seq)
        rows = [(*pair, *value) for pair, value in chosen.items()]
    counts = {item: sum(row[1] == item for row in rows) for item in {row[1] for row in rows}}
    if drop_rare:
        rows = [row for row in rows if counts[row[1]] >= min_responses]
    items = sorted({row[1] for row in rows})
    return [row[:3] for row in rows], items, [counts[item] >= min_responses for item in items]


ids = st.one_of(st.just(st.integers(-3, 3)), st.just(st.text("aé€", max_size=2)))
responses = st.one_of(st.none(), st.integers(0, 3))
some_rows = ids.flatmap(
    lambda kind: st.lists(st.tuples(kind, kind, responses, st.integers(0, 2)), min_size=1, max_size=30)
)


@settings(deadline=None)
@given(some_rows, st.sampled_from(["first", "last", "all"]), st.integers(0, 4), st.booleans())
def test_encode_does_what_the_slow_version_does(rows, repeats, min_responses, drop_rare):
    expected, items, calibrated = slow_encode(rows, repeats, min_responses, drop_rare)
    source = pa.table(
        {
            **{name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)},
            "seq": [row[3] for row in rows],
        }
    ).set_column(2, "response", pa.array([row[2] for row in rows], pa.int32()))
    if not expected:
        with pytest.raises(InputError):
            encode(source, repeats=repeats, min_responses=min_responses, drop_rare=drop_rare)
        return
    result = encode(source, repeats=repeats, min_responses=min_responses, drop_rare=drop_rare)
    assert decoded(result) == expected
    assert result.item_ids.to_pylist() == items
    assert result.person_ids.to_pylist() == sorted({row[0] for row in expected})
    assert result.calibrated.tolist() == calibrated
    nulls = sum(row[2] is None for row in rows)
    lost = nulls + result.dropped["repeats"] + result.dropped["rare_responses"]
    assert result.dropped["null_responses"] == nulls
    assert result.n_responses == len(rows) - lost


def test_persons_without_responses_are_named_or_kept_with_their_group():
    rows = [("bob", "q2", None), ("ann", "q1", 0), ("bob", "q1", None), ("cy", "q3", 1), ("dan", "q1", None)]
    source = table(rows, group=["g", "f", "g", "g", "h"], weight=[2.0, 1.0, 2.0, 1.0, 3.0])
    left = encode(source)
    assert left.person_ids.to_pylist() == ["ann", "cy"]
    assert left.lost.to_pylist() == ["bob", "dan"]
    kept = encode(source, keep_persons=True)
    assert kept.lost is None
    assert kept.person_ids.to_pylist() == ["ann", "bob", "cy", "dan"]
    assert kept.person.tolist() == [0, 2]
    assert kept.person_counts.tolist() == [1, 0, 1, 0]
    assert [kept.group_names[code] for code in kept.group] == ["f", "g", "g", "h"]
    assert kept.weight.tolist() == [1.0, 2.0, 1.0, 3.0]
    assert kept.dropped["persons_without_responses"] == 0
    moved = table(rows, group=["g", "f", "f", "g", "h"])
    assert_fails(moved, "each person in one group", "'bob'", keep_persons=True)


def test_a_calibration_names_the_persons_it_leaves_out():
    _, _, notes = prepare(table(ROWS), None, Options(method="mml"))
    assert "1 persons have no response that counts and are left out: 'cy'." in notes
