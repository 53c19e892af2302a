"""Which anchors to call drifted: as many as keep the expected share of false ones at a rate."""

import numpy as np
from jaxtyping import Bool, Float


def discoveries(probability: Float[np.ndarray, " anchor"], rate: float) -> Bool[np.ndarray, " anchor"]:
    """The longest list whose expected share of false discoveries is at most the rate.

    Sorted by probability, the share of false ones among the first k is expected to be the mean of 1 - p over them.
    Source: Newton, Noueiry, Sarkar & Ahlquist (2004), Biostatistics 5; Mueller, Parmigiani & Rice (2006).

    Args:
        probability: that a discovery is true; NaN is none.
        rate: of false discoveries among all, in expectation.
    """
    wrong = 1.0 - np.nan_to_num(probability)
    order = np.argsort(wrong, kind="stable")
    running = np.cumsum(wrong[order]) / np.arange(1, len(wrong) + 1)
    count = int(np.flatnonzero(running <= rate).max(initial=-1)) + 1
    found = np.zeros(len(wrong), bool)
    found[order[:count]] = True
    return found & np.isfinite(probability)
