"""Lists of an item's parameters as people write them: b1, b2, ... or d1, d2, ... in columns, or a list as text."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64

from irt_jax.contract.names import ITEM, LISTS
from irt_jax.data.check import is_string
from irt_jax.errors import InputError, first_few

THRESHOLDS = "thresholds"
#: What separates the entries of a list in text, what stands around it, and what an entry without a value is.
SEPARATORS, BRACKETS = r"\s*[;,|]\s*|\s+", r"^\s*c\(|^[\s\[\](){}]+|[\s\[\](){}]+$"
NOTHING = ("", "na", "nan", "null", "none")
FORMS = (
    "Thresholds are read as a list in the column thresholds ([-1, 0, 1], or as text -1;0;1), or as columns b1, b2, ..."
)


def numbered(names: Sequence[str], stem: str) -> list[str]:
    """Columns of a name and a number from 1 behind it, in the order of the numbers.

    Args:
        names: of the columns.
        stem: before the number.
    """
    found = [int(match[1]) for name in names if (match := re.fullmatch(rf"{stem}([1-9][0-9]*)", name))]
    return [f"{stem}{number}" for number in sorted(found)]


def with_lists(table: pa.Table, where: str) -> pa.Table:
    """Turn whatever form lists have into columns of lists.

    b1, b2, ... are thresholds, and their mean is b where there is none. d1, d2, ... are the intercepts of graded items,
    P(Y >= k) = logistic(a theta + d_k), so that b_k = -d_k / a.

    Args:
        table: with the columns as they were found.
        where: the source, for messages.

    Raises:
        InputError: text that is no list of numbers; a gap in a list; thresholds in two forms; or d1, d2, ... of items
            that are not graded.
    """
    for name in LISTS:
        for column in (name, f"{name}_sd"):
            if column in table.column_names and is_string(table[column].type):
                table = _replaced(table, column, _of_text(table, column, where))
    for stem in ("b", "d"):
        columns = numbered(table.column_names, stem)
        if not columns:
            continue
        if THRESHOLDS in table.column_names:
            problem = f"Expected thresholds in one form, found {THRESHOLDS} and {columns[0]} in {where}."
            raise InputError(problem, "Keep one of them.")
        values = _matrix(table, columns, stem, where)
        if stem == "d":
            values = _of_intercepts(table, values, columns, where)
        table = _replaced(table.drop_columns(columns), THRESHOLDS, _as_lists(values))
        table = _with_mean(table, values)
    return table


def _matrix(table: pa.Table, columns: list[str], stem: str, where: str) -> Float64[np.ndarray, "row step"]:
    """Numbered columns beside each other, NaN beyond each item's last."""
    if columns != [f"{stem}{number}" for number in range(1, len(columns) + 1)]:
        problem = f"Expected the columns {stem}1, {stem}2, ... without a gap in {where}, found {first_few(columns)}."
        raise InputError(problem, "Name them from 1 on.")
    matrix = np.full((table.num_rows, len(columns)), np.nan)
    for place, name in enumerate(columns):
        try:
            numbers = table[name].cast(pa.float64())
        except (pa.ArrowException, ValueError) as error:
            _refuse_words(table, name, table[name].cast(pa.string()), where, error)
        matrix[:, place] = pc.fill_null(numbers, np.nan).to_numpy()
    _refuse_gaps(table, matrix, f"{columns[0]} to {columns[-1]}", where)
    return matrix


