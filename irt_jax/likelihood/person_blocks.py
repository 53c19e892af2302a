"""From coded responses to the kernel's blocks: equal patterns become one, persons are cut into blocks."""

import itertools

import jax
import numpy as np
from jaxtyping import Float, Int

from irt_jax.likelihood.gather import DenseLayout, GatherLayout, gather_layout, list_number, list_width, on_ladder
from irt_jax.likelihood.kernel import PersonBlocks

#: Responses of a block of persons: its part of W then stays in the processor's cache. With 1e6 responses, 500 items,
#: 32 nodes and 4 chains on 2 cores, 400,000 take 1.8 times as long; one chain gains a tenth. On an H200, 8 chains and
#: 4e6 responses, 1,000,000 take 1.7 times as long.
BLOCK_RESPONSES = 200_000
#: Equal patterns become one where the rows that they need are at most this part of the persons: otherwise shapes
#: would follow the data for little.
WORTH_MERGING = 0.75
#: The part of persons x rows that has a response above which a matrix is used. Measured on 2 cores, 1e5 responses and
#: 24 to 200 columns, a value and gradient by a matrix takes 1.2 to 1.7 times as long as by lists at .1, .7 to 1.1 at
#: .25, .45 to .75 at .5. The matrix then takes at most 16 bytes a response.
DENSE_FILL_CPU = 0.25
#: The same on a GPU. On an H200 with 200 columns, 8 chains and 1e6 responses (`benchmarks.layouts`), a matrix takes
#: 1.04 times as long as lists at .01, .9 at .03, .8 at .08, .7 at .25;
#: with one chain 1 to 1.9 times, of .1 to .5 ms.
DENSE_FILL_ACCELERATOR = 0.06
#: Rungs per doubling for the number of patterns, which varies more between data sets of one design than other sizes.
PATTERN_STEPS = 1


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
    if on_ladder(len(kept), PATTERN_STEPS) > WORTH_MERGING * n_persons:
        leader = kept = np.arange(n_persons)
    code = np.full(n_persons, -1)
    code[kept] = np.arange(len(kept))
    stays = code[person] >= 0
    person, row = code[person[stays]], row[stays]
    weight = np.bincount(code[leader], weight, len(kept))
    blocks, edges = _cut(person, row, n_rows, group[kept], weight, PATTERN_STEPS if len(kept) < n_persons else None)
    block = np.searchsorted(edges, np.arange(len(kept)), side="right") - 1
    place = block * blocks.weight.shape[1] + np.arange(len(kept)) - edges[block]
    return blocks, place[code[leader]]


def equal_patterns(
    person: Int[np.ndarray, " response"], row: Int[np.ndarray, " response"], group: Int[np.ndarray, " person"]
) -> Int[np.ndarray, " person"]:
    """First person with the same responses to the same items in the same group, for each person.

    A random 64-bit sum stands for a pattern; persons whose sums agree are compared response by response, so that a
    chance agreement cannot merge different patterns.

    Args:
        person: code of each response's person, ascending.
        row: table row of each response.
        group: population of each person.
    """
    n_persons = len(group)
    start = np.searchsorted(person, np.arange(n_persons + 1))
    count = np.diff(start)
    random = np.random.default_rng(0).integers(0, 2**63, int(row.max(initial=0)) + 3, dtype=np.uint64)
    sums = np.add.reduceat(np.append(random[row], np.uint64(0)), start[:-1]) * (count > 0)
    keys = sums + random[-1] * group.astype(np.uint64) + random[-2] * count.astype(np.uint64)
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    if len(first) == n_persons:
        return np.arange(n_persons)
    leader = first[same]
    row = row[np.lexsort((row, person))]
    offset = np.arange(len(row)) - np.repeat(start[:-1], count)
    other = np.repeat(start[:-1][leader], count) + offset
    differs = row != row[np.minimum(other, len(row) - 1)]
    different = np.bincount(person[differs], minlength=n_persons) > 0
    different |= (count != count[leader]) | (group != group[leader])
    return np.where(different, np.arange(n_persons), leader)


def _cut(
    person: np.ndarray, row: np.ndarray, n_rows: int, group: np.ndarray, weight: np.ndarray, steps: int | None
) -> tuple[PersonBlocks, np.ndarray]:
    """Cut persons into blocks of about `BLOCK_RESPONSES`, padded to equal shapes; give the cuts too.

    Without `steps` of the ladder, the number of persons does not follow the responses, and one block is not padded.
    """
    n_persons, n_responses = len(group), len(row)
    start = np.searchsorted(person, np.arange(n_persons + 1))
    n_blocks = max(1, round(n_responses / BLOCK_RESPONSES))
    inner = np.searchsorted(start, np.linspace(0, n_responses, n_blocks + 1)[1:-1])
    edges = np.unique(np.concatenate([[0], inner, [n_persons]]))
    n_blocks = len(edges) - 1
    most = n_persons if n_blocks == 1 and not steps else on_ladder(int(np.diff(edges).max()), steps or 16)
    weights, groups = _padded(weight, edges, most), _padded(group, edges, most)
    if n_responses >= _dense_fill() * n_persons * n_rows:
        matrix = _matrices(person, row, start[edges], edges, (most, n_rows))
        return PersonBlocks(DenseLayout(matrix), (), weights, groups), edges
    of_person, of_row = _padded(np.diff(start), edges, most), _row_counts(row, start[edges], n_rows)
    full = most * n_responses / n_persons
    width = list_width(np.diff(start), n_responses / n_persons), list_width(of_row, full / n_rows)
    n_lists = list_number(of_person, width[0], full), list_number(of_row, width[1], full)
    to_person, to_row = [], []
    for first, last in itertools.pairwise(edges):
        part = slice(start[first], start[last])
        rows, people = row[part], person[part] - first
        to_person.append(gather_layout(rows, people, n_rows, most, width[0], n_lists[0]))
        to_row.append(gather_layout(people, rows, most, n_rows, width[1], n_lists[1]))
    return PersonBlocks(_stacked(to_person), _stacked(to_row), weights, groups), edges


def _dense_fill() -> float:
    return DENSE_FILL_CPU if jax.default_backend() == "cpu" else DENSE_FILL_ACCELERATOR


def _matrices(
    person: np.ndarray, row: np.ndarray, parts: np.ndarray, edges: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """How often each person of each block has a response in each table row, (block, person, row)."""
    matrix = np.zeros((len(edges) - 1, *shape), np.float32)
    for block, (first, last) in enumerate(itertools.pairwise(parts)):
        np.add.at(matrix[block], (person[first:last] - edges[block], row[first:last]), 1)
    return matrix


def _stacked(layouts: list[GatherLayout]) -> GatherLayout:
    return GatherLayout(*map(np.stack, zip(*layouts, strict=True)))


def _row_counts(row: np.ndarray, edges: np.ndarray, n_rows: int) -> np.ndarray:
    """Responses in each table row, (block, row)."""
    return np.stack([np.bincount(row[first:last], minlength=n_rows) for first, last in itertools.pairwise(edges)])


def _padded(of_person: np.ndarray, edges: np.ndarray, most: int) -> np.ndarray:
    """Cut an array over persons into blocks, with zeros at the end of each."""
    parts = [of_person[first:last] for first, last in itertools.pairwise(edges)]
    return np.stack([np.pad(part, (0, most - len(part))) for part in parts])
