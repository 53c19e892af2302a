"""Items with parameters of their own in every group: copies of an item, one a group."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.data.encode import Responses
from irt_jax.errors import InputError, UsageError, first_few


def split_by_group(responses: Responses, items: Sequence[str | int], min_responses: int) -> Responses:
    """Give every group its own copy of some items.

    Args:
        responses: coded responses with groups.
        items: ids of the items.
        min_responses: a copy with fewer is not calibrated.

    Returns:
        Responses whose items are sorted by id and then by group.

    Raises:
        UsageError: no groups.
        InputError: an id that is not among the items.
    """
    if responses.group is None or responses.n_groups < 2:
        raise UsageError("--by-group needs persons of at least two groups.", "Name their column with --group-col.")
    wanted = pa.array([str(name) for name in items], pa.large_string())
    ids = responses.item_ids.cast(pa.large_string())
    unknown = wanted.filter(pc.invert(pc.is_in(wanted, value_set=ids)))
    if len(unknown):
        shown = first_few(unknown.slice(0, 5).to_pylist(), total=len(unknown))
        raise InputError(f"Expected items of the data in --by-group, found others: {shown}.", "Correct the ids.")
    chosen = pc.is_in(ids, value_set=wanted).to_numpy(zero_copy_only=False)
    n_copies = responses.n_groups + 1
    copy = np.where(chosen[responses.item], responses.group[responses.person].astype(np.int64) + 1, 0)
    kinds, item = np.unique(responses.item.astype(np.int64) * n_copies + copy, return_inverse=True)
    return dataclasses.replace(
        responses,
        item=item.astype(np.int32),
        item_ids=responses.item_ids.take(pa.array(kinds // n_copies)),
        calibrated=np.bincount(item, minlength=len(kinds)) >= min_responses,
        item_group=kinds % n_copies - 1,
    )
