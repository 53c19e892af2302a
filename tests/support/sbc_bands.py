"""Are ranks uniform? Simultaneous bands around their empirical distribution function.

Source: Säilynoja, Bürkner & Vehtari (2022), Statistics and Computing 32, section 2.2: pointwise binomial bands whose
level is such that uniform ranks leave them anywhere with a given small probability. That probability is a sum over all
paths of the counts from edge to edge, hence exact, however small.
"""

from functools import lru_cache

import numpy as np
from scipy.stats import binom
from support import limits

#: Two tails that differ by no more than rounding are the same.
ROUNDING = 1.0 + 1e-9


def judged(ranks: dict[str, np.ndarray], n_draws: int, bins: int) -> list[str]:
    """Quantities whose ranks leave their bands, of a test case that compares no others; prints the table on the way.

    Args:
        ranks: number of draws below the truth of each replication, by quantity.
        n_draws: kept draws.
        bins: of equal width.
    """
    failed = []
    for name, own in ranks.items():
        chance, spread = uniform_probability(own, n_draws, bins), own.std() / n_draws * np.sqrt(12.0)
        print(f"{name:24} mean {own.mean() / n_draws:.3f}, SD {spread:.3f} of uniform, chance {chance:.1e}")
        if not limits.likely(np.array(chance), len(ranks)):
            failed.append(name)
    return failed


def uniform_probability(ranks: np.ndarray, n_draws: int, bins: int) -> float:
    """Probability that uniform ranks leave bands as wide as these do, or wider ones, somewhere.

    Args:
        ranks: number of draws below the truth, 0 to `n_draws`.
        n_draws: kept draws; one more must be a multiple of `bins`.
        bins: of equal width, at whose edges the distribution function is looked at.
    """
    assert (n_draws + 1) % bins == 0
    inside = np.asarray(ranks) * bins // (n_draws + 1)
    below = np.bincount(inside, minlength=bins).cumsum()[:-1]
    tails = binomial_tails(len(ranks), bins)
    return leaves(tails, float(tails[np.arange(bins - 1), below].min()))


@lru_cache(maxsize=8)
def binomial_tails(replications: int, bins: int) -> np.ndarray:
    """Twice the smaller binomial tail probability of each count below each inner edge: (edge, count).

    Args:
        replications: how many ranks.
        bins: of equal width.
    """
    edge, counts = np.arange(1, bins)[:, None] / bins, np.arange(replications + 1)
    return 2.0 * np.minimum(binom.cdf(counts, replications, edge), binom.sf(counts - 1, replications, edge))


@lru_cache(maxsize=8)
def steps(replications: int, bins: int) -> np.ndarray:
    """Probability of each count below an edge, given the one below the edge before: (edge, before, count)."""
    before, counts = np.arange(replications + 1)[:, None], np.arange(replications + 1)
    return np.stack([binom.pmf(counts - before, replications - before, 1.0 / (bins - k)) for k in range(bins - 1)])


def leaves(tails: np.ndarray, level: float) -> float:
    """Probability that the smallest tail of uniform ranks over the edges is at most a level."""
    replications, bins = tails.shape[1] - 1, len(tails) + 1
    at, gone = np.zeros(replications + 1), 0.0
    at[0] = 1.0
    for step, own in zip(steps(replications, bins), tails, strict=True):
        at = at @ step
        out = own <= level * ROUNDING
        gone += at[out].sum()
        at[out] = 0.0
    return float(gone)
