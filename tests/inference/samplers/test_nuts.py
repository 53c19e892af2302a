import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import limits
from support.posteriors import moments_apart
from support.seeds import seed

from irt_jax.contract.sampler_settings import Progress, Settings
from irt_jax.diagnostics import ess_mean
from irt_jax.errors import ConvergenceError, InputError, Interrupted
from irt_jax.inference.samplers import run as run_module
from irt_jax.inference.samplers.checkpoint import Checkpoint
from irt_jax.inference.samplers.nuts import nuts
from irt_jax.likelihood.log_density import Target

SCALES = np.array([0.1, 1.0, 7.0])
CENTRES = np.array([3.0, -1.0, 20.0])
SHORT = Settings(chains=2, warmup=60, draws=70)

traces = {"log_density": 0}


def log_density(position, data):
    traces["log_density"] += 1
    return -0.5 * jnp.sum(((position["x"] - data["centre"]) / data["scale"]) ** 2)


def start(key, data):
    return {"x": data["centre"] + 3 * data["scale"] * jax.random.normal(key, data["centre"].shape)}


NORMAL = Target(log_density, start, lambda position, _: {"x": position["x"]})
DATA = {"centre": CENTRES, "scale": SCALES}


def run(**options):
    return nuts(NORMAL, DATA, SHORT, options.pop("seed", 0), **options)


def equal(one, other) -> bool:
    return all(
        np.array_equal(a[name], b[name])
        for a, b in ((one.values, other.values), (one.stats, other.stats))
        for name in a
    )


@pytest.mark.statistical
@pytest.mark.parametrize("devices", [1, None])
def test_moments_of_a_normal_distribution(devices):
    draws = nuts(NORMAL, DATA, Settings(chains=4, warmup=400, draws=1500, devices=devices), seed=seed(1))
    x = draws.values["x"]
    assert x.shape == (4, 1500, 3)
    assert x.dtype == np.float64
    assert (ess_mean(x) > 1000).all()
    apart, df = moments_apart(x, CENTRES, SCALES)
    assert limits.within(apart, 6, df)
    for wrong in ((CENTRES + 0.25 * SCALES, SCALES), (CENTRES, 1.2 * SCALES)):
        apart, df = moments_apart(x, *wrong)
        assert limits.beyond(apart, 6, df).any(0).all()
    np.testing.assert_allclose(draws.stats["lp"], -0.5 * (((x - CENTRES) / SCALES) ** 2).sum(-1), rtol=1e-9, atol=1e-9)


def test_the_same_seed_gives_the_same_draws_and_another_does_not():
    assert equal(run(), run())
    assert not equal(run(), run(seed=1))


def test_chains_are_the_same_on_one_device_and_on_several():
    one = nuts(NORMAL, DATA, SHORT._replace(devices=1), 0)
    np.testing.assert_allclose(one.values["x"], run().values["x"], rtol=1e-9)


def test_other_numbers_of_the_same_shape_compile_nothing():
    run()
    before = traces["log_density"]
    nuts(NORMAL, {"centre": CENTRES + 1, "scale": SCALES * 2}, SHORT._replace(draws=30), 5)
    assert traces["log_density"] == before


def test_progress_reports_every_phase_to_its_end():
    seen: list[Progress] = []
    run(progress=seen.append)
    last = {standing.phase: standing for standing in seen}
    assert (last["warmup"].done, last["warmup"].total) == (60, 60)
    assert (last["sample"].done, last["sample"].total) == (70, 70)
    assert set(last) == {"compile", "warmup", "sample"}


def test_times_are_apart():
    timings = run().timings
    assert set(timings) == {"compile_s", "warmup_s", "sample_s"}
    assert all(seconds > 0 for seconds in timings.values())


def test_a_start_without_density_is_refused():
    nowhere = Target(lambda *_: jnp.nan, start, lambda position, _: {"x": position["x"]})
    with pytest.raises(ConvergenceError, match="not finite at the start of 2 of 2 chains"):
        nuts(nowhere, DATA, SHORT, 0)


class Killed(Exception):
    pass


@pytest.mark.parametrize(("phase", "done"), [("warmup", 20), ("sample", 30)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_resumes_to_the_same_draws(tmp_path, phase, done, number):
    def interrupt(standing: Progress) -> None:
        if standing.phase == phase and standing.done >= done:
            os.kill(os.getpid(), number)

    with pytest.raises(Interrupted, match="--resume") as stopped:
        run(progress=interrupt, checkpoint=Checkpoint(tmp_path / "c", {"data": "x"}))
    assert stopped.value.exit_code == 128 + number
    resumed = run(checkpoint=Checkpoint(tmp_path / "c", {"data": "x"}, resume=True))
    assert equal(resumed, run())


def test_a_killed_run_resumes_from_its_last_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr("irt_jax.inference.samplers.checkpoint.EVERY_SECONDS", 0.0)

    def kill(standing: Progress) -> None:
        if standing.phase == "sample" and standing.done >= 40:
            raise Killed

    with pytest.raises(Killed):
        run(progress=kill, checkpoint=Checkpoint(tmp_path / "c", {"data": "x"}))
    seen: list[Progress] = []
    again = Checkpoint(tmp_path / "c", {"data": "x"}, resume=True)
    assert equal(run(progress=seen.append, checkpoint=again), run())
    assert not [standing for standing in seen if standing.phase == "warmup"]


def test_a_checkpoint_of_another_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("irt_jax.inference.samplers.checkpoint.EVERY_SECONDS", 0.0)
    run(checkpoint=Checkpoint(tmp_path / "c", {"data": "x", "seed": 0}))
    with pytest.raises(InputError, match="another run; these differ: seed"):
        Checkpoint(tmp_path / "c", {"data": "x", "seed": 1}, resume=True)
    with pytest.raises(InputError, match="no checkpoint"):
        Checkpoint(tmp_path / "elsewhere", {}, resume=True)


def test_signals_have_their_old_handlers_after_a_run(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run(checkpoint=Checkpoint(tmp_path / "c", {}))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_finished_blocks_keep_no_more_than_their_draws(monkeypatch):
    seen = []
    join = run_module.join_blocks
    monkeypatch.setattr(run_module, "join_blocks", lambda parts: seen.extend(parts) or join(parts))
    draws = run()
    arrays = [array for values, stats in seen for array in (*values.values(), *stats.values())]
    assert sum(len(values["x"][0]) for values, _ in seen) == draws.values["x"].shape[1]
    assert all(array.base is None for array in arrays)
