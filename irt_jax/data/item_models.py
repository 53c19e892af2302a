"""Which model each item has: a file with a name for each, and how many categories where the responses need not tell."""

import os
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from irt_jax.contract.names import ITEM
from irt_jax.data.encode import Responses
from irt_jax.data.item_table import numbers_or_nan, read_item_table
from irt_jax.data.source import Wanted, describe
from irt_jax.errors import InputError, first_few

MODEL, CATEGORIES = "model", "categories"
#: No item has more: every item's table has as many rows as the item with the most.
MAX_CATEGORIES = 1_000


class ItemModels(NamedTuple):
    """What a file says of the items of the data.

    Attributes:
        names: of the models.
        code: each item's index into them.
        categories: how many each item has; 0 where the file does not say.
    """

    names: list[str]
    code: Int[np.ndarray, " item"]
    categories: Int[np.ndarray, " item"]


def read_item_models(path: str | os.PathLike[str], responses: Responses) -> ItemModels:
    """Read the model of every item of the data.

    Args:
        path: a Parquet or CSV file with the columns item_id and model, and optionally categories; items that are not in
            the data do not matter.
        responses: the data.

    Raises:
        InputError: the file cannot be read or lacks a column; an item stands in it twice, or not at all; or numbers of
            categories that are none.
    """
    where = describe(path)
    wanted = [Wanted(ITEM, ITEM), Wanted(MODEL, MODEL), Wanted(CATEGORIES, CATEGORIES, False)]
    table = read_item_table(path, wanted, [CATEGORIES])
    ids = table[ITEM].combine_chunks().cast(pa.large_string())
    place = pc.index_in(responses.item_ids.cast(pa.large_string()), value_set=ids)
    names = table[MODEL].combine_chunks().cast(pa.string()).take(place)
    missing = responses.item_ids.filter(pc.is_null(names))
    if len(missing):
        shown = first_few(missing.slice(0, 5).to_pylist(), total=len(missing))
        raise InputError(f"Expected a model for every item in {where}, found none for {shown}.", "Add these items.")
    coded = names.dictionary_encode()
    categories = np.zeros(len(names), np.int64)
    if CATEGORIES in table.column_names:
        categories = _categories(table, where)[place.to_numpy()]
    return ItemModels(coded.dictionary.to_pylist(), coded.indices.to_numpy(), categories)


def _categories(table: pa.Table, where: str) -> Int[np.ndarray, " row"]:
    """Numbers of categories; 0 where there is none."""
    given = numbers_or_nan(table, CATEGORIES)
    with np.errstate(invalid="ignore"):
        wrong = ~(np.isnan(given) | ((given >= 2) & (given <= MAX_CATEGORIES) & (given % 1 == 0)))
    if wrong.any():
        expected = f"whole numbers of at least 2 and at most {MAX_CATEGORIES:,}"
        ids = first_few(table[ITEM].filter(pa.array(wrong)).slice(0, 5).to_pylist(), total=int(wrong.sum()))
        found = first_few([f"{value:g}" for value in given[wrong][:5]], total=int(wrong.sum()))
        raise InputError(
            f"Expected {expected} as {CATEGORIES} in {where}, found others for {ids}: {found}.", "Correct the file."
        )
    return np.nan_to_num(given).astype(np.int64)
