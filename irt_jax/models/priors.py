"""Priors of the items as arrays: what the options and the anchors say, item by item.

Free items have log a ~ N(0, a_sd) and b ~ N(0, b_sd); an anchor has log a ~ N(log a_prev, log_a_sd)
and b ~ N(b_prev, b_sd) of its previous calibration.
"""

import numpy as np

from irt_jax.data import Anchors
from irt_jax.models.two_parameter import TwoParameterPriors


def item_priors(
    n_items: int, anchors: Anchors | None = None, *, a_sd: float = 0.2, b_sd: float = 1.0
) -> TwoParameterPriors:
    """Normal priors of log a and b for every item.

    Args:
        n_items: how many items the responses have.
        anchors: codes and previous estimates of the anchors; None when there are none.
        a_sd: prior SD of a free item's log a.
        b_sd: prior SD of a free item's b, on the ability scale.

    Returns:
        Four float64 arrays of shape (item,).
    """
    priors = TwoParameterPriors(
        log_a_mean=np.zeros(n_items),
        log_a_sd=np.full(n_items, float(a_sd)),
        b_mean=np.zeros(n_items),
        b_sd=np.full(n_items, float(b_sd)),
    )
    if anchors is not None:
        priors.log_a_mean[anchors.item] = anchors.log_a
        priors.log_a_sd[anchors.item] = anchors.log_a_sd
        priors.b_mean[anchors.item] = anchors.b
        priors.b_sd[anchors.item] = anchors.b_sd
    return priors
