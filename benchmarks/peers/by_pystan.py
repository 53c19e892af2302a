"""Stan through PyStan 3 (https://pystan.readthedocs.io)."""

import re
import time

import stan

from benchmarks.outcome import Outcome, Settings, split_by
from benchmarks.peers.stan_data import PROGRAM, WARMUP, stan_data
from benchmarks.problem import Problem

ELAPSED = re.compile(rb"([\d.e+-]+) seconds \((Warm-up|Sampling)\)")


def run(problem: Problem, settings: Settings) -> Outcome:
    """`build` compiles; seconds are divided between warm-up and sampling by what the chains say of themselves."""
    started = time.perf_counter()
    posterior = stan.build(PROGRAM.read_text(), stan_data(problem), random_seed=settings.seed)
    begun = time.perf_counter()
    fit = posterior.sample(**settings.told(chains="num_chains", draws="num_samples", warmup="num_warmup"))
    seconds = time.perf_counter() - begun
    elapsed = {b"Warm-up": 0.0, b"Sampling": 0.0}
    for output in fit.stan_outputs:
        for number, stage in ELAPSED.findall(output):
            elapsed[stage] += float(number)
    # PyStan lays out (parameter, draw of every chain in turn).
    draws = {name: fit[name] for name in ("a", "b", "theta")}
    return Outcome(
        {name: x.reshape(len(x), -1, fit.num_chains).transpose(2, 1, 0) for name, x in draws.items()},
        ("pystan", "httpstan"),
        threads=min(settings.cores, fit.num_chains),
        warmup=settings.warmup or WARMUP,
        compile_s=begun - started,
        **split_by(seconds, elapsed[b"Warm-up"], elapsed[b"Sampling"]),
        leapfrog_sample=int(fit["n_leapfrog__"].sum()),
        divergences=int(fit["divergent__"].sum()),
    )
