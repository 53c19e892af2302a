import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tables import assert_refused

from irt_jax.data import align_anchors, encode, read_anchors, read_responses

BASE = {"item_id": ["q1", "q2", "q3"], "a": [1.0, 2.0, 0.5], "b": [-1.0, 0.0, 1.0]}


def table(**columns):
    return pa.table({**BASE, **columns})


def data(item_ids):
    columns = {
        "person_id": pa.array(range(len(item_ids))),
        "item_id": item_ids,
        "response": [1] * len(item_ids),
    }
    return encode(read_responses(pa.table(columns)))


def assert_fails(source, *parts, read=read_anchors, **options):
    assert_refused(read, source, *parts, **options)


def test_defaults_of_a_plain_file(tmp_path):
    pq.write_table(table(other=[1, 2, 3]), tmp_path / "anchors.parquet")
    result = read_anchors(tmp_path / "anchors.parquet")
    assert result.column_names == ["item_id", "a", "b", "log_a", "log_a_sd", "b_sd"]
    assert result["log_a"].to_pylist() == pytest.approx([0.0, math.log(2), -math.log(2)])
    assert result["log_a_sd"].to_pylist() == result["b_sd"].to_pylist() == [0.05] * 3


def test_sds_of_a_plain_file_are_those_of_log_a_and_b():
    result = read_anchors(table(a_sd=[0.1, None, 0.3], b_sd=[None, 0.2, 0.4], a=[1, 2, 3]))
    assert result["log_a_sd"].to_pylist() == [0.1, 0.05, 0.3]
    assert result["b_sd"].to_pylist() == [0.05, 0.2, 0.4]
    assert result["a"].to_pylist() == [1.0, 2.0, 3.0]


def test_a_run_gives_log_a_and_its_sd(tmp_path):
    columns = {"log_a": [0.1, None, 0.3], "log_a_sd": [0.2, None, 0.4], "a_sd": [9.0] * 3, "b_sd": [0.5] * 3}
    pq.write_table(table(**columns), tmp_path / "items.parquet")
    pq.write_table(pa.table({"person_id": ["a"]}), tmp_path / "persons.parquet")
    for source in (tmp_path, f"{tmp_path}/", tmp_path / "items.parquet"):
        result = read_anchors(source)
        assert result["log_a"].to_pylist() == pytest.approx([0.1, math.log(2), 0.3])
        assert result["log_a_sd"].to_pylist() == [0.2, 0.05, 0.4]
        assert result["b_sd"].to_pylist() == [0.5] * 3


def test_optional_columns_are_passed_through():
    extra = {"cov_log_a_b": [0.001, None, 0], "c": [0.2, None, 0.1], "d": [1, 1, 1]}
    thresholds = pa.array([[0, 1], None, [-1, 2]], pa.list_(pa.int64()))
    result = read_anchors(table(**extra, thresholds=thresholds))
    assert result["cov_log_a_b"].to_pylist() == [0.001, None, 0.0]
    assert result["c"].to_pylist() == [0.2, None, 0.1]
    assert result.schema.field("d").type == pa.float64()
    assert result["thresholds"].type == pa.list_(pa.float64())
    assert_fails(table(thresholds=[True, False, True]), "lists of numbers in thresholds", "bool")


def test_sds_of_the_other_parameters():
    thresholds = pa.array([[0, 1], None, [-1]])
    sds = pa.array([[0.1, 0.2], None, None])
    result = read_anchors(table(thresholds=thresholds, thresholds_sd=sds, c=[0.2, None, 0.1], c_sd=[0.03, None, None]))
    assert result["thresholds_sd"].to_pylist() == [[0.1, 0.2], None, None]
    assert result["c_sd"].to_pylist() == [0.03, None, None]
    assert_fails(table(c_sd=[0.1, 0.0, 0.1]), "Expected c_sd to be finite and positive")
    wrong = {"q1": [[0.1], None, [0.1]], "q2": [None, [0.1], None], "q3": [None, None, [-0.2]]}
    for item, given in wrong.items():
        read = table(thresholds=thresholds, thresholds_sd=given)
        assert_fails(read, "SD in thresholds_sd for every threshold", f"item_id = {item!r}.")
    assert_fails(table(thresholds_sd=sds), "SD in thresholds_sd for every")


