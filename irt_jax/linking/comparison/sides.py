"""What is compared: a run, a file of item parameters, a table or a `Fit`, read into one form."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from irt_jax.contract.names import ITEM, ITEMS_FILE, LISTS, RUN_FILE
from irt_jax.data.check import is_string
from irt_jax.data.item_table import UNTYPED, numbers_or_nan, padded_lists, read_item_table
from irt_jax.data.read_json import read_json
from irt_jax.data.run_population import population_of
from irt_jax.data.source import Wanted, describe
from irt_jax.errors import InputError, UsageError, first_few
from irt_jax.models.bank import Bank, Coding
from irt_jax.models.logistic import TWO
from irt_jax.results.fit import Fit
from irt_jax.scoring.items import INTERCEPT, NUMBERED, NUMBERS, REASON, KnownItems, read_items

#: Columns that say how sure an estimate is; standard errors go by either name.
UNCERTAIN = ("a_sd", "b_sd", "a_se", "b_se", "log_a_sd", "mcse", "a_mcse", "b_mcse")
REQUIRED = ("a", "b")


class Side(NamedTuple):
    """Items of one side, those that have an estimate.

    Attributes:
        name: of the side.
        items: ids, models and parameters.
        values: a, b, a_sd, b_sd, a_mcse and b_mcse, NaN where not known, (item,); thresholds, (item, step).
        kind: of the ids: "string", "integer", or "untyped" where they come from a CSV file.
        population: mean and SD of the run's persons; None where there is no run.
    """

    name: str
    items: KnownItems
    values: dict[str, np.ndarray]
    kind: str
    population: tuple[float, float] | None

    @property
    def text_ids(self) -> pa.Array:
        """Ids as text."""
        return self.items.ids.cast(pa.large_string())

    @property
    def models(self) -> pa.Array:
        """Name of each item's model."""
        coding = self.items.coding
        names = pa.array([model.name for model in coding.bank.models])
        return names.take(pa.array(np.zeros(len(self.items.ids), int) if coding.model is None else coding.model))


def read_sides(sources: Mapping[str, Any]) -> list[Side]:
    """Read all sides.

    Args:
        sources: by name: a run's folder, a Parquet or CSV file, a table in memory, or a `Fit`. Columns item_id, a, b,
            and optionally model, c, d, thresholds, slopes, intercepts, the SDs a_sd and b_sd (of a itself, not of log
            a) or standard errors a_se and b_se, and mcse, or a_mcse and b_mcse. Without `model` an item has the
            smallest model that takes its parameters, and with thresholds that of the same item on another side.

    Raises:
        InputError: a source cannot be read, or its ids are of another type than the others'.
    """
    tables = {name: _table(source) for name, source in sources.items()}
    known = [table for table in tables.values() if "model" in table.column_names]
    sides = [_side(name, sources[name], table, known) for name, table in tables.items()]
    _check_kinds(sides)
    return sides


def check_sides(sources: Mapping[str, Any], items: pa.Table) -> None:
    """Refuse sides that could not be compared with items whose estimates are still to come.

    Args:
        sources: see `read_sides`.
        items: item_id and model of each.

    Raises:
        InputError: as `read_sides`; or a side that has none of the items.
    """
    tables = {name: _table(source) for name, source in sources.items()}
    known = [*(table for table in tables.values() if "model" in table.column_names), items]
    sides = [_side(name, sources[name], table, known) for name, table in tables.items()]
    ids = items[ITEM].combine_chunks()
    kind = "string" if is_string(ids.type) else "integer"
    own = Side("the responses", KnownItems(ids, Coding(Bank((TWO,))), {}), {}, kind, None)
    _check_kinds([own, *sides])
    for side in sides:
        if not pc.any(pc.is_in(side.text_ids, value_set=own.text_ids)).as_py():
            found, wanted = (_examples(each) for each in (side, own))
            raise InputError(
                f"Expected items of the responses in {side.name}, found none: {found}; the responses have {wanted}.",
                "Check that both name items the same way.",
            )


def _examples(side: Side) -> str:
    return first_few(side.items.ids.slice(0, 3).to_pylist(), total=len(side.items.ids))


def named(paths: Sequence[str]) -> dict[str, str]:
    """Names of paths: what stands before `=`, or the name of a run's folder or a file, with the folder above if needed.

    Args:
        paths: PATH, or NAME=PATH where there is no such path.

    Raises:
        UsageError: a name or path is given twice.
    """
    found: dict[str, str] = {}
    split = [("", path) if Path(path).exists() or "=" not in path else path.split("=", 1) for path in paths]
    short = [name or _short(Path(path)) for name, path in split]
    for (name, path), own in zip(split, short, strict=True):
        label = own if short.count(own) == 1 or name else f"{Path(path).absolute().parent.name}/{own}"
        if any("\ud800" <= sign <= "\udfff" for sign in label):  # bytes that are no text, as Python holds them
            raise UsageError(f"Expected a side's name in UTF-8, found {label[:40]!a}.", "Name the side: NAME=PATH.")
        if label in found:
            raise UsageError(f"The side {label!r} is given twice.", "Give the sides names: NAME=PATH.")
        found[label] = path
    return found


