"""Posteriors of the abilities on the grid, averaged over the draws of items and populations.

Averaging the conditional posteriors instead of draws from them leaves only the Monte Carlo error of the draws
(Rao-Blackwell; Gelfand & Smith 1990, JASA 85). Means and variances are sums over the nodes, as accurate as the
quadrature.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int

from irt_jax.abilities.density import Batch, Populations, batches, block_log_density, device_mesh, draws_beside
from irt_jax.abilities.quantiles import grid_quantiles
from irt_jax.diagnostics.blocks import Block, over_blocks
from irt_jax.likelihood.kernel import PersonBlocks
from irt_jax.likelihood.marginal import MarginalData
from irt_jax.models.model import Model
from irt_jax.runtime.arrays import AnyArray

#: Probabilities of a node below this count as this: the logarithm needs one, and float32 has none below 1e-38.
LEAST = 1e-30


class Marginals(NamedTuple):
    """Posterior mean, SD and equal-tailed interval of a quantity, each of shape (*parameter)."""

    mean: np.ndarray
    sd: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def mean_posterior(
    model: Model,
    items: Mapping[str, Float[AnyArray, "..."]],
    populations: Populations,
    data: MarginalData,
) -> Float[np.ndarray, "block person node"]:
    """Posterior over the nodes, averaged over draws, in float32.

    Args:
        model: the response model.
        items: item parameters, first axis draws, then items.
        populations: of the same draws.
        data: responses and grid.
    """
    n_draws = len(populations.mean)
    mesh = device_mesh()
    beside = draws_beside(-(-n_draws // mesh.size), data.blocks.group.shape[1], len(data.nodes))
    batch = batches(items, model.constants(data.priors), populations, beside, mesh.size)
    nodes = jnp.asarray(data.nodes, jnp.float32)
    summed = _summed(model, batch, nodes, jax.tree.map(jnp.asarray, data.blocks))
    return np.asarray(summed) / np.float32(n_draws)


@partial(jax.jit, static_argnums=0)
def _summed(model: Model, batch: Batch, nodes: Array, blocks: PersonBlocks) -> Array:
    """Sum of the posteriors over all draws; every device takes its share of the batches."""

    def of_device(batch: Batch, nodes: Array, blocks: PersonBlocks) -> Array:
        def add(total: Array, own: Batch) -> tuple[Array, None]:
            counts = (own.number >= 0).astype(jnp.float32)[:, None]

            def of_block(block: PersonBlocks) -> Array:
                return (counts * jax.nn.softmax(block_log_density(model, own, nodes, block), axis=-1)).sum(axis=1)

            return total + jax.lax.map(of_block, blocks), None

        total, _ = jax.lax.scan(add, jnp.zeros((*blocks.group.shape, len(nodes)), jnp.float32), batch)
        return jax.lax.psum(total, "draw")

    specs = (PartitionSpec("draw"), PartitionSpec(), PartitionSpec())
    spread = jax.shard_map(of_device, mesh=device_mesh(), in_specs=specs, out_specs=PartitionSpec(), check_vma=False)
    return spread(batch, nodes, blocks)


def summarise_abilities(
    posterior: Float[np.ndarray, "place node"],
    place: Int[np.ndarray, " person"],
    nodes: Float[AnyArray, " node"],
    interval: float,
) -> Marginals:
    """Mean, SD and interval of every person.

    Args:
        posterior: probability of every node at every place.
        place: where each person's posterior stands; equal patterns share one.
        nodes: the grid.
        interval: probability mass of the equal-tailed intervals.
    """
    nodes = np.asarray(nodes, np.float64)
    total, first, second = (posterior @ np.stack([np.ones_like(nodes), nodes, nodes**2], axis=1)).T
    mean = first / total
    sd = np.sqrt(second / total - mean**2)
    tail = (1.0 - interval) / 2.0
    probability = np.broadcast_to(np.array([[tail], [1.0 - tail]]), (2, len(posterior)))
    lower, upper = np.asarray(grid_quantiles(np.log(np.maximum(posterior, LEAST)), nodes, probability), np.float64)
    return Marginals(mean[place], sd[place], lower[place], upper[place])


def marginals(draws: Float[np.ndarray, "chain draw *parameter"], interval: float) -> Marginals:
    """Summarise draws over chains; NaN where a draw is not finite.

    Args:
        draws: chains and draws first.
        interval: probability mass of the equal-tailed interval.
    """
    tail = (1.0 - interval) / 2.0

    def of_block(block: Block) -> np.ndarray:
        pooled = block.reshape(len(block), -1)
        lower, upper = np.quantile(pooled, [tail, 1.0 - tail], axis=1)
        return np.stack((pooled.mean(1), pooled.std(1, ddof=1), lower, upper))

    return Marginals(*over_blocks(of_block, draws, n_statistics=4))
