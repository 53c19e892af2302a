from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from support.tables import assert_refused

from irt_jax.data import encode, read_responses
from irt_jax.data.categories import advice_for_two
from irt_jax.data.told import told_of
from irt_jax.errors import UsageError

assert_fails = partial(assert_refused, read_responses)


def wide(n=20, items=6, person="person_id", **more):
    """Responses of 0 and 1, a person a row."""
    rng = np.random.default_rng(1)
    columns = {person: [f"s{row}" for row in range(n)]}
    return pa.table({**columns, **{f"q{item}": rng.integers(0, 2, n) for item in range(items)}, **more})


def test_a_wide_table_is_the_long_one(tmp_path):
    source = wide()
    pq.write_table(source, tmp_path / "w.parquet")
    pa_csv.write_csv(source, tmp_path / "w.csv")
    matrix = np.stack([source[f"q{item}"].to_numpy() for item in range(6)], 1)
    for table in (source, source.to_pandas(), tmp_path / "w.parquet", tmp_path / "w.csv"):
        coded = encode(read_responses(table, wide=True))
        assert coded.item_ids.to_pylist() == [f"q{item}" for item in range(6)]
        order = [source["person_id"].to_pylist().index(name) for name in coded.person_ids.to_pylist()]
        np.testing.assert_array_equal(coded.response.reshape(20, 6), matrix[order])


def test_empty_cells_words_and_codes_of_a_wide_table_are_missing(tmp_path):
    path = tmp_path / "w.csv"
    path.write_text("person_id,q1,q2,q3\nann,1,,9\nbob,0,NA,1\ncy,1,1,-1\n")
    found = read_responses(path, wide=True, missing=[9, -1])
    assert found["response"].to_pylist() == [1, 0, 1, None, None, 1, None, 1, None]
    assert told_of(found) == (
        "Taken as missing, as text says so: 1 of 'NA'.",
        "Taken as missing, as --missing says: 1 of 9, 1 of -1.",
    )


def test_columns_of_persons(tmp_path):
    found = read_responses(wide(person="StudentID"), wide=True)
    assert found.num_rows == 120
    assert "'StudentID' is taken as the persons' ids" in told_of(found)[0]
    assert read_responses(wide(person="who"), wide=True).num_rows == 120  # the only column that looks like no item
    named = wide(person="a", b=["x", "y"] * 10, region=["n", "s"] * 10)
    assert_fails(named.drop_columns("region"), "Expected a column 'person_id'", "'a', 'q0'", "--person-col", wide=True)
    found = read_responses(named.drop_columns("b"), wide=True, person_col="a", group_col="region")
    assert found["group"].to_pylist()[:3] == ["n", "s", "n"]
    assert_fails(named, "b ('x', 'y')", "--ignore-cols b", wide=True, person_col="a", group_col="region")
    assert read_responses(wide(group=[1] * 20, weight=[2.0] * 20), wide=True).column_names == [
        "person_id",
        "item_id",
        "response",
        "group",
        "weight",
    ]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_row_numbers_are_no_item(tmp_path, name):
    path = tmp_path / "w.csv"
    path.write_text(f'"{name}","id","q1","q2"\n1,a,1,0\n2,b,0,1\n')
    found = read_responses(path, wide=True)
    assert set(found["item_id"].to_pylist()) == {"q1", "q2"}
    assert "row numbers" in told_of(found)[1]


def test_what_no_wide_table_is():
    assert_fails(wide(when=pa.array([1] * 20, pa.date32())), "when (", "--ignore-cols when", wide=True)
    twice = pa.concat_tables([wide(), wide(n=1)])
    assert_fails(twice, "one row for each person", "'s0'", wide=True)
    assert_fails(wide().select(["person_id"]), "a column for each item", wide=True)
    long = pa.table({"person_id": [1], "item_id": [1], "response": [1]})
    assert_fails(long, "Leave --wide out", wide=True, error=UsageError)
    assert_fails(wide(), "--item-col", wide=True, item_col="q1", error=UsageError)
    assert_fails(wide(), "two purposes", wide=True, group_col="person_id", error=UsageError)


@pytest.mark.parametrize("kind", ["parquet", "csv", "pandas"])
def test_a_wide_table_is_recognised(tmp_path, kind):
    for source, hint in (
        (wide(), "Read it with --wide."),
        (wide(person="id"), "Read it with --wide."),
        (wide(items=8).drop_columns("person_id"), "Read it with --wide."),
        (wide(items=8, person="a", b=["x", "y"] * 10), "Read it with --wide and --person-col."),
        (wide(missing=[0, 9] * 10, likert=[1, 2, 3, 4, 5] * 4), "Read it with --wide."),
    ):
        if kind == "parquet":
            pq.write_table(source, tmp_path / "w.parquet")
        elif kind == "csv":
            pa_csv.write_csv(source, tmp_path / "w.csv")
        path = source.to_pandas() if kind == "pandas" else tmp_path / f"w.{kind}"
        assert_fails(path, "looks like a wide table", hint)


