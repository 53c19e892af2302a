"""What stands under a name that the program would use is left alone where it is not the program's; other spellings."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from irt_jax.data.lock import only_one
from irt_jax.data.overwrite import keep_inputs
from irt_jax.data.write import check_file
from irt_jax.errors import OutputError
from irt_jax.inference.samplers.checkpoint import discard
from irt_jax.inference.samplers.checkpoint_files import check_place


def make_lock(kind: str, lock: Path, precious: Path) -> None:
    if kind == "link":
        lock.symlink_to(precious.name)
    elif kind == "dangling link":
        lock.symlink_to("nowhere")
    elif kind == "folder":
        lock.mkdir()
    elif kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.write_text("mine")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such locks")
@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe", "file"])
def test_what_stands_under_a_locks_name_is_not_emptied_removed_or_followed(tmp_path, kind):
    precious, lock = tmp_path / "precious.txt", tmp_path / ".run.lock"
    precious.write_text("precious")
    make_lock(kind, lock, precious)
    with (
        pytest.raises(OutputError, match=r"\.run\.lock is not a file of irt-jax.* Move it"),
        only_one(tmp_path / "run"),
    ):
        pass
    assert precious.read_text() == "precious"
    assert os.path.lexists(lock)
    assert kind != "file" or lock.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".run.lock", "precious.txt"]


def test_an_empty_lock_of_a_killed_process_is_taken_over(tmp_path):
    (tmp_path / ".run.lock").touch()
    with only_one(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoints_place_with_other_files_is_refused_and_keeps_them(tmp_path):
    folder = tmp_path / "run.checkpoint"
    check_place(folder)
    folder.mkdir()
    for name in ("draws-000000.npz", ".state.npz.tmp", "state.npz"):
        (folder / name).write_text("half")  # of a run that was killed
    check_place(folder)
    for name in ("draws-mine.npz", "notes.txt"):
        (folder / name).write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files: 'draws-mine\.npz', 'notes\.txt'\. Move them"):
        check_place(folder)
    discard(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["draws-mine.npz", "notes.txt"]


def test_somebody_elses_state_and_a_file_are_no_checkpoint(tmp_path):
    folder, file = tmp_path / "run.checkpoint", tmp_path / "other.checkpoint"
    folder.mkdir()
    np.savez(folder / "state.npz", weights=np.zeros(3))
    with pytest.raises(OutputError, match=r"holds other files: 'state\.npz'"):
        check_place(folder)
    file.write_text("mine")
    with pytest.raises(OutputError, match="cannot be used: Not a directory"):
        check_place(file)


def test_a_calibration_looks_at_its_checkpoints_place_first(irt, tmp_path):
    (tmp_path / "run.checkpoint").mkdir()
    (tmp_path / "run.checkpoint" / "draws-mine.npz").write_text("mine")
    code, _, errors = irt("calibrate", tmp_path / "nothing.parquet", "--out", tmp_path / "run")
    assert code == 3
    assert "holds other files" in errors


@pytest.mark.parametrize(
    "spelling", ["local://{}", "file:{}", "local:{}", "simplecache::file://{}", "blockcache::local://{}", "B={}"]
)
def test_an_input_is_known_by_every_spelling_that_is_read(tmp_path, spelling):
    (tmp_path / "r.parquet").write_text("")
    value = spelling.format(tmp_path / "r.parquet")
    with pytest.raises(OutputError, match="is what RESPONSES reads"):
        keep_inputs({"--out": tmp_path / "r.parquet"}, [("RESPONSES", value)])
    with pytest.raises(OutputError, match="holds what RESPONSES reads"):
        keep_inputs({"--out": tmp_path}, [("RESPONSES", value)])


def test_a_name_with_colons_is_still_a_name(tmp_path):
    (tmp_path / "a::b.parquet").write_text("")
    with pytest.raises(OutputError, match="is what RESPONSES reads"):
        keep_inputs({"--out": tmp_path / "a::b.parquet"}, [("RESPONSES", str(tmp_path / "a::b.parquet"))])


@pytest.mark.parametrize("name", ["items.parquet", "persons.parquet", "posterior.nc", "run.json"])
def test_no_single_file_of_a_run_is_replaced(tmp_path, name):
    (tmp_path / name).write_text("")
    check_file(tmp_path / name, overwrite=True)  # in a folder that is no run
    (tmp_path / "run.json").write_text(json.dumps({"versions": {"irt-jax": "1"}}))
    with pytest.raises(OutputError, match="is part of a run: --overwrite does not replace it"):
        check_file(tmp_path / name, overwrite=True)
    (tmp_path / "drift.parquet").write_text("")
    check_file(tmp_path / "drift.parquet", overwrite=True)
