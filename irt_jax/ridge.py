"""Items that lie on a ridge of the likelihood: their estimates may move together as far as they like.

Of two items alone only the product of the slopes is known. The steeper one's standard error is the larger, so that both
are looked at by how much their errors grow as the other items are let go.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from irt_jax.arrays import AnyArray
from irt_jax.maximum import OWN_SLOPES
from irt_jax.problem import Problem

#: A slope with a larger standard error is not determined at all: what is left of the curvature is rounding.
LARGEST_ERROR = 100.0
#: Where there is such a slope, one whose standard error is this many times that with the other items held is on the
#: same ridge.
INFLATED = 30.0


def undetermined(
    problem: Problem, centre: Float[AnyArray, " coordinate"], covariances: Float[np.ndarray, "item own own"]
) -> Bool[np.ndarray, " item"]:
    """Items with a standard error that is none, and those on a ridge with one.

    Args:
        problem: at whose maximum.
        centre: the maximum, packed.
        covariances: of each item's parameters, the shared ones behind.
    """
    n, p = len(covariances), problem.shapes.block_size
    steep = [np.full(shape, name in OWN_SLOPES).reshape(n, -1) for name, shape in problem.shapes.blocks]
    variance = np.diagonal(covariances, axis1=1, axis2=2)
    slopes = np.where(np.concatenate(steep, axis=1), variance[:, :p], 0.0)
    none = np.logical_or(~(variance > 0).all(1), (slopes > LARGEST_ERROR**2).any(1))
    if not none.any():
        return none
    with jax.enable_x64(True):
        information = np.asarray(problem.functions.blocks(jnp.asarray(centre), problem.data))
    alone = np.diagonal(np.linalg.pinv(information, hermitian=True), axis1=1, axis2=2)
    return np.logical_or(none, (slopes > INFLATED**2 * np.abs(alone)).any(1))
