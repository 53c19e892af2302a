"""The job's folder: gone on with by the same job, refused by another, unfinished files swept away."""

import json

import pyarrow as pa
import pytest

from irt_jax.contract.names import MONTHLY_FILE
from irt_jax.errors import OutputError
from irt_jax.monthly.folder import INPUTS_FILE, choose_folder, file_hashes, open_folder, table_hash

INPUTS = {"responses": "abc", "settings": {"threshold": 0.1}}


def test_a_new_folder_says_what_it_is_for(tmp_path):
    assert not open_folder(tmp_path / "deep" / "job", INPUTS)
    kept = json.loads((tmp_path / "deep" / "job" / INPUTS_FILE).read_text())
    assert kept["responses"] == "abc"
    assert "version" in kept


def test_the_same_job_goes_on_and_what_was_half_written_goes(tmp_path):
    open_folder(tmp_path / "job", INPUTS)
    (tmp_path / "job" / ".nuts.part-7").mkdir()
    (tmp_path / "job" / ".drift.parquet.part-7").write_text("half")
    (tmp_path / "job" / "mml").mkdir()
    assert not open_folder(tmp_path / "job", INPUTS)
    assert sorted(path.name for path in (tmp_path / "job").iterdir()) == [INPUTS_FILE, "mml"]
    (tmp_path / "job" / MONTHLY_FILE).write_text("{}")
    assert open_folder(tmp_path / "job", INPUTS)


def test_another_job_is_refused_by_what_differs(tmp_path):
    open_folder(tmp_path / "job", INPUTS)
    with pytest.raises(OutputError, match=r"differ: settings\."):
        open_folder(tmp_path / "job", {**INPUTS, "settings": {"threshold": 0.2}})


def test_a_folder_of_something_else_is_refused_and_stays(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="not that of a monthly job"):
        open_folder(tmp_path, INPUTS)
    assert (tmp_path / "thesis.txt").exists()


def test_overwrite_starts_beside_what_is_there_which_stays(tmp_path):
    job, other = tmp_path / "job", {**INPUTS, "responses": "new"}
    open_folder(job, INPUTS)
    (job / MONTHLY_FILE).write_text("{}")
    beside = choose_folder(job, other, overwrite=True)
    assert beside.parent == tmp_path
    assert beside != job
    assert not open_folder(beside, other)
    assert (job / MONTHLY_FILE).exists()
    (beside / "mml").mkdir()
    assert choose_folder(job, other, overwrite=True) == beside
    assert (beside / "mml").exists()  # a killed job goes on, also where it is to replace another
    assert choose_folder(job, {**INPUTS, "responses": "newer"}, overwrite=True) == beside
    assert not beside.exists()


def test_overwrite_goes_on_where_nothing_is_finished(tmp_path):
    job = tmp_path / "job"
    assert choose_folder(job, INPUTS, overwrite=True) == job
    open_folder(job, INPUTS)
    assert choose_folder(job, INPUTS, overwrite=True) == job
    assert choose_folder(job, {**INPUTS, "responses": "new"}, overwrite=True) != job
    (job / MONTHLY_FILE).write_text("{}")
    assert choose_folder(job, INPUTS, overwrite=True) != job


def test_overwrite_is_for_a_jobs_own_folder(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="not that of a monthly job"):
        choose_folder(tmp_path, INPUTS, overwrite=True)
    job = tmp_path / "job"
    open_folder(job, INPUTS)
    (job / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"other files too: 'thesis\.txt'"):
        choose_folder(job, INPUTS, overwrite=True)
    assert (job / "thesis.txt").exists()


def test_the_hash_of_a_table_follows_its_values_and_not_its_chunks():
    table = pa.table({"item_id": ["p", "q"], "b": [0.0, 1.0]})
    halves = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert table_hash(halves) == table_hash(table) != table_hash(table.slice(0, 1))
    assert table_hash(None) is None


def test_hashes_of_files_follow_their_content_and_other_values_have_none(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "items.parquet").write_bytes(b"one")
    (tmp_path / "mirt.csv").write_bytes(b"one")
    paths = [tmp_path / "run", tmp_path / "mirt.csv", "2pl", "auto"]
    before = file_hashes(paths)
    assert list(before) == [str(path) for path in paths[:2]]
    assert len(set(before.values())) == 1
    (tmp_path / "mirt.csv").write_bytes(b"two")
    assert [name for name, value in file_hashes(paths).items() if value != before[name]] == [str(tmp_path / "mirt.csv")]
