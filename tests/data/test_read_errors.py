from decimal import Decimal
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tables import assert_refused, table, write

from irt_jax.data import read_responses
from irt_jax.errors import UsageError

assert_fails = partial(assert_refused, read_responses)


def test_missing_sources(tmp_path):
    assert_fails(tmp_path / "no.parquet", "No such file or folder", "no.parquet")
    assert_fails(tmp_path, "No Parquet or CSV file in the folder", "empty")
    (tmp_path / "data.txt").write_text("a,b")
    assert_fails(tmp_path, "No Parquet or CSV file in the folder", "data.txt", ".parquet")
    assert_fails(f"{tmp_path}/*.parquet", "No file matches", "*.parquet")
    assert_fails(7, "Expected a path", "the int")


def test_files_that_are_not_parquet(tmp_path):
    for content in (b"", b"hello", b"person_id,item_id\n" * 100):
        (tmp_path / "r.parquet").write_bytes(content)
        assert_fails(tmp_path / "r.parquet", "Expected a Parquet file", "r.parquet", "Convert")


def test_damaged_files(tmp_path):
    n = 20_000
    whole = pa.table({"person_id": np.arange(n), "item_id": np.arange(n), "response": np.zeros(n, np.int8)})
    path = tmp_path / "r.parquet"
    pq.write_table(whole, path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert_fails(path, "truncated or damaged", "r.parquet", "again")
    path.write_bytes(content[:1000] + b"z" * 20_000 + content[21_000:])
    assert_fails(path, "truncated or damaged", "r.parquet")


def test_permissions(tmp_path, monkeypatch):
    path = write(tmp_path / "r.parquet")

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("irt_jax.data.locate.pa.OSFile", refuse)
    assert_fails(path, "No permission to read", "r.parquet")
    monkeypatch.setattr("irt_jax.data.locate.os.walk", refuse)
    assert_fails(tmp_path, "No permission to read")


@pytest.mark.parametrize("name", ["person", "item", "response", "group", "seq", "weight"])
def test_missing_columns_name_the_option(tmp_path, name):
    path = write(tmp_path / "r.parquet")
    parts = ("'nope'", "'person_id', 'item_id', 'response'", f"--{name}-col")
    assert_fails(path, *parts, **{f"{name}_col": "nope"})
    assert_fails(table(), *parts, **{f"{name}_col": "nope"})
    assert_fails(table().to_pandas(), *parts, **{f"{name}_col": "nope"})


def test_columns_named_or_present_twice():
    assert_fails(table(), "'item_id'", "two purposes", person_col="item_id", error=UsageError)
    twice = pa.table([[1], [1], [1], [1]], names=["person_id", "item_id", "response", "item_id"])
    assert_fails(twice, "'item_id'", "more than once")


@pytest.mark.parametrize("name", ["person_id", "item_id"])
def test_bad_ids(name):
    assert_fails(table(**{name: [1.0, 2.0, 3.0]}), name, "strings or integers", "double", "1.0, 2.0", "Cast")
    assert_fails(table(**{name: [True, False, True]}), name, "strings or integers", "bool")
    assert_fails(table(**{name: ["a", None, None]}), "2 null " + name, "rows 1, 2")
    assert_fails(table(**{name: pa.nulls(3)}), "3 null " + name)
    assert_fails(table(**{name: ["a", "b\0c", "d"]}), name, "NUL", "'b\\x00c'")
    bytes_as_text = pa.StringArray.from_buffers(3, *pa.array([b"a", b"\xff", b"c"]).buffers()[1:])
    assert_fails(table(**{name: bytes_as_text}), name, "UTF-8")


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        (["0", "1", "x"], ("whole numbers", "is none in the Table: 'x'", "('bob', 'q1', 'x')", "--missing")),
        (pa.array([1, 2, 3], pa.timestamp("s")), ("integers or booleans", "timestamp")),
        ([0.0, 0.5, 1.0], ("fractions", "('ann', 'q2', 0.5)")),
        ([Decimal("0.0"), Decimal("0.5"), None], ("fractions", "('ann', 'q2', 0.5)")),
        ([0.0, float("nan"), 1.0], ("NaN", "('ann', 'q2', nan)", "null")),
        ([0.0, 1.0, float("inf")], ("infinity", "('bob', 'q1', inf)")),
        ([0, -1, -2], ("from 0 to 32,768", "('ann', 'q2', -1), ('bob', 'q1', -2)", "--missing -1,-2")),
        ([0.0, -1.0, 1.0], ("from 0 to 32,768", "('ann', 'q2', -1.0)")),
        ([0, 1, 2**15 + 1], ("from 0 to 32,768", "('bob', 'q1', 32769)")),
        (pa.array([0, 1, 2**64 - 1], pa.uint64()), ("from 0 to 32,768", "18446744073709551615")),
        ([0.0, 1.0, 1e300], ("from 0 to 32,768", "1e+300")),
        (pa.nulls(3), ("only nulls", "3 rows")),
        (pa.nulls(3, pa.int8()), ("only nulls", "3 rows")),
    ],
)
def test_bad_responses(values, parts):
    assert_fails(table(response=values), "the Table", *parts)


def test_an_empty_table(tmp_path):
    pq.write_table(table().slice(0, 0), tmp_path / "r.parquet")
    assert_fails(tmp_path / "r.parquet", "found 0 rows", "r.parquet")


def test_only_the_first_offenders_are_shown():
    many = pa.table({"person_id": np.arange(50), "item_id": np.arange(50), "response": np.full(50, -1)})
    assert_fails(many, "(0, 0, -1)", "(4, 4, -1) and 45 more")


def test_bad_optional_columns():
    assert_fails(table(group=[0.5, 1.0, 2.0]), "group", "double", "--group-col")
    assert_fails(table(seq=["10", "9", "8"]), "seq", "string", "--seq-col")
    assert_fails(table(weight=["1", "2", "3"]), "weight", "string")
