"""Decide whether the columns of a table are what the contract asks for, and say which rows are not."""

import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import ITEM, PERSON, RESPONSE
from irt_jax.errors import InputError, first_few, first_line

#: No response is larger: a category this high is a percentage, a score or an id in the wrong column.
MAX_RESPONSE = 2**15

#: More kinds of numbers than these are no codes of missing responses.
MANY_CODES = 6

_HOW_MISSING = "Write a missing response as null, or leave its row out."


def offenders(table: pa.Table, mask: pa.ChunkedArray, names: list[str]) -> str:
    """Write the first rows where the mask is true: `('ann', 'q1', -1) and 2 more`."""
    places = pc.indices_nonzero(mask)
    rows = table.select(names).take(places.slice(0, 5)).to_pydict()
    values = list(zip(*rows.values(), strict=True))
    shown = [value[0] for value in values] if len(names) == 1 else values
    return first_few(shown, total=len(places))


def is_string(kind: pa.DataType) -> bool:
    """Tell whether a type is a string, of either offset width."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def check_ids(table: pa.Table, name: str, where: str) -> None:
    """Check one column of ids.

    Args:
        table: the rows.
        name: the column of ids.
        where: the source, for the message.

    Raises:
        InputError: ids that are neither strings nor integers, null ids, NUL characters, or invalid UTF-8.
    """
    column = table[name]
    if column.null_count:
        rows = pc.indices_nonzero(pc.is_null(column))
        shown = first_few(rows.slice(0, 5).to_pylist(), total=len(rows))
        problem = f"Expected an id in every row, found {len(rows):,} null {name} in {where}: at rows {shown}."
        raise InputError(problem, "Remove those rows or fill in the id.")
    if not (is_string(column.type) or pa.types.is_integer(column.type)):
        examples = first_few(column.slice(0, 3).to_pylist(), total=3 if len(column) >= 3 else len(column))
        problem = f"Expected strings or integers in {name}, found {column.type} in {where}: {examples}."
        raise InputError(problem, "Cast the ids to string or to an integer type.")
    if is_string(column.type):
        _check_text(table, name, where)


def _check_text(table: pa.Table, name: str, where: str) -> None:
    try:
        table[name].validate(full=True)
    except pa.ArrowInvalid as error:
        problem = f"Expected UTF-8 in {name}, found other bytes in {where}: {first_line(error)}"
        raise InputError(problem, "Write the ids again as UTF-8.") from error
    with_nul = pc.match_substring(table[name], "\0")
    if pc.any(with_nul).as_py():
        problem = f"Expected ids without NUL characters in {name}, found {offenders(table, with_nul, [name])}"
        raise InputError(f"{problem} in {where}.", "Remove the NUL characters.")


def as_responses(table: pa.Table, where: str, first_category: int = 0) -> pa.ChunkedArray:
    """Check the responses and cast them to int32; nulls stay.

    Args:
        table: columns person_id, item_id and response.
        where: the source, for the message.
        first_category: the number of the lowest category, which becomes 0.

    Raises:
        InputError: no response at all, a type that holds no numbers, NaN or infinity, a fraction, a negative
            response, or one above `MAX_RESPONSE`.
    """
    column = table[RESPONSE]
    if len(column) == 0:
        raise InputError(f"Expected responses, found 0 rows in {where}.", "Check what was exported.")
    if column.null_count == len(column):
        problem = f"Expected responses, found only nulls in all {len(column):,} rows of {where}."
        raise InputError(problem, "Check what was exported.")
    kind = column.type
    if pa.types.is_boolean(kind):
        return column.cast(pa.int32())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
        _check_whole(table.set_column(table.column_names.index(RESPONSE), RESPONSE, column), where)
    elif not pa.types.is_integer(kind):
        examples = first_few(column.drop_null().slice(0, 3).to_pylist())
        problem = f"Expected integers or booleans in {RESPONSE}, found {kind} in {where}: {examples}."
        raise InputError(problem, "Cast the responses to an integer type.")
    _check_range(table.set_column(table.column_names.index(RESPONSE), RESPONSE, column), where, first_category)
    column = column.cast(pa.int32())
    return pc.subtract(column, pa.scalar(first_category, pa.int32())) if first_category else column


def _check_whole(table: pa.Table, where: str) -> None:
    column = table[RESPONSE]
    for bad, found, remedy in (
        (
            pc.invert(pc.is_finite(column)),
            "NaN or infinity",
            "Write a missing response as null, or leave it out.",
        ),
        (pc.not_equal(pc.trunc(column), column), "fractions", "Score each response as 0, 1, 2, ... first."),
    ):
        if pc.any(bad).as_py():
            rows = offenders(table, bad, [PERSON, ITEM, RESPONSE])
            problem = f"Expected whole numbers in {RESPONSE}, found {found} in {where}: "
            raise InputError(f"{problem}(person_id, item_id, response) = {rows}.", remedy)


def _check_range(table: pa.Table, where: str, lowest: int) -> None:
    column = table[RESPONSE]
    extremes, highest = pc.min_max(column).as_py(), MAX_RESPONSE + lowest
    if extremes["min"] < lowest:
        bad = pc.less(column, pa.scalar(lowest, column.type))
        codes = sorted(pc.unique(column.filter(bad)).drop_null().to_pylist(), reverse=True)
        remedy = f"Count categories from {lowest}. {_HOW_MISSING}"
        if len(codes) <= MANY_CODES:
            remedy = f"If they mean missing, say so with --missing {','.join(f'{code:.0f}' for code in codes)}; else "
            remedy += f"count categories from {lowest}."
    elif extremes["max"] > highest:
        bad = pc.greater(column, pa.scalar(highest, column.type))
        remedy = "Check that the column holds categories and not scores or times; codes of missing responses are named "
        remedy += "with --missing."
    else:
        return
    rows = offenders(table, bad, [PERSON, ITEM, RESPONSE])
    problem = f"Expected {RESPONSE} from {lowest} to {highest:,}, found other values in {where}: "
    raise InputError(f"{problem}(person_id, item_id, response) = {rows}.", remedy)


def as_groups(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Cast the groups to string; nulls stay.

    Raises:
        InputError: the groups are not strings, integers or booleans.
    """
    kind = column.type
    if is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    problem = f"Expected strings or integers in group, found {kind} in {where}."
    raise InputError(problem, "Cast the groups to string, or name another column with --group-col.")


def as_order(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Check that the order of repeats is a number or a time; strings would put '10' before '9'.

    Raises:
        InputError: the column has another type.
    """
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind):
        return column
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return column
    problem = f"Expected numbers or times in seq, found {kind} in {where}."
    raise InputError(problem, "Cast them to integers or timestamps, or name another column with --seq-col.")


def as_numbers(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    """Cast a column of numbers to float64; nulls stay.

    Raises:
        InputError: the column has a type without numbers.
    """
    kind = column.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if number or pa.types.is_null(kind):
        return column.cast(pa.float64(), safe=False)
    raise InputError(f"Expected numbers in {name}, found {kind} in {where}.", "Cast the column to a number type.")
