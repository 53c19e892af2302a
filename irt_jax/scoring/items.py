"""Items whose parameters are known: a run's items.parquet, or any file with item_id, a and b."""

import os
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from irt_jax.contract.names import GROUP, GROUP_DRAWS, ITEM, LISTS
from irt_jax.data.check import as_groups
from irt_jax.data.item_table import numbers_or_nan, padded_lists, read_item_table
from irt_jax.data.source import Wanted, describe
from irt_jax.errors import InputError, first_few, first_line
from irt_jax.models import models_named
from irt_jax.models.bank import Coding, code_items
from irt_jax.scoring.domain import refuse_outside

#: A slope's intercept, and why an item has no estimate of something, as runs have them.
INTERCEPT, REASON = "intercept", "reason"
#: What a file without the column `model` has.
ASSUMED = "2pl"
NUMBERS = ("a", "b", "c", "d")
#: What is read besides the ids, and what may have numbers behind it: thresholds b1, b2, ..., and d1, d2, ...
COLUMNS, NUMBERED = ("model", *NUMBERS, *LISTS, INTERCEPT, REASON, GROUP), ("b", "d")
#: A run has no b where the slope may be zero; its intercept gives one, as if the slope were no smaller than this.
SMALLEST_SLOPE = 1e-3


class KnownItems(NamedTuple):
    """Item parameters that are taken as they are.

    Attributes:
        ids: of the items, in the order of the file.
        coding: each item's model and number of categories.
        parameters: by name, (item,) or (item, step); zero where an item's model has none.
        groups: the group whose own copy of an item each is, null for items of all; None where no item has copies.
    """

    ids: pa.Array
    coding: Coding
    parameters: dict[str, np.ndarray]
    groups: pa.Array | None = None

    def take(self, place: Int[np.ndarray, " some"]) -> "KnownItems":
        """The items at some places, in that order."""
        parameters = {name: values[place] for name, values in self.parameters.items()}
        groups = None if self.groups is None else self.groups.take(pa.array(place))
        return KnownItems(self.ids.take(pa.array(place)), self.coding.of_items(place), parameters, groups)

    @property
    def labels(self) -> pa.Array:
        """Ids as text, with the group behind those that are a group's own, as in posterior.nc."""
        text = self.ids.cast(pa.string())
        if self.groups is None:
            return text
        own = pc.binary_join_element_wise(text, pc.binary_join_element_wise(" [", self.groups, "]", ""), "")
        return pc.coalesce(own, text)


def read_items(source: object) -> KnownItems:
    """Read items and leave out those that have no estimate.

    Args:
        source: a Parquet or CSV file, a run's folder, a `pa.Table` or a DataFrame, with the columns item_id, a, b and,
            as the models need them, model, c, d, thresholds, slopes, intercepts. Without `model` all items are 2pl.
            With `group`, an item may have a row for each group, as under --by-group.

    Raises:
        InputError: the source cannot be read; a column is missing; ids are null or repeated; a model is unknown; or a
            parameter that the item's model needs is missing, lies outside of its domain, or is another model's.
    """
    where = describe(source)
    wanted = [Wanted(ITEM, ITEM), *(Wanted(name, name, False, numbered=name in NUMBERED) for name in COLUMNS)]
    table = read_item_table(source, wanted, (*NUMBERS, INTERCEPT), by_group=True)
    models = table["model"] if "model" in table.column_names else pa.chunked_array([pa.nulls(table.num_rows)])
    coded = pc.fill_null(models.cast(pa.string()), ASSUMED).combine_chunks().dictionary_encode()
    names, code = coded.dictionary.to_pylist(), coded.indices.to_numpy()
    own = models_named(names, where)
    parameters = {name: numbers_or_nan(table, name) for name in NUMBERS}
    parameters["b"] = _located(parameters, numbers_or_nan(table, INTERCEPT))
    parameters |= {name: padded_lists(table, name) for name in LISTS}
    lengths = np.max([np.isfinite(parameters[name]).sum(1) for name in LISTS], axis=0)
    polytomous = np.array([model.polytomous for model in own])[code]
    coding = code_items(own, code, np.where(polytomous, np.maximum(lengths + 1, 2), 2))
    ids, groups = table[ITEM].combine_chunks(), None
    if GROUP in table.column_names and len(table[ITEM].unique()) < table.num_rows:
        groups = as_groups(table[GROUP], where).combine_chunks()
    refuse_outside(ids, coding, parameters, where)
    explained = np.zeros(table.num_rows, bool)
    if REASON in table.column_names:
        explained = pc.is_valid(table[REASON]).to_numpy()
    return _complete(KnownItems(ids, coding, parameters, groups), explained, where)


