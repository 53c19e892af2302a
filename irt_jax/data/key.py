"""Which category of a nominal item is right: a key, one row an item."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int

from irt_jax.contract.names import ITEM
from irt_jax.data.encode import Responses
from irt_jax.data.item_table import numbers_or_nan, read_item_table
from irt_jax.data.source import Wanted, describe
from irt_jax.errors import InputError, first_few

CATEGORY = "category"


def read_key(
    path: str | os.PathLike[str],
    responses: Responses,
    has: Bool[np.ndarray, "item category"],
    nominal: Bool[np.ndarray, " item"],
) -> Int[np.ndarray, " item"]:
    """Read the right category of items.

    Args:
        path: a Parquet or CSV file with the columns item_id and category.
        responses: the data.
        has: which categories each item has.
        nominal: which items are nominal, and can have a key.

    Returns:
        The category, -1 for an item without one.

    Raises:
        InputError: the file cannot be read or lacks a column; an item stands in it twice, is not in the data or not
            nominal; or a category that the item does not have.
    """
    where = describe(path)
    table = read_item_table(path, [Wanted(ITEM, ITEM), Wanted(CATEGORY, CATEGORY)], [CATEGORY])
    ids = table[ITEM].combine_chunks()
    text = ids.cast(pa.large_string())
    of_data = responses.item_ids.cast(pa.large_string())
    place = pc.fill_null(pc.index_in(of_data, value_set=text), -1).to_numpy().astype(np.int64)
    there, given = place >= 0, numbers_or_nan(table, CATEGORY)
    strange = pc.invert(pc.is_in(text, value_set=of_data)).to_numpy(zero_copy_only=False)
    _refuse(ids, strange, f"Expected items of the data in {where}, found others", "Remove them from the key.")
    value = np.where(there, given[place], np.nan)
    wrong = there & ~(nominal & (value >= 0) & (value % 1 == 0) & (value < has.sum(1)))
    no_key = wrong & ~nominal
    remedy = "Only nominal items take a key; remove the others."
    _refuse(responses.item_ids, no_key, f"Expected nominal items in {where}, found items of other models", remedy)
    remedy = "Count categories from 0, up to the largest response to the item."
    what = f"Expected a category that its item has in the column {CATEGORY} of {where}, found others"
    _refuse(responses.item_ids, wrong, what, remedy, value)
    return np.where(there, np.nan_to_num(value, nan=-1.0), -1).astype(np.int64)


def _refuse(
    ids: pa.Array, bad: Bool[np.ndarray, " item"], problem: str, remedy: str, value: np.ndarray | None = None
) -> None:
    if bad.any():
        first = np.flatnonzero(bad)[:5]
        shown: list[object] = ids.take(pa.array(first)).to_pylist()
        if value is not None:
            shown = [
                (name, int(number) if number % 1 == 0 else float(number))
                for name, number in zip(shown, value[first], strict=True)
            ]
        raise InputError(f"{problem}: {first_few(shown, total=int(bad.sum()))}.", remedy)
