"""Priors of the items as arrays: what the options and the anchors say, item by item.

Free items have log a ~ N(0, a_sd) and b ~ N(0, b_sd), or a normal distribution whose mean and SD are learned; an
anchor has log a ~ N(log a_prev, log_a_sd) and b ~ N(b_prev, b_sd) of its previous calibration.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from irt_jax.data import Anchors
from irt_jax.models.hierarchy import Hierarchy
from irt_jax.models.two_parameter import TwoParameterPriors

#: Weak priors of what is learned about the free items: mean of log a ~ N(0, 0.5), log of its SD ~ N(log 0.3, 0.6);
#: mean of b ~ N(0, 2), log of its SD ~ N(0, 0.6).
LOG_A_MEAN_SD, LOG_A_SD_CENTRE = 0.5, 0.3
B_MEAN_SD, B_SD_CENTRE = 2.0, 1.0
LOG_SD_SD = 0.6
#: About what one response adds to the precision of log a and of b, for a first guess of how to centre an item.
PRECISION_LOG_A, PRECISION_B = 0.13, 0.2


def item_priors(
    n_items: int,
    anchors: Anchors | None = None,
    *,
    a_sd: float = 0.2,
    b_sd: float = 1.0,
    counts: Int[np.ndarray, " item"] | None = None,
) -> TwoParameterPriors:
    """Normal priors of log a and b for every item.

    Args:
        n_items: how many items the responses have.
        anchors: codes and previous estimates of the anchors; None when there are none.
        a_sd: prior SD of a free item's log a.
        b_sd: prior SD of a free item's b, on the ability scale.
        counts: responses of each item, which make the priors of free items learned ones; None for the given SDs.

    Returns:
        Float64 arrays of shape (item,).
    """
    priors = TwoParameterPriors(
        log_a_mean=np.zeros(n_items),
        log_a_sd=np.full(n_items, float(a_sd)),
        b_mean=np.zeros(n_items),
        b_sd=np.full(n_items, float(b_sd)),
    )
    free = np.ones(n_items, bool)
    if anchors is not None:
        free[anchors.item] = False
        priors.log_a_mean[anchors.item] = anchors.log_a
        priors.log_a_sd[anchors.item] = anchors.log_a_sd
        priors.b_mean[anchors.item] = anchors.b
        priors.b_sd[anchors.item] = anchors.b_sd
    if counts is None:
        return priors
    return priors._replace(
        log_a_hierarchy=_hierarchy(free, counts * PRECISION_LOG_A, LOG_A_MEAN_SD, LOG_A_SD_CENTRE),
        b_hierarchy=_hierarchy(free, counts * PRECISION_B, B_MEAN_SD, B_SD_CENTRE),
    )


def _hierarchy(
    free: Bool[np.ndarray, " item"], precision: Float[np.ndarray, " item"], mean_sd: float, sd_centre: float
) -> Hierarchy:
    share = precision / (precision + 1.0 / sd_centre**2)
    return Hierarchy(
        free=free,
        centred=np.where(free, share, 1.0),
        mean_centre=np.asarray(0.0),
        mean_sd=np.asarray(mean_sd),
        log_sd_centre=np.asarray(np.log(sd_centre)),
        log_sd_sd=np.asarray(LOG_SD_SD),
    )
