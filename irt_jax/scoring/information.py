"""What items tell about an ability: Fisher information and the conditional standard error of measurement.

    I_i(theta) = sum over categories of P'(theta)^2 / P(theta),   SE(theta) = 1 / sqrt(sum of I_i(theta))

Source: Samejima (1994), Applied Psychological Measurement 18.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
from jaxtyping import Array, Float

from irt_jax.contract.names import ITEM
from irt_jax.models.bank import Bank, item_constants, log_probabilities
from irt_jax.models.model import Parameters
from irt_jax.runtime.arrays import AnyArray
from irt_jax.scoring.items import KnownItems

#: Abilities of `information_table`: from, to, how many.
RANGE = (-6.0, 6.0, 121)


class Derivatives(NamedTuple):
    """Of the log-probabilities of every category by the ability; last axis categories.

    Attributes:
        log_p: the log-probability itself.
        first: its derivative.
        second: its second derivative.
    """

    log_p: Float[Array, "... category"]
    first: Float[Array, "... category"]
    second: Float[Array, "... category"]


def derivatives(bank: Bank, items: Parameters, ability: Float[AnyArray, "..."]) -> Derivatives:
    """Log-probabilities and two derivatives.

    Args:
        bank: of the items.
        items: parameters and constants that broadcast with the abilities.
        ability: on the items' scale.
    """
    function = partial(log_probabilities(bank), items)
    one = jnp.ones_like(ability)

    def first(at: Array) -> tuple[Array, Array]:
        return jax.jvp(function, (at,), (one,))

    (log_p, slope), (_, curve) = jax.jvp(first, (jnp.asarray(ability),), (one,))
    return Derivatives(log_p, slope, curve)


def known_parameters(items: KnownItems) -> dict[str, np.ndarray]:
    """Parameters and constants by name, first axis items.

    Args:
        items: from `read_items`.
    """
    return items.parameters | {name: np.asarray(value) for name, value in item_constants(items.coding).items()}


def item_information(items: KnownItems, ability: Float[np.ndarray, " ability"]) -> Float[np.ndarray, "item ability"]:
    """Fisher information of every item at every ability, in units of one over squared ability.

    Args:
        items: from `read_items`.
        ability: on the items' scale.
    """
    with jax.enable_x64(True):
        values = {name: jnp.asarray(value)[:, None] for name, value in known_parameters(items).items()}
        found = derivatives(items.coding.bank, values, jnp.broadcast_to(ability, (len(items.ids), len(ability))))
        return np.asarray((jnp.exp(found.log_p) * found.first**2).sum(-1))


def test_information(
    items: KnownItems, ability: Float[np.ndarray, " ability"]
) -> tuple[Float[np.ndarray, " ability"], Float[np.ndarray, " ability"]]:
    """Information of all items together, and the standard error that follows.

    Args:
        items: from `read_items`.
        ability: on the items' scale.
    """
    total = item_information(items, ability).sum(0)
    return total, 1.0 / np.sqrt(total)


def information_table(items: KnownItems) -> pa.Table:
    """Information by ability, one row an item and ability; the test's rows have no item_id, and its standard error.

    Args:
        items: from `read_items`.
    """
    ability = np.linspace(*RANGE)
    each = item_information(items, ability)
    total, error = test_information(items, ability)
    n_items, n_points = each.shape
    ids = pa.concat_arrays(
        [pa.nulls(n_points, items.ids.type), items.ids.take(pa.array(np.arange(n_items).repeat(n_points)))]
    )
    return pa.table(
        {
            ITEM: ids,
            "theta": np.tile(ability, n_items + 1),
            "information": np.concatenate([total, each.ravel()]),
            "standard_error": pa.concat_arrays([pa.array(error), pa.nulls(each.size, pa.float64())]),
        }
    )


test_information.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name
