"""Recovery of the truth over many data sets, and an engine that sees half of the data, which must fail.

Coverage alone proves little: an engine that looks at half of the responses, or at none, has perfect
coverage under the right priors. So the log-likelihood of all responses is ranked too: the truth's among
the posterior draws', which is uniform only for a posterior that has used them all (Modrák et al. 2023).
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from support import limits
from support.seeds import seed
from support.soon import soon

from irt_jax.calibration import calibrate
from irt_jax.data import encode
from irt_jax.study.simulate import simulate

REPLICATIONS, FEWER, CONTROLS = 60, 20, 10
SIZES = {"persons": 200, "items": 20, "per_person": 15, "anchor_items": 6}
SAMPLER = {"priors": "mission", "population": "fixed", "chains": 4, "draws": 250}
THIN = 10
#: Coverage of a and b, anchors and free items, and the log-likelihood's rank.
COMPARISONS = 5
#: Items of a data set are covered together more often than by chance: variance over data sets beside the binomial's.
DESIGN = 1.5
#: Intervals of this share of their width are the control: the few anchors show what the free items show at more.
NARROWER = {"anchor": 0.4, "free": 0.55}


class Replication(NamedTuple):
    covered: dict[str, int]
    narrowed: dict[str, int]
    judged: dict[str, int]
    squared_error: dict[str, float]
    correlation: dict[str, float]
    log_likelihood_rank: float


def log_likelihood(a, b, theta, responses):
    """Of all responses; first axis draws."""
    logit = a[:, responses.item] * (theta[:, responses.person] - b[:, responses.item])
    return -np.logaddexp(0.0, np.where(responses.response == 1, -logit, logit)).sum(1)


def replicate(number: int, seen: slice) -> Replication:
    simulation = simulate(**SIZES, seed=seed(1000 + number))
    everything = encode(simulation.responses)
    part = simulation.responses.take(pa.array(np.arange(simulation.responses.num_rows)[seen]))
    fit = calibrate(part, simulation.anchors, seed=seed(number), **SAMPLER)
    items = fit.items
    assert len(items) == SIZES["items"]

    covered, narrowed, judged, squared, correlation = {}, {}, {}, {}, {}
    for name in ("a", "b"):
        truth = simulation.items[name].to_numpy()
        off = np.abs(truth - (items[f"{name}_lower"] + items[f"{name}_upper"]) / 2.0)
        share = off / ((items[f"{name}_upper"] - items[f"{name}_lower"]) / 2.0)
        for group, chosen in (("anchor", items.is_anchor), ("free", ~items.is_anchor)):
            key = f"{name}, {group}"
            covered[key] = int((share[chosen] <= 1.0).sum())
            narrowed[key] = int((share[chosen] <= NARROWER[group]).sum())
            judged[key] = int(chosen.sum())
            squared[key] = float(((items[name] - truth)[chosen] ** 2).mean())
            correlation[key] = float(np.corrcoef(items[name][chosen], truth[chosen])[0, 1])

    draws = fit.posterior["posterior"]
    a, b, theta = (draws[name].values[:, ::THIN].reshape(-1, draws[name].shape[-1]) for name in ("a", "b", "theta"))
    true = [simulation.items["a"], simulation.items["b"], simulation.persons["theta"]]
    of_truth = log_likelihood(*(column.to_numpy()[None] for column in true), everything)
    rank = (log_likelihood(a, b, theta, everything) < of_truth).mean()
    return Replication(covered, narrowed, judged, squared, correlation, float(rank))


def problems(replications: list[Replication], of_intervals: str = "covered") -> list[str]:
    """What a calibrated engine would not do; prints the table on the way."""
    found = []
    root = np.sqrt(len(replications))
    for key in replications[0].covered:
        covered, n = (np.array([getattr(r, what)[key] for r in replications]) for what in (of_intervals, "judged"))
        rmse = np.sqrt(np.mean([r.squared_error[key] for r in replications]))
        correlation = np.mean([r.correlation[key] for r in replications])
        share, error = covered.sum() / n.sum(), (covered / n).std(ddof=1) / root
        print(f"{key:10} coverage {share:.3f} +- {error:.3f}, RMSE {rmse:.3f}, correlation {correlation:.3f}")
        if limits.binomial(covered.sum(), n.sum(), 0.95, DESIGN) < limits.level(COMPARISONS):
            found.append(f"coverage of {key}")
    ranks = np.array([r.log_likelihood_rank for r in replications])
    print(f"rank of the log-likelihood {ranks.mean():.3f}, uniform is 0.5 +- {1 / np.sqrt(12) / root:.3f}")
    if limits.beyond((ranks.mean() - 0.5) * np.sqrt(12) * root, COMPARISONS):
        found.append("rank of the log-likelihood")
    return found


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("replications", soon([FEWER, REPLICATIONS], now=[FEWER]))
def test_intervals_cover_the_truth_and_all_responses_are_used(replications):
    every = [replicate(number, slice(None)) for number in range(replications)]
    assert problems(every) == []
    found = problems(every, "narrowed")
    assert found == [f"coverage of {key}" for key in every[0].covered]


@pytest.mark.slow
@pytest.mark.statistical
def test_an_engine_that_sees_half_of_the_responses_fails():
    found = problems([replicate(number, slice(None, None, 2)) for number in range(CONTROLS)])
    assert "rank of the log-likelihood" in found
