"""Where a slope may be zero, b = -intercept / slope is no number: its draws have no mean, its delta method no meaning.

Only models in slopes and intercepts (`--sign free`, `--priors flat`) are concerned: log a keeps a slope from zero.
The slope and the intercept are estimated all the same. Source: Fieller (1954), JRSS B 16, for the ratio's confidence
set, which has no end where the denominator's interval includes zero.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float

from irt_jax.contract.names import ITEM
from irt_jax.errors import first_few

#: b is null where the slope's posterior mean is within so many SDs of zero, or where more than this share of its draws
#: have the other sign: its draws have no variance then. And where an estimate is within so many standard errors.
WITHIN_SDS, OTHER_SIGN, WITHIN_ERRORS = 3.0, 1e-3, 1.0
#: Not if the estimate is steeper than this: its error is large because the likelihood is flat on the other side, away
#: from zero, and b is determined (Hauck & Donner 1977, JASA 72).
STEEP = 1.0
OF_DRAWS = (
    f"the slope may be zero (its mean is within {WITHIN_SDS:g} SDs of it): b = -intercept / slope is not determined; "
    "a and the intercept are"
)
OF_ESTIMATES = (
    "the slope is within a standard error of zero: b = -intercept / slope is not determined; a and the intercept are"
)


def undecided(a: Float[np.ndarray, "chain draw item"]) -> Bool[np.ndarray, " item"]:
    """Items whose slope may be zero, by its draws; none of a model that keeps slopes positive.

    Args:
        a: draws of the slopes.
    """
    pooled = a.reshape(-1, a.shape[-1])
    share = (pooled > 0.0).mean(0)
    near = np.abs(pooled.mean(0)) < WITHIN_SDS * pooled.std(0)
    if (share == 1.0).all():
        return np.zeros(len(share), bool)
    return np.logical_or(np.minimum(share, 1.0 - share) > OTHER_SIGN, near)


def uncertain(a: Float[np.ndarray, " item"], error: Float[np.ndarray, " item"]) -> Bool[np.ndarray, " item"]:
    """Items whose slope is about zero, by its standard error; not those whose slope is given.

    Args:
        a: slopes.
        error: their standard errors.
    """
    return np.logical_and(error > 0.0, np.abs(a) < np.minimum(STEEP, WITHIN_ERRORS * error))


def unlocated(items: pa.Table) -> list[str]:
    """Items without a b though they have an a, one sentence.

    Args:
        items: of items.parquet.
    """
    some = items.filter(pc.and_(pc.is_valid(items["a"]), pc.is_null(items["b"])))
    if not some.num_rows:
        return []
    shown = first_few(some[ITEM].slice(0, 5).to_pylist(), total=some.num_rows)
    return [f"{some.num_rows:,} items have a slope that may be zero, and so no b: {shown}."]
