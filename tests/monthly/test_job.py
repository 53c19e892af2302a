"""The whole job on a small bank: its files, its second run, a run that was killed, and what it refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.data.lock import only_one
from irt_jax.errors import InputError, OutputError, UsageError
from irt_jax.monthly import MonthlySettings, run_month
from irt_jax.monthly.report import lines
from irt_jax.study.simulate import simulate

SETTINGS = MonthlySettings("2025-10 monthly", third="hmc")
OPTIONS = {"chains": 8, "draws": 400, "warmup": 50, "min_responses": 150}
pytestmark = pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")


@pytest.fixture(scope="module")
def simulation():
    return simulate(400, 30, 15, anchor_items=8, seed=3)


@pytest.fixture(scope="module")
def month(simulation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("monthly") / "2025-10"
    return run_month(simulation.responses, simulation.anchors, folder, SETTINGS, **OPTIONS)


def written(folder):
    """When each file of the methods' runs was written."""
    return {path: path.stat().st_mtime_ns for path in sorted(folder.glob("*/*"))}


def test_the_folder_holds_the_runs_and_what_follows_from_them(month):
    names = {path.name for path in month.folder.iterdir()}
    assert names == {
        *("screening", "mml", "nuts", "hmc", "inputs.json", "monthly.json"),
        *("comparison.parquet", "comparison.png", "drift.parquet", "promotion.parquet"),
    }
    assert month.summary["ok"]
    assert month.summary["methods"] == ["mml", "nuts", "hmc"]


def test_what_is_promoted_are_the_values_of_the_second_method(month):
    items = pq.read_table(month.folder / "nuts" / "items.parquet")
    for name in ("item_id", "a", "b", "a_sd", "b_sd", "n_responses", "is_anchor"):
        assert month.promotion[name].to_pylist() == items[name].to_pylist()
    pairs = pq.read_table(month.folder / "comparison.parquet").to_pylist()
    differing = {row["item_id"] for row in pairs if max(abs(row["a_difference"]), abs(row["b_difference"])) > 0.1}
    promoted = [
        not row["is_anchor"] and row["calibrated"] and row["item_id"] not in differing for row in items.to_pylist()
    ]
    assert month.promotion["promoted"].to_pylist() == promoted
    assert month.summary["counts"]["promoted"] == sum(promoted) > 15


def test_a_finished_job_is_not_run_again(month, simulation):
    before, said = written(month.folder), []
    again = run_month(simulation.responses, simulation.anchors, month.folder, SETTINGS, say=said.append, **OPTIONS)
    assert written(month.folder) == before
    assert again.summary == month.summary
    assert len(said) == 1


def test_a_job_goes_on_with_the_stage_that_is_not_there(month, simulation, tmp_path):
    folder = tmp_path / "killed"
    shutil.copytree(month.folder, folder)
    shutil.rmtree(folder / "hmc")
    for name in ("monthly.json", "promotion.parquet", "drift.parquet"):
        (folder / name).unlink()
    before = written(folder)
    again = run_month(simulation.responses, simulation.anchors, folder, SETTINGS, picture=False, **OPTIONS)
    after = written(folder)
    assert {path: after[path] for path in before} == before
    assert again.promotion.equals(month.promotion)
    assert again.drift.equals(month.drift)


def test_other_data_are_refused(month, simulation):
    fewer = simulation.responses.slice(15)
    with pytest.raises(OutputError, match=r"differ: responses\."):
        run_month(fewer, simulation.anchors, month.folder, SETTINGS, **OPTIONS)


def test_overwrite_with_bad_input_leaves_what_was_finished(month, simulation):
    before, beside = written(month.folder), set(month.folder.parent.iterdir())
    others = simulation.anchors.set_column(0, "item_id", pa.array([f"q{k}" for k in range(8)]))
    with pytest.raises(InputError, match="q0"):
        run_month(simulation.responses, others, month.folder, SETTINGS, overwrite=True, **OPTIONS)
    assert written(month.folder) == before
    assert set(month.folder.parent.iterdir()) == beside


def test_a_killed_overwrite_goes_on_beside_and_then_replaces(month, simulation, tmp_path):
    folder, beside = tmp_path / "job", tmp_path / ".job.next"
    shutil.copytree(month.folder, folder)
    shutil.copytree(month.folder, beside)
    (beside / "monthly.json").unlink()
    (folder / "drift.parquet").unlink()  # tells the old one from the new one
    runs = written(beside)
    again = run_month(
        simulation.responses, simulation.anchors, folder, SETTINGS, overwrite=True, picture=False, **OPTIONS
    )
    assert again.folder == folder
    assert again.promotion.equals(month.promotion)
    assert {path.relative_to(folder): when for path, when in written(folder).items()} == {
        path.relative_to(beside): when for path, when in runs.items()
    }
    assert (folder / "drift.parquet").exists()
    assert list(tmp_path.iterdir()) == [folder]


def test_two_jobs_in_one_folder(month, simulation):
    with only_one(month.folder), pytest.raises(OutputError, match="Another process is writing") as refused:
        run_month(simulation.responses, simulation.anchors, month.folder, SETTINGS, **OPTIONS)
    assert "--overwrite" not in str(refused.value)


def test_a_table_with_a_methods_name_is_refused(month, simulation, tmp_path):
    table = month.folder / "mml" / "items.parquet"
    with pytest.raises(UsageError, match="mml names a method"):
        run_month(simulation.responses, simulation.anchors, tmp_path / "job", SETTINGS, also={"mml": table}, **OPTIONS)
    assert not (tmp_path / "job").exists()


def test_the_report_fits_80_columns_and_has_the_numbers(month):
    shown = list(lines(month))
    assert max(map(len, shown)) <= 80
    text = "\n".join(shown)
    assert "2025-10 monthly" in text
    assert f"{month.summary['counts']['promoted']} of 30 items" in text
    assert "anchor 8" in text
    assert "with 90% power" in " ".join(text.split())


@pytest.mark.slow
def test_the_command_goes_on_after_kills_and_ends_as_if_there_were_none(month, simulation, tmp_path):
    simulation.write(tmp_path / "data")
    (tmp_path / "options.toml").write_text(
        'window-label = "2025-10 monthly"\nthird = "hmc"\nchains = 8\ndraws = 400\nwarmup = 50\nmin-responses = 150\n'
    )
    out = tmp_path / "job"
    command = [sys.executable, "-m", "irt_jax.cli", "monthly", str(tmp_path / "data" / "responses.parquet")]
    command += ["--anchors", str(tmp_path / "data" / "anchors.parquet"), "--out", str(out), "--quiet"]
    command += ["--config", str(tmp_path / "options.toml")]
    for stage in ("inputs.json", "mml/run.json", "nuts/run.json"):
        process = subprocess.Popen(command, env={**os.environ, "COLUMNS": "80"}, stdout=subprocess.DEVNULL)
        while not (out / stage).exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (out / "monthly.json").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert json.loads((out / "monthly.json").read_text())["ok"]
    assert pq.read_table(out / "promotion.parquet").equals(month.promotion)
    assert not list(out.glob(".*")) + list(out.glob("*.checkpoint"))
