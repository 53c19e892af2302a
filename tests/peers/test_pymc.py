"""The same model in PyMC, sampled by PyMC's own NUTS: two programs, one posterior."""

import os

import numpy as np
import pyarrow as pa
import pytest
from support import datasets
from support.posteriors import as_summaries, assert_one_posterior, assert_summaries_agree, count
from support.seeds import seed

from irt_jax.calibration import calibrate
from irt_jax.contract.options import make_options
from irt_jax.plan import joint_data
from irt_jax.plan.preparation import prepare
from irt_jax.study.demo import verbagg
from irt_jax.study.simulate import simulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.statistical,
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

MARGINAL_DRAWS = 10_000
#: Posterior SDs by which a mean must not be off unnoticed, nor an SD by that share.
NOTICE = 0.1


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
        trace = pm.sample(
            draws, tune=warmup, chains=4, cores=cores, mp_ctx="spawn", random_seed=seed(1), progressbar=False
        )
    return {name: trace.posterior[name].values for name in ("a", "b", "theta")}


def assert_same_posterior(responses, anchors, draws, warmup=1000):
    """The joint posterior, and the one with the abilities integrated out, by whose run persons are summarised."""
    options = {"priors": "mission", "population": "fixed", "interval": 0.9, "seed": seed(3)}
    joint = make_options(abilities="joint", draws=draws, warmup=warmup, **options)
    coded, aligned, _ = prepare(responses, anchors, joint)
    theirs = by_pymc(joint_data(coded, aligned, joint), draws, warmup)
    marginal = calibrate(coded, anchors, method="hmc", chains=8, draws=MARGINAL_DRAWS, ability_values=0, **options)
    comparisons = 2 * count(theirs)

    def same(fit, names):
        own = {name: fit.posterior["posterior"][name].values.astype(float) for name in names}
        assert_one_posterior(own, theirs, comparisons, notice=NOTICE)

    same(calibrate(coded, anchors, **joint.as_dict()), ("a", "b", "theta"))
    same(marginal, ("a", "b"))
    assert_summaries_agree(as_summaries(marginal), theirs["theta"], 8 * MARGINAL_DRAWS, comparisons, notice=NOTICE)


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
    simulation = simulate(500, 50, 20, anchor_items=10, seed=seed(2))
    assert_same_posterior(simulation.responses, simulation.anchors, draws=10_000)