def _short(path: Path) -> str:
    folder = path.absolute().parent if path.name == ITEMS_FILE else path.absolute()
    return folder.name if path.is_dir() or path.name == ITEMS_FILE else path.stem


def _table(source: Any) -> pa.Table:
    numbers = (*NUMBERS, *UNCERTAIN, INTERCEPT)
    wanted = [Wanted(ITEM, ITEM), *(Wanted(name, name, numbered=name in NUMBERED) for name in REQUIRED)]
    others = ("model", *numbers, *LISTS, REASON)
    wanted += [Wanted(name, name, False, numbered=name in NUMBERED) for name in others if name not in REQUIRED]
    return read_item_table(source.items_table if isinstance(source, Fit) else source, wanted, numbers)


def _side(name: str, source: Any, table: pa.Table, known: list[pa.Table]) -> Side:
    field = table.schema.field(ITEM)
    untyped = UNTYPED.items() <= (field.metadata or {}).items()
    kind = "untyped" if untyped else "string" if is_string(field.type) else "integer"
    where = name if describe(source) == repr(name) else f"{name} ({describe(source)})"
    if "model" not in table.column_names:
        table = table.append_column("model", _models(table, known, where))
    try:
        items = read_items(table)
    except InputError as error:
        raise InputError(error.problem.replace("the Table", where), error.remedy) from error
    row = pc.index_in(items.ids, value_set=table[ITEM].combine_chunks()).to_numpy()
    column = {each: numbers_or_nan(table, each)[row] for each in (*NUMBERS, *UNCERTAIN)}
    values = {"thresholds": padded_lists(table, "thresholds")[row], "a": column["a"]}
    mean = _row_mean(values["thresholds"])
    values["b"] = np.where(np.isfinite(column["b"]), column["b"], mean)
    a_sd = _first(column["a_sd"], column["a_se"])
    values["a_sd"] = _first(a_sd, column["a"] * column["log_a_sd"])
    values["b_sd"] = _first(column["b_sd"], column["b_se"])
    values |= {f"{each}_mcse": _first(column[f"{each}_mcse"], column["mcse"]) for each in ("a", "b")}
    return Side(name, items, values, kind, _population(source))


def _models(table: pa.Table, known: list[pa.Table], where: str) -> pa.Array:
    """Models of a file that does not name them."""
    c, d = np.isfinite(numbers_or_nan(table, "c")), np.isfinite(numbers_or_nan(table, "d"))
    names = pa.array(np.where(d, "4pl", np.where(c, "3pl", "2pl")))
    several = np.isfinite(padded_lists(table, "thresholds")).any(1)
    if not several.any():
        return names
    text = table[ITEM].cast(pa.large_string()).combine_chunks()
    found = pa.nulls(len(text), pa.string())
    for other in known:
        place = pc.index_in(text, value_set=other[ITEM].cast(pa.large_string()).combine_chunks())
        found = pc.coalesce(found, other["model"].cast(pa.string()).combine_chunks().take(place))
    lost = several & pc.is_null(found).to_numpy(zero_copy_only=False)
    if lost.any():
        shown = first_few(text.filter(pa.array(lost)).slice(0, 5).to_pylist(), total=int(lost.sum()))
        raise InputError(
            f"Expected the model of every item with thresholds in {where}, found none of {shown}.",
            "Add a column model, such as grm or gpcm.",
        )
    return pc.if_else(pa.array(several), found, names)


def _first(*columns: Float[np.ndarray, " item"]) -> Float[np.ndarray, " item"]:
    return np.where(np.isfinite(columns[0]), *columns)


def _row_mean(matrix: Float[np.ndarray, "item step"]) -> Float[np.ndarray, " item"]:
    count = np.isfinite(matrix).sum(1)
    return np.where(count > 0, np.nansum(matrix, axis=1) / np.maximum(count, 1), np.nan)


def _population(source: Any) -> tuple[float, float] | None:
    """Mean and SD of a run's persons."""
    if isinstance(source, Fit):
        run, file = source.run, Path(RUN_FILE)
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        file = (path if path.is_dir() else path.parent) / RUN_FILE
        if not file.is_file() or (path.is_file() and path.name != ITEMS_FILE):
            return None
        run = read_json(file)
    else:
        return None
    return population_of(run, repr(str(file))).anybody


def _check_kinds(sides: list[Side]) -> None:
    """Integers and strings are not the same ids, though they may look alike."""
    kinds = {side.kind: side for side in reversed(sides)}
    if {"integer", "string"} <= set(kinds):
        one, other = kinds["integer"], kinds["string"]
        shown = [_examples(side) for side in (one, other)]
        alike = pc.sum(pc.is_in(one.text_ids, value_set=other.text_ids)).as_py() or 0
        found = f"{alike:,} look alike" if alike else "none look alike"
        raise InputError(
            f"Item ids are integers in {one.name} ({shown[0]}) and strings in {other.name} ({shown[1]}); {found}.",
            "Write all sides with the same type of ids.",
        )
