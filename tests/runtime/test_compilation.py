"""Other numbers of the same shapes compile nothing, and another process starts from what was kept."""

import os
import subprocess
import sys

import jax
import pytest

from irt_jax.calibration import calibrate
from irt_jax.study.simulate import simulate

compilations: list[str] = []


def count(event: str, *_: object, **__: object) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        compilations.append(event)


@pytest.fixture(scope="module", autouse=True)
def counter():
    jax.monitoring.register_event_duration_secs_listener(count)


def data_of(seed):
    simulation = simulate(300, 30, 15, anchor_items=6, seed=seed)
    return simulation.responses, simulation.anchors


@pytest.mark.parametrize(
    "options", [{"method": "hmc", "chains": 2, "draws": 50}, {"method": "mml"}], ids=["hmc", "mml"]
)
def test_a_replication_of_a_design_compiles_nothing(options):
    options = {**options, "priors": "mission", "population": "fixed"}
    jax.clear_caches()  # Else programs of earlier tests may be so many that all are given up in between.
    calibrate(*data_of(1), **options)
    before = len(compilations)
    assert before > 0
    for seed in (2, 3):
        calibrate(*data_of(seed), **options)
    assert len(compilations) == before


@pytest.mark.slow
def test_a_second_process_starts_from_what_the_first_one_kept(tmp_path):
    simulate(300, 30, 15, anchor_items=6, seed=1).write(tmp_path / "data")
    kept_in = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "kept"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    environment = {**os.environ, **kept_in}
    command = [sys.executable, "-m", "irt_jax.cli", "calibrate", tmp_path / "data" / "responses.parquet", "--quiet"]
    for run in ("first", "second"):
        subprocess.run([*command, "--out", tmp_path / run], check=True, env=environment)
        kept = {path.name for path in (tmp_path / "kept").iterdir() if not path.name.endswith("-atime")}
        if run == "first":
            before = kept
    assert before
    assert kept == before
