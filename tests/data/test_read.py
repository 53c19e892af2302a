import os
import re
import sys
from decimal import Decimal
from functools import partial

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tables import BASE, assert_refused, table, write

from irt_jax.data import read_responses

assert_fails = partial(assert_refused, read_responses)


@pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path, lambda path: path.as_uri()])
def test_reads_only_the_needed_columns_of_a_file(tmp_path, kind):
    path = write(tmp_path / "my responses.parquet", other=[1, 2, 3])
    result = read_responses(kind(path))
    assert result.schema == pa.schema([("person_id", "string"), ("item_id", "string"), ("response", "int32")])
    assert result.to_pydict() == BASE


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.string(), pa.string()),
        (pa.large_string(), pa.large_string()),
        (pa.string_view(), pa.string()),
        (pa.dictionary(pa.int32(), pa.string()), pa.string()),
        (pa.int32(), pa.int32()),
        (pa.int64(), pa.int64()),
        (pa.uint8(), pa.uint8()),
        (pa.uint64(), pa.uint64()),
    ],
)
@pytest.mark.parametrize("memory", [True, False])
def test_ids_keep_their_type_and_dictionaries_are_decoded(tmp_path, kind, expected, memory):
    values = ["3", "1", "3"] if expected in (pa.string(), pa.large_string()) else [3, 1, 3]
    base = pa.string() if kind == pa.string_view() else expected
    ids = pa.array(values, base).cast(kind) if kind != pa.string_view() else pa.array(values, kind)
    source = table(person_id=ids, item_id=ids)
    if not memory:
        pq.write_table(source, tmp_path / "r.parquet")
        source = tmp_path / "r.parquet"
    result = read_responses(source)
    assert result["person_id"].type == result["item_id"].type == expected
    assert result["person_id"].to_pylist() == values


def test_the_largest_integers_and_the_empty_string_are_ids():
    ids = pa.array([2**63 - 1, -(2**63), 0])
    assert read_responses(table(person_id=ids))["person_id"].to_pylist() == ids.to_pylist()
    assert read_responses(table(item_id=["", "é", "q"]))["item_id"].to_pylist() == ["", "é", "q"]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, None, 0], pa.int8()),
        pa.array([1, None, 0], pa.uint64()),
        pa.array([True, None, False]),
        pa.array([1.0, None, 0.0]),
        pa.array([1.0, None, 0.0], pa.float32()),
        pa.array([Decimal("1.00"), None, Decimal("0.00")]),
    ],
)
def test_responses_become_int32_and_keep_nulls(values):
    column = read_responses(table(response=values))["response"]
    assert column.type == pa.int32()
    assert column.to_pylist() == [1, None, 0]


def test_columns_may_have_other_names(tmp_path):
    names = {
        "who": ["a"],
        "what": ["q"],
        "score": [2],
        "country": ["NO"],
        "at": [5],
        "w": [2],
        "group": ["not"],
    }
    pq.write_table(pa.table(names), tmp_path / "r.parquet")
    result = read_responses(
        tmp_path / "r.parquet",
        person_col="who",
        item_col="what",
        response_col="score",
        group_col="country",
        seq_col="at",
        weight_col="w",
    )
    row = {"person_id": "a", "item_id": "q", "response": 2, "group": "NO", "seq": 5, "weight": 2.0}
    assert result.to_pylist() == [row]
    assert result.schema.field("weight").type == pa.float64()


def test_optional_columns_are_taken_when_present():
    result = read_responses(table(group=[1, 1, 2], seq=[3, 2, 1], weight=[1, 1, 2]))
    assert result["group"].to_pylist() == ["1", "1", "2"]
    assert result["seq"].to_pylist() == [3, 2, 1]
    assert result["weight"].to_pylist() == [1.0, 1.0, 2.0]
    assert read_responses(table(group=["x", "y", "z"]), item_col="group").column_names == list(BASE)


def test_a_folder_is_read_recursively_and_hidden_files_are_ignored(tmp_path):
    write(tmp_path / "b" / "part-0.parquet", person_id=["b"] * 3)
    write(tmp_path / "a.PARQUET", person_id=["a"] * 3)
    for hidden in ("_SUCCESS", ".a.parquet.crc", "_temporary/0/x.parquet", "readme.txt"):
        path = tmp_path / hidden
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("not Parquet")
    assert read_responses(tmp_path)["person_id"].to_pylist() == ["a"] * 3 + ["b"] * 3
    assert read_responses(f"{tmp_path}/")["person_id"].to_pylist() == ["a"] * 3 + ["b"] * 3


def test_hive_partitions_become_columns(tmp_path):
    for value in ("NO", "a%20b"):
        write(tmp_path / f"group={value}" / "seq=7" / "r.parquet")
    result = read_responses(tmp_path)
    assert result["group"].to_pylist() == ["NO"] * 3 + ["a b"] * 3
    assert result["seq"].to_pylist() == [7] * 6


@pytest.mark.parametrize(
    ("values", "expected"), [(("1", "2"), [1, 2]), (("01", "2"), ["01", "2"]), (("-1", "x"), ["-1", "x"])]
)
def test_hive_ids_are_integers_only_when_all_are_written_as_integers(tmp_path, values, expected):
    for value in values:
        path = tmp_path / f"form={value}" / "r.parquet"
        path.parent.mkdir()
        pq.write_table(pa.table({"person_id": ["a"], "response": [1]}), path)
    assert read_responses(tmp_path, item_col="form")["item_id"].to_pylist() == expected


