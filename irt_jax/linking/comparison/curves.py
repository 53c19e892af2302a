"""How far apart two curves are: the area between expected scores, weighted by where the persons are.

    area_i = integral of |E_1(theta) - E_2(theta)| N(theta; mean, sd) d theta
    E = sum over k of k P_k / (categories - 1)

It is the mean difference of the expected score as a share of the largest, so that items of all models and numbers of
categories compare. Source: Raju (1988), Psychometrika 53, with weights.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.models.bank import Bank, log_probabilities
from irt_jax.scoring.information import known_parameters
from irt_jax.scoring.items import KnownItems

#: Nodes, SDs from the mean where they end, and items at a time.
NODES, REACH, ITEMS = 401, 6.0, 4096


def weighted_nodes(mean: float, sd: float) -> tuple[Float[np.ndarray, " node"], Float[np.ndarray, " node"]]:
    """Abilities and weights that sum to one.

    Args:
        mean: of the population.
        sd: of it.
    """
    z = np.linspace(-REACH, REACH, NODES)
    weight = np.exp(-0.5 * z**2)
    return mean + sd * z, weight / weight.sum()


def expected_scores(items: KnownItems, ability: Float[np.ndarray, " node"]) -> Float[np.ndarray, "item node"]:
    """Expected score as a share of the largest.

    Args:
        items: from `read_items`.
        ability: on the items' scale.
    """
    curve, has = _curve(items.coding.bank), items.coding.has(len(items.ids))
    found = []
    with jax.enable_x64(True):
        for begin in range(0, len(items.ids), ITEMS):
            place = np.arange(begin, min(begin + ITEMS, len(items.ids)))
            values = known_parameters(items.take(place))
            share = np.where(has[place], np.arange(has.shape[1]) / (has[place].sum(1, keepdims=True) - 1), 0.0)
            found.append(np.asarray(curve(values, jnp.asarray(share), jnp.asarray(ability))))
    return np.concatenate(found)


def _curve(bank: Bank) -> Callable[..., Array]:
    function = log_probabilities(bank)

    @jax.jit
    def curve(
        values: dict[str, Array], share: Float[Array, "item category"], ability: Float[Array, " node"]
    ) -> Float[Array, "item node"]:
        at = jnp.broadcast_to(ability, (len(share), len(ability)))
        table = function({name: jnp.asarray(value)[:, None] for name, value in values.items()}, at)
        return (jnp.exp(table) * share[:, None, : table.shape[-1]]).sum(-1)

    return curve


def areas(
    first: Float[np.ndarray, "item node"], second: Float[np.ndarray, "item node"], weight: Float[np.ndarray, " node"]
) -> Float[np.ndarray, " item"]:
    """Weighted area between curves.

    Args:
        first: expected scores.
        second: of the same items.
        weight: of the nodes; sums to one.
    """
    return np.abs(first - second) @ weight