def test_two_items_are_not_taken_for_items_and_responses(tmp_path):
    columns = {"person_col": "id", "item_col": "q0", "response_col": "q1"}
    assert_fails(wide(person="id"), "'0', '1'", "--wide", **columns)
    assert_fails(wide(person="id", items=2), "one row a person", "--wide", **columns)
    twice = pa.concat_tables([wide(person="id"), wide(person="id")])
    assert_fails(twice, "other columns look like items", "--wide", **columns)


def test_long_tables_are_not_taken_for_wide_ones():
    rng = np.random.default_rng(0)
    persons, items = np.repeat(np.arange(30), 5), np.tile(np.arange(1, 6), 30)
    flags = {name: rng.integers(0, 2, 150) for name in ("hint", "retry", "fast")}
    frame = pd.DataFrame({"user": persons, "question": items, "correct": rng.integers(0, 2, 150), **flags})
    found = read_responses(frame, person_col="user", item_col="question", response_col="correct")
    assert found.num_rows == 150
    assert_fails(frame, "Expected a column 'person_id'", "--person-col")
    assert_fails(frame, "Expected a column 'person_id'", item_col="question", response_col="correct")


def test_columns_that_are_no_items_are_left_out(tmp_path):
    rng = np.random.default_rng(2)
    more = {"gender": ["f", "m"] * 10, "Age": rng.integers(0, 60, 20), "total": [3] * 20, "share": rng.random(20)}
    path = tmp_path / "w.csv"
    pa_csv.write_csv(wide(**more), path)
    assert_fails(path, "gender ('f', 'm')", "share (", "--ignore-cols gender,share;", wide=True)
    ignored = ["gender", "Age,total, share"]
    found = read_responses(path, wide=True, ignore_cols=ignored)
    assert found.to_pydict() == read_responses(wide(), wide=True).to_pydict()
    assert not told_of(found)
    found = read_responses(path, wide=True, ignore_cols="share", group_col="gender")
    assert "--ignore-cols Age,total." in " ".join(told_of(found))
    coded = encode(found)
    assert "--ignore-cols Age,total. Otherwise recode" in advice_for_two(coded, np.ones(coded.n_items, bool))
    assert_fails(path, "found no 'ag'", "'Age'", wide=True, ignore_cols="ag")
    assert_fails(path, "two purposes", wide=True, ignore_cols="person_id", error=UsageError)
    assert_fails(path, "with --wide", ignore_cols="Age", error=UsageError)


def test_words_and_codes_in_an_item_are_no_reason_to_leave_it_out():
    for odd, missing in ((["0", "skipped", "1", "9"] * 5, None), (["skipped"] * 20, "skipped"), ([None] * 20, None)):
        source = wide(odd=pa.array(odd, pa.string()))
        if missing or odd[0] is None:
            assert read_responses(source, wide=True, missing=missing).num_rows == 140
        else:
            assert_fails(source, "whole numbers", "--missing='skipped'", wide=True)
    letters = pa.table({"person_id": range(20), **{f"q{item}": list("ABCD") * 5 for item in range(4)}})
    assert_fails(letters, "whole numbers", "'A', 'B', 'C', 'D'", wide=True)


def test_rows_are_the_persons_where_no_column_is():
    found = read_responses(wide().drop_columns("person_id").append_column("group", [["a", "b"] * 10]), wide=True)
    assert found["person_id"].to_pylist()[:21] == [*range(1, 21), 1]
    assert found["group"].to_pylist()[:2] == ["a", "b"]
    assert "numbers of the rows" in told_of(found)[0]
    assert_fails(wide().drop_columns("person_id"), "'nobody'", wide=True, person_col="nobody")


def test_a_table_with_items_in_rows_is_told():
    turned = wide(person="item")
    assert_fails(turned, "'item'", "Transpose", wide=True)
    assert read_responses(turned, wide=True, person_col="item").num_rows == 120


def test_rows_without_an_id_are_rows_of_the_table():
    source = wide(n=3).set_column(0, "person_id", [[None, "b", "c"]])
    assert_fails(source, "found 1 null person_id", "rows 0.", wide=True)
