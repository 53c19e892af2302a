"""Outputs where they must not be: files of runs, of other programs, links and devices; hand-written settings."""

import errno
import json
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.cli.config import options_from_file
from irt_jax.contract.prior_settings import read_prior_settings
from irt_jax.data.overwrite import keep_inputs
from irt_jax.data.write import check_file, check_output, write_file
from irt_jax.errors import InputError, OutputError

SCORES = pa.table({"person_id": ["p"], "theta": [0.0], "theta_sd": [1.0], "map": [0.0]})
COLUMNS = ("person_id", "theta", "theta_sd", "map")


@pytest.fixture
def run(tmp_path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("run.json", "items.parquet", "persons.parquet"):
        (folder / name).write_text(json.dumps({"versions": {"irt-jax": "1"}}))
    return folder


@pytest.mark.parametrize("name", ["run.json", "items.parquet", "persons.parquet", "anchors.parquet", "posterior.nc"])
def test_no_file_takes_the_place_of_a_runs_own(run, tmp_path, name):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    (tmp_path / "link").symlink_to(run)
    for place in (run / name, tmp_path / "link" / name):
        with pytest.raises(OutputError, match=r"is part of a run"):
            write_file(place, SCORES, overwrite=True)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    check_file(run / "drift.parquet", overwrite=True)
    check_file(run / "metrics.prom", overwrite=True)


@pytest.mark.parametrize("name", ["bank.csv", "bank.parquet", "notes.csv", "x.parquet"])
def test_a_table_is_replaced_by_one_of_its_kind_alone(tmp_path, name):
    path = tmp_path / name
    if name.startswith("bank"):
        write_file(path, pa.table({"item_id": ["i"], "a": [1.0], "b": [0.0]}))
    else:
        path.write_text("mine\n")
    before = path.read_bytes()
    with pytest.raises(OutputError, match="no table that this command wrote"):
        check_file(path, overwrite=True, columns=COLUMNS)
    assert path.read_bytes() == before
    path.unlink()
    write_file(path, SCORES)
    check_file(path, overwrite=True, columns=COLUMNS)
    path.write_bytes(b"")
    check_file(path, overwrite=True, columns=COLUMNS)


@pytest.mark.skipif(not Path("/dev/stdout").is_symlink(), reason="standard output has no name here")
def test_names_of_open_files_are_no_places_for_files():
    """Standard output that goes to a file is a file by its name, and the name would be replaced."""
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/nothing"):
        with pytest.raises(OutputError, match="is a device"):
            check_file(Path(name), overwrite=True)


def test_a_link_stays_a_link_and_one_to_nothing_is_refused(tmp_path):
    write_file(tmp_path / "scores.parquet", SCORES)
    (tmp_path / "link").symlink_to("scores.parquet")
    write_file(tmp_path / "link", SCORES.slice(0, 0), overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert pq.read_table(tmp_path / "scores.parquet").num_rows == 0
    (tmp_path / "lost").symlink_to("nothing")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="leads nowhere"):
            check_file(tmp_path / "lost", overwrite=overwrite)


def test_a_hard_link_to_the_input_is_the_input(tmp_path):
    (tmp_path / "r.parquet").write_text("")
    os.link(tmp_path / "r.parquet", tmp_path / "hard.parquet")
    with pytest.raises(OutputError, match="is what RESPONSES reads"):
        keep_inputs({"--out": tmp_path / "hard.parquet"}, [("RESPONSES", str(tmp_path / "r.parquet"))])


def test_no_output_lies_within_the_folder_of_another(tmp_path):
    for metrics in ("run/items.parquet", "run/deep/m.prom"):
        for order in (1, -1):
            outputs = [("--out", tmp_path / "run"), ("--metrics", tmp_path / metrics)][::order]
            with pytest.raises(OutputError, match=r"--metrics .* lies within --out .*Choose another --metrics"):
                keep_inputs(dict(outputs), [])
    keep_inputs({"--out": tmp_path / "run", "--metrics": tmp_path / "run.prom"}, [])


def test_a_wrong_place_is_named_by_its_own_option(tmp_path):
    with pytest.raises(OutputError, match=r"is a folder, not a file. Choose another --metrics"):
        check_file(tmp_path, overwrite=True, option="--metrics")


class Command:
    """As much of typer's context as the file of options needs."""

    def __init__(self) -> None:
        self.command, self.params, self.default_map = self, [type("Option", (), {"name": "seed"})()], None

    @staticmethod
    def callback(seed: int = 0) -> None:
        """A command."""


def test_settings_written_on_windows_are_read(tmp_path):
    (tmp_path / "job.toml").write_bytes(b"\xef\xbb\xbfseed = 7\r\n")
    command = Command()
    options_from_file(command, tmp_path / "job.toml")
    assert command.default_map == {"seed": 7}
    (tmp_path / "priors.toml").write_bytes(b"\xef\xbb\xbf[free]\r\nb_sd = 2.0\r\n")
    read_prior_settings(tmp_path / "priors.toml")


@pytest.mark.skipif(sys.platform == "win32", reason="no such device")
def test_settings_without_an_end_are_not_read_to_it():
    for read in (lambda path: options_from_file(Command(), path), read_prior_settings):
        with pytest.raises(InputError, match="more than 1,048,576 bytes"):
            read(Path("/dev/zero"))


def test_a_full_disk_leaves_no_probe_behind(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="Nothing was left behind"):
        check_output(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
