"""--overwrite: a command's own folders, never its input; what killed processes left; one process an output."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from irt_jax.data.leftovers import beside, exchange, sweep
from irt_jax.data.lock import only_one
from irt_jax.data.overwrite import DEMO, EXPORT, MONTH, RUN, SIMULATION, check_replaceable, keep_inputs
from irt_jax.data.write import check_file, check_output, replace_folder, write_folder
from irt_jax.errors import OutputError

KINDS = {
    "run": (RUN, {"run.json": '{"versions": {"irt-jax": "1"}}', "items.parquet": ""}),
    "simulation": (SIMULATION, {f"{name}.parquet": "" for name in ("responses", "true_items", "true_persons")}),
    "export": (EXPORT, {"window.json": '{"responses": 7}', "responses.parquet": ""}),
    "demo": (DEMO, {f"{run}/run.json": '{"versions": {"irt-jax": "1"}}' for run in ("bank", "run")}),
    "month": (MONTH, {"inputs.json": '{"responses": "a", "version": "1"}', "mml/run.json": "{}"}),
}


def folder_of(kind: str, folder: Path) -> Path:
    for name, text in KINDS[kind][1].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_folder_is_replaced_by_its_own_kind_alone(tmp_path, kind, other):
    folder = folder_of(other, tmp_path / "out")
    if kind == other:
        return check_output(folder, overwrite=True, kind=KINDS[kind][0])
    with pytest.raises(OutputError, match=f"is not {KINDS[kind][0].name}: --overwrite does not"):
        check_output(folder, overwrite=True, kind=KINDS[kind][0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["thesis.txt", ".hidden", "checks/mine.parquet", "mml/deep/mine", "empty/"])
def test_a_folder_with_something_else_in_it_is_refused_by_name(tmp_path, kind, name):
    folder = folder_of(kind, tmp_path / "out")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).mkdir() if name.endswith("/") else (folder / name).write_text("mine")
    with pytest.raises(OutputError, match=f"holds other files too: '{name.rstrip('/')}'"):
        check_replaceable(folder, KINDS[kind][0])


def test_what_later_commands_and_systems_put_into_a_run_is_known(tmp_path):
    folder = folder_of("run", tmp_path / "run")
    for name in (
        "drift.parquet",
        "checks/items.parquet",
        "plots/trace.png",
        "report.html",
        ".DS_Store",
        ".x.part-1-ab",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    check_replaceable(folder, RUN)
    (folder / "link").symlink_to(tmp_path)  # is not followed
    with pytest.raises(OutputError, match="'link'"):
        check_replaceable(folder, RUN)


def test_an_empty_folder_may_be_replaced_and_a_device_not(tmp_path):
    (tmp_path / "out").mkdir()
    check_output(tmp_path / "out", overwrite=True)
    with pytest.raises(OutputError, match="is a device"):
        check_file(Path(os.devnull), overwrite=True)


@pytest.mark.parametrize(
    ("out", "read"),
    [
        ("data", "data"),
        ("data", "data/r.parquet"),
        (".", "data/r.parquet"),
        ("data/../data", "./data/r.parquet"),
        ("link", "data/r.parquet"),
        ("data", "link/r.parquet"),
        ("data", "data/*.parquet"),
        ("data", "link/**/*.parquet"),
        ("data", "file://{here}/data/r.parquet"),
        ("data", "bank=data/r.parquet"),
        ("data/r.parquet", "data/*.parquet"),
        ("data/r.parquet", "link/r.parquet"),
        ("data/deep", "data"),
        ("linked.parquet", "data/r.parquet"),
        ("data", "outward/r.parquet"),
    ],
)
def test_no_output_is_an_input_or_holds_one(tmp_path, monkeypatch, out, read):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "r.parquet").write_text("")
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "linked.parquet").symlink_to("data/r.parquet")
    (tmp_path / "outward").symlink_to(tmp_path / "data")
    with pytest.raises(OutputError, match=r"--out .* reads"):
        keep_inputs({"--out": Path(out)}, [("RESPONSES", read.format(here=tmp_path))])


def test_other_places_and_values_are_no_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = folder_of("run", tmp_path / "run")
    (run / "drift.parquet").write_text("")
    (tmp_path / "r.parquet").write_text("")
    values = [("--model", "2pl"), ("RESPONSES", "r.parquet"), ("--label", "2025-10 monthly"), ("URL", "s3://b/out")]
    keep_inputs({"--out": Path("out"), "--metrics": None}, values)
    keep_inputs({"--out": Path("run")}, values)
    keep_inputs({"--out": run / "drift.parquet"}, [("RUN", str(run))])
    with pytest.raises(OutputError, match="among what RUN reads"):
        keep_inputs({"--out": run / "items.parquet"}, [("RUN", str(run))])
    with pytest.raises(OutputError, match="name one place"):
        keep_inputs({"--out": Path("x"), "--picture": tmp_path / "x"}, [])


@pytest.fixture(scope="module")
def data(tmp_path_factory, small) -> Path:
    return small.write(tmp_path_factory.mktemp("data") / "sim")


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("calibrate", ["--method", "mml", "--out", "{data}"]),
        ("calibrate", ["--method", "mml", "--out", "{data}/.."]),
        ("calibrate", ["--method", "mml", "--out", "{data}/../run", "--metrics", "{data}/responses.parquet"]),
        ("calibrate", ["--method", "mml", "--out", "{data}/../run", "--metrics", "{data}/true_items.parquet"]),
        ("score", ["--items", "{data}/true_items.parquet", "--out", "{data}/responses.parquet"]),
        ("score", ["--items", "{data}/true_items.parquet", "--out", "{data}/true_items.parquet"]),
        ("score", ["--items", "{data}/true_items.parquet", "--out", "x", "--information", "{data}/responses.parquet"]),
        ("monthly", ["--window-label", "2025-10", "--out", "{data}"]),
    ],
)
def test_every_command_spares_its_input(irt, data, command, more):
    before = content(data)
    arguments = [text.format(data=data) for text in more]
    code, _, errors = irt(command, data / "responses.parquet", *arguments, "--overwrite")
    assert code == 3, errors
    assert errors.count("\n") == 1
    assert content(data) == before


def test_comparisons_spare_what_they_compare(irt, data):
    before = content(data)
    table = str(data / "true_items.parquet")
    code, _, errors = irt("compare", f"A={table}", data / "anchors.parquet", "--out", table, "--overwrite")
    assert code == 3
    assert "is what SIDES reads" in errors
    assert content(data) == before


def test_what_dead_processes_left_goes_and_what_living_ones_make_stays(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    out, mine = tmp_path / "run", beside(tmp_path / "run", "part")
    dead = Path(str(mine).replace(str(os.getpid()), str(gone.pid)))
    living = Path(str(mine).replace(str(os.getpid()), str(os.getppid())))
    elsewhere = dead.with_name(dead.name[:-8] + "00000000")
    other = tmp_path / f".run2.part-{gone.pid}"
    for folder in (dead, living, elsewhere, other):
        (folder / "deep").mkdir(parents=True)
    sweep(out)
    assert {path.name for path in tmp_path.iterdir()} == {living.name, elsewhere.name, other.name}
    sweep(out, alone=True)
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_an_old_folder_that_was_moved_out_of_the_way_comes_back(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old = folder_of("run", Path(str(beside(tmp_path / "run", "old")).replace(str(os.getpid()), str(gone.pid))))
    kept = content(old)
    sweep(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert content(tmp_path / "run") == kept


@pytest.mark.parametrize("at_once", [True, False])
def test_a_folder_is_replaced_also_through_a_link(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr("irt_jax.data.write.exchange", lambda *_: False)
    real = folder_of("run", tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    write_folder(tmp_path / "link", lambda folder: (folder / "new").write_text("new"), overwrite=True)
    assert content(real) == {"new": b"new"}
    assert {path.name for path in tmp_path.iterdir()} == {"real", "link"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges names in one step")
def test_two_folders_exchange_their_names(tmp_path):
    one, other = folder_of("run", tmp_path / "one"), folder_of("export", tmp_path / "other")
    contents = content(one), content(other)
    if exchange(one, other):  # not every file system can
        assert (content(other), content(one)) == contents
    replace_folder(one, other)
    assert not one.exists() or content(one) != content(other)


def test_a_second_process_is_refused_by_the_firsts_number(tmp_path):
    with only_one(tmp_path / "run"):
        with (
            pytest.raises(OutputError, match=f"Another process is writing .*run: process {os.getpid()} on "),
            only_one(tmp_path / "run"),
        ):
            pass
        with only_one(tmp_path / "other"):
            pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".run.lock").write_text(json.dumps({"process": 1}))  # of a process that was killed
    with only_one(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


HOLD = "import sys, time; from pathlib import Path; from irt_jax.data.lock import only_one\n"
HOLD += "with only_one(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"


@pytest.mark.parametrize("command", ["calibrate", "monthly"])
def test_two_jobs_with_one_output_and_what_the_second_is_told(irt, data, tmp_path, command):
    out = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    more = ["--window-label", "2025-10"] if command == "monthly" else []
    arguments = (command, data / "responses.parquet", "--out", out, *more)
    for overwrite in ((), ("--overwrite",)):
        code, _, errors = irt(*arguments, *overwrite)
        assert code == 3
        assert f"process {process.pid}" in errors
        assert "--overwrite" not in errors
    process.kill()
    process.communicate()
    with only_one(out):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_metrics_is_replaced_and_no_other(irt, data, tmp_path):
    arguments = ("simulate", "--persons", 9, "--items", 3, "--per-person", 2, "--out", tmp_path / "sim")
    assert irt(*arguments)[0] == 0
    before = pq.read_table(tmp_path / "sim" / "responses.parquet")
    (tmp_path / "notes.txt").write_text("mine")
    code, _, errors = irt(
        "calibrate", data / "responses.parquet", "--out", tmp_path / "run", "--metrics", tmp_path / "notes.txt"
    )
    assert (code, (tmp_path / "notes.txt").read_text()) == (3, "mine")
    assert "no file of metrics" in errors
    assert irt(*arguments, "--overwrite")[0] == 0
    assert pq.read_table(tmp_path / "sim" / "responses.parquet").equals(before)
