"""Items that lie on a ridge of the likelihood: their estimates may move together as far as they like.

Of two items alone only the product of the slopes is known. The steeper one's standard error is the larger, so that both
are looked at by how much their errors grow as the other items are let go.
"""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Bool, Float

from irt_jax.inference.maximum import OWN_SLOPES
from irt_jax.likelihood.flatten import Shapes
from irt_jax.runtime.arrays import AnyArray

#: A slope with a larger standard error is not determined at all: what is left of the curvature is rounding.
LARGEST_ERROR = 100.0
#: Where there is such a slope, one whose standard error is this many times that with the other items held is on the
#: same ridge.
INFLATED = 30.0


def undetermined(
    shapes: Shapes, covariances: Float[np.ndarray, "item own own"], information: Callable[[], AnyArray]
) -> Bool[np.ndarray, " item"]:
    """Items with a standard error that is none, and those on a ridge with one.

    Args:
        shapes: of the positions.
        covariances: of each item's parameters, the shared ones behind.
        information: of each item's parameters alone; asked only where there is such an item.
    """
    n, p = len(covariances), shapes.block_size
    steep = [np.full(shape, name in OWN_SLOPES).reshape(n, -1) for name, shape in shapes.blocks]
    variance = np.diagonal(covariances, axis1=1, axis2=2)
    slopes = np.where(np.concatenate(steep, axis=1), variance[:, :p], 0.0)
    none = np.logical_or(~(variance > 0).all(1), (slopes > LARGEST_ERROR**2).any(1))
    if not none.any():
        return none
    with jax.enable_x64(True):
        alone = np.diagonal(np.linalg.pinv(np.asarray(information()), hermitian=True), axis1=1, axis2=2)
    return np.logical_or(none, (slopes > INFLATED**2 * np.abs(alone)).any(1))
