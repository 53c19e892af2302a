"""Log densities of the abilities at the nodes, several draws of items and populations beside each other."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from irt_jax.likelihood.gather import gather_sum
from irt_jax.likelihood.kernel import PersonBlocks
from irt_jax.likelihood.marginal import item_table, node_log_weight
from irt_jax.models.model import Model, Parameters
from irt_jax.runtime.arrays import AnyArray

#: Draws whose tables lie side by side, so that one gather serves them all.
BESIDE = 8
#: Log densities that a device holds at once, unless one draw has more.
HELD = 2**23


class Populations(NamedTuple):
    """Draws of the normal populations of ability.

    Attributes:
        mean: of every draw and group.
        sd: of every draw and group.
    """

    mean: Float[AnyArray, "draw group"]
    sd: Float[AnyArray, "draw group"]


class Batch(NamedTuple):
    """Draws that go through the density together; a first axis may hold several batches.

    Attributes:
        items: item parameters, first axis draws.
        populations: of the same draws.
        number: of each draw, -1 for padding.
    """

    items: Parameters
    populations: Populations
    number: Int[AnyArray, " draw"]


def device_mesh() -> Mesh:
    """All devices, on one axis named "draw"."""
    return Mesh(np.array(jax.devices()), ("draw",))


def draws_beside(n_draws: int, n_places: int, n_nodes: int) -> int:
    """How many draws to put side by side.

    Args:
        n_draws: that there are for each device.
        n_places: of persons.
        n_nodes: of the grid.
    """
    return int(np.clip(HELD // (n_places * n_nodes), 1, min(BESIDE, max(n_draws, 1))))


def batches(
    items: Mapping[str, Float[AnyArray, "..."]],
    constants: Parameters,
    populations: Populations,
    beside: int,
    multiple: int,
) -> Batch:
    """Cut draws into batches, in float32; the last draw fills the last ones up.

    Args:
        items: item parameters, first axis draws.
        constants: what is known of the items, the same for all draws.
        populations: of the same draws.
        beside: draws of a batch.
        multiple: of which the number of batches shall be one.

    Returns:
        Every array with a first axis of batches and a second one of draws.
    """
    n_draws = len(populations.mean)
    count = multiple * -(-n_draws // (beside * multiple))
    extra = count * beside - n_draws

    def cut(array: AnyArray) -> np.ndarray:
        array = np.asarray(array, np.float32)
        pad = np.pad(array, [(0, extra)] + [(0, 0)] * (array.ndim - 1), mode="edge")
        return pad.reshape(count, beside, *array.shape[1:])

    number = np.pad(np.arange(n_draws, dtype=np.int32), (0, extra), constant_values=-1).reshape(count, beside)
    known = {name: np.broadcast_to(value, (n_draws, *np.shape(value))) for name, value in constants.items()}
    return Batch(jax.tree.map(cut, {**items, **known}), jax.tree.map(cut, populations), number)


def block_log_density(
    model: Model, batch: Batch, nodes: Float[Array, " node"], block: PersonBlocks
) -> Float[Array, "person draw node"]:
    """Log density of each person's ability at the nodes, up to a constant, for every draw of a batch.

    Args:
        model: the response model.
        batch: draws.
        nodes: the grid, float32.
        block: one block of persons, without the first axis.
    """
    tables = jax.vmap(lambda items: item_table(model, items, nodes))(batch.items)
    log_weight = jax.vmap(lambda one: node_log_weight(nodes, one.mean, one.sd))(batch.populations)
    rows = jnp.moveaxis(tables, 0, 1).reshape(tables.shape[1], -1)
    n_persons = block.group.shape[0]
    sums = gather_sum(rows, block.to_person, n_persons).reshape(n_persons, len(tables), -1)
    return sums + jnp.moveaxis(log_weight, 0, 1)[block.group]
