"""Exact draws of the abilities: one from each conditional posterior, given one draw of items and populations."""

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int, Key

from irt_jax.abilities.density import Batch, Populations, batches, block_log_density, device_mesh, draws_beside
from irt_jax.abilities.quantiles import grid_quantiles
from irt_jax.likelihood.kernel import PersonBlocks
from irt_jax.likelihood.marginal import MarginalData
from irt_jax.models.model import Model
from irt_jax.runtime.arrays import AnyArray

#: Abilities that one call on the devices returns, unless one round of them has more.
RETURNED = 2**20


def draw_abilities(
    model: Model,
    items: Mapping[str, Float[AnyArray, "..."]],
    populations: Populations,
    data: MarginalData,
    place: Int[np.ndarray, " person"],
    key: Key[Array, ""],
) -> Float[np.ndarray, "draw person"]:
    """Draw each person's ability from its posterior given each draw, by inverting the distribution function.

    The random numbers belong to the draw and the person: neither the number of devices nor the size of the batches
    changes them. Persons of one place share a posterior and are drawn independently.

    Args:
        model: the response model.
        items: item parameters, first axis draws, then items.
        populations: of the same draws.
        data: responses and grid.
        place: where each person's posterior stands in the blocks.
        key: of the random numbers.

    Returns:
        Abilities in float32.
    """
    n_draws, n_devices = len(populations.mean), device_mesh().size
    beside = draws_beside(-(-n_draws // n_devices), data.blocks.group.size, len(data.nodes))
    a_round = beside * n_devices
    size = a_round * int(np.clip(RETURNED // (a_round * len(place)), 1, -(-n_draws // a_round)))
    shared = jnp.asarray(data.nodes, jnp.float32), jax.tree.map(jnp.asarray, data.blocks), jnp.asarray(place)
    batch = batches(items, model.constants(data.priors), populations, beside, size // beside)
    theta = np.empty((n_draws, len(place)), np.float32)
    for first in range(0, n_draws, size):
        part = jax.tree.map(lambda array: array[first // beside : (first + size) // beside], batch)  # noqa: B023
        found = np.asarray(_drawn(model, part, *shared, key)).reshape(-1, len(place))
        theta[first : first + size] = found[: n_draws - first]
    return theta


@partial(jax.jit, static_argnums=0)
def _drawn(model: Model, batch: Batch, nodes: Array, blocks: PersonBlocks, place: Array, key: Array) -> Array:
    """Draws of some batches, (batch, draw, person); every device takes its share of the batches."""

    def of_device(batch: Batch, nodes: Array, blocks: PersonBlocks, place: Array, key: Array) -> Array:
        def of_batch(own: Batch) -> Array:
            density = jax.lax.map(lambda block: block_log_density(model, own, nodes, block), blocks)
            density = density.reshape(-1, *density.shape[2:])

            def of_draw(position: Array) -> Array:
                uniform = jax.random.uniform(jax.random.fold_in(key, own.number[position]), place.shape, jnp.float32)
                # Multiples of 2^-23 from 0 on; their middles are never 0 or 1.
                return grid_quantiles(density[place, position], nodes, uniform[None] + 2**-24)[0]

            return jax.lax.map(of_draw, jnp.arange(density.shape[1]))

        return jax.lax.map(of_batch, batch)

    specs = (PartitionSpec("draw"), *[PartitionSpec()] * 4)
    spread = jax.shard_map(
        of_device, mesh=device_mesh(), in_specs=specs, out_specs=PartitionSpec("draw"), check_vma=False
    )
    return spread(batch, nodes, blocks, place, key)
