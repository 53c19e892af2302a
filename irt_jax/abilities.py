"""Abilities given draws of the items: their posterior on the grid, averaged over the draws.

Averaging the conditional posteriors instead of draws from them leaves only the items' Monte Carlo error (Rao-Blackwell;
Gelfand & Smith 1990, JASA 85). Means and variances are sums over the nodes, as accurate as the quadrature; quantiles
come from a cubic spline through the log density at the nodes.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.interpolate import CubicSpline

from irt_jax.arrays import AnyArray
from irt_jax.likelihood.kernel import posterior_over_nodes
from irt_jax.likelihood.marginal import MarginalData, item_table, node_log_weight
from irt_jax.models.model import Model, Parameters

#: Points between two nodes at which the spline is summed for quantiles.
FINER = 32
#: Persons whose splines are held at once.
BLOCK_PERSONS = 10_000


class Abilities(NamedTuple):
    """Posterior mean, SD and equal-tailed interval of every person's ability, each (person,)."""

    mean: np.ndarray
    sd: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


@partial(jax.jit, static_argnums=0)
def mean_posterior(model: Model, draws: Parameters, data: MarginalData) -> Float[Array, "block person node"]:
    """Posterior over the nodes, averaged over draws of the items.

    Args:
        model: the response model.
        draws: item parameters, first axis draws, then items.
        data: responses, grid and populations.
    """
    log_weight = node_log_weight(data.nodes, data.ability_mean, data.ability_sd)

    def add(total: Array, items: Parameters) -> tuple[Array, None]:
        return total + posterior_over_nodes(item_table(model, items, data.nodes), log_weight, data.blocks), None

    count = len(next(iter(draws.values())))
    shape = (*data.blocks.weight.shape, len(data.nodes))
    total, _ = jax.lax.scan(add, jnp.zeros(shape, log_weight.dtype), draws)
    return total / count


def summarise_abilities(
    posterior: Float[np.ndarray, "place node"],
    place: Int[np.ndarray, " person"],
    nodes: Float[AnyArray, " node"],
    interval: float,
) -> Abilities:
    """Mean, SD and interval of every person.

    Args:
        posterior: probability of every node at every place.
        place: where each person's posterior stands; equal patterns share one.
        nodes: the grid.
        interval: probability mass of the equal-tailed intervals.
    """
    nodes = np.asarray(nodes)
    mean = posterior @ nodes
    sd = np.sqrt(posterior @ nodes**2 - mean**2)
    tail = (1.0 - interval) / 2.0
    parts = np.array_split(posterior, -(-len(posterior) // BLOCK_PERSONS))
    lower, upper = np.concatenate([grid_quantiles(part, nodes, (tail, 1.0 - tail)) for part in parts], axis=1)
    return Abilities(mean[place], sd[place], lower[place], upper[place])


def grid_quantiles(
    posterior: Float[np.ndarray, "place node"], nodes: Float[np.ndarray, " node"], probabilities: tuple[float, ...]
) -> Float[np.ndarray, "probability place"]:
    """Quantiles of densities that are known at evenly spaced nodes.

    Args:
        posterior: probability of every node.
        nodes: the grid.
        probabilities: between 0 and 1.
    """
    spline = CubicSpline(nodes, np.log(np.maximum(posterior, 1e-30)), axis=1)
    points = np.linspace(nodes[0], nodes[-1], FINER * (len(nodes) - 1) + 1)
    density = np.exp(spline(points))
    steps = (density[:, 1:] + density[:, :-1]) / 2
    mass = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
    mass /= mass[:, -1:]
    rows = np.arange(len(mass))
    found = []
    for probability in probabilities:
        right = np.clip((mass < probability).sum(1), 1, len(points) - 1)
        below, above = mass[rows, right - 1], mass[rows, right]
        found.append(points[right - 1] + (points[1] - points[0]) * (probability - below) / (above - below))
    return np.array(found)
