"""How small a change of b would be found, at the errors of a run."""

from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float

from irt_jax.linking.drift.evidence import Evidence
from irt_jax.linking.drift.mixture import Posterior, change_if_changed, changed_weight
from irt_jax.linking.drift.outside import Limits, outside

#: Largest change that is looked for, and halvings of it.
LARGEST, HALVINGS = 6.0, 30


def smallest_found(
    evidence: Evidence,
    error: Float[np.ndarray, "anchor 2 2"],
    found: Posterior,
    limits: Limits,
    *,
    fdr: float,
    power: float,
) -> Float[np.ndarray, " anchor"]:
    """The smallest change of b that is flagged with this probability; NaN where none up to 6 is.

    An anchor by itself is flagged when its probability of having changed is at least 1 - fdr, and that of drift more
    than 1/2; the estimate of a change lies around it with the anchor's error. The change of log a is taken to come out
    as none.

    Args:
        evidence: of the anchors.
        error: covariance of the changes, with the linking's error.
        found: from `posterior`; the share of drifters and their SD are as likely as it says.
        limits: of a change that is none.
        fdr: rate of false discoveries.
        power: probability of being flagged.
    """
    nodes, points = found.nodes, np.arange(len(found.nodes.tau))
    weight = np.bincount(found.tau, found.weight, len(points))
    shares = np.zeros((len(points), found.share_weight.shape[1]))
    np.add.at(shares, found.tau, found.weight[:, None] * found.share_weight)
    shares /= np.maximum(weight, 1e-300)[:, None]
    still = np.zeros((len(points), evidence.link.shape[2]))
    plain = found._replace(point=still, tau=points, weight=weight, share_weight=shares, nodes=nodes)

    def is_flagged(b: Float[np.ndarray, " anchor"]) -> Bool[np.ndarray, " anchor"]:
        at = evidence._replace(change=np.stack([np.zeros_like(b), b], axis=1), error=error)
        mean, covariance = change_if_changed(at, plain)
        changed = changed_weight(at, plain)
        beyond = (changed * outside(mean, covariance, limits).either).sum(1)
        return (changed.sum(1) >= 1.0 - fdr) & (beyond > 0.5)

    low, high = np.zeros(len(error)), np.full(len(error), LARGEST)
    reached = is_flagged(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        enough = is_flagged(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(reached, high + NormalDist().inv_cdf(power) * np.sqrt(error[:, 1, 1]), np.nan)
