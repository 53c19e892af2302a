"""The benchmark suite runs from end to end, and says what it leaves out."""

import argparse
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support import limits

from benchmarks import arguments, cases, engines
from benchmarks.launch import last_words, launch
from benchmarks.problem import read_problem
from benchmarks.report import cells, markdown

ROOT = Path(__file__).parents[2]
FIELDS = (
    *("case", "engine", "repeat", "persons", "items", "responses", "dtype", "device", "cores", "threads", "versions"),
    *("date", "import_s", "compile_s", "warmup_s", "sample_s", "wall_s", "peak_memory_mib", "chains", "draws"),
    *("warmup", "ess_bulk_min", "ess_tail_min", "ess_min", "ess_min_per_second", "ess_min_per_gradient"),
    *("divergences", "rhat_max", "leapfrog_sample"),
)


@pytest.mark.slow
@pytest.mark.statistical
def test_a_quick_run_measures_ours_and_a_peer(tmp_path):
    words = ["-m", "benchmarks", "--quick", "--result", str(tmp_path), "--draws", "ours_nuts=1000", "numpyro=1000"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert [line["engine"] for line in lines] == ["ours_nuts", "numpyro"]
    for line in lines:
        assert all(line[name] is not None for name in FIELDS), line
        assert line["ess_min"] == min(line["ess_bulk_min"], line["ess_tail_min"]) > 20
        assert line["wall_s"] > line["compile_s"] + line["warmup_s"] + line["sample_s"]
        assert line["leapfrog_sample"] >= line["chains"] * line["draws"]
    # Two programs, one posterior; its seeds are the benchmark's own.
    df = min(limits.degrees(line["ess_bulk_min"], line["chains"] * line["draws"]) for line in lines)
    assert lines[1]["means_apart_max_mcse"] < limits.z(2 * lines[0]["items"], df) < 8
    assert lines[1]["ess_min_all"] <= lines[1]["ess_min"]
    table = done.stdout.splitlines()[2:]
    assert max(map(len, table)) <= 80
    assert (tmp_path / "table.md").read_text().count("numpyro") == 1
    assert (tmp_path / "figure.png").exists() == (find_spec("matplotlib") is not None)


def plan(*words):
    return arguments.plan(arguments.parser(None).parse_args(words))


def test_what_is_not_installed_is_left_out_with_a_line(monkeypatch, capsys):
    monkeypatch.setitem(engines.ENGINES, "pymc", engines.Engine("python", "by_pymc", "no_such_package", {}))
    made = plan("--cases", "lsat7", "--engines", "ours_nuts", "pymc")
    assert made.runs == [("lsat7", "ours_nuts", 0)]
    assert capsys.readouterr().err == "pymc is left out: the package no_such_package is not installed\n"


def test_settings_of_an_engine_and_sizes_for_peers(tmp_path):
    made = plan("--cases", "reference", "sizes", "--engines", "ours_nuts", "numpyro", "--draws", "numpyro=7")
    sizes = [(case, engine) for case, engine, _ in made.runs]
    assert ("size_1e6", "ours_nuts") in sizes
    assert ("size_1e6", "numpyro") not in sizes
    assert ("size_1e4", "numpyro") in sizes
    assert all(case != "size_1e5" for case, _ in sizes)  # the reference problem itself
    assert arguments.job("lsat7", "numpyro", 0, tmp_path, made)["draws"] == 7


def test_the_inference_gym_needs_its_data():
    with pytest.raises(SystemExit, match="--data"):
        plan("--cases", "inference_gym", "--engines", "numpyro")


def test_a_setting_that_is_none():
    with pytest.raises(argparse.ArgumentTypeError, match="ENGINE=NUMBER"):
        arguments._setting("pymc:3")


def test_cases_have_their_sizes_and_anchors(tmp_path):
    cases.write_case("quick", tmp_path)
    problem = read_problem(tmp_path)
    assert cases.counts("quick", tmp_path) == {"persons": 60, "items": 20, "responses": 600, "anchors": 2}
    anchored = problem.b_sd < 1
    assert anchored.sum() == 2
    assert np.all(problem.log_a_mean[~anchored] == 0)
    assert np.all(problem.log_a_mean[anchored] != 0)
    assert cases.SIMULATED["reference"] == cases.SIMULATED["size_1e5"]


def test_lsat7_is_the_tests_own(tmp_path):
    from support import datasets

    cases.write_case("lsat7", tmp_path)
    problem, table = read_problem(tmp_path), datasets.lsat7()
    assert np.array_equal(problem.response, table["response"].to_numpy())
    assert problem.n_items == 5


def test_a_process_over_the_limit_is_stopped_with_all_that_it_started(tmp_path):
    code = "import subprocess, sys; print('started', flush=True); subprocess.run(['sleep', '60'])"
    ended = launch([sys.executable, "-c", code], tmp_path, ROOT, limit_s=2)
    assert ended.over_limit
    assert ended.code < 0
    assert ended.wall_s < 30
    assert last_words(tmp_path) == "started"


def test_a_run_that_failed_is_named_below_the_table():
    failed = {"case": "reference", "engine": "stan", "error": "over the limit of 1800 s"}
    done = {"case": "reference", "engine": "ours_mml", "wall_s": 3.0, "mode_s": 1.5}
    assert "- reference, stan: over the limit of 1800 s" in markdown([done, failed])
    assert cells(done, {}) == ["reference", "ours_mml"]
