"""Standard error as JSON: every line parses, in every way a run can end, and no secret is in it."""

import json
import logging
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prometheus_client.parser import text_string_to_metric_families

from irt_jax.contract.sampler_settings import Progress
from irt_jax.errors import CalibrationWarning, Interrupted, UsageError
from irt_jax.runtime import logs
from irt_jax.runtime.stopwatch import STAGES, Stopwatch


@pytest.fixture(scope="module")
def data(tmp_path_factory, small) -> Path:
    return small.write(tmp_path_factory.mktemp("data") / "sim")


def run(*arguments: object) -> tuple[int, list[dict], str]:
    """The command in a process: exit code, the objects of its standard error, standard output."""
    command = [sys.executable, "-m", "irt_jax.cli", *map(str, arguments), "--log-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    return done.returncode, [json.loads(line) for line in done.stderr.splitlines()], done.stdout


def of(events: list[dict], name: str) -> list[dict]:
    return [event for event in events if event["event"] == name]


@pytest.mark.parametrize(
    ("options", "more", "expected"),
    [(["--method", "mml"], {"information"}, 0), (["--draws", "20", "--warmup", "20"], {"warmup", "sample"}, 4)],
)
def test_a_run_tells_its_stages_verdict_and_exit_code(data, tmp_path, options, more, expected):
    out = tmp_path / "run"
    code, events, printed = run("calibrate", data / "responses.parquet", "--out", out, *options)
    assert code == expected
    assert printed == ""
    assert all({"time", "level", "event"} <= set(event) for event in events)
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)
    stages = {event["stage"] for event in of(events, "stage")}
    assert {"import", "read", "mode", "compile", "summarise", "write"} | more <= stages <= set(STAGES)
    written = json.loads((out / "run.json").read_text())
    for stage in stages:
        told = sum(event["seconds"] for event in of(events, "stage") if event["stage"] == stage)
        assert told == pytest.approx(written["timings"][f"{stage}_s"], abs=1e-3)
    assert {event["phase"] for event in of(events, "progress")} >= more - {"information"}
    (verdict,) = of(events, "verdict")
    assert verdict["ok"] is written["diagnostics"]["ok"] is (expected == 0)
    assert verdict["problems"] == written["diagnostics"]["problems"]
    assert events[-1]["event"] == "exit"
    assert events[-1]["exit_code"] == expected
    assert (events[-1]["level"] == "info") is (expected == 0)


def test_an_error_is_an_event_with_its_remedy(data, tmp_path):
    table = pq.read_table(data / "responses.parquet")
    pq.write_table(table.rename_columns(["who", "item_id", "response"]), tmp_path / "changed.parquet")
    code, events, _ = run("calibrate", tmp_path / "changed.parquet", "--out", tmp_path / "run")
    assert code == 3
    (error,) = of(events, "error")
    assert error["level"] == "error"
    assert error["exit_code"] == events[-1]["exit_code"] == 3
    assert "'person_id'" in error["message"]
    assert "--person-col" in error["remedy"]


@pytest.mark.parametrize("wrong", [["--no-such-option"], ["--chains", "many"], ["--model", "9pl"]])
def test_wrong_usage_is_an_event(wrong):
    code, events, _ = run("calibrate", "x.parquet", "--out", "y", *wrong)
    assert code == events[-1]["exit_code"] == 2
    assert wrong[0] in of(events, "error")[0]["message"]


def test_what_nobody_foresaw_is_an_event_with_its_traceback(capsys):
    with logs.logging_as("json"):
        code = logs.exit_code_of(lambda: 1 // 0)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert code == events[-1]["exit_code"] == 1
    assert events[0]["level"] == "critical"
    assert "ZeroDivisionError" in events[0]["traceback"]


def test_a_signal_is_an_event_with_the_way_to_go_on(capsys):
    def interrupted() -> None:
        raise Interrupted(15, "Go on with --resume.")

    with logs.logging_as("json"):
        assert logs.exit_code_of(interrupted) == 143
    error, end = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert error["remedy"] == "Go on with --resume."
    assert error["exit_code"] == end["exit_code"] == 143


def test_notes_warnings_and_other_packages_records_are_events(capsys):
    with logs.logging_as("json"):
        warnings.simplefilter("always")
        warnings.warn("3 items are rare.", CalibrationWarning, stacklevel=1)
        warnings.warn("password=hunter2 in https://ada:hunter2@host/x", UserWarning, stacklevel=1)
        logging.getLogger("jax._src.xla_bridge").warning("no %s", "GPU")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in events] == ["note", "warning", "log"]
    assert events[0]["message"] == "3 items are rare."
    assert events[1]["message"] == "password=*** in https://ada:***@host/x"
    assert events[2] == events[2] | {"message": "no GPU", "logger": "jax._src.xla_bridge", "level": "warning"}


