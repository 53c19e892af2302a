"""`irt-jax compare` and `irt-jax drift` as typed: files, exit codes, messages, 80 columns."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support import drift_banks as banks
from typer.testing import CliRunner

from irt_jax.cli import app
from irt_jax.errors import IrtError


@pytest.fixture
def irt(monkeypatch):
    """Run a command; exit code, and what it printed or the error's line."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(result.exception, IrtError):
            return result.exception.exit_code, str(result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return run


@pytest.fixture
def run(tmp_path):
    """A run's folder as far as drift is concerned: 10 anchors, two of which moved by .6."""
    folder = tmp_path / "run"
    folder.mkdir()
    moved = np.zeros(10)
    moved[[3, 7]] = 0.6
    pq.write_table(banks.table_of((moved - moved.mean()) * 10 / 9, 0.09), folder / "anchors.parquet")
    (folder / "run.json").write_text(json.dumps({"population": {"mean": 0.0, "sd": 1.0, "free": True}}))
    return folder


def test_drift_writes_into_the_run_and_prints_in_80_columns(irt, run):
    before = (run / "anchors.parquet").read_bytes()
    code, printed = irt("drift", run)
    assert code == 0, printed
    assert sorted(path.name for path in run.iterdir()) == ["anchors.parquet", "drift.parquet", "run.json"]
    assert (run / "anchors.parquet").read_bytes() == before
    table = pq.read_table(run / "drift.parquet").to_pandas()
    assert table.flagged.sum() == 2
    wanted = "item_id n_responses a_change a_change_sd b_change b_change_sd p_drift_a p_drift_b severity flagged"
    assert set(wanted.split()) <= set(table)
    assert "2 of 10 anchors flagged" in printed
    assert "500 responses" in printed
    assert "90% power" in printed
    assert "cannot be told from a population that moved" in " ".join(printed.split())
    assert max(len(line) for line in printed.splitlines() if str(run) not in line) <= 80
    assert irt("drift", run)[0] == 3  # the file is there
    assert irt("drift", run, "--overwrite", "--rows", 3)[0] == 0


def test_drift_options_are_used(irt, run, tmp_path):
    code, printed = irt(
        "drift", run, "--threshold-b", 1.5, "--threshold-a", 3, "--fdr", 0.01, "--out", tmp_path / "other.csv"
    )
    assert code == 0, printed
    assert "0 of 10 anchors flagged" in printed
    assert not (run / "drift.parquet").exists()
    assert len(pd.read_csv(tmp_path / "other.csv")) == 10


def test_a_given_population_links_nothing(irt, run, tmp_path):
    irt("drift", run, "--out", tmp_path / "learned.parquet")
    (run / "run.json").write_text(json.dumps({"population": {"mean": 0.0, "sd": 1.0, "free": False}}))
    irt("drift", run, "--out", tmp_path / "given.parquet")
    learned, given = (pq.read_table(tmp_path / f"{name}.parquet").to_pandas() for name in ("learned", "given"))
    assert (given.b_change_sd > 1.02 * learned.b_change_sd).all()


def test_drift_of_what_is_no_run_with_anchors(irt, run, tmp_path):
    for arguments, code, text in (
        ((tmp_path,), 3, "run.json"),
        ((tmp_path / "nothing",), 3, "found nothing"),
        ((run / "anchors.parquet",), 3, "found a file"),
        ((run, "--fdr", 1.5), 2, "--fdr"),
        ((run, "--threshold-b", -1), 2, "--threshold-b"),
    ):
        found, message = irt("drift", *arguments)
        assert (found, text in message) == (code, True), message
    (run / "anchors.parquet").unlink()
    found, message = irt("drift", run)
    assert found == 3
    assert "without anchors" in message
    assert [path.name for path in run.iterdir()] == ["run.json"]


def test_drift_of_an_anchors_file_without_a_column(irt, run):
    table = pq.read_table(run / "anchors.parquet")
    pq.write_table(table.drop_columns(["b_free_sd"]), run / "anchors.parquet")
    code, message = irt("drift", run)
    assert code == 3
    assert "b_free_sd" in message
    (run / "run.json").write_text("{")
    assert irt("drift", run)[0] == 3


@pytest.fixture
def sides(tmp_path):
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"item_id": [f"item{k:02d}" for k in range(30)], "a": np.exp(rng.normal(0, 0.2, 30))})
    table["b"] = rng.normal(size=30)
    table.to_csv(tmp_path / "mirt.csv", index=False)
    table.assign(b=table.b + np.where(np.arange(30) == 4, 0.5, 0.01), b_sd=0.1).to_parquet(tmp_path / "ours.parquet")
    table.assign(a=table.a * 1.01).iloc[:28].to_parquet(tmp_path / "brms.parquet")
    return tmp_path


