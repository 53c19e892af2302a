"""PyMC with its own NUTS (https://www.pymc.io)."""

import time

import pymc as pm

from benchmarks.outcome import Outcome, Settings, split_by
from benchmarks.problem import Problem

PACKAGES = ("pymc", "pytensor", "numba", "arviz")


def model(problem: Problem) -> pm.Model:
    """The mission's model: anchors are values in arrays of priors, no loops."""
    with pm.Model() as made:
        log_a = pm.Normal("log_a", problem.log_a_mean, problem.log_a_sd)
        b = pm.Normal("b", problem.b_mean, problem.b_sd)
        theta = pm.Normal("theta", 0, 1, shape=problem.n_persons)
        a = pm.Deterministic("a", pm.math.exp(log_a))
        logit = a[problem.item] * (theta[problem.person] - b[problem.item])
        pm.Bernoulli("response", logit_p=logit, observed=problem.response)
    return made


class Watch:
    """Called after every iteration of every chain: the clock, and the sums that `sample` does not give."""

    def __init__(self) -> None:
        self.first = self.last = 0.0
        self.seconds = {True: 0.0, False: 0.0}
        self.steps = {True: 0, False: 0}
        self.warmup = 0

    def __call__(self, trace: object, draw: object) -> None:  # noqa: ARG002
        self.last = time.perf_counter()
        self.first = self.first or self.last
        self.warmup += draw.tuning and draw.chain == 0
        for stats in draw.stats:
            self.seconds[draw.tuning] += stats["perf_counter_diff"]
            self.steps[draw.tuning] += int(stats["tree_size"])


def run(problem: Problem, settings: Settings) -> Outcome:
    """Compilation: from the call of `sample` to the end of the first iteration; warm-up by the chains' clocks.

    PyMC's own number of cores is half of those that it sees, taking the others for hardware threads: one of two.
    """
    watch = Watch()
    started = time.perf_counter()
    told = settings.told(chains="chains", draws="draws", warmup="tune", seed="random_seed")
    with model(problem):
        trace = pm.sample(**told, cores=settings.cores, progressbar=False, callback=watch)
    return Outcome(
        {name: trace.posterior[name].values for name in ("a", "b", "theta")},
        PACKAGES,
        threads=min(settings.cores, trace.posterior.sizes["chain"]),
        warmup=watch.warmup,
        compile_s=watch.first - started,
        **split_by(watch.last - watch.first, watch.seconds[True], watch.seconds[False]),
        leapfrog_warmup=watch.steps[True],
        leapfrog_sample=watch.steps[False],
        divergences=int(trace.sample_stats["diverging"].sum()),
    )
