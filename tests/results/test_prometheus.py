"""metrics.prom as Prometheus's own parser reads it."""

import json
import sys
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from irt_jax import cli
from irt_jax.calibration import calibrate
from irt_jax.errors import OutputError
from irt_jax.results.prometheus import HELP, metrics_text, write_metrics
from irt_jax.runtime.stopwatch import STAGES


@pytest.fixture(scope="module")
def fit(small):
    return calibrate(small.responses, small.anchors, chains=2, warmup=200, draws=300, seed=7)


@pytest.fixture(scope="module")
def folder(fit, tmp_path_factory):
    return fit.write(tmp_path_factory.mktemp("out") / "run")


def families(text: str) -> dict:
    return {family.name: family for family in parse(text)}


def one(found: dict, name: str) -> float:
    (sample,) = found[name].samples
    return sample.value


def test_a_runs_metrics_are_those_of_run_json(folder):
    found = families((folder / "metrics.prom").read_text())
    run = json.loads((folder / "run.json").read_text())
    assert set(found) == {f"irt_jax_{name}" for name in HELP}
    for family in found.values():
        assert family.type == "gauge"
        assert family.documentation
        assert all(s.labels.items() >= {"method": "hmc", "abilities": "marginal"}.items() for s in family.samples)
    stages = {sample.labels["stage"]: sample.value for sample in found["irt_jax_stage_seconds"].samples}
    assert stages == {stage: run["timings"][f"{stage}_s"] for stage in STAGES}
    assert one(found, "irt_jax_run_seconds") == run["timings"]["total_s"]
    for name in ("responses", "persons", "items", "anchors"):
        assert one(found, f"irt_jax_{name}") == run["counts"][name] > 0
    verdict = run["diagnostics"]
    for name in ("rhat_max", "rhat_limit", "ess_bulk_min", "ess_tail_min", "divergences", "bfmi_min"):
        assert one(found, f"irt_jax_{name}") == verdict[name]
    assert one(found, "irt_jax_quadrature_error") == verdict["quadrature_error"]
    assert one(found, "irt_jax_diagnostics_ok") == verdict["ok"]
    assert one(found, "irt_jax_problems") == len(verdict["problems"])
    assert one(found, "irt_jax_reliability") == run["reliability"]
    assert one(found, "irt_jax_population_sd") == run["population"]["sd"]
    (info,) = found["irt_jax_run_info"].samples
    assert info.labels["jax"] == run["versions"]["jax"]
    assert 0 <= time.time() - one(found, "irt_jax_finished_timestamp_seconds") < 600


def test_times_have_their_base_unit_in_the_name():
    assert {name for name in HELP if "time" in HELP[name].lower()} == {"stage_seconds", "run_seconds"}
    assert not any(name.endswith(("_ms", "_minutes", "_total")) for name in HELP)


def test_failed_diagnostics_are_zero(fit):
    content = fit.content()
    content["diagnostics"] = content["diagnostics"] | {"ok": False, "problems": ["a", "b"]}
    found = families(metrics_text([content]))
    assert one(found, "irt_jax_diagnostics_ok") == 0
    assert one(found, "irt_jax_problems") == 2


def test_labels_are_escaped(fit):
    name = 'models "of\\May"\n.csv'
    content = fit.content()
    content["options"] = content["options"] | {"model": name}
    (info,) = families(metrics_text([content]))["irt_jax_run_info"].samples
    assert info.labels["model"] == name


def test_point_estimates_have_no_diagnostics_of_draws(small):
    found = families(metrics_text([calibrate(small.responses, method="mml").content()]))
    assert not {"irt_jax_rhat_max", "irt_jax_ess_bulk_min", "irt_jax_divergences"} & set(found)
    assert one(found, "irt_jax_diagnostics_ok") == 1


def test_several_runs_lie_in_one_file_with_one_type_line_a_metric(fit):
    other = fit.content()
    other["options"] = other["options"] | {"method": "nuts", "abilities": "joint"}
    text = metrics_text([fit.content(), other], finished=12.5)
    lines = text.splitlines()
    assert len([line for line in lines if line.startswith("# TYPE")]) == len(HELP)
    samples = [(s.name, tuple(sorted(s.labels.items()))) for family in parse(text) for s in family.samples]
    assert len(samples) == len(set(samples))
    assert [s.value for s in families(text)["irt_jax_finished_timestamp_seconds"].samples] == [12.5, 12.5]


def test_a_value_that_is_not_finite_has_no_line(fit):
    content = fit.content() | {"reliability": float("nan")}
    assert "irt_jax_reliability" not in families(metrics_text([content]))


def test_the_file_is_replaced_whole_and_nothing_lies_beside_it(fit, tmp_path):
    path = tmp_path / "irt.prom"
    path.write_text("old")
    write_metrics(path, [fit.content()])
    assert families(path.read_text())
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_refused_before_the_work(fit, small, tmp_path, monkeypatch, capsys):
    with pytest.raises(OutputError):
        write_metrics(tmp_path, [fit.content()])
    assert list(tmp_path.iterdir()) == []
    data = small.write(tmp_path / "sim")
    arguments = ["calibrate", data / "responses.parquet", "--out", tmp_path / "run", "--metrics", tmp_path]
    monkeypatch.setattr(sys, "argv", ["irt-jax", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 3
    assert "is a folder" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_option_writes_the_same_file_elsewhere(small, tmp_path, monkeypatch):
    data = small.write(tmp_path / "sim")
    path = tmp_path / "collector" / "irt.prom"
    arguments = ["calibrate", data / "responses.parquet", "--out", tmp_path / "run", "--metrics", path]
    monkeypatch.setattr(sys, "argv", ["irt-jax", *map(str, arguments), "--method", "mml"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert not stopped.value.code
    texts = [file.read_text().splitlines() for file in (path, tmp_path / "run" / "metrics.prom")]
    assert [line for line in texts[0] if "_seconds{" not in line] == [
        line for line in texts[1] if "_seconds{" not in line
    ]
