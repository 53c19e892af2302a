"""Which persons and items the data link to one scale, and what carries the scale where they do not.

Persons and items are the nodes of a graph, responses its edges; what no path joins, no response compares. Such parts
have one scale only by something else: anchors in each of them; or the population, where the persons of two parts are
taken for random samples of one (equivalent groups); or, where a part's population is learned and nothing else reaches
it, nothing but the priors, so that its posterior says what was assumed and no more.

Source: Kolen & Brennan (2014), Test Equating, Scaling, and Linking, chapters 1 and 6, for the designs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from irt_jax.data import Responses
from irt_jax.errors import first_few
from irt_jax.models.population import Population

#: What a part's scale rests on.
ANCHORS, POPULATION, PRIORS = "anchors", "population", "priors"
#: Parts that are written out in run.json and in a sentence, and items of each of them.
MOST_PARTS, SHOWN_PARTS, SHOWN_ITEMS = 20, 2, 2
#: A group that shares fewer items than this with the others, or anchors, is linked weakly.
FEW_LINKS = 3


class Linkage(NamedTuple):
    """Parts of the data that no response joins, the largest first.

    Attributes:
        persons: of each part.
        items: of each part.
        responses: of each part.
        anchors: of each part.
        groups: codes of the groups whose persons are in it.
        first_items: codes of the first items of it.
        rests_on: what carries its scale: anchors, population or priors.
        links: items that each group shares with the others, and anchors among its items, (group,).
        learned: groups whose mean is learned.
        adrift: groups whose mean is learned from nothing but priors.
    """

    persons: Int[np.ndarray, " part"]
    items: Int[np.ndarray, " part"]
    responses: Int[np.ndarray, " part"]
    anchors: Int[np.ndarray, " part"]
    groups: list[Int[np.ndarray, " group"]]
    first_items: list[Int[np.ndarray, " item"]]
    rests_on: np.ndarray
    links: Int[np.ndarray, " group"]
    learned: Bool[np.ndarray, " group"]
    adrift: Bool[np.ndarray, " group"]


def linkage(
    responses: Responses,
    is_anchor: Bool[np.ndarray, " item"],
    population: Population,
    keep: Bool[np.ndarray, " item"] | None = None,
) -> Linkage:
    """Find the parts and what their scales rest on.

    Args:
        responses: coded responses.
        is_anchor: which items have anchors.
        population: with what is learned of it.
        keep: items in the likelihood; all when None.
    """
    part, n_parts = _parts(responses, keep)
    of_person, of_item = part[: responses.n_persons], part[responses.n_persons :]
    learned = np.zeros(responses.n_groups, bool)
    learned[np.asarray(population.free_mean, int)] = True
    has_anchor = np.bincount(of_item, is_anchor, n_parts) > 0
    pairs = np.unique(of_person * np.int64(responses.n_groups) + responses.group_code)
    in_part, group = pairs // responses.n_groups, pairs % responses.n_groups
    reached, tied = _reached(n_parts, in_part, group, has_anchor, ~learned)
    rests_on = np.where(has_anchor, ANCHORS, np.where(reached, POPULATION, PRIORS))

    n_items, n_responses = (np.bincount(of_item, weight, n_parts) for weight in (None, responses.item_counts))
    usable = n_items > 0
    if keep is not None:
        usable &= np.bincount(of_item, keep, n_parts) > 0
    order = np.argsort(-n_responses, kind="stable")
    order = order[usable[order]]
    by_part = np.split(np.argsort(of_item, kind="stable"), np.cumsum(n_items)[:-1].astype(int))
    return Linkage(
        np.bincount(of_person, minlength=n_parts)[order],
        n_items[order].astype(int),
        n_responses[order].astype(int),
        np.bincount(of_item, is_anchor, n_parts)[order].astype(int),
        [group[in_part == one] for one in order[:MOST_PARTS]],
        [by_part[one][: SHOWN_ITEMS + 1] for one in order[:MOST_PARTS]],
        rests_on[order],
        _links(responses, is_anchor),
        learned,
        ~tied,
    )


def _parts(responses: Responses, keep: Bool[np.ndarray, " item"] | None) -> tuple[Int[np.ndarray, " node"], int]:
    """Number of the part of every person, then of every item."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n_persons, size = responses.n_persons, responses.n_persons + responses.n_items
    person, item = responses.person, responses.item
    if keep is not None and not keep.all():
        person, item = person[keep[item]], item[keep[item]]
    starts = np.zeros(size + 1, np.int32 if len(person) < 2**31 else np.int64)
    np.cumsum(np.bincount(person, minlength=size), out=starts[1:])
    edges: Any = csr_array((np.ones(len(person), np.int8), item + np.int32(n_persons), starts), shape=(size, size))
    n_parts, part = connected_components(edges, directed=False)
    return part, n_parts


