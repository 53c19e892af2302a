import gzip
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tables import assert_refused, table, write

from irt_jax.data import encode, read_responses
from irt_jax.data.told import told_of

assert_fails = partial(assert_refused, read_responses)
LONG = "person_id,item_id,response\nann,q1,1\nann,q2,0\nbob,q1,1\n"


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_is_read_as_parquet_is(tmp_path):
    expected = read_responses(table())
    one = written(tmp_path / "r.csv", LONG)
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(LONG.encode()))
    sources = [one, tmp_path / "r.csv.gz", f"file://{one}", f"{tmp_path}/r*.csv"]
    sources += [written(tmp_path / f"{mark!r}.csv", LONG.replace(",", mark)) for mark in ";\t|"]
    sources.append(written(tmp_path / "r.TSV", LONG.replace(",", "\t")))
    sources.append(written(tmp_path / "bom.csv", "\ufeff" + LONG))
    sources.append(written(tmp_path / "crlf.csv", LONG.replace("\n", "\r\n")))
    sources.append(written(tmp_path / "quoted.csv", LONG.replace("ann", '"ann"')))
    for source in sources:
        assert read_responses(source).equals(expected), source
    first, second = LONG.splitlines()[:2], [LONG.splitlines()[0], *LONG.splitlines()[2:]]
    written(tmp_path / "parts" / "group=x" / "1.csv", "\n".join(first))
    written(tmp_path / "parts" / "group=y" / "2.csv", "\n".join(second))
    found = read_responses(tmp_path / "parts")
    assert found.drop_columns("group").equals(expected)
    assert found["group"].to_pylist() == ["x", "y", "y"]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["1", "2", "10"], [1, 2, 10]),
        (["007", "8", "10"], ["007", "8", "10"]),
        (["1", "x", "2"], ["1", "x", "2"]),
        (["1.0", "2.0", "3.0"], ["1.0", "2.0", "3.0"]),
        (["-1", "0", "5"], [-1, 0, 5]),
        (["+1", "2", "3"], ["+1", "2", "3"]),
        (["NA", "null", "nan"], ["NA", "null", "nan"]),
        (["9" * 30, "1", "2"], ["9" * 30, "1", "2"]),
        ([" 1", "2", "3"], [" 1", "2", "3"]),
    ],
)
def test_ids_stay_what_they_are(tmp_path, ids, found):
    rows = "".join(f"{name},q1,1\n" for name in ids)
    path = written(tmp_path / "r.csv", f"person_id,item_id,response\n{rows}")
    assert read_responses(path)["person_id"].to_pylist() == found


def test_ids_have_one_type_over_all_files(tmp_path):
    written(tmp_path / "1.csv", "person_id,item_id,response\n1,1,0\n")
    written(tmp_path / "2.csv", "person_id,item_id,response\nx,2,1\n")
    found = read_responses(tmp_path)
    assert found["person_id"].to_pylist() == ["1", "x"]
    assert found["item_id"].to_pylist() == [1, 2]


def test_the_same_checks_apply(tmp_path):
    head = "person_id,item_id,response\n"
    assert_fails(written(tmp_path / "null.csv", head + "ann,q1,1\n,q2,0\n"), "1 null person_id", "row")
    assert_fails(
        written(tmp_path / "no.csv", "a,b\n1,2\n"), "Expected a column 'person_id'", "'a', 'b'", "--person-col"
    )
    assert_fails(written(tmp_path / "half.csv", head + "ann,q1,0.5\n"), "fractions", "('ann', 'q1', 0.5)")
    assert_fails(written(tmp_path / "none.csv", head), "0 rows")
    assert_fails(written(tmp_path / "empty.csv", ""), "header", "found nothing")
    assert_fails(written(tmp_path / "ragged.csv", head + "ann,q1\n"), "Cannot read the CSV file", "ragged.csv")
    assert_fails(written(tmp_path / "twice.csv", "person_id,item_id,item_id\na,b,1\n"), "'item_id' again")
    (tmp_path / "latin.csv").write_bytes((head + "Jos\xe9,q1,1\n").encode("latin-1"))
    assert_fails(tmp_path / "latin.csv", "UTF-8")
    (tmp_path / "utf16.csv").write_bytes((head + "ann,q1,1\n").encode("utf-16"))
    assert_fails(tmp_path / "utf16.csv", "UTF-8")


