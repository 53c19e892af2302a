"""Responses that are likely no categories: codes of missing responses, and categories that count from 1."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int

from irt_jax.data.check import MANY_CODES
from irt_jax.data.encode import Responses
from irt_jax.data.not_items import NO_ITEMS
from irt_jax.data.room import room
from irt_jax.errors import InputError, first_few

#: So many unused categories below a code set it apart. Ordered categories are seldom unused where a higher one is used.
HOLE = 2
#: In one item alone, a code that other items use as a category has at least so many responses: if the categories below
#: were as likely, all of two would be empty with probability 3 ** -10 at most.
ENOUGH = 10
#: Up to so many categories nobody asks whether there is memory for them.
USUAL_CATEGORIES = 20
#: Bytes that a sampler takes for an item's category, at least: 8 chains, 61 abilities, float64.
CATEGORY_BYTES = 8 * 61 * 8

_REAL = "a --model file with item_id, model and categories"


def apart(used: Sequence[int] | Int[np.ndarray, " used"]) -> list[int]:
    """The numbers above the first hole among those used.

    Args:
        used: ascending.
    """
    numbers = np.asarray(used)
    holes = np.flatnonzero(np.diff(numbers) > HOLE)
    return numbers[holes[0] + 1 :].tolist() if len(holes) else []


def used_categories(responses: Responses, items: Bool[np.ndarray, " item"] | None = None) -> Int[np.ndarray, " used"]:
    """Numbers that occur among the responses, ascending.

    Args:
        responses: the data.
        items: of which items; None for all.
    """
    values = responses.response if items is None else responses.response[items[responses.item]]
    return np.flatnonzero(np.bincount(values))


def how_missing(codes: Sequence[int]) -> str:
    """How to say that codes mean missing."""
    return f"--missing {','.join(map(str, codes))}"


def refuse_doubtful(
    responses: Responses, polytomous: Bool[np.ndarray, " item"], known: Int[np.ndarray, " item"]
) -> None:
    """Refuse responses that a model of several categories would take for categories that they likely are not.

    Args:
        responses: the data.
        polytomous: items whose models have several categories.
        known: categories that each item has for certain; 0 where nobody says.

    Raises:
        InputError: an isolated code, categories that count from 1, or more categories than there is memory for.
    """
    if not polytomous.any():
        return
    used = used_categories(responses, polytomous)
    doubtful = polytomous[responses.item] & (responses.response >= known[responses.item])
    codes = [code for code in apart(used) if np.any(doubtful & (responses.response == code))]
    if codes:
        _refuse_codes(responses, codes, doubtful & np.isin(responses.response, codes), used)
    _refuse_from_one(used, polytomous, known)
    _refuse_too_many(responses, polytomous, known, int(used.max(initial=0)) + 1)
    _refuse_code_of_items(responses, polytomous, known, int(used.max(initial=0)) + 1)


def _ids(responses: Responses, mask: Bool[np.ndarray, " response"]) -> str:
    items = np.unique(responses.item[mask])
    return first_few(responses.item_ids.take(pa.array(items[:5])).to_pylist(), total=len(items))


def _refuse_codes(responses: Responses, codes: list[int], mask: np.ndarray, used: np.ndarray) -> None:
    below = int(used[used < codes[0]].max())
    shown = ", ".join(map(str, codes[:MANY_CODES])) + (", ..." if len(codes) > MANY_CODES else "")
    raise InputError(
        f"Expected categories without holes, found {shown} in {mask.sum():,} responses and none from {below + 1} to "
        f"{codes[0] - 1}, in items {_ids(responses, mask)}.",
        (
            f"If this is a code of missing responses, say so with {how_missing(codes)}; "
            if len(codes) <= MANY_CODES
            else ""
        )
        + f"if it is a category, recode to consecutive numbers, or give {_REAL}.",
    )


def _refuse_from_one(used: np.ndarray, polytomous: np.ndarray, known: np.ndarray) -> None:
    lowest = int(used[0]) if len(used) else 0
    if lowest and not known[polytomous].any():
        raise InputError(
            f"Expected categories counted from 0, found responses from {lowest} to {used.max()} and no 0 in any item.",
            f"If they count from {lowest}, say so with --first-category {lowest}; if 0 is a category that nobody "
            f"chose, give {_REAL}.",
        )


def _refuse_too_many(responses: Responses, polytomous: np.ndarray, known: np.ndarray, count: int) -> None:
    count = max(count, int(known.max(initial=0)))
    needed, free = float(count) * len(polytomous) * CATEGORY_BYTES, room()
    if count <= USUAL_CATEGORIES or needed <= free:
        return
    of_item = int(np.argmax(known)) if count == int(known.max(initial=0)) else None
    if of_item is None:
        of_item = int(responses.item[np.argmax(np.where(polytomous[responses.item], responses.response, -1))])
    name = first_few(responses.item_ids.slice(of_item, 1).to_pylist())
    raise InputError(
        f"{len(polytomous):,} items of {count:,} categories need at least {needed / 1e9:,.1f} GB of memory, and "
        f"{free / 1e9:,.1f} GB are free; the most has item {name}, with a response or category {count - 1:,}.",
        "Recode to fewer categories, or name codes of missing responses with --missing.",
    )


def _refuse_code_of_items(responses: Responses, polytomous: np.ndarray, known: np.ndarray, count: int) -> None:
    """A code in some items that is an ordinary category of others."""
    n_items = len(polytomous)
    codes = responses.item.astype(np.int64) * count + np.minimum(responses.response, count - 1)
    counts = np.bincount(codes, minlength=n_items * count).reshape(n_items, count)
    places = np.arange(count) * (counts > 0)
    top = places.max(1)
    below = np.where(places < top[:, None], places, 0).max(1)
    n_top, total = counts[np.arange(n_items), top], counts.sum(1)
    several = (counts > 0).sum(1) > 2
    alone = polytomous & several & (top - below > HOLE) & (n_top >= ENOUGH) & (2 * n_top < total) & (top >= known)
    if not alone.any():
        return
    code = int(top[alone][0])
    bad = alone & (top == code)
    mask = bad[responses.item] & (responses.response == code)
    item = int(np.flatnonzero(bad)[0])
    raise InputError(
        f"Expected categories without holes, found {code} in {mask.sum():,} responses to items "
        f"{_ids(responses, mask)}, and none from {below[item] + 1} to {code - 1} in the first.",
        f"If this is a code of missing responses, say so with {how_missing([code])}, or make it null in these items; "
        f"if it is a category, give {_REAL}.",
    )


def advice_for_two(responses: Responses, binary: Bool[np.ndarray, " item"]) -> str:
    """What to do about responses above 1 in items of two categories.

    Args:
        responses: the data.
        binary: items of two categories.
    """
    used = used_categories(responses, binary)
    above, codes = used[used > 1].tolist(), apart([0, *used[used > 0].tolist()])
    recode = "recode these items to wrong (0) and right (1), or use --model grm, gpcm, pcm or nominal."
    for note in responses.notes:
        if NO_ITEMS in note:
            return f"{note[note.index(NO_ITEMS) :]} Otherwise {recode}"
    if used.tolist() == [1, 2]:
        return "No response is 0: if 1 is wrong and 2 is right, say so with --first-category 1."
    if 0 < len(codes) <= MANY_CODES:
        alone = codes == above
        rest = (
            recode if not alone else "if it is a category, recode to consecutive numbers and use --model grm or gpcm."
        )
        return f"If {', '.join(map(str, codes))} means missing, say so with {how_missing(codes)}; {rest}"
    return f"{recode[0].upper()}{recode[1:-1]}; name codes that mean missing with --missing."


def doubts(responses: Responses) -> list[str]:
    """Codes that are likely missing responses and categories that count from 1, whatever the model; for a report.

    Args:
        responses: the data.
    """
    used, found = used_categories(responses), []
    codes = apart(used)
    if 0 < len(codes) <= MANY_CODES:
        shown = ", ".join(map(str, codes))
        found.append(f"Responses {shown} stand far above the others: if they mean missing, say {how_missing(codes)}.")
    if used.min() > 0 and used.max() > 1:
        lowest = int(used.min())
        found.append(f"No response is 0: if categories count from {lowest}, say --first-category {lowest}.")
    return found
