"""Stan through CmdStanPy, where CmdStan is installed (https://mc-stan.org/cmdstanpy)."""

import shutil
import tempfile
import time
from pathlib import Path

import cmdstanpy

from benchmarks.outcome import Outcome, Settings, split_by
from benchmarks.peers.stan_data import PROGRAM, WARMUP, stan_data
from benchmarks.problem import Problem


def run(problem: Problem, settings: Settings) -> Outcome:
    """The making of the model compiles; seconds are divided by what the chains say of themselves."""
    with tempfile.TemporaryDirectory() as folder:
        program = shutil.copy(PROGRAM, Path(folder))
        started = time.perf_counter()
        model = cmdstanpy.CmdStanModel(stan_file=program)
        begun = time.perf_counter()
        told = settings.told(chains="chains", draws="iter_sampling", warmup="iter_warmup", seed="seed")
        fit = model.sample(stan_data(problem), **told, show_progress=False)
        seconds = time.perf_counter() - begun
        draws = fit.draws_xr(["a", "b", "theta"])
        sampler = fit.method_variables()
        shares = [(chain["warmup"], chain["sampling"]) for chain in fit.time]
    return Outcome(
        {name: draws[name].transpose("chain", "draw", ...).values for name in ("a", "b", "theta")},
        ("cmdstanpy",),
        threads=min(settings.cores, fit.chains),
        warmup=settings.warmup or WARMUP,
        compile_s=begun - started,
        **split_by(seconds, *(sum(column) for column in zip(*shares, strict=True))),
        leapfrog_sample=int(sampler["n_leapfrog__"].sum()),
        divergences=int(sampler["divergent__"].sum()),
    )
