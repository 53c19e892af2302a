"""From coded responses to the kernel's blocks: equal patterns become one, persons are cut into blocks."""

import itertools

import numpy as np
from jaxtyping import Float, Int

from irt_jax.likelihood.kernel import PersonBlocks
from irt_jax.likelihood.layout import gather_layout, list_width, stack_layouts

#: Responses of a block of persons: its part of W then stays in the processor's cache.
BLOCK_RESPONSES = 200_000


def person_blocks(
    person: Int[np.ndarray, " response"],
    row: Int[np.ndarray, " response"],
    n_persons: int,
    n_rows: int,
    *,
    group: Int[np.ndarray, " person"] | None = None,
    weight: Float[np.ndarray, " person"] | None = None,
) -> tuple[PersonBlocks, Int[np.ndarray, " person"]]:
    """Lay out responses for the kernel.

    Args:
        person: code of each response's person, ascending.
        row: table row of each response: the item's first row plus the category.
        n_persons: number of persons.
        n_rows: rows of the table.
        group: population of each person; one population when None.
        weight: how often each person counts; once when None.

    Returns:
        The blocks, and each person's place in them: block times persons of a block plus position.
    """
    group = np.zeros(n_persons, np.int32) if group is None else group
    weight = np.ones(n_persons) if weight is None else weight
    leader = equal_patterns(person, row, group)
    kept = np.flatnonzero(leader == np.arange(n_persons))
    code = np.full(n_persons, -1)
    code[kept] = np.arange(len(kept))
    stays = code[person] >= 0
    person, row = code[person[stays]], row[stays]
    weight = np.bincount(code[leader], weight, len(kept))
    blocks, edges = _cut(person, row, n_rows, group[kept], weight)
    block = np.searchsorted(edges, np.arange(len(kept)), side="right") - 1
    place = block * blocks.weight.shape[1] + np.arange(len(kept)) - edges[block]
    return blocks, place[code[leader]]


def equal_patterns(
    person: Int[np.ndarray, " response"], row: Int[np.ndarray, " response"], group: Int[np.ndarray, " person"]
) -> Int[np.ndarray, " person"]:
    """First person with the same responses to the same items in the same group, for each person.

    Two random 64-bit sums stand for a pattern; persons whose sums agree are compared response by response, so that
    a chance agreement cannot merge different patterns.

    Args:
        person: code of each response's person, ascending.
        row: table row of each response.
        group: population of each person.
    """
    n_persons = len(group)
    order = np.lexsort((row, person))
    row = row[order]
    start = np.searchsorted(person, np.arange(n_persons + 1))
    count = np.diff(start)
    random = np.random.default_rng(0).integers(0, 2**63, (2, int(row.max(initial=0)) + 1), dtype=np.uint64)
    sums = [np.add.reduceat(np.append(values[row], np.uint64(0)), start[:-1]) * (count > 0) for values in random]
    keys = np.rec.fromarrays([*sums, count, group])
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    leader = first[same]
    offset = np.arange(len(row)) - np.repeat(start[:-1], count)
    differs = row != row[np.repeat(start[:-1][leader], count) + offset]
    different = np.bincount(person[differs], minlength=n_persons) > 0
    return np.where(different, np.arange(n_persons), leader)


def _cut(
    person: np.ndarray, row: np.ndarray, n_rows: int, group: np.ndarray, weight: np.ndarray
) -> tuple[PersonBlocks, np.ndarray]:
    """Cut persons into blocks of about `BLOCK_RESPONSES`, padded to equal shapes; give the cuts too."""
    start = np.searchsorted(person, np.arange(len(group) + 1))
    n_blocks = max(1, round(len(row) / BLOCK_RESPONSES))
    inner = np.searchsorted(start, np.linspace(0, len(row), n_blocks + 1)[1:-1])
    edges = np.unique(np.concatenate([[0], inner, [len(group)]]))
    most = int(np.diff(edges).max())
    block = np.searchsorted(edges, person, side="right") - 1
    width = list_width(np.bincount(person)), list_width(np.bincount(block * n_rows + row))
    to_person, to_row, weights, groups = [], [], [], []
    for first, last in itertools.pairwise(edges):
        part = slice(start[first], start[last])
        rows, people = row[part], person[part] - first
        to_person.append(gather_layout(rows, people, n_sources=n_rows, n_targets=most, width=width[0]))
        to_row.append(gather_layout(people, rows, n_sources=most, n_targets=n_rows, width=width[1]))
        pad = (0, most - (last - first))
        weights.append(np.pad(weight[first:last], pad))
        groups.append(np.pad(group[first:last], pad))
    blocks = PersonBlocks(
        stack_layouts(to_person, n_rows), stack_layouts(to_row, most), np.stack(weights), np.stack(groups)
    )
    return blocks, edges