def test_the_null_partition_is_null(tmp_path):
    write(tmp_path / "group=1" / "r.parquet")
    write(tmp_path / "group=__HIVE_DEFAULT_PARTITION__" / "r.parquet")
    assert read_responses(tmp_path)["group"].to_pylist() == ["1"] * 3 + [None] * 3


def test_globs(tmp_path):
    write(tmp_path / "month=1" / "a.parquet")
    write(tmp_path / "month=2" / "b.parquet")
    write(tmp_path / "other" / "c.parquet")
    write(tmp_path / "month=2" / "_b.parquet")
    assert read_responses(f"{tmp_path}/month=*/*.parquet").num_rows == 6
    assert read_responses(f"{tmp_path}/month=*").num_rows == 6
    assert read_responses(f"{tmp_path}/**/*.parquet").num_rows == 9
    by_month = read_responses(f"{tmp_path}/month=*", seq_col="month")
    assert by_month["seq"].to_pylist() == [1] * 3 + [2] * 3


def test_a_name_with_brackets_is_a_file_when_it_exists(tmp_path):
    assert read_responses(write(tmp_path / "a[1].parquet")).num_rows == 3


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    for name in ("group=x/a", "group=y/b"):
        with system.open(f"/irt/{name}.parquet", "wb") as stream:
            pq.write_table(table(), stream)
    yield "memory://irt"
    system.rm("/irt", recursive=True)


def test_fsspec_urls(memory):
    assert read_responses(f"{memory}/group=x/a.parquet").to_pydict() == BASE
    assert read_responses(memory)["group"].to_pylist() == ["x"] * 3 + ["y"] * 3
    assert read_responses(f"{memory}/*/b.parquet")["group"].to_pylist() == ["y"] * 3
    assert_fails("memory://irt/none.parquet", "No such file", "memory://irt/none.parquet")
    assert_fails("nosuchprotocol://x/y.parquet", "Cannot open 'nosuchprotocol://x/y.parquet'")


def test_local_paths_do_not_need_fsspec(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert read_responses(write(tmp_path / "r.parquet")).num_rows == 3
    assert_fails("s3://bucket/r.parquet", "Cannot open", "s3://bucket/r.parquet")


def test_files_of_one_folder_may_differ_in_width_but_not_in_kind(tmp_path):
    write(tmp_path / "a.parquet", person_id=pa.array([1, 2, 3], pa.int32()))
    write(tmp_path / "b.parquet", person_id=pa.array([1, 2, 3], pa.int64()))
    assert read_responses(tmp_path)["person_id"].type == pa.int64()
    write(tmp_path / "c.parquet", person_id=["1", "2", "3"])
    assert_fails(tmp_path, "person_id", "different types", "int32 in", "string in", "c.parquet")
    write(tmp_path / "c.parquet", person_id=pa.array([1, 2, 3], pa.uint64()))
    assert_fails(tmp_path, "person_id", "different types", "uint64")


def test_string_widths_and_empty_columns_of_a_folder_are_joined(tmp_path):
    write(tmp_path / "a.parquet", person_id=pa.array(["a", "b", "c"], pa.large_string()))
    write(tmp_path / "b.parquet", person_id=pa.array(["a", "b", "c"]).dictionary_encode())
    write(tmp_path / "c.parquet", response=pa.nulls(3))
    result = read_responses(tmp_path)
    assert result["person_id"].type == pa.large_string()
    assert result["response"].null_count == 3


def test_a_column_must_be_in_all_files_or_in_none(tmp_path):
    write(tmp_path / "a.parquet", group=["x", "y", "z"])
    write(tmp_path / "b.parquet")
    assert_fails(tmp_path, "'group'", "some of the files", "b.parquet")
    pq.write_table(table(group=["x", "y", "z"]).drop_columns("response"), tmp_path / "b.parquet")
    assert_fails(tmp_path, "'response'", "b.parquet", "--response-col")


def test_data_frames():
    frame = pd.DataFrame({**BASE, "response": [1.0, np.nan, 0.0]})
    result = read_responses(frame)
    assert result["response"].to_pylist() == [1, None, 0]
    assert result["person_id"].to_pylist() == BASE["person_id"]
    frame["person_id"] = frame["person_id"].astype("category")
    frame["response"] = frame["response"].astype("Int8")
    assert read_responses(frame)["response"].to_pylist() == [1, None, 0]
    assert not pa.types.is_dictionary(read_responses(frame)["person_id"].type)


def test_data_frames_with_mixed_columns():
    frame = pd.DataFrame({**BASE, "item_id": pd.Series(["a", 1, 2.5], dtype=object)})
    assert_fails(frame, "one type in each column", "item_id")
    frame = pd.DataFrame({**BASE, "response": [1.0, np.inf, 0.0]})
    assert_fails(frame, "infinity", "the DataFrame", "('ann', 'q2', inf)")


def test_other_arrow_tables():
    class Foreign:
        def __arrow_c_stream__(self, requested_schema=None):
            return table().__arrow_c_stream__(requested_schema)

    assert read_responses(Foreign()).to_pydict() == BASE


def test_importing_the_package_does_not_import_heavy_libraries(tmp_path):
    import subprocess

    code = "import sys, irt_jax.data; print(*{'jax', 'numpyro', 'pandas', 'fsspec'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\s*", run.stdout)