def test_compare_writes_a_table_and_a_picture(irt, sides):
    names = [sides / name for name in ("mirt.csv", "ours.parquet", "brms.parquet")]
    out, picture = sides / "out" / "pairs.parquet", sides / "out" / "pairs.png"
    code, printed = irt("compare", *names, "--out", out, "--picture", picture, "--rows", 5)
    assert code == 0, printed
    assert sorted(path.name for path in out.parent.iterdir()) == ["pairs.parquet", "pairs.png"]
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    pairs = pq.read_table(out).to_pandas()
    assert len(pairs) == 90
    assert pairs.flagged.sum() == 2
    assert "item04" in printed.splitlines()[1]
    assert "mirt and ours: 30 items in both; 1 differ by more than 0.1" in printed
    assert "2 only in mirt" in printed
    assert max(len(line) for line in printed.splitlines() if str(sides) not in line) <= 80
    assert irt("compare", *names, "--out", out)[0] == 3
    assert irt("compare", *names, "--out", out, "--overwrite")[0] == 0


def test_compare_fails_only_where_it_is_asked_to(irt, sides):
    one, two = sides / "mirt.csv", sides / "ours.parquet"
    assert irt("compare", one, two)[0] == 0
    assert irt("compare", one, two, "--fail")[0] == 4
    assert irt("compare", one, two, "--fail", "--threshold", 0.6)[0] == 0
    code, printed = irt("compare", f"now={two}", f"then={one}", "--rows", 0)
    assert code == 0
    assert "now and then: 30 items" in printed


def test_compare_of_what_cannot_be_compared(irt, sides, tmp_path):
    pd.DataFrame({"item_id": ["x"], "a": [1.0]}).to_csv(tmp_path / "short.csv", index=False)
    for arguments, code, text in (
        ((sides / "mirt.csv",), 2, "at least two"),
        ((sides / "mirt.csv", sides / "mirt.csv"), 2, "given twice"),
        ((sides / "mirt.csv", tmp_path / "short.csv"), 3, "'b'"),
        ((sides / "mirt.csv", tmp_path / "nothing.csv"), 3, "No such file"),
        ((sides / "mirt.csv", sides / "ours.parquet", "--threshold", 0), 2, "--threshold"),
        ((sides / "mirt.csv", sides / "ours.parquet", "--picture", tmp_path / "x.txt"), 2, "suffix"),
    ):
        found, message = irt("compare", *arguments)
        assert (found, text in message) == (code, True), message
    assert not (tmp_path / "x.txt").exists()


WITHOUT_MATPLOTLIB = """
import sys
sys.modules["matplotlib"] = None
from irt_jax.cli import main
main()
"""


def test_a_picture_without_matplotlib_says_what_to_install(sides):
    arguments = ["compare", sides / "mirt.csv", sides / "ours.parquet"]
    for extra, code in (([], 0), (["--picture", sides / "x.png"], 2)):
        command = [sys.executable, "-c", WITHOUT_MATPLOTLIB, *map(str, [*arguments, *extra])]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == code, result.stderr
    assert "irt-jax[plots]" in result.stderr


def test_ids_that_look_like_markup_come_out_as_they_are(irt, tmp_path):
    ids = ["[red]q1[/red]", "q[0]", "[/]"]
    for name, b in (("a.csv", [0.0, 0.1, 0.2]), ("b.csv", [0.5, 0.1, 0.2])):
        pd.DataFrame({"item_id": ids, "a": 1.0, "b": b}).to_csv(tmp_path / name, index=False)
    pd.DataFrame({"item_id": [*ids, "[bold]"], "a": 1.0, "b": 0.0}).to_csv(tmp_path / "b.csv", index=False)
    code, printed = irt("compare", tmp_path / "a.csv", tmp_path / "b.csv")
    assert code == 0
    for name in (*ids, "[bold]"):
        assert name in printed
