"""Covariance of the parameters at a mode, from the observed information: in full, or by blocks with a stated error."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from irt_jax.engines.laplace import compiled, whitened_hessian_times
from irt_jax.engines.metric import Metric
from irt_jax.engines.packing import Shapes
from irt_jax.engines.target import Target

#: Below this many parameters the information is always inverted in full.
ALWAYS_FULL = 100
#: Up to this many it is, where the metric leaves too much.
AT_MOST_FULL = 4000
#: Largest share of a variance that the metric may miss, before it is added back.
LEFT_OVER = 0.01
#: Random sign vectors that measure what is missed.
PROBES = 16
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


def covariance(target: Target, data: Any, metric: Metric, shapes: Shapes) -> Covariance:
    """Invert the observed information at the mode.

    The metric's whitening A turns the information into I + E, with E small and without diagonal blocks, so that the
    inverse is A (I - E + E E - ...) A'. The second-order term is measured with random signs (Hutchinson 1990) and
    added; where it is not small, the information is inverted in full.

    Args:
        target: the posterior.
        data: its data.
        metric: at the mode, directions included.
        shapes: of the positions.
    """
    with jax.enable_x64(True):
        if shapes.size > ALWAYS_FULL:
            missed = _missed(target, data, metric, shapes)
            if missed.max() < LEFT_OVER or shapes.size > AT_MOST_FULL:
                blocks = np.asarray(metric.covariance()) * np.sqrt(1.0 + missed[:, :, None] + missed[:, None, :])
                return Covariance(blocks, float(missed.max()) / 2)
        return Covariance(_in_full(target, data, metric, shapes), 0.0)


def _missed(target: Target, data: Any, metric: Metric, shapes: Shapes) -> Float[np.ndarray, "block own"]:
    """Share of each variance that the metric misses to second order, smoothed over blocks by its own noise."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (PROBES, shapes.size))
    times = whitened_hessian_times(target, data, metric, shapes)
    left = np.stack([times(sign) - sign for sign in signs])
    squares = (left**2).mean(0)
    n, p = shapes.n_blocks, shapes.block_size
    shared = np.broadcast_to(squares[n * p :], (n, shapes.n_shared))
    return np.concatenate([squares[: n * p].reshape(n, p), shared], 1)


def _in_full(target: Target, data: Any, metric: Metric, shapes: Shapes) -> Float[np.ndarray, "block own own"]:
    rows_of_hessian = compiled(target, shapes).rows_of_hessian
    units = np.eye(ROWS * -(-shapes.size // ROWS), shapes.size).reshape(-1, ROWS, shapes.size)
    rows = [np.asarray(rows_of_hessian(metric.centre, jnp.asarray(unit), data)) for unit in units]
    information = np.concatenate(rows)[: shapes.size]
    scale = 1.0 / np.sqrt(np.abs(np.diag(information)))
    inverse = np.linalg.pinv(scale[:, None] * (information + information.T) / 2 * scale, rcond=1e-10, hermitian=True)
    inverse *= scale[:, None] * scale
    n, p = shapes.n_blocks, shapes.block_size
    own = np.arange(n * p).reshape(n, p)
    index = np.concatenate([own, np.broadcast_to(np.arange(n * p, shapes.size), (n, shapes.n_shared))], 1)
    return inverse[index[:, :, None], index[:, None, :]]
