"""Items whose parameters are known: a run's items.parquet, or any file with item_id, a and b."""

import os
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from irt_jax.data.item_table import numbers_or_nan, padded_lists, read_item_table
from irt_jax.data.locate import first_line
from irt_jax.data.source import Wanted, describe
from irt_jax.errors import InputError, first_few
from irt_jax.models import models_named
from irt_jax.models.bank import Coding, code_items
from irt_jax.names import ITEM, LISTS

#: What a file without the column `model` has.
ASSUMED = "2pl"
NUMBERS = ("a", "b", "c", "d")


class KnownItems(NamedTuple):
    """Item parameters that are taken as they are.

    Attributes:
        ids: of the items, in the order of the file.
        coding: each item's model and number of categories.
        parameters: by name, (item,) or (item, step); zero where an item's model has none.
    """

    ids: pa.Array
    coding: Coding
    parameters: dict[str, np.ndarray]

    def take(self, place: Int[np.ndarray, " some"]) -> "KnownItems":
        """The items at some places, in that order."""
        parameters = {name: values[place] for name, values in self.parameters.items()}
        return KnownItems(self.ids.take(pa.array(place)), self.coding.of_items(place), parameters)


def read_items(source: object) -> KnownItems:
    """Read items and leave out those that have no estimate.

    Args:
        source: a Parquet or CSV file, a run's folder, a `pa.Table` or a DataFrame, with the columns item_id, a, b and,
            as the models need them, model, c, d, thresholds, slopes, intercepts. Without `model` all items are 2pl.

    Raises:
        InputError: the source cannot be read; a column is missing; ids are null or repeated; a model is unknown; or a
            parameter that the item's model needs is missing.
    """
    where = describe(source)
    wanted = [Wanted(ITEM, ITEM), *(Wanted(name, name, False) for name in ("model", *NUMBERS, *LISTS))]
    table = read_item_table(source, wanted, NUMBERS)
    models = table["model"] if "model" in table.column_names else pa.chunked_array([[ASSUMED] * table.num_rows])
    coded = pc.fill_null(models.cast(pa.string()), ASSUMED).combine_chunks().dictionary_encode()
    names, code = coded.dictionary.to_pylist(), coded.indices.to_numpy()
    own = models_named(names, where)
    parameters = {name: numbers_or_nan(table, name) for name in NUMBERS}
    parameters |= {name: padded_lists(table, name) for name in LISTS}
    lengths = np.max([np.isfinite(parameters[name]).sum(1) for name in LISTS], axis=0)
    polytomous = np.array([model.polytomous for model in own])[code]
    coding = code_items(own, code, np.where(polytomous, np.maximum(lengths + 1, 2), 2))
    return _complete(KnownItems(table[ITEM].combine_chunks(), coding, parameters), where)


def _complete(items: KnownItems, where: str) -> KnownItems:
    """Refuse items that lack what their model needs; items that lack everything have no estimate and go."""
    n_items, bank = len(items.ids), items.coding.bank
    needed = [name for name in (*NUMBERS, *LISTS) if bank.takes(name)]
    lacks, has = np.zeros(n_items, bool), np.zeros(n_items, bool)
    found = {}
    for name in needed:
        own = items.coding.reports(name, n_items) & np.reshape(items.coding.owns(name), (-1, *[1] * (name in LISTS)))
        values = items.parameters[name]
        if name in LISTS:
            values = np.full(own.shape, np.nan)
            given = items.parameters[name][:, : own.shape[1]]
            values[:, : given.shape[1]] = given
        known = np.isfinite(values)
        lacks |= (own & ~known).reshape(n_items, -1).any(1)
        has |= (own & known).reshape(n_items, -1).any(1)
        found[name] = np.where(own, values, 0.5 if name in ("c", "d") else 0.0)
    broken = np.flatnonzero(lacks & has)
    if len(broken):
        shown = first_few(items.ids.take(pa.array(broken[:5])).to_pylist(), total=len(broken))
        raise InputError(
            f"Expected every parameter of an item's model in {where}, found items that lack some: {shown}.",
            f"The models need {', '.join(needed)}; where a slope may be zero a run has no b: leave these items out.",
        )
    keep = has & ~lacks
    if not keep.any():
        raise InputError(f"Expected items with parameters in {where}, found none.", f"Needed: {', '.join(needed)}.")
    kept = {name: values[keep] for name, values in found.items()}
    return KnownItems(items.ids.filter(pa.array(keep)), items.coding.of_items(keep), kept)


def item_draws(path: str | os.PathLike[str], items: KnownItems) -> dict[str, np.ndarray]:
    """Draws of the items' parameters, in their order, with chains joined.

    Args:
        path: a run's posterior.nc.
        items: from `read_items`.

    Returns:
        By name, (draw, item) or (draw, item, step).

    Raises:
        InputError: the file cannot be read, or lacks an item or a parameter.
    """
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="h5netcdf", group="posterior") as tree:
            ids = pa.array([str(name) for name in tree["item"].values])
            wanted = pc.index_in(items.ids.cast(pa.string()), value_set=ids)
            missing = items.ids.filter(pc.is_null(wanted))
            if len(missing):
                shown = first_few(missing.slice(0, 5).to_pylist(), total=len(missing))
                raise InputError(f"Expected draws of every item in {os.fspath(path)!r}, found none of {shown}.")
            place = wanted.to_numpy()
            return {name: _joined(tree[name].values[:, :, place], items.parameters[name]) for name in items.parameters}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"Cannot read draws of the items from {os.fspath(path)!r}: {first_line(error)}") from error


def _joined(draws: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Chains joined; no more steps than the items have."""
    joined = draws.reshape(-1, *draws.shape[2:])
    return joined if joined.ndim == 2 else joined[:, :, : values.shape[1]]