def _refuse_words(table: pa.Table, name: str, words: pa.ChunkedArray, where: str, error: Exception) -> None:
    bad = pc.invert(pc.match_substring_regex(pc.fill_null(words, "0"), r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*$"))
    rows = pc.indices_nonzero(bad)
    pairs = zip(table[ITEM].take(rows[:5]).to_pylist(), words.take(rows[:5]).to_pylist(), strict=True)
    problem = f"Expected numbers in {name} of {where}, found others: ({ITEM}, {name}) = "
    raise InputError(f"{problem}{first_few(pairs, total=len(rows))}.", "Correct these items.") from error


def _refuse_gaps(table: pa.Table, matrix: Float64[np.ndarray, "row step"], what: str, where: str) -> None:
    """A value behind one that is missing, or an infinite one."""
    known = np.isfinite(matrix)
    bad = np.isinf(matrix).any(1) | (known[:, 1:] & ~known[:, :-1]).any(1)
    if bad.any():
        ids = table[ITEM].filter(pa.array(bad)).slice(0, 5).to_pylist()
        problem = f"Expected finite numbers without a gap in {what} of {where}, found others for "
        raise InputError(f"{problem}{first_few(ids, total=int(bad.sum()))}.", "Leave only the last ones empty.")


def _of_text(table: pa.Table, name: str, where: str) -> pa.Array:
    """Lists of numbers from text: brackets or none, and commas, semicolons or spaces between.

    Beside semicolons a comma within a number is a decimal comma.
    """
    text = table[name].cast(pa.string()).combine_chunks()
    bare = pc.replace_substring_regex(pc.fill_null(text, ""), BRACKETS, "")
    point = pc.replace_substring_regex(bare, r"([0-9]),([0-9])", r"\1.\2")
    bare = pc.if_else(pc.match_substring(bare, ";"), point, bare)
    parts = pc.split_pattern_regex(bare, SEPARATORS)
    flat, row = pc.list_flatten(parts), pc.list_parent_indices(parts).to_numpy()
    entries = pc.if_else(pc.is_in(pc.utf8_lower(flat), value_set=pa.array(NOTHING)), None, flat)
    try:
        values = pc.fill_null(entries.cast(pa.float64()), np.nan).to_numpy()
    except pa.ArrowInvalid as error:
        wrong = pc.invert(pc.match_substring_regex(pc.fill_null(entries, "0"), r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$"))
        rows = np.unique(row[wrong.to_numpy(zero_copy_only=False)])
        some = pa.array(rows[:5])
        pairs = zip(table[ITEM].take(some).to_pylist(), text.take(some).to_pylist(), strict=True)
        problem = f"Expected lists of numbers in {name} of {where}, found others: ({ITEM}, {name}) = "
        raise InputError(f"{problem}{first_few(pairs, total=len(rows))}.", FORMS) from error
    count = np.bincount(row, minlength=table.num_rows)
    matrix = np.full((table.num_rows, int(count.max(initial=0))), np.nan)
    matrix[np.arange(matrix.shape[1]) < count[:, None]] = values
    _refuse_gaps(table, matrix, name, where)
    return _as_lists(matrix)


def _of_intercepts(
    table: pa.Table, values: Float64[np.ndarray, "row step"], columns: list[str], where: str
) -> Float64[np.ndarray, "row step"]:
    """Thresholds of graded items from their intercepts; other models have other conventions."""
    given = np.isfinite(values).any(1)
    graded = np.zeros(table.num_rows, bool)
    if "model" in table.column_names:
        graded = pc.fill_null(pc.equal(table["model"].cast(pa.string()), "grm"), False).to_numpy()
    bad = given & ~graded
    if bad.any():
        ids = first_few(table[ITEM].filter(pa.array(bad)).slice(0, 5).to_pylist(), total=int(bad.sum()))
        problem = f"Expected {columns[0]}, ... of {where} beside the model grm, as intercepts of P(Y >= k) = "
        raise InputError(f"{problem}logistic(a theta + d_k); found them for {ids}.", FORMS)
    slope = pc.fill_null(table["a"].cast(pa.float64()), np.nan).to_numpy() if "a" in table.column_names else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        found = -values / np.broadcast_to(slope, len(values))[:, None]
    broken = given & ~np.isfinite(found[:, 0])
    if broken.any():
        ids = first_few(table[ITEM].filter(pa.array(broken)).slice(0, 5).to_pylist(), total=int(broken.sum()))
        raise InputError(f"Expected a slope a beside {columns[0]}, ... of {where}, found none for {ids}.", "Add it.")
    return found


def _with_mean(table: pa.Table, values: Float64[np.ndarray, "row step"]) -> pa.Table:
    """The mean of the thresholds is b where the table has none."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    own = pa.chunked_array([pa.array(mean, mask=~known.any(1))])
    given = table["b"].cast(pa.float64()) if "b" in table.column_names else own
    return _replaced(table, "b", pc.coalesce(given, own))


def _as_lists(values: Float64[np.ndarray, "row step"]) -> pa.Array:
    """One list a row of its numbers; null where there is none."""
    known = np.isfinite(values)
    count = known.sum(1)
    offsets = pa.array(np.append(0, np.cumsum(count)).astype(np.int32), mask=np.append(count == 0, False))
    return pa.ListArray.from_arrays(offsets, pa.array(values[known], pa.float64()))


def _replaced(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    if name not in table.column_names:
        return table.append_column(name, column)
    return table.set_column(table.column_names.index(name), name, column)
