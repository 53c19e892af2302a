from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from support.tables import assert_refused, table

from irt_jax.data import encode, read_responses
from irt_jax.data.told import told_of
from irt_jax.errors import UsageError, brief, first_few
from irt_jax.runtime.terminal import shown

assert_fails = partial(assert_refused, read_responses)


def responses(values, **options):
    return read_responses(table(response=values), **options)["response"].to_pylist()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["0", "1", "2"], [0, 1, 2]),
        (["0", " 1 ", "2.0"], [0, 1, 2]),
        (["1e0", "0", "+1"], [1, 0, 1]),
        (["TRUE", "False", "true"], [1, 0, 1]),
        (pa.array(["0", "1", "NA"]).dictionary_encode(), [0, 1, None]),
        (pa.array(["0", "1", None], pa.large_string()), [0, 1, None]),
    ],
)
def test_numbers_as_text(values, found):
    assert responses(values) == found


@pytest.mark.parametrize(
    "word", ["NA", "n/a", "", " ", ".", "NULL", "NaN", "none", "#N/A", "<NA>", "(NULL)", r"\N", "n.a."]
)
def test_words_that_mean_missing(word):
    found = read_responses(table(response=["0", word, word]))
    assert found["response"].to_pylist() == [0, None, None]
    assert told_of(found) == (f"Taken as missing, as text says so: 2 of {word.strip()!r}.",)


def test_text_that_is_no_number_is_shown():
    rows = "('ann', 'q2', 'skipped'), ('bob', 'q1', '1,5')"
    assert_fails(table(response=["0", "skipped", "1,5"]), "'skipped', '1,5'", rows, "--missing")
    assert_fails(table(response=["true", "0", "false"]), "'true', 'false'")
    assert_fails(table(response=["0.5", "0", "1"]), "fractions")
    many = {"person_id": list("abcde"), "item_id": ["q"] * 5}
    assert_fails(pa.table({**many, "response": ["0", "1", "0", "-", "?"]}), "say so with --missing='-,?'; else score")


def test_decimal_commas_of_whole_numbers():
    found = read_responses(table(response=["1,0", "0,00", "NA"]))
    assert found["response"].to_pylist() == [1, 0, None]
    assert told_of(found)[0] == "Read as whole numbers with a decimal comma: '1,0', '0,00'."
    assert_fails(table(response=["1,0", "0,0", "1,5"]), "'1,0', '0,0', '1,5'", "decimal comma")
    assert_fails(table(response=["1,000", "0", "1"]), "'1,000'")


@pytest.mark.parametrize(
    ("values", "codes", "found"),
    [
        ([0, 9, 1], [9], [0, None, 1]),
        ([0, 9, 1], "9,99", [0, None, 1]),
        ([0, -1, 9], ["9,-1"], [0, None, None]),
        ([0, -9, 1], -9, [0, None, 1]),
        ([0.0, 9.0, 1.0], [9], [0, None, 1]),
        ([0.0, 9.5, 1.0], ["9.5"], [0, None, 1]),
        ([0.0, float("nan"), 1.0], ["nan"], [0, None, 1]),
        (["0", "9", "1"], [9], [0, None, 1]),
        (["0", "9.0", "x"], [9, "X"], [0, None, None]),
        (pa.array([0, 9, None], pa.uint8()), [9, -1, 300, 0.5], [0, None, None]),
        ([True, False, True], [9], [1, 0, 1]),
    ],
)
def test_codes_that_mean_missing(values, codes, found):
    assert responses(values, missing=codes) == found


def test_codes_are_counted_and_taken_once():
    found = read_responses(table(response=[9, -1, 1]), missing=[9, -1, 99])
    note = "Taken as missing, as --missing says: 1 of 9, 1 of -1, none of 99."
    assert told_of(found) == (note,)
    coded = encode(read_responses(found, missing=[9]))
    assert coded.notes == (note,)
    assert coded.dropped["null_responses"] == 2
    assert_fails(table(response=[9, 9, 9]), "only nulls", missing=[9])
    assert_fails(table(), "--missing", missing=[True], error=UsageError)


def test_negative_codes_are_named():
    assert_fails(table(response=[0, -1, -9]), "('ann', 'q2', -1)", "--missing -1,-9;")
    many = pa.table({"person_id": np.arange(50), "item_id": np.arange(50), "response": -np.arange(50)})
    assert_fails(many, "Count categories from 0")


def test_categories_that_count_from_one():
    found = read_responses(table(response=[1, 2, 5]), first_category=1)
    assert found["response"].to_pylist() == [0, 1, 4]
    assert "count from 1" in told_of(found)[0]
    assert read_responses(found, first_category=1)["response"].to_pylist() == [0, 1, 4]
    assert_fails(table(response=[0, 1, 2]), "from 1 to 32,769", "('ann', 'q1', 0)", first_category=1)
    assert responses([1, 9, 2], first_category=1, missing=[9]) == [0, None, 1]
    assert_fails(table(), "--first-category", first_category=-1, error=UsageError)


def test_ids_that_are_alike_are_named():
    ids = ["Q1", "q1 ", "Q1 ", "q2", "01", "1", "\u00e9", "e\u0301"]
    rows = pa.table({"person_id": ids, "item_id": ["a"] * 8, "response": [0, 1] * 4})
    (note,) = encode(read_responses(rows)).notes
    assert "7 person ids" in note
    assert "'q1 '" in note
    (note,) = encode(read_responses(rows.rename_columns(["item_id", "person_id", "response"]))).notes
    assert "7 item ids" in note
    assert encode(read_responses(table())).notes == ()
    codes = rows.set_column(0, "person_id", pa.array(range(8)))
    assert encode(read_responses(codes)).notes == ()


def test_what_does_not_print_is_escaped_and_what_is_long_is_cut():
    assert brief("\x1b[31m\u202e") == r"'\x1b[31m\u202e'"
    assert shown("\x1b[31m\u202eq") == r"\x1b[31m\u202eq"
    assert shown("it's") == "it's"
    assert len(brief("q" * 10**6)) < 70
    assert len(brief(("q" * 10**6, "r" * 10**6, 1))) < 140
    assert len(shown("q" * 10**6)) < 70
    assert len(brief(10**100)) < 70
    assert first_few(["a", ("b", 1), ("c",)]) == "'a', ('b', 1), ('c',)"
    long = table(person_id=["p" * 10**6] * 3, response=[0, 1, -1])
    with pytest.raises(Exception, match="pppp") as caught:
        read_responses(long)
    assert len(str(caught.value)) < 500
