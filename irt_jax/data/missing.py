"""Responses as people write them: numbers as text, words and codes that mean missing."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import ITEM, PERSON, RESPONSE
from irt_jax.data.check import MANY_CODES, is_string, offenders
from irt_jax.errors import InputError, UsageError, first_few

#: What people, R, SPSS, SQL and pandas write where there is no response; in any case.
WORDS = (
    *("", "na", "n/a", "#n/a", "<na>", ".", "null", "nan", "none"),
    *("n.a.", "missing", "(null)", "#null!", r"\n"),
)
#: Text that is a number; and, with a decimal comma, a whole number and any.
NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_WHOLE_COMMA, _COMMA = r"[+-]?[0-9]+,0{1,2}", r"[+-]?[0-9]+,[0-9]+"


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
    left, notes = _without_decimal_commas(left)
    values = _values(left)
    bad = np.array([text is not None and value is None for text, value in zip(left, values, strict=True)], bool)
    if bad.any():
        mask = pc.fill_null(pa.chunked_array([pa.array(bad).take(encoded.indices)]), False)
        rows_shown = offenders(table, mask, [PERSON, ITEM, RESPONSE])
        kinds = [text for text, is_bad in zip(texts, bad, strict=True) if is_bad]
        problem = f"Expected whole numbers in {RESPONSE}, found text that is none in {where}: {first_few(kinds)}; "
        few = 2 * int(rows[bad].sum()) < int(rows.sum())
        raise InputError(f"{problem}(person_id, item_id, response) = {rows_shown}.", _remedy(kinds, few=few))
    column = pa.chunked_array([pa.array(values, pa.float64()).take(encoded.indices)])
    if words:
        shown = ", ".join(f"{count:,} of {text!r}" for text, count in words.items())
        notes.append(f"Taken as missing, as text says so: {shown}.")
    return column, notes


def _without_decimal_commas(texts: list[str | None]) -> tuple[list[str | None], list[str]]:
    """Whole numbers that are written as 1,0 without their comma, and a note; nothing changes where one is 1,5."""
    commas = [text for text in texts if text is not None and re.fullmatch(_COMMA, text)]
    if not commas or not all(re.fullmatch(_WHOLE_COMMA, text) for text in commas):
        return texts, []
    left = [None if text is None else text.partition(",")[0] if text in commas else text for text in texts]
    note = f"Read as whole numbers with a decimal comma: {first_few(commas)}."
    return left, [note]


def _remedy(kinds: list[str], *, few: bool) -> str:
    """What to do about text that is no number."""
    if any(re.fullmatch(_COMMA, text) for text in kinds):
        return "Numbers with a decimal comma: score each as 0, 1, 2, ..., or say with --missing what means missing."
    if few and len(kinds) <= MANY_CODES and not any(set(text) & set(",'\"`$\\\n") for text in kinds):
        return f"If they mean missing, say so with --missing='{','.join(kinds)}'; else score them as 0, 1, 2, ..."
    return "Score these responses as 0, 1, 2, ..., or say with --missing what means missing."


def _values(texts: list[str | None]) -> list[float | None]:
    """The number of each text, true and false where there is nothing else, None for what is no number."""
    there = {text.lower() for text in texts if text is not None}
    if there and there <= {"true", "false"}:
        return [None if text is None else float(text.lower() == "true") for text in texts]
    number = pc.match_substring_regex(pa.array(texts, pa.string()), NUMBER).to_pylist()
    return [float(text) if is_one and text is not None else None for text, is_one in zip(texts, number, strict=True)]
