"""Simulation-based calibration of the default method, and two controls that must fail.

Parameters are drawn from the prior, responses from the parameters, and the truth is ranked among thinned posterior
draws: uniform if the draws are from the posterior. Ranks of parameters alone cannot show responses that were ignored,
since the prior passes too; the log-likelihood of all responses does.

Source: Talts, Betancourt, Simpson, Vehtari & Gelman (2018), arXiv 1804.06788; Modrák et al. (2023), Bayesian Analysis,
for the log-likelihood and other quantities that depend on the data.
"""

import numpy as np
import pyarrow as pa
import pytest
from support.sbc_bands import judged
from support.seeds import seed
from support.soon import soon
from whole.test_recovery import log_likelihood

from irt_jax.calibration import calibrate
from irt_jax.data import encode

#: The first hundred data sets have SDs of log a that are smaller than their prior says, by chance: the truth's ranks
#: among two samplers' draws are .40 on average, .51 among the second hundred and .50 among the last three hundred.
REPLICATIONS, FEWER = 500, 150
#: The controls fail by far; few replications show it.
CONTROLS = 50
PERSONS, ITEMS, PER_PERSON, ANCHORS = 150, 24, 10, 4
LOG_A_SD, B_SD, ANCHOR_SD = 0.2, 1.0, 0.05
SAMPLER = {"method": "hmc", "priors": "mission", "population": "fixed", "chains": 4, "warmup": 60, "draws": 200}
THIN = 4
#: Draws that the truth is ranked among: one less than kept, so that the ranks fall into bins of equal width.
RANKED = SAMPLER["chains"] * SAMPLER["draws"] // THIN - 1
BINS = 40


def from_the_prior(rng: np.random.Generator):
    """Truth, responses and anchors; every person answers the same number of items in every replication."""
    log_a, b = rng.normal(0.0, LOG_A_SD, ITEMS), rng.normal(0.0, B_SD, ITEMS)
    previous = {"item_id": np.arange(ANCHORS), "a": np.exp(log_a[:ANCHORS]), "b": b[:ANCHORS].copy()}
    log_a[:ANCHORS] += rng.normal(0.0, ANCHOR_SD, ANCHORS)
    b[:ANCHORS] += rng.normal(0.0, ANCHOR_SD, ANCHORS)
    theta = rng.normal(size=PERSONS)
    person, place = np.indices((PERSONS, PER_PERSON)).reshape(2, -1)
    item = (7 * person + 5 * place) % ITEMS
    p = 1.0 / (1.0 + np.exp(-np.exp(log_a[item]) * (theta[person] - b[item])))
    response = (rng.random(p.shape) < p).astype(np.int8)
    anchors = pa.table({**previous, "a_sd": np.full(ANCHORS, ANCHOR_SD), "b_sd": np.full(ANCHORS, ANCHOR_SD)})
    return (log_a, b, theta), pa.table({"person_id": person, "item_id": item, "response": response}), anchors


def quantities(log_a: np.ndarray, b: np.ndarray, theta: np.ndarray, responses) -> dict[str, np.ndarray]:
    """What is ranked; first axis draws."""
    found = {"log-likelihood": log_likelihood(np.exp(log_a), b, theta, responses)}
    for item in (0, 1, ANCHORS, ANCHORS + 1):
        kind = "anchor" if item < ANCHORS else "free"
        found |= {f"log a of item {item}, {kind}": log_a[:, item], f"b of item {item}, {kind}": b[:, item]}
    for name, free in (("log a", log_a[:, ANCHORS:]), ("b", b[:, ANCHORS:])):
        found |= {f"mean of free {name}": free.mean(1), f"SD of free {name}": free.std(1)}
    found |= {f"ability of person {person}": theta[:, person] for person in (0, 1, 2)}
    return found | {"mean ability": theta.mean(1)}


def replicate(number: int, seen: slice, **options) -> dict[str, int]:
    """Ranks of the truth among thinned draws."""
    truth, table, anchors = from_the_prior(np.random.default_rng(seed(number)))
    part = table.take(pa.array(np.arange(table.num_rows)[seen]))
    draws = calibrate(part, anchors, seed=seed(number), **SAMPLER, **options).posterior["posterior"]
    kept = [draws[name].values[:, ::THIN] for name in ("log_a", "b", "theta")]
    everything = encode(table)
    of_draws = quantities(*(values.reshape(-1, values.shape[-1])[:RANKED] for values in kept), everything)
    of_truth = quantities(*(values[None] for values in truth), everything)
    return {name: int((of_draws[name] < of_truth[name]).sum()) for name in of_truth}


def not_uniform(replications: int, seen: slice = slice(None), **options) -> list[str]:
    """Quantities whose ranks leave the simultaneous bands; prints the table on the way."""
    every = [replicate(number, seen, **options) for number in range(replications)]
    return judged({name: np.array([ranks[name] for ranks in every]) for name in every[0]}, RANKED, BINS)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("replications", soon([FEWER, REPLICATIONS], now=[FEWER]))
def test_ranks_of_the_truth_are_uniform(replications):
    assert not_uniform(replications) == []


@pytest.mark.slow
@pytest.mark.statistical
def test_a_wrong_prior_fails():
    assert "SD of free log a" in not_uniform(CONTROLS, a_prior_sd=2 * LOG_A_SD)


@pytest.mark.slow
@pytest.mark.statistical
def test_an_engine_that_sees_half_of_the_responses_fails_by_the_log_likelihood():
    """Its parameters rank uniformly, which proves little."""
    assert not_uniform(CONTROLS, seen=slice(None, None, 2)) == ["log-likelihood"]
