"""The mode of what all blocks share, with the blocks integrated out by Laplace's approximation.

A learned SD and the parameters it belongs to have no useful joint mode: the density grows without end as they shrink
together, or many free items pull the scale away from a few anchors. So the shared parameters phi climb

    L(phi) = log p(x*(phi), phi) - 1/2 sum over blocks of log det B(x*(phi), phi)

where x* are the blocks' modes given phi and B the diagonal blocks of the negative Hessian there (Tierney & Kadane 1986,
JASA 81; Rue, Martino & Chopin 2009, JRSS B 71). Along the ridge x*(phi) the first term's derivative is the plain
gradient; the second's is a difference quotient. There are few shared parameters, so their Hessian is found once by
differences of gradients and then follows the steps (BFGS; Nocedal & Wright 2006, ch. 6).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.inference.laplace.hessian import Functions
from irt_jax.inference.laplace.metric import Metric
from irt_jax.inference.laplace.newton import Mode, climb_from, newton_step
from irt_jax.likelihood.flatten import Shapes, pack
from irt_jax.likelihood.log_density import Position

#: Steps of the difference quotients of log det B and of the gradient, in units of the shared parameters.
LOG_DET_STEP, GRADIENT_STEP = 0.02, 0.05
#: The climb ends when half of the squared Newton decrement is below this, in units of log density.
DECREMENT = 2e-3
#: No shared parameter moves further than this at once.
LONGEST = 0.5
MAX_STEPS = 40
#: Each direction of the ridge is solved until this share is left.
RIDGE_SHARE = 0.03


class Ridge(NamedTuple):
    """A place on the ridge of the blocks' modes.

    Attributes:
        mode: of the blocks given the shared parameters.
        slope: derivative of L by the shared parameters.
        directions: how all coordinates move when a shared parameter grows by one, the blocks following.
    """

    mode: Mode
    slope: Float[np.ndarray, " shared"]
    directions: Float[np.ndarray, "shared coordinate"]


def climb_profile(
    functions: Functions, data: Any, start: Position, shapes: Shapes, earlier: Metric | None = None
) -> Mode:
    """Climb to the mode of the shared parameters, the blocks at theirs.

    Args:
        functions: of the posterior.
        data: its data.
        start: where to begin.
        shapes: of the position.
        earlier: a metric from a climb nearby, whose covariance of the shared parameters is taken over.
    """
    with jax.enable_x64(True):
        x = pack({name: jnp.asarray(leaf, jnp.float64) for name, leaf in start.items()}, shapes)
        ridge = _ridge(functions, x, data, shapes)
        covariance = (
            _covariance(functions, ridge, data, shapes)
            if earlier is None
            else np.asarray(earlier.shared_root @ earlier.shared_root.T)
        )
        for _ in range(MAX_STEPS):
            step = covariance @ ridge.slope
            if not np.isfinite(step).all():
                break
            if step @ ridge.slope / 2 < DECREMENT:
                return _finished(ridge, covariance, shapes, converged=ridge.mode.converged)
            step *= min(1.0, LONGEST / np.abs(step).max())
            reached = _ridge(functions, ridge.mode.metric.centre + step @ ridge.directions, data, shapes)
            covariance = _followed(covariance, step, ridge.slope - reached.slope)
            ridge = reached
        return _finished(ridge, covariance, shapes, converged=False)


def _ridge(functions: Functions, x: Array, data: Any, shapes: Shapes) -> Ridge:
    """Go to the ridge at given shared parameters, and find the slope there."""
    mode, gradient = climb_from(functions, x, data, shapes, hold=True)
    x, edge = mode.metric.centre, shapes.n_blocks * shapes.block_size
    directions = np.eye(shapes.n_shared, shapes.size, edge)
    if not np.isfinite(np.asarray(x)).all():
        return Ridge(mode, np.full(shapes.n_shared, np.nan), directions)
    for row, unit in enumerate(directions.copy()):
        along = functions.hessian_times(x, unit, data)
        directions[row] = unit - newton_step(functions, x, along, mode.metric, data, RIDGE_SHARE)

    def log_det(at: Array) -> float:
        return float(np.linalg.slogdet(np.asarray(functions.blocks(at, data)))[1].sum())

    rise = [
        (log_det(x + LOG_DET_STEP * along) - log_det(x - LOG_DET_STEP * along)) / (2 * LOG_DET_STEP)
        for along in directions
    ]
    return Ridge(mode, np.asarray(gradient)[edge:] - np.array(rise) / 2, directions)


def _covariance(functions: Functions, ridge: Ridge, data: Any, shapes: Shapes) -> Float[np.ndarray, "shared shared"]:
    """Inverse of the negative Hessian of L, by differences of slopes; made positive definite."""
    x = ridge.mode.metric.centre
    columns = [
        (ridge.slope - _ridge(functions, x + GRADIENT_STEP * along, data, shapes).slope) / GRADIENT_STEP
        for along in ridge.directions
    ]
    hessian = np.stack(columns)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    return vectors / np.maximum(np.abs(values), 0.1) @ vectors.T


def _followed(
    covariance: Float[np.ndarray, "shared shared"],
    step: Float[np.ndarray, " shared"],
    fall: Float[np.ndarray, " shared"],
) -> Float[np.ndarray, "shared shared"]:
    """The BFGS update of an inverse Hessian, where the slope fell along the step."""
    product = step @ fall
    if product <= 0.0:
        return covariance
    left = np.eye(len(step)) - np.outer(step, fall) / product
    return left @ covariance @ left.T + np.outer(step, step) / product


def _finished(ridge: Ridge, covariance: Float[np.ndarray, "shared shared"], shapes: Shapes, *, converged: bool) -> Mode:
    """The metric of the ridge: blocks given what is shared, which they follow."""
    edge = shapes.n_blocks * shapes.block_size
    coupling = -ridge.directions[:, :edge].reshape(-1, shapes.n_blocks, shapes.block_size)
    root = np.linalg.cholesky((covariance + covariance.T) / 2)
    metric = ridge.mode.metric._replace(coupling=jnp.asarray(coupling), shared_root=jnp.asarray(root))
    return ridge.mode._replace(metric=metric, converged=converged)
