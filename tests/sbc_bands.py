"""Are ranks uniform? Simultaneous bands around their empirical distribution function.

Source: Säilynoja, Bürkner & Vehtari (2022), Statistics and Computing 32, section 2.2: pointwise binomial bands whose
level is such that uniform ranks leave them anywhere with a given small probability.
"""

import numpy as np
from scipy.stats import binom

#: Simulated sets of uniform ranks from which the bands' level is found.
SIMULATIONS = 100_000


def pointwise_level(replications: int, bins: int, alpha: float) -> float:
    """The level of the pointwise bands that uniform ranks leave somewhere with probability alpha.

    Args:
        replications: how many ranks.
        bins: of equal width, at whose edges the distribution function is looked at.
        alpha: probability of a false alarm.
    """
    counts = np.random.default_rng(0).multinomial(replications, np.full(bins, 1.0 / bins), SIMULATIONS)
    below = counts.cumsum(axis=1)[:, :-1]
    return float(np.quantile(smallest_tail(below, replications, bins), alpha))


def smallest_tail(below: np.ndarray, replications: int, bins: int) -> np.ndarray:
    """Twice the smallest binomial tail probability over the bins' edges.

    Args:
        below: ranks below each inner edge; edges along the last axis.
        replications: how many ranks.
        bins: of equal width.
    """
    edge = np.arange(1, bins) / bins
    counts = np.arange(replications + 1)
    below_or_at = binom.cdf(counts[:, None], replications, edge)
    at_or_above = binom.sf(counts[:, None] - 1, replications, edge)
    tails = np.minimum(below_or_at, at_or_above)[below, np.arange(bins - 1)]
    return 2.0 * tails.min(axis=-1)


def ranks_tail(ranks: np.ndarray, n_draws: int, bins: int) -> float:
    """The statistic of some ranks, to be compared with `pointwise_level`.

    Args:
        ranks: number of draws below the truth, 0 to `n_draws`.
        n_draws: kept draws; one more must be a multiple of `bins`.
        bins: of equal width.
    """
    assert (n_draws + 1) % bins == 0
    inside = np.asarray(ranks) * bins // (n_draws + 1)
    below = np.bincount(inside, minlength=bins).cumsum()[:-1]
    return float(smallest_tail(below, len(ranks), bins))