def test_the_format_ends_with_its_block(capsys):
    with logs.logging_as("json"):
        assert logs.as_json()
    assert not logs.as_json()
    logs.event("stage", stage="read")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ada:hunter2@db.example.org/irt",
        "postgresql://ada:hun@ter2@db/irt",
        "s3://AKIA:hunter2/x+y@bucket/responses.parquet",
        "host=db password=hunter2 user=ada",
        "host=db PASSWORD = hunter2",
        "https://bucket/x.parquet?X-Amz-Signature=hunter2&a=b",
        "https://bucket/x?sas_token=hunter2",
    ],
)
def test_secrets_are_blanked_and_the_rest_stays(text):
    shown = logs.without_secrets(text)
    assert "hunter2" not in shown
    assert "ter2" not in shown
    assert shown.split(":")[0].split("=")[0] == text.split(":")[0].split("=")[0]


@pytest.mark.parametrize("text", ["s3://bucket/a@b.parquet", "No such file: 'a/b.parquet'.", "items 'q1', 'q7'"])
def test_what_is_no_secret_stays(text):
    assert logs.without_secrets(text) == text


def test_a_secret_in_a_url_is_in_no_message(tmp_path):
    """In either format: the message of a file system may carry the whole URL."""
    url = "nowhere://ada:hunter2@host/responses.parquet"
    code, events, _ = run("calibrate", url, "--out", tmp_path / "run")
    assert code == 3
    assert "hunter2" not in json.dumps(events)
    command = [sys.executable, "-m", "irt_jax.cli", "calibrate", url, "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "nowhere" in done.stderr
    assert "hunter2" not in done.stderr


def test_nan_and_paths_are_what_json_can_hold(capsys):
    with logs.logging_as("json"):
        logs.event("x", value=float("nan"), many=[float("inf"), 1.5], path=Path("a") / "b", flag=True, none=None)
    shown = json.loads(capsys.readouterr().err)
    assert (shown["value"], shown["many"], shown["path"], shown["flag"], shown["none"]) == (
        None,
        [None, 1.5],
        str(Path("a") / "b"),
        True,
        None,
    )


def test_progress_tells_the_ends_of_a_phase_and_not_every_block(capsys):
    with logs.logging_as("json"):
        tell = logs.progress_events()
        for done in range(101):
            tell(Progress("sample", done, 100, 5.0, 0))
    shown = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["done"] for event in shown] == [0, 100]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["calibrate", "--log-format", "json"], "json"),
        (["calibrate", "--log-format=json"], "json"),
        (["calibrate", "--log-format"], "text"),
        (["calibrate", "json"], "text"),
        ([], "text"),
    ],
)
def test_the_format_is_known_before_the_command_line_is_parsed(arguments, expected):
    assert logs.asked_for(arguments) == expected


def test_a_format_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="xml"):
        logs.check_format("xml")


def test_a_stopwatch_tells_of_every_stage_as_it_is_added():
    told: list[tuple[str, float]] = []
    watch = Stopwatch(lambda stage, seconds: told.append((stage, seconds)))
    with watch.measure("read"):
        pass
    watch.add("sample", 2.0)
    watch.add("warmup", 0.0)
    assert [stage for stage, _ in told] == ["read", "sample"]
    assert told[1] == ("sample", 2.0)


@pytest.mark.slow
def test_the_monthly_job_tells_its_steps_and_writes_the_metrics_of_all_methods(data, tmp_path):
    out, metrics = tmp_path / "month", tmp_path / "month.prom"
    options = ("--window-label", "2025-10 monthly", "--third", "hmc", "--min-responses", 1, "--metrics", metrics)
    anchors = ("--anchors", data / "anchors.parquet")
    code, events, printed = run("monthly", data / "responses.parquet", *anchors, "--out", out, *options)
    assert code in (0, 4)
    assert printed == ""
    (verdict,) = of(events, "verdict")
    assert verdict["ok"] is (code == 0)
    assert {"warmup", "sample", "information", "write"} <= {event["stage"] for event in of(events, "stage")}
    steps = [event["message"].split()[0] for event in of(events, "step")]
    assert [step for step in steps if step in verdict["methods"]] == verdict["methods"]
    found = {family.name: family for family in text_string_to_metric_families(metrics.read_text())}
    told = {sample.labels["method"]: sample.value for sample in found["irt_jax_diagnostics_ok"].samples}
    assert set(told) == set(verdict["methods"])
    assert all(told.values()) is (code == 0)