def test_lists_in_a_csv_are_read(tmp_path):
    (tmp_path / "anchors.csv").write_text('item_id,a,b,thresholds,thresholds_sd\nq1,1,0,"[0, 1]","[0.1, 0.1]"\n')
    found = read_anchors(tmp_path / "anchors.csv")
    assert found["thresholds"].to_pylist() == [[0.0, 1.0]]
    assert found["thresholds_sd"].to_pylist() == [[0.1, 0.1]]
    (tmp_path / "anchors.csv").write_text("item_id,a,b1,b2\nq1,1,0,1\nq2,1,0.5,\n")
    found = read_anchors(tmp_path / "anchors.csv")
    assert found["thresholds"].to_pylist() == [[0.0, 1.0], [0.5]]
    assert found["b"].to_pylist() == [0.5, 0.5]


def test_what_a_run_held_fixed_has_no_sd_of_its_own():
    sds = {"b_sd": [0.0, 2e-15, 0.3], "c_sd": [0.0, 1e-15, 0.1], "thresholds_sd": [[0.0, 0.0], [2e-15], [0.1]]}
    rest = {"thresholds": [[0, 1], [0], [1]], "c": [0.2, 0.2, 0.2]}
    result = read_anchors(table(log_a_sd=[None, None, 0.2], **sds, **rest))
    assert result["log_a_sd"].to_pylist() == [0.05, 0.05, 0.2]
    assert result["b_sd"].to_pylist() == [0.05, 0.05, 0.3]
    assert result["c_sd"].to_pylist() == [None, None, 0.1]
    assert result["thresholds_sd"].to_pylist() == [None, None, [0.1]]
    assert_fails(table(**sds, **rest), "Expected b_sd to be finite and positive", "('q1', 0.0)")


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.uint64()])
def test_integer_ids_keep_their_type(kind):
    assert read_anchors(table(item_id=pa.array([1, 2, 3], kind)))["item_id"].type == kind


def test_other_sources(tmp_path):
    frame = table(a_sd=[0.1, math.nan, 0.1]).to_pandas().rename(columns={"item_id": "id"})
    assert isinstance(frame, pd.DataFrame)
    assert read_anchors(frame, item_col="id")["log_a_sd"].to_pylist() == [0.1, 0.05, 0.1]
    frame.to_csv(tmp_path / "anchors.csv")
    result = read_anchors(tmp_path / "anchors.csv", item_col="id")
    assert result["item_id"].to_pylist() == BASE["item_id"]
    assert result["log_a_sd"].to_pylist() == [0.1, 0.05, 0.1]


def test_bad_files(tmp_path):
    assert_fails(tmp_path / "no.parquet", "No such file")
    assert_fails(tmp_path / "no.csv", "No such file")
    assert_fails(3, "Expected a path", "the int")
    path = tmp_path / "anchors.csv"
    path.write_text("item_id,a,b\nq1,one,0\n")
    assert_fails(path, "Cannot read the CSV file", "anchors.csv", "one")
    path.write_text("")
    assert_fails(path, "Expected a header", "anchors.csv")
    path.write_text("item_id,a\nq1,1\n")
    assert_fails(path, "'b'", "'item_id', 'a'")
    path.write_text("item_id,a,b\n")
    assert_fails(path, "found 0 rows", "anchors.csv")
    assert_fails(table().slice(0, 0), "found 0 rows")
    assert_fails(table().drop_columns("a"), "'a'", "'item_id', 'b'")


