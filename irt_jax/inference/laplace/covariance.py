"""Covariance of the parameters at a mode, from the observed information: in full, or by blocks with a stated error."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from irt_jax.inference.laplace.hessian import Functions, whitened_hessian_times
from irt_jax.inference.laplace.metric import Metric
from irt_jax.likelihood.flatten import Shapes

#: Below this many parameters the information is always inverted in full.
ALWAYS_FULL = 100
#: Up to this many it is, where the metric leaves too much.
AT_MOST_FULL = 4000
#: Largest share of a variance that the metric may miss, before it is added back.
LEFT_OVER = 0.01
#: Random sign vectors that measure what is missed.
PROBES = 16
#: Smallest eigenvalue of the information, of the largest: a direction that is flatter counts as this flat.
FLAT = 1e-10
#: Rows of the information that are computed side by side.
ROWS = 8


class Covariance(NamedTuple):
    """Covariances of each block's parameters and the shared ones.

    Attributes:
        blocks: the block's parameters first, then the shared ones.
        relative_error: of the standard errors, at most about this; 0 where the information was inverted in full.
    """

    blocks: Float[np.ndarray, "block own own"]
    relative_error: float


def covariance(
    functions: Functions, data: Any, metric: Metric, shapes: Shapes, *, together: bool = False
) -> Covariance:
    """Invert the observed information at the mode.

    The metric's whitening A turns the blocks' information into I + E, with E small and without diagonal blocks, so that
    the inverse is A (I - E + E E - ...) A'. What the metric's directions take out of E stands in its diagonal blocks
    with the other sign, and is added; so is the second-order term, measured with random signs (Hutchinson 1990). Where
    that is not small, the information is inverted in full. The shared parameters' covariance is the metric's, and the
    blocks follow them.

    Args:
        functions: of the posterior.
        data: its data.
        metric: at the mode, directions included.
        shapes: of the positions.
        together: whether the shared parameters' covariance comes from the information as well, which is then inverted
            in full, up to `AT_MOST_FULL` parameters.
    """
    p = shapes.block_size
    with jax.enable_x64(True):
        if together and shapes.n_shared and shapes.size <= AT_MOST_FULL:
            return Covariance(_in_full(functions, data, metric, shapes, shapes.n_shared), 0.0)
        alone = metric._replace(shared_root=jnp.zeros_like(metric.shared_root))
        blocks, error = np.asarray(alone.covariance())[:, :p, :p], 0.0
        missed = None if shapes.size <= ALWAYS_FULL else _missed(functions, data, metric, shapes)
        if missed is not None and (missed.max() < LEFT_OVER or shapes.size > AT_MOST_FULL):
            lifted = np.asarray(alone.lifted(metric.directions.T))[:, :, :p]
            blocks = blocks + np.einsum("d,dbi,dbj->bij", 1.0 / np.asarray(metric.scales) ** 2 - 1.0, lifted, lifted)
            blocks = blocks * np.sqrt(1.0 + missed[:, :, None] + missed[:, None, :])
            error = float(missed.max()) / 2
        else:
            blocks = _in_full(functions, data, metric, shapes)
    return Covariance(_with_shared(blocks, np.asarray(metric.coupling), np.asarray(metric.shared_root)), error)


def _with_shared(
    blocks: Float[np.ndarray, "block parameter parameter"],
    coupling: Float[np.ndarray, "shared block parameter"],
    shared_root: Float[np.ndarray, "shared shared"],
) -> Float[np.ndarray, "block own own"]:
    """Joint covariance of blocks that follow the shared parameters."""
    shared = shared_root @ shared_root.T
    follow = -np.moveaxis(coupling, 0, -1)
    across = follow @ shared
    corner = np.broadcast_to(shared, (len(blocks), *shared.shape))
    upper = np.concatenate([blocks + across @ np.swapaxes(follow, 1, 2), across], 2)
    return np.concatenate([upper, np.concatenate([np.swapaxes(across, 1, 2), corner], 2)], 1)


def _missed(functions: Functions, data: Any, metric: Metric, shapes: Shapes) -> Float[np.ndarray, "block parameter"]:
    """Share of each variance that the metric misses to second order."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (PROBES, shapes.size))
    times = whitened_hessian_times(functions, data, metric, shapes)
    squares = (np.stack([times(sign) - sign for sign in signs]) ** 2).mean(0)
    n, p = shapes.n_blocks, shapes.block_size
    return squares[: n * p].reshape(n, p)


def _in_full(
    functions: Functions, data: Any, metric: Metric, shapes: Shapes, n_shared: int = 0
) -> Float[np.ndarray, "block own own"]:
    """Covariance of each block's parameters and of the first shared ones, the others held."""
    n, p = shapes.n_blocks, shapes.block_size
    size = n * p + n_shared
    units = np.eye(ROWS * -(-size // ROWS), shapes.size).reshape(-1, ROWS, shapes.size)
    rows = [np.asarray(functions.rows_of_hessian(metric.centre, jnp.asarray(unit), data)) for unit in units]
    information = np.concatenate(rows)[:size, :size]
    scale = 1.0 / np.sqrt(np.abs(np.diag(information)))
    values, vectors = np.linalg.eigh(scale[:, None] * (information + information.T) / 2 * scale)
    least = FLAT * np.abs(values).max()
    inverse = (vectors / np.where(np.abs(values) < least, least, values)) @ vectors.T
    inverse *= scale[:, None] * scale
    shared = np.broadcast_to(np.arange(n * p, size), (n, n_shared))
    index = np.concatenate([np.arange(n * p).reshape(n, p), shared], axis=1)
    return inverse[index[:, :, None], index[:, None, :]]
