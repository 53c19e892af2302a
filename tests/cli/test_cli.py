"""The command line: exit codes, messages, and nothing written where the input is bad."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.study.simulate import simulate

SHORT = ("--chains", "4", "--warmup", "100", "--draws", "600", "--seed", "7", "--quiet")


@pytest.fixture(scope="module")
def data(tmp_path_factory, small) -> Path:
    return small.write(tmp_path_factory.mktemp("data") / "sim")


def in_a_process(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "irt_jax.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, **options)


def test_a_good_run_ends_with_zero_and_prints_the_verdict(irt, data, tmp_path):
    out = tmp_path / "run"
    code, printed, errors = irt(
        "calibrate", data / "responses.parquet", "--anchors", data / "anchors.parquet", "--out", out, *SHORT
    )
    assert code == 0, errors
    assert "Diagnostics: ok" in printed
    assert "60 persons, 8 items (2 anchors), 360 responses" in printed
    assert str(out) in printed
    assert json.loads((out / "run.json").read_text())["diagnostics"]["ok"]
    assert list(tmp_path.iterdir()) == [out]


def test_failed_diagnostics_end_with_four_and_the_files_are_there(irt, data, tmp_path):
    out = tmp_path / "run"
    code, printed, _ = irt(
        "calibrate", data / "responses.parquet", "--out", out, "--warmup", 20, "--draws", 20, "--quiet"
    )
    assert code == 4
    assert "--draws" in printed
    assert not json.loads((out / "run.json").read_text())["diagnostics"]["ok"]


def test_no_line_is_wider_than_a_terminal_of_80_columns(irt, data, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, printed, _ = irt(
        "calibrate", data / "responses.parquet", "--out", tmp_path / "r", "--draws", 20, "--warmup", 20, "-q"
    )
    assert max(len(line) for line in printed.splitlines() if str(tmp_path) not in line) <= 80


def changed(data: Path, folder: Path, change) -> Path:
    path = folder / "changed.parquet"
    pq.write_table(change(pq.read_table(data / "responses.parquet")), path)
    return path


def with_responses(values) -> object:
    return lambda table: table.set_column(2, "response", pa.array(values(table.num_rows)))


BAD_RESPONSES = {
    "missing column": (lambda t: t.rename_columns(["person_id", "question", "response"]), "question"),
    "wrong type": (with_responses(lambda n: ["yes"] * n), "response"),
    "outside 0..K-1": (with_responses(lambda n: [0] * (n - 1) + [2]), "found 2"),
    "negative": (with_responses(lambda n: [0] * (n - 1) + [-1]), "-1"),
    "NaN": (with_responses(lambda n: [0.0] * (n - 1) + [float("nan")]), "NaN"),
    "infinite": (with_responses(lambda n: [0.0] * (n - 1) + [float("inf")]), "inf"),
    "empty": (lambda t: t.slice(0, 0), "responses"),
    "all null": (with_responses(lambda n: pa.nulls(n, pa.int8())), "null"),
    "duplicate pairs": (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "--repeats"),
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_bad_responses_end_with_three_and_nothing_is_written(irt, data, tmp_path, name):
    change, text = BAD_RESPONSES[name]
    path = changed(data, tmp_path, change)
    code, printed, errors = irt("calibrate", path, "--out", tmp_path / "run")
    assert (code, printed) == (3, "")
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert text.lower() in errors.lower()
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_cannot_be_read_end_with_three(irt, data, tmp_path):
    whole = (data / "responses.parquet").read_bytes()
    (tmp_path / "text.parquet").write_text("person_id,item_id,response\n")
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    for name in ("missing.parquet", "text.parquet", "cut.parquet"):
        code, _, errors = irt("calibrate", tmp_path / name, "--out", tmp_path / "run")
        assert code == 3
        assert name in errors
    assert not (tmp_path / "run").exists()


def test_no_item_left_after_the_filter(irt, data, tmp_path):
    code, _, errors = irt(
        "calibrate",
        data / "responses.parquet",
        "--out",
        tmp_path / "run",
        "--min-responses",
        1000,
        "--drop-rare",
    )
    assert code == 3
    assert "Lower --min-responses" in errors


def with_anchor(name: str, value) -> object:
    def change(table: pa.Table) -> pa.Table:
        column = table.column_names.index(name)
        return table.set_column(column, name, pa.array([value, *table[name].to_pylist()[1:]]))

    return change


BAD_ANCHORS = {
    "a of zero": (with_anchor("a", 0.0), "a"),
    "a negative": (with_anchor("a", -1.0), "-1"),
    "null": (with_anchor("b", None), "None"),
    "duplicated": (lambda t: pa.concat_tables([t, t]), "i"),
    "not in the data": (
        lambda t: t.set_column(0, "item_id", pa.array([f"q{k}" for k in range(len(t))])),
        "q0",
    ),
}


@pytest.mark.parametrize("name", BAD_ANCHORS)
def test_bad_anchors_end_with_three_and_nothing_is_written(irt, data, tmp_path, name):
    change, text = BAD_ANCHORS[name]
    path = tmp_path / "anchors.parquet"
    pq.write_table(change(pq.read_table(data / "anchors.parquet")), path)
    code, _, errors = irt("calibrate", data / "responses.parquet", "--anchors", path, "--out", tmp_path / "run")
    assert code == 3
    assert errors.startswith("error: ")
    assert text in errors
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_folder_needs_overwrite(irt, data, tmp_path):
    arguments = ("calibrate", data / "responses.parquet", "--out", tmp_path, *SHORT)
    code, _, errors = irt(*arguments)
    assert code == 3
    assert "--overwrite" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_place_ends_with_three_before_any_work(irt, data):
    code, _, errors = irt("calibrate", data / "responses.parquet", "--out", "/proc/run")
    assert code == 3
    assert "could not be written" in errors


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
from irt_jax.cli import main
main()
"""


