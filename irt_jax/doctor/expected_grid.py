"""How many nodes of ability a calibration will take, told from the responses before anything is fitted.

The grid's spacing follows the narrowest posterior of an ability. A response adds information .2 where the
discrimination is 1 (see `first_nodes`), and r / (1 - r) where responses to two items correlate by r: k r / (1 - r) is
the ratio of true to error variance of a sum of k (Spearman-Brown).
"""

import numpy as np

from irt_jax.data import Responses
from irt_jax.likelihood.quadrature import REACH, REACH_FREE, first_nodes

#: Correlations beyond this are of duplicates.
LARGEST = 0.7
#: Information of a response that the first grid counts with; a grid is seldom coarser than that.
FIRST = 0.2


def expected_nodes(longest: int, correlation: float, *, learned: bool) -> int:
    """Nodes of the grid.

    Args:
        longest: responses of the person who has the most.
        correlation: mean correlation of two responses of a person.
        learned: whether the population is, which reaches further.
    """
    information = max(FIRST, correlation / (1.0 - correlation))
    count = len(first_nodes(round(longest * information / FIRST)))
    return round(count * REACH_FREE / REACH) if learned else count


def mean_correlation(responses: Responses) -> float:
    """Mean correlation of a person's responses to two items, each standardised by its item; from 0 to `LARGEST`.

    Args:
        responses: coded responses.
    """
    item, person = responses.item, responses.person
    count = np.bincount(item, minlength=responses.n_items)
    value = responses.response.astype(float)
    mean = np.bincount(item, value, responses.n_items) / count
    variance = np.maximum(np.bincount(item, value**2, responses.n_items) / count - mean**2, 0.0)
    varies = variance[item] > 1e-9
    scaled = (value - mean[item])[varies] / np.sqrt(variance[item][varies])
    kept = np.bincount(person[varies], minlength=responses.n_persons)
    total = np.bincount(person[varies], scaled, responses.n_persons)
    pairs = float((kept * (kept - 1.0)).sum())
    found = (float((total**2).sum()) - float((scaled**2).sum())) / pairs if pairs else 0.0
    return float(np.clip(found, 0.0, LARGEST))