def test_order_and_weights_of_a_csv_file(tmp_path):
    head = "person_id,item_id,response,seq,weight\n"
    path = written(tmp_path / "r.csv", f"{head}ann,q1,1,10,2\nann,q1,0,9,2\n")
    coded = encode(read_responses(path), repeats="last")
    assert coded.response.tolist() == [1]
    assert coded.weight.tolist() == [2.0]
    times = written(tmp_path / "t.csv", f"{head}ann,q1,1,2024-03-01 10:00:00,1\nann,q1,0,2024-02-01 10:00:00,1\n")
    assert encode(read_responses(times), repeats="last").response.tolist() == [1]
    assert_fails(written(tmp_path / "s.csv", f"{head}ann,q1,1,first,1\n"), "numbers or times in seq")
    assert_fails(written(tmp_path / "w.csv", f"{head}ann,q1,1,1,much\n"), "numbers in weight")


def test_a_folder_of_both_kinds_is_refused(tmp_path):
    written(tmp_path / "r.csv", LONG)
    write(tmp_path / "r.parquet")
    assert_fails(tmp_path, "files of one kind", "r.csv", "r.parquet", "'*.parquet'")
    assert read_responses(f"{tmp_path}/*.parquet").num_rows == 3


def test_columns_of_the_item_response_warehouse(tmp_path):
    renamed = LONG.replace("person_id,item_id,response", "id,item,resp")
    for source in (
        written(tmp_path / "r.csv", renamed),
        table().rename_columns(["id", "item", "resp"]),
        table().rename_columns(["id", "item", "resp"]).to_pandas(),
    ):
        found = read_responses(source)
        assert found.to_pydict() == read_responses(table()).to_pydict()
        assert "Item Response Warehouse" in told_of(found)[0]
    mixed = pa.table({"id": ["a"], "item": ["b"], "resp": [1], "response": [1]})
    assert_fails(mixed, "Expected a column 'person_id'")


@pytest.mark.parametrize("header", ["Person_ID,ITEM_ID,Response", "person_id, item_id, response", "ID,Item,RESP"])
def test_case_and_spaces_of_the_columns_names_do_not_matter(tmp_path, header):
    found = read_responses(written(tmp_path / "r.csv", LONG.replace("person_id,item_id,response", header)))
    assert found.to_pydict() == read_responses(table()).to_pydict()
    assert f"{header.split(',')[1]!r}" in told_of(found)[0]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_links_lead_to_a_file_once(tmp_path, suffix):
    data = tmp_path / "d"
    (data / "sub").mkdir(parents=True)
    if suffix == "csv":
        written(data / "sub" / "r.csv", LONG)
    else:
        pq.write_table(table(), data / "sub" / "r.parquet")
    (data / "itself").symlink_to(".")
    (data / "sub" / "again").symlink_to("../sub")
    (data / "sub" / "above").symlink_to("..")
    (data / f"same.{suffix}").symlink_to(f"sub/r.{suffix}")
    for source in (data, data / "sub", f"{data}/*", f"{data}/**", f"{data}/**/*.{suffix}", f"{data}/*/*.{suffix}"):
        assert read_responses(source).num_rows == 3, source


def test_links_to_other_folders_are_followed(tmp_path):
    write(tmp_path / "elsewhere" / "r.parquet")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "group=x").symlink_to(tmp_path / "elsewhere")
    assert read_responses(tmp_path / "d")["group"].to_pylist() == ["x"] * 3
    (tmp_path / "d" / "up").symlink_to(tmp_path)
    assert read_responses(tmp_path / "d").num_rows == 3


def test_rows_are_counted_against_the_memory_before_they_are_read(tmp_path, monkeypatch):
    parquet, text = write(tmp_path / "r.parquet"), written(tmp_path / "r.csv", LONG)
    monkeypatch.setattr("irt_jax.data.room.room", lambda: 100.0)
    assert_fails(parquet, "3 rows of", "r.parquet", "GB are free", "memory")
    assert_fails(text, "rows of", "r.csv", "GB are free")
    wide = pa.table({"person_id": [1, 2], "q1": [0, 1], "q2": [1, 1]})
    assert_fails(wide, "4 rows of persons times items", wide=True)
    monkeypatch.setattr("irt_jax.data.room.room", lambda: 1e6)
    assert read_responses(parquet).num_rows == read_responses(text).num_rows == 3


def test_rows_of_several_files_count_together(tmp_path, monkeypatch):
    for name in "abc":
        write(tmp_path / f"{name}.parquet")
    monkeypatch.setattr("irt_jax.data.room.room", lambda: 500.0)
    assert read_responses(tmp_path / "a.parquet").num_rows == 3
    assert_fails(tmp_path, "rows of 3 files need", "GB are free")