@pytest.mark.parametrize(("limit", "left"), [(30_000, []), (1_000_000, ["run.checkpoint"])])
def test_a_full_disk_ends_with_three_and_leaves_only_what_can_be_gone_on_from(data, tmp_path, limit, left):
    """A limit on the size of files stands in for the disk: the write itself fails, in the real code."""
    command = ["calibrate", data / "responses.parquet", "--out", tmp_path / "run", *SHORT]
    limited = [sys.executable, "-c", LIMITED.replace("BYTES", str(limit)), *map(str, command)]
    result = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert result.returncode == 3, result.stderr
    assert result.stderr.startswith("error: ")
    assert "could not be written: File too large." in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == left
    assert ("--resume" in result.stderr) == ("Nothing was left behind" not in result.stderr) == bool(left)
    if left:
        assert in_a_process(*command, "--resume").returncode in (0, 4)
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("calibrate",),
        ("calibrate", "x.parquet"),
        ("calibrate", "x.parquet", "--out", "y", "--chains", "many"),
        ("calibrate", "x.parquet", "--out", "y", "--model", "9pl"),
        ("calibrate", "x.parquet", "--out", "y", "--no-such-option"),
        ("no-such-command",),
    ],
)
def test_wrong_usage_ends_with_two(irt, arguments):
    code, _, errors = irt(*arguments)
    assert code == 2
    assert errors


def test_simulate_writes_responses_truth_and_anchors(irt, tmp_path):
    arguments = ("--persons", 30, "--items", 9, "--per-person", 4, "--anchor-items", 3, "--seed", 2)
    code, _, errors = irt("simulate", *arguments, "--out", tmp_path / "sim")
    assert code == 0, errors
    simulation = simulate(30, 9, 4, anchor_items=3, seed=2)
    for name, table in (
        ("responses", simulation.responses),
        ("anchors", simulation.anchors),
        ("true_items", simulation.items),
        ("true_persons", simulation.persons),
    ):
        assert pq.read_table(tmp_path / "sim" / f"{name}.parquet").equals(table)
    code, _, _ = irt("simulate", *arguments, "--out", tmp_path / "sim")
    assert code == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_checkpoint_and_resumes_to_the_same_bytes(data, tmp_path, number):
    run = ("calibrate", data / "responses.parquet", "--seed", 3, "--chains", 2, "--warmup", 200)
    long = (*run, "--draws", 4000, "--out")
    command = [sys.executable, "-m", "irt_jax.cli", *map(str, long), str(tmp_path / "run")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:  # until iterations have begun, however long that takes
            if line.startswith("warming up"):
                process.send_signal(number)
                break
        rest = process.stderr.read()
    assert process.returncode == 128 + number, rest
    assert "--resume" in rest
    assert [path.name for path in tmp_path.iterdir()] == ["run.checkpoint"]

    resumed = in_a_process(*long, tmp_path / "run", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    whole = in_a_process(*long, tmp_path / "whole")
    assert whole.returncode == 0
    items = [(tmp_path / name / "items.parquet").read_bytes() for name in ("run", "whole")]
    assert items[0] == items[1]


def test_resume_without_a_checkpoint_says_so(irt, data, tmp_path):
    code, _, errors = irt("calibrate", data / "responses.parquet", "--out", tmp_path / "run", "--resume")
    assert code == 3
    assert "no checkpoint" in errors


SEE_IMPORTS = """
import sys
sys.argv = ["irt-jax", "--help"]
try:
    import irt_jax.cli
    irt_jax.cli.main()
except SystemExit as stopped:
    assert not stopped.code
heavy = {"jax", "numpyro", "scipy", "pandas", "pyarrow", "xarray", "numpy"}
print("loaded:", *sorted(heavy & set(sys.modules)))
"""


def test_help_loads_nothing_heavy():
    """What makes `--help` answer at once: the command line alone imports none of the large packages."""
    result = subprocess.run([sys.executable, "-c", SEE_IMPORTS], capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("loaded:")


SEE_DEVICES = """
import irt_jax
for name in irt_jax.__all__:
    getattr(irt_jax, name)
from jax._src import xla_bridge
assert not xla_bridge.backends_are_initialized()
"""


def test_importing_everything_allocates_nothing_on_a_device():
    subprocess.run([sys.executable, "-c", SEE_DEVICES], check=True)


def test_the_demo_calibrates_verbagg_on_last_months_scale(irt, tmp_path):
    out = tmp_path / "demo"
    code, printed, errors = irt("demo", "--out", out, "--quiet")
    assert code == 0, errors
    assert "22 items of the bank as anchors" in printed
    assert "S4WantScold" in printed
    items = pq.read_table(out / "run" / "items.parquet").to_pandas()
    bank = pq.read_table(out / "bank" / "items.parquet").to_pandas()
    assert items.is_anchor.sum() == 22
    assert len(items) == 24
    assert np.corrcoef(items.b, bank.b)[0, 1] > 0.9
    assert items.b_sd[items.is_anchor].mean() < bank.b_sd[items.is_anchor].mean()