def _located(parameters: dict[str, np.ndarray], intercept: Float[np.ndarray, " item"]) -> Float[np.ndarray, " item"]:
    """Difficulties, from slope and intercept where a run has none; the curve is that of the slope and the intercept."""
    a, b = parameters["a"], parameters["b"]
    sign = np.where(a < 0.0, -1.0, 1.0)
    return np.where(np.isnan(b), -intercept / (sign * np.maximum(np.abs(a), SMALLEST_SLOPE)), b)


def _complete(items: KnownItems, explained: Bool[np.ndarray, " item"], where: str) -> KnownItems:
    """Refuse items that lack what their model needs; those go that lack everything, or of which a run says why."""
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
    broken = np.flatnonzero(lacks & has & ~explained)
    if len(broken):
        shown = first_few(items.ids.take(pa.array(broken[:5])).to_pylist(), total=len(broken))
        raise InputError(
            f"Expected every parameter of an item's model in {where}, found items that lack some: {shown}.",
            f"The models need {', '.join(needed)}.",
        )
    keep = has & ~lacks
    if not keep.any():
        raise InputError(f"Expected items with parameters in {where}, found none.", f"Needed: {', '.join(needed)}.")
    kept = {name: values[keep] for name, values in found.items()}
    groups = None if items.groups is None else items.groups.filter(pa.array(keep))
    return KnownItems(items.ids.filter(pa.array(keep)), items.coding.of_items(keep), kept, groups)


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
            wanted = pc.index_in(items.labels, value_set=ids)
            missing = items.labels.filter(pc.is_null(wanted))
            if len(missing):
                shown = first_few(missing.slice(0, 5).to_pylist(), total=len(missing))
                raise InputError(f"Expected draws of every item in {os.fspath(path)!r}, found none of {shown}.")
            place = wanted.to_numpy()
            return {name: _joined(tree[name].values[:, :, place], items.parameters[name]) for name in items.parameters}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"Cannot read draws of the items from {os.fspath(path)!r}: {first_line(error)}") from error


def population_draws(path: str | os.PathLike[str], names: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Draws of the populations' means and SDs, (draw, group), with chains joined; None where the run has none.

    Args:
        path: a run's posterior.nc.
        names: of the groups wanted; an empty one where the run has one population.

    Raises:
        InputError: the file cannot be read, or lacks a group.
    """
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="h5netcdf", group="posterior") as tree:
            if not set(GROUP_DRAWS) & set(tree):
                return None
            place = [0] * len(names)
            if "group" in tree.coords:
                known = [str(name) for name in tree["group"].values]
                place = [known.index(name) for name in names]
            shape = next(tree[name].shape for name in GROUP_DRAWS if name in tree)
            parts = [
                tree[name].values if name in tree else np.full(shape, value)
                for name, value in zip(GROUP_DRAWS, (0.0, 1.0), strict=True)
            ]
            mean, sd = (part.reshape(-1, part.shape[-1])[:, place].astype(np.float64) for part in parts)
            return mean, sd
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"Cannot read draws of the populations from {os.fspath(path)!r}: {first_line(error)}"
        ) from error


def _joined(draws: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Chains joined; no more steps than the items have."""
    joined = draws.reshape(-1, *draws.shape[2:])
    return joined if joined.ndim == 2 else joined[:, :, : values.shape[1]]
