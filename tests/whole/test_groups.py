"""Groups with populations of their own: against a slow likelihood, the joint posterior, and the truth."""

import numpy as np
import pyarrow as pa
import pytest
from support import limits, oracle
from support.posteriors import assert_one_posterior, count
from support.seeds import seed
from support.soon import soon
from whole.test_marginal import draws_of

from irt_jax.calibration import calibrate
from irt_jax.data import encode
from irt_jax.errors import UsageError

POPULATION = ("population_mean", "population_sd")
#: Of means and SDs of bob and cid, a third above what they were over 14 data sets of half the persons.
ERRORS = np.array([[0.085, 0.085], [0.095, 0.053]])
#: Posterior SDs by which a mean must not be off unnoticed, nor an SD by that share.
NOTICE = 0.2
MEANS, SDS = {"ann": 0.0, "bob": 0.8, "cid": -0.5}, {"ann": 1.0, "bob": 1.4, "cid": 0.7}


def grouped(n_persons, n_items, seed, anchored=0):
    """2PL responses of three groups to all items, and the truth."""
    rng = np.random.default_rng(seed)
    a, b = np.exp(rng.normal(0.0, 0.2, n_items)), rng.normal(0.0, 1.0, n_items)
    group = np.array(list(MEANS))[np.arange(n_persons) % 3]
    theta = rng.normal([MEANS[g] for g in group], [SDS[g] for g in group])
    p = 1.0 / (1.0 + np.exp(-a * (theta[:, None] - b)))
    person, item = np.indices(p.shape).reshape(2, -1)
    response = (rng.random(p.size) < p.ravel()).astype(int)
    table = pa.table({"person_id": person, "item_id": item, "response": response, "group": group[person]})
    anchors = pa.table({"item_id": np.arange(anchored), "a": a[:anchored], "b": b[:anchored]}) if anchored else None
    return table, anchors, a, b


@pytest.fixture(scope="module")
def data():
    return grouped(3000, 12, seed=seed(3))


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("priors", ["flat", "mission"])
def test_one_group_fixes_the_scale_and_the_others_are_found(data, priors):
    table, _, _, b = data
    fit = calibrate(table, method="mml", priors=priors)
    groups = fit.run["population"]["groups"]
    assert (groups["ann"]["mean"], groups["ann"]["sd"]) == (0.0, 1.0)
    found = np.array([[groups[name][what] for what in ("mean", "sd")] for name in ("bob", "cid")])
    truth = np.array([[MEANS[name], SDS[name]] for name in ("bob", "cid")])
    comparisons = found.size + len(b)
    assert limits.within((found - truth) / ERRORS, comparisons)
    assert limits.within((fit.items.b - b) / fit.items.b_sd, comparisons)
    assert limits.beyond((found - [0.0, 1.0]) / ERRORS, comparisons)[0].any()  # a population for all
    assert fit.diagnostics.ok


@pytest.mark.slow
def test_the_log_likelihood_is_that_of_each_persons_own_population():
    table, _, _, _ = grouped(45, 6, seed=1)
    fit, responses = calibrate(table, method="mml", priors="mission"), encode(table)
    groups, total = fit.run["population"]["groups"], 0.0
    a, b = fit.items.a.to_numpy(), fit.items.b.to_numpy()
    for person, name in enumerate(fit.persons.group):
        own = responses.person == person
        population = groups[name]["mean"], groups[name]["sd"]
        total += oracle.marginal_log_likelihood(a, b, responses.item[own], responses.response[own], *population)
    assert fit.run["log_likelihood"] == pytest.approx(total, abs=1e-4)


@pytest.mark.slow
def test_another_group_may_fix_the_scale(data):
    table, _, _, _ = data
    first = calibrate(table, method="mml", priors="flat")
    other = calibrate(table, method="mml", priors="flat", reference_group="bob")
    known = first.run["population"]["groups"]["bob"]
    assert other.run["population"]["groups"]["bob"]["sd"] == 1.0
    np.testing.assert_allclose(other.items.a, first.items.a * known["sd"], rtol=2e-3)
    np.testing.assert_allclose(other.items.b, (first.items.b - known["mean"]) / known["sd"], atol=4e-3)
    assert other.run["log_likelihood"] == pytest.approx(first.run["log_likelihood"], abs=1e-3)
    with pytest.raises(UsageError, match="not among the groups: 'ann', 'bob', 'cid'"):
        calibrate(table, method="mml", reference_group="dan")


@pytest.mark.slow
def test_fixed_populations_are_all_alike(data):
    table, _, _, _ = data
    fixed = calibrate(table, method="mml", priors="mission", population="fixed")
    pooled = calibrate(table.drop_columns("group"), method="mml", priors="mission")
    np.testing.assert_allclose(fixed.items.b, pooled.items.b, atol=1e-6)
    assert not fixed.run["population"]["free"]


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("anchored", soon([0, 4], now=[4]))
def test_joint_and_marginal_posterior_agree(anchored):
    table, anchors, _, _ = grouped(150, 9, seed=seed(2), anchored=anchored)
    told = {"interval": 0.9, "seed": seed(1), "priors": "mission"}
    joint = calibrate(table, anchors, abilities="joint", warmup=1000, draws=5000, **told)
    marginal = calibrate(table, anchors, draws=1000, ability_values=10**8, **told)
    assert marginal.diagnostics.ok
    learned = slice(None) if anchored else slice(1, None)
    one, other = (
        {
            name: draws_of(fit, name)[..., learned if name in POPULATION else slice(None)]
            for name in (*POPULATION, "a", "b", "theta")
        }
        for fit in (joint, marginal)
    )
    for name in POPULATION:
        assert marginal.posterior["posterior"][name].coords["group"].values.tolist() == list(MEANS)
    assert_one_posterior(other, one, count(one), notice=NOTICE)
