"""Anchors: items whose parameters are known from before, with their uncertainty."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64, Int32, Int64

from irt_jax.contract.names import ANCHOR_B_SD, ANCHOR_LOG_A_SD, ITEM
from irt_jax.data.check import as_numbers, is_string, offenders
from irt_jax.data.domain import refuse_anchors_outside
from irt_jax.data.encode import Responses
from irt_jax.data.item_table import UNTYPED, numbers_or_nan, padded_lists, read_item_table
from irt_jax.data.read import Source
from irt_jax.data.source import Wanted, describe
from irt_jax.errors import InputError, first_few

_OPTIONAL_SDS = ("c_sd", "d_sd")
_LISTS = ("thresholds", "thresholds_sd")
#: A run's SDs below this are of parameters that it held fixed: zero, or what averaging equal draws rounds to.
_HELD = 1e-9
_NUMBERS = ("a", "b", "log_a", "log_a_sd", "a_sd", "b_sd", "cov_log_a_b", "c", "d", *_OPTIONAL_SDS)


class Anchors(NamedTuple):
    """Anchors that are among the items of the data, sorted by item.

    Attributes:
        item: codes into the data's items, [anchor].
        a: slope, [anchor].
        b: location on the scale of ability, [anchor].
        log_a: log of the slope, [anchor]; the posterior mean of log a when the anchors come from a run.
        log_a_sd: SD of log a, [anchor].
        b_sd: SD of b, [anchor].
        cov_log_a_b: covariance of the errors of log a and b, NaN where the file has none, [anchor].
        c: lower asymptote, NaN where the file has none, [anchor].
        d: upper asymptote, likewise, [anchor].
        c_sd: SD of c, NaN where the file has none, [anchor].
        d_sd: SD of d, likewise, [anchor].
        thresholds: NaN beyond those that the anchor has, [anchor, threshold].
        thresholds_sd: their SDs, NaN where the file has none, [anchor, threshold].
        row: row of the anchor in the table that was aligned, [anchor]; takes the table's other columns along.
        missing: ids of the anchors that are not in the data.
    """

    item: Int32[np.ndarray, " anchor"]
    a: Float64[np.ndarray, " anchor"]
    b: Float64[np.ndarray, " anchor"]
    log_a: Float64[np.ndarray, " anchor"]
    log_a_sd: Float64[np.ndarray, " anchor"]
    b_sd: Float64[np.ndarray, " anchor"]
    cov_log_a_b: Float64[np.ndarray, " anchor"]
    c: Float64[np.ndarray, " anchor"]
    d: Float64[np.ndarray, " anchor"]
    c_sd: Float64[np.ndarray, " anchor"]
    d_sd: Float64[np.ndarray, " anchor"]
    thresholds: Float64[np.ndarray, "anchor threshold"]
    thresholds_sd: Float64[np.ndarray, "anchor threshold"]
    row: Int64[np.ndarray, " anchor"]
    missing: list[str | int]


def read_anchors(source: Source, *, item_col: str = ITEM) -> pa.Table:
    """Read and check anchors, one row an item.

    The SD of log a is `log_a_sd` where the file has that column, as a run's items.parquet does, in which
    `a_sd` is the SD of a itself; in any other file it is `a_sd`. What such a run held fixed has an SD of zero there and
    gets the default, for its error is not known.

    Args:
        source: a Parquet file, folder, glob or URL; a CSV file (by its suffix); a run's folder; a `pa.Table`
            or a pandas DataFrame. Columns item_id, a, b, and optional a_sd, b_sd, log_a, log_a_sd,
            cov_log_a_b, c, d, c_sd, d_sd, thresholds, thresholds_sd; or b1, b2, ... (d1, d2, ... beside the model grm)
            instead of b and thresholds.
        item_col: the column of the items' ids.

    Returns:
        Columns item_id (type kept; string from a CSV), a, b, log_a, log_a_sd, b_sd (float64, no nulls) and,
        where present, cov_log_a_b, c, d, c_sd, d_sd (float64), thresholds and thresholds_sd (lists of float64).

    Raises:
        InputError: the source cannot be read; a column is missing; ids are null or repeated; a is not
            positive; a, b or an SD is not finite; an SD is not positive; cov_log_a_b makes no covariance
            matrix with the SDs; an anchor has not as many SDs of thresholds as thresholds; or a value lies outside of
            its domain, see `irt_jax.data.domain`.
    """
    wanted = [Wanted(ITEM, item_col), Wanted("a", "a"), Wanted("b", "b", numbered=True)]
    others = (name for name in ("model", *_NUMBERS, *_LISTS) if name not in ("a", "b"))
    wanted += [Wanted(name, name, False, numbered=name == "d") for name in others]
    where = describe(source)
    return _checked(read_item_table(source, wanted, _NUMBERS, "anchor"), where)


def _checked(table: pa.Table, where: str) -> pa.Table:
    numbers = {n: as_numbers(table[n], n, where) for n in _NUMBERS if n in table.column_names}
    absent = pa.chunked_array([pa.nulls(table.num_rows, pa.float64())])
    of_run = "log_a_sd" in numbers
    if of_run:
        numbers |= {name: _unless_held(numbers[name]) for name in ("b_sd", *_OPTIONAL_SDS) if name in numbers}
    log_a_sd = numbers["log_a_sd"] if of_run else numbers.get("a_sd", absent)
    columns = {"a": numbers["a"], "b": numbers["b"]}
    _require(table, columns["a"], "a", where, positive=True)
    _require(table, columns["b"], "b", where)
    columns["log_a"] = pc.coalesce(numbers.get("log_a", absent), pc.ln(columns["a"]))
    columns["log_a_sd"] = pc.fill_null(log_a_sd, ANCHOR_LOG_A_SD)
    columns["b_sd"] = pc.fill_null(numbers.get("b_sd", absent), ANCHOR_B_SD)
    _require(table, columns["log_a"], "log_a", where)
    _require(table, columns["log_a_sd"], "log_a_sd" if of_run else "a_sd", where, positive=True)
    _require(table, columns["b_sd"], "b_sd", where, positive=True)
    columns |= {name: numbers[name] for name in ("cov_log_a_b", "c", "d", *_OPTIONAL_SDS) if name in numbers}
    if "cov_log_a_b" in columns:
        _check_covariance(table, columns, where)
    for name in _OPTIONAL_SDS:
        if name in columns:
            _require(table, pc.fill_null(columns[name], 1.0), name, where, positive=True)
    columns |= {name: _lists(table[name], name, where) for name in _LISTS if name in table.column_names}
    if "thresholds_sd" in columns:
        if of_run:
            columns["thresholds_sd"] = _lists_unless_held(columns["thresholds_sd"])
        _check_threshold_sds(table, columns, where)
    fields = [table.schema.field(ITEM), *(pa.field(name, column.type) for name, column in columns.items())]
    checked = pa.table([table[ITEM], *columns.values()], schema=pa.schema(fields))
    refuse_anchors_outside(checked, where, "log_a_sd" if of_run else "a_sd")
    return checked


def _unless_held(sds: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.less(sds, _HELD), None, sds)


def _lists_unless_held(sds: pa.ChunkedArray) -> pa.ChunkedArray:
    held = np.any(padded_lists(pa.table({"sds": sds}), "sds") < _HELD, axis=1)
    return sds.take(pa.array(np.arange(sds.length()), mask=held))


def _require(table: pa.Table, values: pa.ChunkedArray, name: str, where: str, *, positive: bool = False) -> None:
    good = pc.is_finite(values)
    if positive:
        good = pc.and_(good, pc.greater(values, 0.0))
    bad = pc.invert(pc.fill_null(good, False))
    if pc.any(bad).as_py():
        rows = offenders(pa.table({ITEM: table[ITEM], name: values}), bad, [ITEM, name])
        kind = "finite and positive" if positive else "finite"
        problem = f"Expected {name} to be {kind} for every anchor, found others in {where}: (item_id, {name}) = "
        raise InputError(f"{problem}{rows}.", "Correct these anchors or remove them.")


def _check_covariance(table: pa.Table, columns: dict[str, pa.ChunkedArray], where: str) -> None:
    covariance = columns["cov_log_a_b"]
    limit = pc.multiply(columns["log_a_sd"], columns["b_sd"])
    bad = pc.invert(pc.fill_null(pc.less(pc.abs(covariance), limit), True))
    if pc.any(bad).as_py():
        rows = offenders(pa.table({ITEM: table[ITEM], "cov": covariance}), bad, [ITEM, "cov"])
        problem = f"Expected cov_log_a_b within the product of the two SDs, found others in {where}: "
        raise InputError(f"{problem}(item_id, cov_log_a_b) = {rows}.", "Correct these anchors or remove the column.")


def _check_threshold_sds(table: pa.Table, columns: dict[str, pa.ChunkedArray], where: str) -> None:
    lists = pa.table({name: columns[name] for name in _LISTS if name in columns})
    known, sds = (padded_lists(lists, name) for name in _LISTS)
    width = max(known.shape[1], sds.shape[1])
    filled = lambda good: np.pad(good, ((0, 0), (0, width - good.shape[1])))  # noqa: E731
    matching = (filled(np.isfinite(known)) == filled(np.isfinite(sds) & (sds > 0.0))).all(1)
    bad = pa.chunked_array([pa.array(columns["thresholds_sd"].is_valid().to_numpy() & ~matching)])
    if pc.any(bad).as_py():
        rows = offenders(table, bad, [ITEM])
        problem = f"Expected a finite and positive SD in thresholds_sd for every threshold, found others in {where}: "
        raise InputError(f"{problem}item_id = {rows}.", "Correct these anchors or remove the column.")


def _lists(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_null(column.type):
        try:
            return column.cast(pa.list_(pa.float64()))
        except (pa.ArrowException, ValueError):
            pass
    problem = f"Expected lists of numbers in {name}, found {column.type} in {where}."
    raise InputError(problem, f"Write {name} as a list of floats, or remove the column.")


def align_anchors(responses: Responses, anchors: pa.Table) -> Anchors:
    """Find the anchors among the items of the data.

    Args:
        responses: the data.
        anchors: what `read_anchors` gives.

    Returns:
        The anchors that are in the data, sorted by item, and the ids of the others, which the caller reports.

    Raises:
        InputError: one side has integers as ids and the other strings, or no anchor is in the data.
    """
    ids = anchors[ITEM].combine_chunks()
    in_data = responses.item_ids
    untyped = UNTYPED.items() <= (anchors.schema.field(ITEM).metadata or {}).items()
    if is_string(ids.type) != is_string(in_data.type) and not untyped:
        problem = f"The anchors' item_id are {ids.type} ({_examples(ids)}), the data's {in_data.type} "
        raise InputError(f"{problem}({_examples(in_data)}).", "Write both with the same type of ids.")
    text = pa.large_string()
    place = pc.index_in(in_data.cast(text), value_set=ids.cast(text))
    codes = np.flatnonzero(pc.is_valid(place).to_numpy(zero_copy_only=False)).astype(np.int32)
    if len(codes) == 0:
        problem = f"None of the {len(ids):,} anchors is in the data: anchors {_examples(ids)}; "
        problem += f"items of the data {_examples(in_data)}."
        raise InputError(problem, "Check that both files name items the same way.")
    row = place.take(pa.array(codes)).to_numpy().astype(np.int64)
    values = {name: anchors[name].to_numpy()[row] for name in ("a", "b", "log_a", "log_a_sd", "b_sd")}
    for name in ("cov_log_a_b", "c", "d", *_OPTIONAL_SDS):
        values[name] = numbers_or_nan(anchors, name)[row]
    thresholds, given = (padded_lists(anchors, name)[row] for name in _LISTS)
    values |= {"thresholds": thresholds, "thresholds_sd": np.full_like(thresholds, np.nan)}
    values["thresholds_sd"][:, : given.shape[1]] = given
    missing = ids.filter(pc.invert(pc.is_in(ids.cast(text), value_set=in_data.cast(text)))).to_pylist()
    return Anchors(item=codes, row=row, missing=missing, **values)


def _examples(ids: pa.Array) -> str:
    return first_few(ids.slice(0, 3).to_pylist(), limit=3, total=len(ids))
