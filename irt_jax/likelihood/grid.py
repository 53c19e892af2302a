"""The grid of abilities: range and spacing from the data, and proof that they are enough.

The trapezoidal rule on an even grid of spacing h has a relative error near 2 exp(-2 pi^2 s^2 / h^2) for a posterior
of standard deviation s, and near exp(-2 pi^2 / (a h)) from the poles of a logistic of slope a (Trefethen & Weideman
2014, SIAM Review 56). So h follows the narrowest posterior and the steepest item; then the estimates on a grid of half
the spacing say what is left, in posterior standard deviations.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from irt_jax.arrays import AnyArray
from irt_jax.engines.laplace import Metric, pack
from irt_jax.engines.target import Position, Target
from irt_jax.likelihood.layout import on_ladder

#: Spacing in standard deviations of the narrowest posterior: an error of 1e-10.
SPACING = 0.9
#: Spacing times the steepest slope: an error of 1e-6.
STEEPEST = 1.43
#: The grid reaches this many standard deviations beyond every person's posterior mean.
REACH = 5.5
#: Where nothing is known yet.
FIRST_NODES = np.linspace(-6.0, 6.0, 41)


def fitting_nodes(
    posterior: Float[np.ndarray, "person node"],
    table: Float[np.ndarray, "row node"],
    nodes: Float[np.ndarray, " node"],
) -> Float[np.ndarray, " fitted"]:
    """A grid that fits the persons' posteriors as far as the present grid can show them.

    Where the present grid is too coarse to tell a posterior's width, it counts as a third of the spacing, so that a
    few rounds reach any width.

    Args:
        posterior: probability of every node for every person.
        table: log-probabilities at the nodes.
        nodes: the present grid.
    """
    h = nodes[1] - nodes[0]
    mean = posterior @ nodes
    variance = posterior @ nodes**2 - mean**2
    sd = np.sqrt(np.maximum(variance, (h / 3) ** 2))
    slope = np.abs(np.diff(table, axis=1)).max() / h
    spacing = min(SPACING * sd.min(), STEEPEST / slope)
    return even_nodes(float((mean - REACH * sd).min()), float((mean + REACH * sd).max()), spacing)


def even_nodes(lowest: float, highest: float, spacing: float) -> Float[np.ndarray, " node"]:
    """Evenly spaced nodes that reach at least as far.

    Their number is a multiple of 8 up to 64, of 16 up to 128, of 32 up to 256 and so on, so that similar problems
    share what was compiled.
    """
    count = on_ladder(1 + (highest - lowest) / spacing, steps=4, smallest=8)
    middle = (highest + lowest) / 2
    return middle + spacing * (np.arange(count) - (count - 1) / 2)


def refined(nodes: Float[np.ndarray, " node"]) -> Float[np.ndarray, " finer"]:
    """Half of the spacing, and a fifth more reach."""
    h = nodes[1] - nodes[0]
    extra = 0.1 * (nodes[-1] - nodes[0])
    return even_nodes(float(nodes[0] - extra), float(nodes[-1] + extra), float(h / 2))


def quadrature_error(target: Target, coarse: Any, fine: Any, metric: Metric, positions: list[Position]) -> float:
    """How far the finer grid would move the estimates, in posterior standard deviations: the largest over parameters.

    The step that Newton's method would take for the difference of the two gradients, at each position.

    Args:
        target: the posterior.
        coarse: its data with the grid in use.
        fine: its data with the refined grid.
        metric: around the mode.
        positions: where to look: the mode and some draws.
    """
    gradient: Callable[[Position, Any], dict[str, AnyArray]] = jax.jit(jax.grad(target.log_density))
    sd = np.sqrt(np.asarray(metric.variance()))
    shifts = []
    for position in positions:
        difference = jax.tree.map(np.subtract, gradient(position, fine), gradient(position, coarse))
        step = metric.spread(metric.gather(pack(difference)))
        shifts.append(np.abs(np.asarray(step) / sd).max())
    return float(np.max(shifts))
