"""Recovery of the truth over many data sets, and an engine that sees half of the data, which must fail.

Coverage alone proves little: an engine that looks at half of the responses, or at none, has perfect
coverage under the right priors. So the log-likelihood of all responses is ranked too: the truth's among
the posterior draws', which is uniform only for a posterior that has used them all (Modrák et al. 2023).
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from soon import soon

from irt_jax.calibration import calibrate
from irt_jax.data import encode
from irt_jax.study.simulate import simulate

REPLICATIONS, FEWER = 60, 20
SIZES = {"persons": 200, "items": 20, "per_person": 15, "anchor_items": 6}
SAMPLER = {"priors": "mission", "population": "fixed", "chains": 4, "draws": 250}
THIN = 10
#: Deviations are judged at this many Monte Carlo standard errors over data sets; five are judged.
ERRORS = 3.0


class Replication(NamedTuple):
    covered: dict[str, float]
    squared_error: dict[str, float]
    correlation: dict[str, float]
    log_likelihood_rank: float


def log_likelihood(a, b, theta, responses):
    """Of all responses; first axis draws."""
    logit = a[:, responses.item] * (theta[:, responses.person] - b[:, responses.item])
    return -np.logaddexp(0.0, np.where(responses.response == 1, -logit, logit)).sum(1)


def replicate(seed: int, seen: slice) -> Replication:
    simulation = simulate(**SIZES, seed=1000 + seed)
    everything = encode(simulation.responses)
    part = simulation.responses.take(pa.array(np.arange(simulation.responses.num_rows)[seen]))
    fit = calibrate(part, simulation.anchors, seed=seed, **SAMPLER)
    items = fit.items
    assert len(items) == SIZES["items"]

    covered, squared, correlation = {}, {}, {}
    for name in ("a", "b"):
        truth = simulation.items[name].to_numpy()
        inside = (items[f"{name}_lower"] <= truth) & (truth <= items[f"{name}_upper"])
        for group, chosen in (("anchor", items.is_anchor), ("free", ~items.is_anchor)):
            key = f"{name}, {group}"
            covered[key] = float(inside[chosen].mean())
            squared[key] = float(((items[name] - truth)[chosen] ** 2).mean())
            correlation[key] = float(np.corrcoef(items[name][chosen], truth[chosen])[0, 1])

    draws = fit.posterior["posterior"]
    a, b, theta = (draws[name].values[:, ::THIN].reshape(-1, draws[name].shape[-1]) for name in ("a", "b", "theta"))
    true = [simulation.items["a"], simulation.items["b"], simulation.persons["theta"]]
    of_truth = log_likelihood(*(column.to_numpy()[None] for column in true), everything)
    rank = (log_likelihood(a, b, theta, everything) < of_truth).mean()
    return Replication(covered, squared, correlation, float(rank))


def problems(replications: list[Replication]) -> list[str]:
    """What a calibrated engine would not do; prints the table on the way."""
    found = []
    root = np.sqrt(len(replications))
    for key in replications[0].covered:
        covered = np.array([r.covered[key] for r in replications])
        rmse = np.sqrt(np.mean([r.squared_error[key] for r in replications]))
        correlation = np.mean([r.correlation[key] for r in replications])
        error = covered.std(ddof=1) / root
        print(f"{key:10} coverage {covered.mean():.3f} +- {error:.3f}, RMSE {rmse:.3f}, correlation {correlation:.3f}")
        if abs(covered.mean() - 0.95) > ERRORS * error:
            found.append(f"coverage of {key}")
    ranks = np.array([r.log_likelihood_rank for r in replications])
    print(f"rank of the log-likelihood {ranks.mean():.3f}, uniform is 0.5 +- {1 / np.sqrt(12) / root:.3f}")
    if abs(ranks.mean() - 0.5) > ERRORS / np.sqrt(12) / root:
        found.append("rank of the log-likelihood")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("replications", soon([FEWER, REPLICATIONS], now=[FEWER]))
def test_intervals_cover_the_truth_and_all_responses_are_used(replications):
    assert problems([replicate(seed, slice(None)) for seed in range(replications)]) == []


@pytest.mark.long
def test_an_engine_that_sees_half_of_the_responses_fails():
    found = problems([replicate(seed, slice(None, None, 2)) for seed in range(REPLICATIONS)])
    assert "rank of the log-likelihood" in found
