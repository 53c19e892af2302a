"""The anchors' changes, averaged over what is not known of the linking and of drift in general."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from irt_jax.linking.drift.evidence import Evidence
from irt_jax.linking.drift.mixture import Posterior, change_if_changed, changed_weight, in_chunks
from irt_jax.linking.drift.outside import Limits, outside


class Chances(NamedTuple):
    """Posterior probabilities of every anchor, [anchor].

    Attributes:
        sound: that it has not changed.
        a: that its a has changed by more than the threshold.
        b: that its b has.
        either: that a or b has.
        high: that a or b has changed by more than twice the threshold.
    """

    sound: Float[np.ndarray, " anchor"]
    a: Float[np.ndarray, " anchor"]
    b: Float[np.ndarray, " anchor"]
    either: Float[np.ndarray, " anchor"]
    high: Float[np.ndarray, " anchor"]


class Linking(NamedTuple):
    """The linking's remaining error c.

    Attributes:
        mean: posterior mean, [shared]: of the population's mean, and of its log SD.
        covariance: [shared, shared].
    """

    mean: Float[np.ndarray, " shared"]
    covariance: Float[np.ndarray, "shared shared"]


def limits(evidence: Evidence, threshold_a: float, threshold_b: float) -> Limits:
    """Thresholds of a as thresholds of log a, at the previous a.

    Args:
        evidence: of the anchors.
        threshold_a: largest change of a that is none.
        threshold_b: likewise of b.
    """
    lower, upper = np.full(len(evidence.a_prev), -np.inf), np.full(len(evidence.a_prev), np.inf)
    far = threshold_a / evidence.a_prev
    falls = evidence.has_slope & (far < 1.0)
    lower[falls] = np.log1p(-far[falls])
    upper[evidence.has_slope] = np.log1p(far[evidence.has_slope])
    return Limits(lower, upper, threshold_b)


def chances(evidence: Evidence, found: Posterior, threshold_a: float, threshold_b: float) -> Chances:
    """Probabilities that anchors have changed.

    Args:
        evidence: of the anchors.
        found: from `posterior`.
        threshold_a: of the change of a.
        threshold_b: of the change of b.
    """
    n_anchors = len(evidence.change)
    medium = limits(evidence, threshold_a, threshold_b)
    high = limits(evidence, 2.0 * threshold_a, 2.0 * threshold_b)
    sums = np.zeros((5, n_anchors))
    for part in in_chunks(found, n_anchors):
        weight = changed_weight(evidence, part)
        mean, covariance = change_if_changed(evidence, part)
        beyond, far = outside(mean, covariance, medium), outside(mean, covariance, high)
        values = (1.0, beyond.a, beyond.b, beyond.either, far.either)
        sums += [(weight * value).sum(1) for value in values]
    a = np.where(evidence.has_slope, sums[1], np.nan)
    return Chances(1.0 - sums[0], a, *sums[2:])


def linking_left(found: Posterior) -> Linking:
    """Mean and covariance of the linking's error.

    Args:
        found: from `posterior`.
    """
    mean = found.weight @ found.point
    away = found.point - mean
    return Linking(mean, (found.weight[:, None] * away).T @ away)


def change_of(evidence: Evidence, left: Linking) -> tuple[np.ndarray, np.ndarray]:
    """Changes of log a and b with the linking put right, and their covariances: [anchor, 2], [anchor, 2, 2].

    Args:
        evidence: of the anchors.
        left: the linking's error.
    """
    change = evidence.change - evidence.link @ left.mean
    return change, evidence.error + evidence.link @ left.covariance @ evidence.link.swapaxes(1, 2)
