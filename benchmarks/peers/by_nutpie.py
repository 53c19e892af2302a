"""Nutpie: the PyMC model, compiled by Numba, sampled in Rust (https://github.com/pymc-devs/nutpie)."""

import time

import nutpie

from benchmarks.outcome import Outcome, Settings, split_by
from benchmarks.peers import by_pymc
from benchmarks.problem import Problem

PACKAGES = ("nutpie", *by_pymc.PACKAGES)


def run(problem: Problem, settings: Settings) -> Outcome:
    """Compilation is a call of its own; seconds are divided between warm-up and sampling by leapfrog steps."""
    started = time.perf_counter()
    compiled = nutpie.compile_pymc_model(by_pymc.model(problem))
    begun = time.perf_counter()
    told = settings.told(chains="chains", draws="draws", warmup="tune", seed="seed")
    trace = nutpie.sample(compiled, **told, progress_bar=False)
    seconds = time.perf_counter() - begun
    before, after = (int(stats["n_steps"].sum()) for stats in (trace.warmup_sample_stats, trace.sample_stats))
    return Outcome(
        {name: trace.posterior[name].values for name in ("a", "b", "theta")},
        PACKAGES,
        threads=min(settings.cores, trace.posterior.sizes["chain"]),
        warmup=trace.warmup_sample_stats.sizes["draw"],
        compile_s=begun - started,
        **split_by(seconds, before, after),
        leapfrog_warmup=before,
        leapfrog_sample=after,
        divergences=int(trace.sample_stats["diverging"].sum()),
    )
