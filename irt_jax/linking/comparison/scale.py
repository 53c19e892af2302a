"""What two sides have in common in their differences: a shift and a stretch of the scale."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

#: With fewer items in common nothing is said of the scale; and a shift counts from so many of its standard errors.
FEWEST, ERRORS = 5, 3.0
#: Standard error of a median over that of a mean.
OF_MEDIAN = float(np.sqrt(np.pi / 2.0))


class Scale(NamedTuple):
    """How two sides relate; NaN where too few items say so.

    Attributes:
        sides: names of both.
        n_both: items on both.
        n_only: items on one of them only, first and second.
        n_flagged: items that differ by more than the threshold.
        n_without: items that would on one scale: a of the second divided by factor, b times it less a median shift.
        slope: mean/sigma: b of the second is about slope times b of the first plus intercept, a is divided by slope.
        intercept: likewise.
        shift: median difference of b.
        factor: median ratio of a.
        correlation: of b.
        differs: whether shift or factor is more than half the threshold, and beyond chance.
    """

    sides: tuple[str, str]
    n_both: int
    n_only: tuple[int, int]
    n_flagged: int
    n_without: int
    slope: float
    intercept: float
    shift: float
    factor: float
    correlation: float
    differs: bool


class Moments(NamedTuple):
    """The numbers of a `Scale`."""

    slope: float
    intercept: float
    shift: float
    factor: float
    correlation: float
    differs: bool


def compare_scales(a: Float[np.ndarray, "2 item"], b: Float[np.ndarray, "2 item"], threshold: float) -> Moments:
    """Mean/sigma (Marco 1977; Kolen & Brennan 2014, ch. 6), and medians, which a few items do not move.

    Args:
        a: of the items on both sides, NaN where there is none.
        b: likewise.
        threshold: of differences that count.
    """
    b = b[:, np.isfinite(b).all(0)]
    a = a[:, (np.isfinite(a) & (a > 0.0)).all(0)]
    if b.shape[1] < FEWEST:
        return Moments(np.nan, np.nan, np.nan, np.nan, np.nan, False)
    mean, sd = b.mean(1), b.std(1)
    slope = float(sd[1] / sd[0]) if sd[0] > 0.0 else np.nan
    shift, beyond = _median(b[1] - b[0])
    correlation = float(np.corrcoef(b)[0, 1]) if (sd > 0.0).all() else np.nan
    far = beyond and abs(shift) > threshold / 2.0
    factor = np.nan
    if a.shape[1] >= FEWEST:
        middle, stretched = _median(np.log(a[1] / a[0]))
        factor = float(np.exp(middle))
        far = far or (stretched and abs(factor - 1.0) > threshold / 2.0)
    return Moments(slope, float(mean[1] - slope * mean[0]), shift, factor, correlation, bool(far))


def _median(values: Float[np.ndarray, " item"]) -> tuple[float, bool]:
    """Median, and whether it is beyond chance."""
    middle = float(np.median(values))
    return middle, bool(abs(middle) > ERRORS * OF_MEDIAN * values.std(ddof=1) / np.sqrt(len(values)))
