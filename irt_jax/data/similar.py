"""Ids that differ by so little that they may be one: by spaces, case, or zeros in front."""

import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.data.check import is_string
from irt_jax.errors import first_few


def similar_ids(ids: pa.Array, what: str) -> list[str]:
    """Say which ids differ by spaces, case or leading zeros alone, in a sentence; none where there are none.

    Args:
        ids: all different.
        what: they are of: "person" or "item".
    """
    if not is_string(ids.type) or len(ids) < 2:
        return []
    key = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(ids, "NFKC")))
    if pc.any(pc.starts_with(key, "0")).as_py():
        key = pc.replace_substring_regex(key, r"^0+([0-9]+)$", r"\1")
    encoded = key.dictionary_encode()
    if len(encoded.dictionary) == len(ids):
        return []
    counts = pc.value_counts(encoded.indices)
    several = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    alike = ids.filter(pc.is_in(encoded.indices, value_set=several))
    order = pc.sort_indices(encoded.indices.filter(pc.is_in(encoded.indices, value_set=several)))
    shown = first_few(alike.take(order.slice(0, 5)).to_pylist(), total=len(alike))
    return [
        f"{len(alike):,} {what} ids differ from another by spaces, case or zeros in front alone, and count as "
        f"{what}s of their own: {shown}."
    ]
