"""The probability that a bivariate normal change lies beyond thresholds."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, owens_t

#: SDs beyond which a limit is as good as infinite, and below which it is as good as zero.
FAR, ZERO = 30.0, 1e-12


class Limits(NamedTuple):
    """How large a change is not yet one, for each anchor.

    Attributes:
        lower: of the change of log a; minus infinity where a cannot fall that far or is not estimated, [anchor].
        upper: likewise, [anchor].
        b: the largest change of b, either way.
    """

    lower: Float[np.ndarray, " anchor"]
    upper: Float[np.ndarray, " anchor"]
    b: float


class Outside(NamedTuple):
    """Probabilities of being beyond the limits.

    Attributes:
        a: of log a.
        b: of b.
        either: of one or both.
    """

    a: Float[np.ndarray, "..."]
    b: Float[np.ndarray, "..."]
    either: Float[np.ndarray, "..."]


def outside(mean: Float[np.ndarray, "... 2"], covariance: Float[np.ndarray, "... 2 2"], limits: Limits) -> Outside:
    """Probability of changes beyond the limits.

    Args:
        mean: of the changes of log a and b, anchors first.
        covariance: of them; its shape and the limits' broadcast with the mean's.
        limits: one an anchor.
    """
    sd_a, sd_b = np.sqrt(covariance[..., 0, 0]), np.sqrt(covariance[..., 1, 1])
    correlation = covariance[..., 0, 1] / (sd_a * sd_b)
    shape = (-1, *[1] * (mean.ndim - 2))
    a = [_standard(part.reshape(shape), mean[..., 0], sd_a) for part in (limits.lower, limits.upper)]
    b = [_standard(part, mean[..., 1], sd_b) for part in (-limits.b, limits.b)]
    inside = sum(
        sign * _both_below(x, y, correlation)
        for x, y, sign in ((a[1], b[1], 1.0), (a[0], b[1], -1.0), (a[1], b[0], -1.0), (a[0], b[0], 1.0))
    )
    out_a, out_b = (ndtr(low) + ndtr(-high) for low, high in (a, b))
    return Outside(out_a, out_b, np.clip(1.0 - inside, np.maximum(out_a, out_b), np.minimum(out_a + out_b, 1.0)))


def _standard(limit: np.ndarray | float, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Limits in SDs; neither zero, which Owen's function would be divided by, nor infinite."""
    found = np.clip((limit - mean) / sd, -FAR, FAR)
    return np.where(np.abs(found) < ZERO, ZERO, found)


def _both_below(x: np.ndarray, y: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Distribution function of the standard bivariate normal (Owen 1956, Annals of Mathematical Statistics 27)."""
    rest = np.sqrt(np.maximum(1.0 - correlation**2, 1e-15))
    of_x = owens_t(x, (y - correlation * x) / (x * rest))
    of_y = owens_t(y, (x - correlation * y) / (y * rest))
    return 0.5 * (ndtr(x) + ndtr(y)) - of_x - of_y - np.where(x * y < 0.0, 0.5, 0.0)
