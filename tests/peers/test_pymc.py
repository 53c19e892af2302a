"""The same model in PyMC, sampled by PyMC's own NUTS: two programs, one posterior."""

import os

import datasets
import numpy as np
import pyarrow as pa
import pytest

from irt_jax.calibration import calibrate, joint_data, make_options, prepare
from irt_jax.demo import verbagg
from irt_jax.diagnostics import mcse_mean, mcse_quantile, mcse_sd
from irt_jax.study.simulate import simulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

#: How many Monte Carlo standard errors two estimates may be apart.
APART = 4.0
#: Among a thousand persons, two may be further apart by chance (the expected number is .06), but nobody this far.
NEVER_APART = 5.5
#: A comparison says something only where both standard errors are below this many posterior SDs.
PRECISE = 0.02


def by_pymc(data, draws, warmup):
    """The mission's model as a PyMC user writes it; draws by name, (chain, draw, parameter)."""
    pm = pytest.importorskip("pymc", reason="the bench extra is not installed")
    prior = data.priors
    with pm.Model():
        log_a = pm.Normal("log_a", prior.log_a_mean, prior.log_a_sd)
        b = pm.Normal("b", prior.b_mean, prior.b_sd)
        theta = pm.Normal("theta", 0, 1, shape=len(data.group))
        a = pm.Deterministic("a", pm.math.exp(log_a))
        logit = a[data.item] * (theta[data.person] - b[data.item])
        pm.Bernoulli("response", logit_p=logit, observed=data.response)
        cores = min(4, os.cpu_count() or 1)
        trace = pm.sample(draws, tune=warmup, chains=4, cores=cores, mp_ctx="spawn", random_seed=1, progressbar=False)
    return {name: trace.posterior[name].values for name in ("a", "b", "theta")}


STATISTICS = {
    "mean": (lambda x: x.mean((0, 1)), mcse_mean),
    "SD": (lambda x: x.std((0, 1)), mcse_sd),
    "5 % quantile": (lambda x: np.quantile(x, 0.05, (0, 1)), lambda x: mcse_quantile(x, 0.05)),
    "95 % quantile": (lambda x: np.quantile(x, 0.95, (0, 1)), lambda x: mcse_quantile(x, 0.95)),
}


def too_far_apart(apart):
    """Whether differences, in Monte Carlo standard errors, are more than chance among so many."""
    return (apart >= APART).sum() > len(apart) // 500 or apart.max() >= NEVER_APART


def disagreements(ours, theirs):
    """Every statistic that is too far apart or not precise enough to say so, in words."""
    problems = []
    for name, draws in ours.items():
        sd = draws.std((0, 1))
        for label, (statistic, error) in STATISTICS.items():
            errors = error(draws), error(theirs[name])
            worst = max(float((e / sd).max()) for e in errors)
            apart = np.abs(statistic(draws) - statistic(theirs[name])) / np.hypot(*errors)
            print(f"{name} {label}: at most {apart.max():.2f} MCSE apart, MCSE at most {worst:.4f} SD")
            if worst >= PRECISE:
                problems.append(f"{label} of {name}: an MCSE of {worst:.4f} SD")
            if too_far_apart(apart):
                problems.append(f"{label} of {name}: {apart.max():.2f} MCSE apart at {apart.argmax()}")
    return problems


def assert_same_posterior(responses, anchors, draws, warmup=1000):
    options = make_options(abilities="joint", priors="mission", population="fixed", draws=draws, warmup=warmup, seed=3)
    coded, aligned, _ = prepare(responses, anchors, options)
    data = joint_data(coded, aligned, options)
    fit = calibrate(coded, anchors, **options.as_dict())
    ours = {name: fit.posterior["posterior"][name].values.astype(float) for name in ("a", "b", "theta")}
    theirs = by_pymc(data, draws, warmup)
    assert disagreements(ours, theirs) == []
    assert_marginal_agrees(coded, anchors, theirs, "hmc")


def assert_marginal_agrees(coded, anchors, theirs, method):
    """The abilities integrated out: items by draws, persons by what is written about them."""
    options = {"priors": "mission", "population": "fixed", "chains": 8, "draws": 10_000, "interval": 0.9}
    fit = calibrate(coded, anchors, method=method, ability_values=0, **options)
    ours = {name: fit.posterior["posterior"][name].values for name in ("a", "b")}
    assert disagreements(ours, {name: theirs[name] for name in ours}) == []
    columns = dict(zip(STATISTICS, ("theta", "theta_sd", "theta_lower", "theta_upper"), strict=True))
    for label, (statistic, error) in STATISTICS.items():
        apart = (fit.persons[columns[label]].to_numpy() - statistic(theirs["theta"])) / error(theirs["theta"])
        print(f"theta {label}: at most {np.abs(apart).max():.2f} MCSE apart")
        assert not too_far_apart(np.abs(apart))


def test_every_sixteenth_person_of_lsat7():
    table = datasets.lsat7()
    some = np.isin(table["person_id"].to_numpy(), np.unique(table["person_id"].to_numpy())[::16])
    assert_same_posterior(table.filter(pa.array(some)), None, draws=16_000)


@pytest.mark.peers
def test_lsat7():
    assert_same_posterior(datasets.lsat7(), None, draws=16_000)


@pytest.mark.peers
def test_verbagg():
    assert_same_posterior(verbagg(), None, draws=10_000)


@pytest.mark.peers
def test_500_persons_50_items_with_anchors():
    simulation = simulate(500, 50, 20, anchor_items=10, seed=2)
    assert_same_posterior(simulation.responses, simulation.anchors, draws=10_000)


def test_a_slightly_different_posterior_is_noticed():
    """The comparison has power: a shift by a tenth of a posterior SD does not pass."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 4, 10_000, 3))
    assert disagreements({"b": one}, {"b": other}) == []
    assert disagreements({"b": one}, {"b": other + 0.1}) != []
    assert disagreements({"b": one}, {"b": other * 1.08}) != []
    assert disagreements({"b": one[:, :500]}, {"b": other}) != []
