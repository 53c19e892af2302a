"""The responses to known items, every item by the person's own group's copy where there are copies."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from irt_jax.data import Responses
from irt_jax.errors import InputError, first_few
from irt_jax.scoring.items import KnownItems


def known_responses(responses: Responses, items: KnownItems) -> tuple[Responses, KnownItems, list[str]]:
    """The responses to known items, and these items in the order of the responses', so that nothing is sorted again.

    Args:
        responses: coded responses.
        items: from `read_items`.

    Returns:
        Responses of all persons, the items that these are coded by, and notes on what is left out.

    Raises:
        InputError: no known item; items with a copy for each group and persons without groups; or responses beyond an
            item's categories.
    """
    place = _places(responses, items)
    _refuse_strangers(responses, items, place)
    new = place >= 0
    new[:, 1:] &= place[:, 1:] != place[:, :-1]  # an item of all groups is one item
    code = (np.cumsum(new) - 1).reshape(place.shape).astype(np.int32)
    group = responses.group_code[responses.person] if place.shape[1] > 1 else np.zeros(1, np.int32)
    usable = place[responses.item, group] >= 0
    notes = _left_out(responses, place, usable)
    items = items.take(place[new])
    group = group[usable] if place.shape[1] > 1 else group
    part = dataclasses.replace(
        responses,
        person=responses.person[usable],
        item=code[responses.item[usable], group],
        response=responses.response[usable],
        item_ids=items.ids,
        calibrated=np.ones(len(items.ids), bool),
        item_group=None,
    )
    _refuse_categories(part, items)
    return part, items, notes


def _places(responses: Responses, items: KnownItems) -> Int[np.ndarray, "item group"]:
    """Where each group's copy of each item is among the known ones, -1 for nowhere; one column without copies."""
    ids, text = responses.item_ids.cast(pa.large_string()), items.ids.cast(pa.large_string())
    if items.groups is None:
        return _found(ids, text)[:, None]
    if responses.group_ids is None:
        copies = items.ids.filter(pc.is_valid(items.groups)).unique()
        raise InputError(
            f"Expected each person's group, found none: {len(copies):,} of the items have parameters by group, "
            f"{first_few(copies.slice(0, 5).to_pylist(), total=len(copies))}.",
            "Name the column by --group-col.",
        )
    large, nul = pa.large_string(), pa.scalar("\0", pa.large_string())  # which no id contains
    keys = pc.coalesce(pc.binary_join_element_wise(text, items.groups.cast(large), nul), text)
    own = [pc.binary_join_element_wise(ids, pa.scalar(name, large), nul) for name in responses.group_names]
    of_all = _found(ids, keys)
    found = [_found(wanted, keys) for wanted in own]
    return np.stack([np.where(place >= 0, place, of_all) for place in found], axis=1)


def _found(wanted: pa.Array, known: pa.Array) -> Int[np.ndarray, " wanted"]:
    return pc.fill_null(pc.index_in(wanted, value_set=known), -1).to_numpy().astype(np.int64)


def _refuse_strangers(responses: Responses, items: KnownItems, place: Int[np.ndarray, "item group"]) -> None:
    if (place < 0).all():
        raise InputError(
            f"None of the {responses.n_items:,} items of the responses is known: "
            f"{first_few(responses.item_ids.slice(0, 3).to_pylist(), total=responses.n_items)}; known are "
            f"{first_few(items.ids.slice(0, 3).to_pylist(), total=len(items.ids))}.",
            "Check that both files name items the same way.",
        )


def _left_out(responses: Responses, place: Int[np.ndarray, "item group"], usable: np.ndarray) -> list[str]:
    if usable.all():
        return []
    unknown = np.logical_not((place >= 0).any(1))
    notes = []
    strange = unknown[responses.item]
    if strange.any():
        ids = responses.item_ids.filter(pa.array(unknown))
        shown = first_few(ids.slice(0, 5).to_pylist(), total=len(ids))
        notes.append(f"{strange.sum():,} responses to {len(ids):,} unknown items are left out: {shown}.")
    others = ~usable & ~strange
    if others.any():
        lacking = np.unique(responses.item[others])
        shown = first_few(responses.item_ids.take(pa.array(lacking[:5])).to_pylist(), total=len(lacking))
        names = [responses.group_names[code] for code in np.unique(responses.group_code[responses.person[others]])]
        notes.append(
            f"{others.sum():,} responses of the groups {first_few(names)} are left out, to items with parameters of "
            f"other groups alone: {shown}."
        )
    return notes


def _refuse_categories(responses: Responses, items: KnownItems) -> None:
    highest: Int[np.ndarray, " item"] = items.coding.has(len(items.ids)).sum(1) - 1
    beyond = responses.response > highest[responses.item]
    if not beyond.any():
        return
    item = np.unique(responses.item[beyond])
    shown = first_few(items.ids.take(pa.array(item[:5])).to_pylist(), total=len(item))
    first = responses.item == item[0]
    raise InputError(
        f"Expected responses within the items' categories, found others in {shown}: the first has "
        f"0 to {highest[item[0]]}, and a response {responses.response[first].max()}.",
        "Recode the responses, or give the items the model and thresholds of all their categories; codes of missing "
        "responses are named with --missing, and --first-category 1 counts from 1.",
    )