NOT_FINITE = (None, math.nan, math.inf)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("a", (*NOT_FINITE, 0.0, -1.0), "finite and positive"),
        ("b", NOT_FINITE, "finite"),
        ("log_a", (math.nan, math.inf), "finite"),
        ("a_sd", (math.nan, math.inf, 0.0, -0.1), "finite and positive"),
        ("log_a_sd", (math.nan, math.inf, 0.0, -0.1), "finite and positive"),
        ("b_sd", (math.nan, math.inf, 0.0, -0.1), "finite and positive"),
    ],
)
def test_bad_values_name_the_anchors(name, values, kind):
    for value in values:
        column = pa.array([1.0, value, value])
        parts = (f"Expected {name} to be {kind}", f"('q2', {value})", f"('q3', {value})")
        assert_fails(table(**{name: column}), *parts)


def test_bad_columns():
    assert_fails(table(item_id=["q1", "q2", "q1"]), "repeated item_id", "'q1'")
    assert_fails(table(item_id=["q1", None, "q3"]), "1 null item_id")
    assert_fails(table(item_id=[1.0, 2.0, 3.0]), "strings or integers", "double")
    assert_fails(table(a=["1", "2", "3"]), "numbers in a", "string")
    assert_fails(table(cov_log_a_b=[0.0, 0.01, 0.0]), "cov_log_a_b", "('q2', 0.01)")


def test_anchors_are_aligned_in_the_order_of_the_items():
    anchors = read_anchors(table(item_id=["z", "y", "x"], b_sd=[0.1, 0.2, 0.3]))
    aligned = align_anchors(data(["x", "a", "z"]), anchors)
    assert aligned.item.dtype == np.int32
    assert aligned.item.tolist() == [1, 2]
    assert aligned.row.tolist() == [2, 0]
    assert aligned.a.tolist() == [0.5, 1.0]
    assert aligned.b.tolist() == [1.0, -1.0]
    assert aligned.log_a.tolist() == pytest.approx([math.log(0.5), 0.0])
    assert aligned.log_a_sd.tolist() == [0.05, 0.05]
    assert aligned.b_sd.tolist() == [0.3, 0.1]
    assert aligned.missing == ["y"]


@pytest.mark.parametrize("in_anchors", [pa.int32(), pa.int64(), pa.uint64()])
@pytest.mark.parametrize("in_data", [pa.int16(), pa.int64(), pa.uint64()])
def test_integers_of_any_width_match(in_anchors, in_data):
    anchors = read_anchors(table(item_id=pa.array([3, 40_000, 5], in_anchors)))
    aligned = align_anchors(data(pa.array([5, 3], in_data)), anchors)
    assert aligned.item.tolist() == [0, 1]
    assert aligned.missing == [40_000]


def test_strings_of_either_width_match():
    anchors = read_anchors(table(item_id=pa.array(["x", "y", "z"], pa.large_string())))
    assert align_anchors(data(["x", "y"]), anchors).item.tolist() == [0, 1]


def test_ids_of_a_csv_match_integers_and_strings(tmp_path):
    (tmp_path / "anchors.csv").write_text("item_id,a,b\n2,1,0\n1,2,0\n007,1,1\n")
    anchors = read_anchors(tmp_path / "anchors.csv")
    aligned = align_anchors(data(pa.array([1, 2, 7])), anchors)
    assert (aligned.item.tolist(), aligned.a.tolist(), aligned.missing) == ([0, 1], [2.0, 1.0], ["007"])
    assert align_anchors(data(["1", "2", "007"]), anchors).missing == []


def test_ids_of_different_kinds_do_not_match():
    def align(anchors):
        return align_anchors(data(pa.array([1, 2])), anchors)

    assert_fails(read_anchors(table()), "string ('q1'", "int64 (1, 2)", "same type", read=align)
    parts = ("None of the 3 anchors", "7, 8, 9", "1, 2")
    assert_fails(read_anchors(table(item_id=[7, 8, 9])), *parts, read=align)