def _reached(
    n_parts: int,
    in_part: Int[np.ndarray, " pair"],
    group: Int[np.ndarray, " pair"],
    has_anchor: Bool[np.ndarray, " part"],
    known: Bool[np.ndarray, " group"],
) -> tuple[Bool[np.ndarray, " part"], Bool[np.ndarray, " group"]]:
    """Parts and groups that anchors or populations, known or in another part too, tie to the scale, however far."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    scale = n_parts + len(known)
    tied = np.concatenate([np.flatnonzero(has_anchor), n_parts + np.flatnonzero(known)])
    first = np.concatenate([in_part, tied])
    second = np.concatenate([n_parts + group, np.full(len(tied), scale)])
    graph: Any = csr_array((np.ones(len(first), np.int8), (first, second)), shape=(scale + 1, scale + 1))
    _, label = connected_components(graph, directed=False)
    reached = label[:-1] == label[scale]
    return reached[:n_parts], reached[n_parts:]


def _links(responses: Responses, is_anchor: Bool[np.ndarray, " item"]) -> Int[np.ndarray, " group"]:
    n_groups = responses.n_groups
    if n_groups < 2:
        return np.zeros(n_groups, int)
    cell = responses.item.astype(np.int64) * n_groups + responses.group_code[responses.person]
    seen = np.bincount(cell, minlength=responses.n_items * n_groups).reshape(-1, n_groups) > 0
    return (seen & ((seen.sum(1) > 1) | is_anchor)[:, None]).sum(0)


def described(found: Linkage, responses: Responses) -> dict[str, Any]:
    """What run.json says: `parts`, how many; `largest`, each with its counts; and what carries their scales.

    Args:
        found: from `linkage`.
        responses: for the labels.
    """
    labels, names = responses.item_labels, responses.group_names
    largest = [
        {
            "persons": int(found.persons[k]),
            "items": int(found.items[k]),
            "responses": int(found.responses[k]),
            "anchors": int(found.anchors[k]),
            "groups": [names[group] for group in found.groups[k]] if names else [],
            "first_items": [labels[item] for item in found.first_items[k][:SHOWN_ITEMS]],
            "rests_on": str(found.rests_on[k]),
        }
        for k in range(len(found.groups))
    ]
    counted = {what: int((found.rests_on == what).sum()) for what in (ANCHORS, POPULATION, PRIORS)}
    links = {name: int(count) for name, count in zip(names, found.links, strict=True)} if len(names) > 1 else {}
    return {"parts": len(found.persons), "rests_on": counted, "largest": largest, "links_of_groups": links}


def unlinked(found: Linkage, responses: Responses, *, split: bool = False) -> tuple[list[str], list[str]]:
    """What fails for want of a link, and what is worth knowing of it; sentences.

    Args:
        found: from `linkage`.
        responses: for the labels.
        split: whether items were split by group, as they were asked to be.
    """
    labels, names = responses.item_labels, responses.group_names
    problems, warnings = [], []
    if (found.rests_on == PRIORS).any():
        problems.append(_by_priors(found, labels, names, split=split))
    by_population = np.flatnonzero(found.rests_on == POPULATION)
    if found.anchors.any() and len(by_population):
        warnings.append(
            f"No anchor, and no common person or item, links {_listed(found, by_population, labels)} to the anchors: "
            "the scale of these items rests on their persons coming from the same population as the others. Where that "
            "may not be so, add anchors or common items."
        )
    elif len(by_population) > 1:
        several = len(names) > 1
        warnings.append(
            f"The data fall into {len(by_population):,} parts without a common person or item: "
            f"{_listed(found, by_population, labels)}. Their scales are one only if the persons of each are a random "
            f"sample of {'their groups' if several else 'one population'}, which no response can tell. Otherwise link "
            "them by common items, or by --anchors in each."
        )
    weak = np.flatnonzero(found.learned & (found.links > 0) & (found.links < FEW_LINKS)).tolist()
    if weak and not problems:
        shown = ", ".join(f"{names[group]!r} ({found.links[group]})" for group in weak[:SHOWN_ITEMS])
        more = f" and {len(weak) - SHOWN_ITEMS:,} more" if len(weak) > SHOWN_ITEMS else ""
        warnings.append(
            f"Few items link these groups to the others, or to anchors: {shown}{more}. How the groups differ rests on "
            "how well these few work."
        )
    return problems, warnings


def _by_priors(found: Linkage, labels: Sequence[object], names: Sequence[str], *, split: bool) -> str:
    parts = np.flatnonzero(found.rests_on == PRIORS)
    adrift = [names[group] for group in np.flatnonzero(found.adrift).tolist()] if names else []
    of_groups = f"of group {first_few(adrift, SHOWN_ITEMS)} " if adrift else ""
    fewer = "name fewer items in --by-group, " if split else ""
    return (
        f"Nothing but priors compares the persons {of_groups}with the others: {_listed(found, parts, labels)} share no "
        "item with them and have no anchor. The mean and SD of their abilities, and the place of their items, are no "
        f"estimates. To compare them {fewer}add common items or anchors; --population fixed takes the groups for equal."
    )


def _listed(found: Linkage, parts: Int[np.ndarray, " part"], labels: Sequence[object]) -> str:
    """`1,000 persons with 20 items ('a1', 'a2' and 18 more); and 3 more parts`."""
    shown = []
    for k in parts[:SHOWN_PARTS]:
        items = ""
        if k < len(found.first_items):
            some = [labels[item] for item in found.first_items[k]]
            items = f" ({first_few(some, SHOWN_ITEMS, total=int(found.items[k]))})"
        shown.append(f"{found.persons[k]:,} persons with {found.items[k]:,} items{items}")
    if len(parts) > SHOWN_PARTS:
        rest = parts[SHOWN_PARTS:]
        shown.append(f"{len(rest):,} more with {found.persons[rest].sum():,} persons")
    return "; ".join(shown)
