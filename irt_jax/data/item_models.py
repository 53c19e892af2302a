"""Which model each item has: one name for all, or a file with a name for each."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from irt_jax.data.encode import Responses
from irt_jax.data.item_table import read_item_table
from irt_jax.data.source import Wanted, describe
from irt_jax.errors import InputError, first_few
from irt_jax.names import ITEM

MODEL = "model"


def read_item_models(path: str | os.PathLike[str], responses: Responses) -> tuple[list[str], Int[np.ndarray, " item"]]:
    """Read the model of every item of the data.

    Args:
        path: a Parquet or CSV file with the columns item_id and model; items that are not in the data do not matter.
        responses: the data.

    Returns:
        The models' names, and each item's index into them.

    Raises:
        InputError: the file cannot be read or lacks a column; an item stands in it twice, or not at all.
    """
    where = describe(path)
    table = read_item_table(path, [Wanted(ITEM, ITEM), Wanted(MODEL, MODEL)], ())
    ids = table[ITEM].combine_chunks().cast(pa.large_string())
    place = pc.index_in(responses.item_ids.cast(pa.large_string()), value_set=ids)
    names = table[MODEL].combine_chunks().cast(pa.string()).take(place)
    missing = responses.item_ids.filter(pc.is_null(names))
    if len(missing):
        shown = first_few(missing.slice(0, 5).to_pylist(), total=len(missing))
        raise InputError(f"Expected a model for every item in {where}, found none for {shown}.", "Add these items.")
    coded = names.dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy()
