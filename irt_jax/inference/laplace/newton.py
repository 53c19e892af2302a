"""The climb to the mode of a log density, from gradients and Hessian-vector products.

Newton steps, each solved by conjugate gradients in the metric of the place (Nocedal & Wright 2006, ch. 7).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from irt_jax.errors import ConvergenceError
from irt_jax.inference.laplace.hessian import (
    Functions,
    compiled,
    conditional,
    precondition,
    unconditional,
    with_directions,
)
from irt_jax.inference.laplace.metric import Metric
from irt_jax.likelihood.flatten import Shapes, pack
from irt_jax.likelihood.log_density import Position, Target
from irt_jax.runtime.arrays import AnyArray

#: Newton steps end when half of the squared Newton decrement, in units of log density, is below this: the last step
#: is then shorter than .0015 posterior standard deviations over all parameters together, and its own error a tenth.
DECREMENT = 1e-6
MAX_NEWTON = 50
#: The metric follows a step whose decrement is above this; a climb that need not be exact ends there.
REFRESH = 1.0
#: No coordinate moves further in one step than this and that share of its size. Without a limit of each coordinate's
#: own, a few items that overshoot shorten everybody's step.
LONGEST, LONGEST_SHARE = 1.0, 0.5
#: Each Newton step is solved until this share of it is left.
CONJUGATE_SHARE = 0.1
MAX_CONJUGATE = 60


class Mode(NamedTuple):
    """Where a climb ended.

    Attributes:
        metric: around the last position, its centre.
        converged: whether the Newton decrement fell below its limit.
        steps: Newton steps taken.
    """

    metric: Metric
    converged: bool
    steps: int


def find_mode(target: Target, data: Any, start: Position, shapes: Shapes) -> Metric:
    """Climb to the mode and whiten there.

    Args:
        target: the posterior.
        data: its data.
        start: where to begin.
        shapes: of the position.

    Raises:
        ConvergenceError: no mode within `MAX_NEWTON` steps, or no finite density at the start.
    """
    functions = compiled(target, shapes)
    mode = climb(functions, data, start, shapes)
    if not mode.converged:
        raise ConvergenceError(
            f"No mode of the posterior was found in {MAX_NEWTON} Newton steps.",
            "Check the anchors and the priors for contradictions, or sample with --method nuts --abilities joint.",
        )
    return with_directions(functions, data, mode.metric, shapes)


def climb(
    functions: Functions,
    data: Any,
    start: Position,
    shapes: Shapes,
    *,
    enough: float = DECREMENT,
    limits: Float[np.ndarray, " coordinate"] | None = None,
    most: int = MAX_NEWTON,
) -> Mode:
    """Climb by Newton steps, each solved by conjugate gradients in the arrow's metric.

    Args:
        functions: of the posterior.
        data: its data.
        start: where to begin.
        shapes: of the position.
        enough: half of the squared Newton decrement at which the climb ends.
        limits: largest sizes of the coordinates; a climb that passes one ends there, not converged. None for no limits.
        most: Newton steps.
    """
    with jax.enable_x64(True):
        x = pack({name: jnp.asarray(leaf, jnp.float64) for name, leaf in start.items()}, shapes)
        return climb_from(functions, x, data, shapes, enough=enough, limits=limits, most=most)[0]


def climb_from(
    functions: Functions,
    x: AnyArray,
    data: Any,
    shapes: Shapes,
    *,
    hold: bool = False,
    enough: float = DECREMENT,
    limits: Float[np.ndarray, " coordinate"] | None = None,
    most: int = MAX_NEWTON,
) -> tuple[Mode, Float[np.ndarray, " coordinate"]]:
    """The same from a packed position.

    Args:
        functions: of the target.
        x: where to begin.
        data: of the target.
        shapes: of the position.
        hold: whether the shared parameters stay where they are.
        enough: half of the squared Newton decrement at which the climb ends.
        limits: see `climb`.
        most: Newton steps.

    Returns:
        Where the climb ended, and the gradient there.
    """
    around = conditional if hold else unconditional
    x = np.asarray(x)
    value, gradient = _value_and_gradient(functions, x, data)
    metric, converged, step = around(functions, x, data, shapes), False, 0
    while step < most and not converged:
        step += 1
        direction = newton_step(functions, x, gradient, metric, data)
        decrement = float(direction @ gradient) / 2
        converged = decrement < enough
        direction = _limited(direction, gradient, x, shorten=limits is not None)
        x, value, gradient = _line_search(functions, x, value, gradient, direction, data)
        if limits is not None and (np.abs(x) > limits).any():
            converged = False
            break
        if decrement > REFRESH and not converged:
            metric = around(functions, x, data, shapes)
    metric = around(functions, x, data, shapes)
    return Mode(metric, converged, step), gradient


def newton_step(
    functions: Functions, x: AnyArray, gradient: AnyArray, metric: Metric, data: Any, share: float = CONJUGATE_SHARE
) -> Float[np.ndarray, " coordinate"]:
    """The negative Hessian's inverse times a gradient, as far as the metric reaches.

    By conjugate gradients, stopped where the curvature turns negative (Steihaug 1983).

    Args:
        functions: of the target.
        x: where.
        gradient: or any other vector.
        metric: an approximation of the inverse; what it sends to zero stays zero.
        data: of the target.
        share: of the vector, in the metric, that may be left.
    """
    residual = np.asarray(gradient)
    step, along = np.zeros_like(residual), np.asarray(precondition(metric, residual))
    size = first = float(residual @ along)
    for k in range(MAX_CONJUGATE):
        image = np.asarray(functions.hessian_times(x, along, data))
        curvature = float(along @ image)
        if curvature <= 0.0:
            return step if k else along
        step, residual = step + size / curvature * along, residual - size / curvature * image
        conditioned = np.asarray(precondition(metric, residual))
        left = float(residual @ conditioned)
        if left <= share**2 * first:
            break
        along, size = conditioned + left / size * along, left
    return step


def _value_and_gradient(functions: Functions, x: np.ndarray, data: Any) -> tuple[float, np.ndarray]:
    """On the host, where the few sums of a climb need no programs of their own."""
    value, gradient = functions.value_and_gradient(x, data)
    return float(value), np.asarray(gradient)


def _limited(direction: np.ndarray, gradient: np.ndarray, x: np.ndarray, *, shorten: bool) -> np.ndarray:
    """A direction whose coordinates are not too long, as long as it still climbs; or else all of it, or a part."""
    longest = LONGEST + LONGEST_SHARE * np.abs(x)
    limited = np.clip(direction, -longest, longest)
    if limited @ gradient > 0:
        return limited
    return direction / max(1.0, float((np.abs(direction) / longest).max())) if shorten else direction


def _line_search(
    functions: Functions, x: np.ndarray, value: float, gradient: np.ndarray, direction: np.ndarray, data: Any
) -> tuple[np.ndarray, float, np.ndarray]:
    """Halve the step until the density grows; at the mode, rounding may leave nothing to grow."""
    length = 1.0
    while length > 1e-6:
        reached, slope = _value_and_gradient(functions, x + length * direction, data)
        if np.isfinite(reached) and reached >= value - 1e-7 * abs(value):
            return x + length * direction, reached, slope
        length /= 2
    return x, value, gradient
