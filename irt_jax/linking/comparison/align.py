"""One row for every item of any side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from irt_jax.errors import InputError, first_few
from irt_jax.linking.comparison.sides import Side


class Aligned(NamedTuple):
    """All items, sorted.

    Attributes:
        ids: of the items; integers where all sides have such.
        row: of each item on each side, -1 where it is not, [side, item].
    """

    ids: pa.Array
    row: Int[np.ndarray, "side item"]


def align(sides: Sequence[Side]) -> Aligned:
    """Find each side's items among all.

    Args:
        sides: at least two, with ids of one type.

    Raises:
        InputError: no item is on two sides.
    """
    text = pc.unique(pa.concat_arrays([side.text_ids for side in sides]))
    ids = text if any(side.kind != "integer" for side in sides) else text.cast(pa.int64())
    if all(side.kind != "string" for side in sides) and any(side.kind == "integer" for side in sides):
        ids = _integers(text)
    order = pc.sort_indices(ids)
    ids, text = ids.take(order), text.take(order)
    row = np.stack([pc.fill_null(pc.index_in(text, value_set=side.text_ids), -1).to_numpy() for side in sides])
    if not ((row >= 0).sum(0) > 1).any():
        shown = "; ".join(
            f"{side.name} {first_few(side.items.ids.slice(0, 3).to_pylist(), 3, len(side.items.ids))}" for side in sides
        )
        raise InputError(f"No item is on two sides: {shown}.", "Check that all sides name items the same way.")
    return Aligned(ids.cast(pa.string()) if pa.types.is_large_string(ids.type) else ids, row)


def _integers(text: pa.Array) -> pa.Array:
    """Integers where all ids are written as such; what a CSV file has besides stays text."""
    try:
        found = text.cast(pa.int64())
    except pa.ArrowInvalid:
        return text
    return found if found.cast(text.type).equals(text) else text
