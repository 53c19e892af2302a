"""Responses as people write them: numbers as text, words and codes that mean missing."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.data.check import is_string, offenders
from irt_jax.errors import InputError, UsageError, first_few
from irt_jax.names import ITEM, PERSON, RESPONSE

#: What people, R, SPSS, SQL and pandas write where there is no response; in any case.
WORDS = ("", "na", "n/a", "#n/a", "<na>", ".", "null", "nan", "none")
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"


class Codes(NamedTuple):
    """Codes that mean missing.

    Attributes:
        texts: as they were given.
        numbers: of those that are numbers.
    """

    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()


def parse_codes(given: str | int | float | Iterable[str | int | float] | None) -> Codes:
    """Codes from an option or an argument.

    Args:
        given: numbers or text; text may hold several, with commas between.

    Raises:
        UsageError: something else.
    """
    given = (given,) if isinstance(given, str | int | float) else given or ()
    texts: list[str] = []
    for code in given:
        if isinstance(code, bool) or not isinstance(code, str | int | float | np.integer | np.floating):
            raise UsageError(f"--missing takes numbers or text, found {code!r}.", "Give codes as in --missing 9,99,-1.")
        texts += [part.strip() for part in str(code).split(",") if part.strip()]
    texts = list(dict.fromkeys(texts))
    return Codes(tuple(texts), tuple(number for number in map(_number, texts) if number is not None))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def without_missing(table: pa.Table, codes: Codes, where: str) -> tuple[pa.ChunkedArray, list[str]]:
    """Responses with null where text or a code says that they are missing; numbers instead of text.

    Args:
        table: columns person_id, item_id and response.
        codes: that mean missing.
        where: the source, for the message.

    Returns:
        The responses, and notes on what was taken as missing.

    Raises:
        InputError: text that is no number.
    """
    column, notes = table[RESPONSE], list[str]()
    counts = dict.fromkeys(codes.texts, 0)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if is_string(column.type):
        column, notes = _from_text(table, counts, where)
    if codes.numbers and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        for text in codes.texts:
            number = _number(text)
            if number is not None:
                column, found = _without(column, number)
                counts[text] += found
    if codes.texts:
        shown = ", ".join(f"{count:,} of {text}" if count else f"none of {text}" for text, count in counts.items())
        notes.append(f"Taken as missing, as --missing says: {shown}.")
    return column, notes


def _without(column: pa.ChunkedArray, number: float) -> tuple[pa.ChunkedArray, int]:
    if pa.types.is_integer(column.type):
        try:
            value = pa.scalar(int(number) if number == int(number) else None, column.type)
        except (pa.ArrowInvalid, OverflowError, ValueError):
            return column, 0
    else:
        value = pa.scalar(number, pa.float64()).cast(column.type)
    if not value.is_valid:
        return column, 0
    equal = pc.fill_null(pc.is_nan(column) if np.isnan(number) else pc.equal(column, value), False)
    count = pc.sum(equal).as_py() or 0
    return (pc.if_else(equal, pa.scalar(None, column.type), column), count) if count else (column, 0)


def _from_text(table: pa.Table, counts: dict[str, int], where: str) -> tuple[pa.ChunkedArray, list[str]]:
    """Numbers or booleans from text; only the distinct texts are looked at one by one."""
    encoded = table[RESPONSE].dictionary_encode().unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    texts = [text.strip() for text in encoded.dictionary.to_pylist()]
    lower = {code.lower(): code for code in counts}
    rows = np.bincount(encoded.indices.drop_null().to_numpy(), minlength=len(texts))
    words: dict[str, int] = {}
    for text, count in zip(texts, rows, strict=True):
        if text.lower() in lower:
            counts[lower[text.lower()]] += int(count)
        elif text.lower() in WORDS:
            words[text] = words.get(text, 0) + int(count)
    left = [None if text.lower() in WORDS or text.lower() in lower else text for text in texts]
    values = _values(left)
    bad = np.array([text is not None and value is None for text, value in zip(left, values, strict=True)], bool)
    if bad.any():
        mask = pc.fill_null(pa.chunked_array([pa.array(bad).take(encoded.indices)]), False)
        rows_shown = offenders(table, mask, [PERSON, ITEM, RESPONSE])
        kinds = first_few([text for text, is_bad in zip(texts, bad, strict=True) if is_bad])
        problem = f"Expected whole numbers in {RESPONSE}, found text that is none in {where}: {kinds}; "
        remedy = "Score these responses as 0, 1, 2, ..., or say with --missing what means missing."
        raise InputError(f"{problem}(person_id, item_id, response) = {rows_shown}.", remedy)
    column = pa.chunked_array([pa.array(values, pa.float64()).take(encoded.indices)])
    if not words:
        return column, []
    shown = ", ".join(f"{count:,} of {text!r}" for text, count in words.items())
    return column, [f"Taken as missing, as text says so: {shown}."]


def _values(texts: list[str | None]) -> list[float | None]:
    """The number of each text, true and false where there is nothing else, None for what is no number."""
    there = {text.lower() for text in texts if text is not None}
    if there and there <= {"true", "false"}:
        return [None if text is None else float(text.lower() == "true") for text in texts]
    number = pc.match_substring_regex(pa.array(texts, pa.string()), _NUMBER).to_pylist()
    return [float(text) if is_one and text is not None else None for text, is_one in zip(texts, number, strict=True)]
