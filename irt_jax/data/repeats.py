"""Repeats: several responses of one person to one item."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int32, Int64

from irt_jax.errors import InputError, first_few


def without_repeats(
    person: Int32[np.ndarray, " response"],
    item: Int32[np.ndarray, " response"],
    rows: Int64[np.ndarray, " response"],
    seq: pa.ChunkedArray | None,
    *,
    repeats: str,
    name: Callable[[int, int], tuple[object, object]],
) -> Int64[np.ndarray, " kept"] | None:
    """Choose one response for each person and item.

    Args:
        person: codes of the persons, sorted by (person, item, row), [response].
        item: codes of the items, [response].
        rows: rows of the table that the responses come from, [response].
        seq: the order of repeats, one value for each row of the table; None for the order of the rows.
        repeats: `error`, `first`, `last` or `all`.
        name: gives the ids of a person's and an item's code, for the message.

    Returns:
        Places of the responses to keep, ascending; None when all are kept.

    Raises:
        InputError: there are repeats and they are an error, or a repeat has no seq.
    """
    again = (person[1:] == person[:-1]) & (item[1:] == item[:-1])
    if repeats == "all" or not again.any():
        return None
    edge = np.zeros(1, bool)
    later = np.concatenate([edge, again])  # the pair is also the one before
    earlier = np.concatenate([again, edge])  # the pair is also the one after
    if repeats == "error":
        starts = np.flatnonzero(earlier & ~later)
        pairs = [name(int(person[place]), int(item[place])) for place in starts[:5]]
        problem = f"Expected one response for each person and item, found {len(starts):,} pairs with several: "
        shown = first_few(pairs, total=len(starts))
        raise InputError(f"{problem}{shown}.", "Choose with --repeats first, last or all.")
    keep = ~(later if repeats == "first" else earlier)
    if seq is not None:
        repeated = np.flatnonzero(later | earlier)
        by_seq = _order(person[repeated], item[repeated], seq.take(pa.array(rows[repeated])), name)
        chosen = repeated[by_seq][keep[repeated]]
        keep[repeated] = False
        keep[chosen] = True
    return np.flatnonzero(keep)


def _order(
    person: Int32[np.ndarray, " repeated"],
    item: Int32[np.ndarray, " repeated"],
    seq: pa.ChunkedArray,
    name: Callable[[int, int], tuple[object, object]],
) -> Int64[np.ndarray, " repeated"]:
    """Sort by (person, item, seq), rows with equal seq staying in their order."""
    bad: Bool[np.ndarray, " repeated"] = pc.is_null(seq, nan_is_null=True).to_numpy()
    if bad.any():
        places = np.flatnonzero(bad)
        shown = first_few([name(int(person[p]), int(item[p])) for p in places[:5]], total=len(places))
        raise InputError(f"Expected a seq for every repeat, found null or NaN for {shown}.", "Fill in the seq.")
    columns = {"person": person, "item": item, "seq": seq, "place": np.arange(len(person))}
    return pc.sort_indices(pa.table(columns), [(name, "ascending") for name in columns]).to_numpy().astype(np.int64)
