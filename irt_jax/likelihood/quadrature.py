"""The grid of abilities: range and spacing from the data, and proof that they are enough.

The trapezoidal rule on an even grid of spacing h has a relative error near 2 exp(-2 pi^2 s^2 / h^2) for a posterior
of standard deviation s, and near exp(-2 pi^2 / (a h)) from the poles of a logistic of slope a (Trefethen & Weideman
2014, SIAM Review 56). So h follows the narrowest posterior and the steepest item; then grids that are moved by half a
node and beyond the ends say what is left.
"""

import numpy as np
from jaxtyping import Float

from irt_jax.likelihood.gather import on_ladder
from irt_jax.runtime.arrays import AnyArray

#: Spacing in standard deviations of the narrowest posterior: an error of 3e-4 of that person's likelihood.
SPACING = 1.5
#: Spacing times the steepest slope: an error of 4e-6.
STEEPEST = 1.6
#: The grid reaches this many standard deviations beyond every person's posterior mean; further where the population's
#: SD is free, since all persons' tails together tell about that.
REACH, REACH_FREE = 4.2, 5.5
#: The spacing may be so much wider than wanted: a tenth, as other data of the same design have the same grid then. And
#: a grid may end this many nodes before the one that is wanted.
COARSER, SLACK = 0.9, 1
#: Quantiles need more than the integral does: abilities are summarised with this share of the spacing, and on a grid
#: that is longer by this share of its length to either side.
BETWEEN, FURTHER = 0.6, 0.085
#: More nodes than any grid may have.
ENDLESS = 1 << 20


def fitting_nodes(
    posterior: Float[np.ndarray, "person node"],
    table: Float[np.ndarray, "row node"],
    nodes: Float[np.ndarray, " node"],
    reach: float = REACH,
) -> Float[np.ndarray, " fitted"]:
    """A grid that fits the persons' posteriors as far as the present grid can show them.

    Where the present grid is too coarse to tell a posterior's width, it counts as a third of the spacing, so that a
    few rounds reach any width.

    Args:
        posterior: probability of every node for every person.
        table: log-probabilities at the nodes.
        nodes: the present grid.
        reach: beyond every person's posterior mean, in standard deviations.
    """
    h = nodes[1] - nodes[0]
    mean = posterior @ nodes
    variance = posterior @ nodes**2 - mean**2
    sd = np.sqrt(np.maximum(variance, (h / 3) ** 2))
    slope = np.abs(np.diff(table, axis=1)).max() / h
    spacing = min(SPACING * sd.min(), STEEPEST / slope if slope > 0.0 else np.inf)
    return even_nodes(float((mean - reach * sd).min()), float((mean + reach * sd).max()), spacing)


def fine_enough(nodes: Float[AnyArray, " node"], wanted: Float[AnyArray, " fitted"]) -> bool:
    """Whether a grid's spacing is that of the wanted one, or little more."""
    return bool(COARSER * (nodes[1] - nodes[0]) <= wanted[1] - wanted[0])


def covered(nodes: Float[AnyArray, " node"], wanted: Float[AnyArray, " fitted"]) -> bool:
    """Whether a grid reaches as far as the wanted one, or nearly."""
    slack = SLACK * (nodes[1] - nodes[0])
    return bool(wanted[0] > nodes[0] - slack and wanted[-1] < nodes[-1] + slack)


def even_nodes(lowest: float, highest: float, spacing: float) -> Float[np.ndarray, " node"]:
    """Evenly spaced nodes from end to end, at most so far apart.

    Their number is a multiple of 4 up to 32, of 8 up to 64, of 16 up to 128 and so on, so that similar problems share
    what was compiled. No more than `ENDLESS` of them are ever laid out: a grid that wants more is refused later.
    """
    count = on_ladder(min(1 + (highest - lowest) / spacing, ENDLESS), steps=4, smallest=4)
    return np.linspace(lowest, highest, count)


def rounded(nodes: Float[np.ndarray, " node"], steps: int) -> Float[np.ndarray, " rounded"]:
    """A grid with the same ends whose number of nodes is on a coarser ladder: fewer grids, fewer programs.

    Args:
        nodes: evenly spaced.
        steps: rungs of the ladder per doubling.
    """
    return np.linspace(nodes[0], nodes[-1], on_ladder(len(nodes), steps=steps, smallest=4))


def first_nodes(longest: int, mean: float = 0.0, sd: float = 1.0) -> Float[np.ndarray, " node"]:
    """A grid to begin with, from the length of the longest record.

    A response with a discrimination of 1 adds about .2 to the precision of an ability, relative to the population's.

    Args:
        longest: responses of the person who has the most.
        mean: of the population.
        sd: of the population.
    """
    spacing = SPACING * sd / np.sqrt(1.0 + 0.2 * longest * sd**2)
    return even_nodes(mean - 6.0 * sd, mean + 6.0 * sd, spacing)


def nodes_of_abilities(nodes: Float[AnyArray, " node"]) -> Float[np.ndarray, " finer"]:
    """The grid on which abilities are summarised and drawn: .9 standard deviations of the narrowest posterior.

    It reaches further, to about five standard deviations, for the tails' part of the standard deviations.
    """
    nodes = np.asarray(nodes)
    h, further = float(nodes[1] - nodes[0]), FURTHER * float(nodes[-1] - nodes[0])
    return even_nodes(float(nodes[0]) - further, float(nodes[-1]) + further, BETWEEN * h)


def refined(
    nodes: Float[np.ndarray, " node"], *, between: bool = True, beyond: bool = True
) -> Float[np.ndarray, " finer"]:
    """A better grid.

    Args:
        nodes: the present grid.
        between: whether the spacing is to be two thirds of the present one.
        beyond: whether the reach is to be a fifth more.
    """
    h = nodes[1] - nodes[0]
    extra = 0.1 * (nodes[-1] - nodes[0]) if beyond else 0.0
    return even_nodes(float(nodes[0] - extra), float(nodes[-1] + extra), float(h * 2 / 3 if between else h))


def shifted(nodes: Float[AnyArray, " node"]) -> list[Float[np.ndarray, " node"]]:
    """Grids of the same size that show a grid's error: moved by half a node, and by two nodes to either side.

    The average of a grid and of the first is the grid of half the spacing; the others miss what lies at the ends.
    """
    nodes = np.asarray(nodes)
    h = nodes[1] - nodes[0]
    return [nodes + step * h for step in (0.5, 2.0, -2.0)]
