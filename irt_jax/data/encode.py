"""Number persons and items: a checked table becomes sorted integer codes, with the ids kept aside."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float64, Int32, Int64

from irt_jax.contract.names import GROUP, ITEM, PERSON, REPEATS, RESPONSE, SEQ, WEIGHT
from irt_jax.data.repeats import without_repeats
from irt_jax.data.similar import similar_ids
from irt_jax.data.told import told_of
from irt_jax.errors import InputError, UsageError, first_few

DROPPED = (
    "null_responses",
    "repeats",
    "rare_items",
    "rare_responses",
    "persons_without_responses",
    "items_without_responses",
)


@dataclass(frozen=True, eq=False)
class Responses:
    """Coded responses, sorted by person, then item, then the order of the rows.

    Attributes:
        person: code of the person, an index into `person_ids`, [response].
        item: code of the item, an index into `item_ids`, [response].
        response: category, from 0, [response].
        person_ids: ids in ascending order, of the type that was read, [person].
        item_ids: ids in ascending order, of the type that was read, [item].
        calibrated: whether the item has enough responses (`min_responses`), [item].
        dropped: how many were left out: the rows null_responses, repeats and rare_responses; rare_items;
            items_without_responses (only nulls) and persons_without_responses (only nulls, or rare items).
        group_ids: the groups in ascending order, [group]; None without groups.
        group: code of each person's group, [person]; None without groups.
        weight: weight of each person, positive, [person]; None without weights.
        item_group: code of the group whose own copy of an item this is, -1 for an item of all, [item]; None where no
            item has copies. Copies have one id.
        notes: what a user should know of how the responses were read and of ids that are alike.
        lost: ids of the persons who were left out, in ascending order; None for nobody.
    """

    person: Int32[np.ndarray, " response"]
    item: Int32[np.ndarray, " response"]
    response: Int32[np.ndarray, " response"]
    person_ids: pa.Array
    item_ids: pa.Array
    calibrated: Bool[np.ndarray, " item"]
    dropped: dict[str, int]
    group_ids: pa.Array | None = None
    group: Int32[np.ndarray, " person"] | None = None
    weight: Float64[np.ndarray, " person"] | None = None
    item_group: Int64[np.ndarray, " item"] | None = None
    notes: tuple[str, ...] = ()
    lost: pa.Array | None = None

    @property
    def n_persons(self) -> int:
        """How many persons there are; they have at least one response, unless all were to be kept."""
        return len(self.person_ids)

    @property
    def n_items(self) -> int:
        """How many items have at least one response."""
        return len(self.item_ids)

    @property
    def group_code(self) -> Int32[np.ndarray, " person"]:
        """Code of each person's group; zero without groups."""
        return np.zeros(self.n_persons, np.int32) if self.group is None else self.group

    @property
    def group_names(self) -> list[str]:
        """The groups as text; none without groups."""
        return [] if self.group_ids is None else [str(name) for name in self.group_ids.to_pylist()]

    @property
    def item_labels(self) -> list[str | int]:
        """Ids of the items, with the group behind those that are a group's own."""
        ids: list[str | int] = self.item_ids.to_pylist()
        if self.item_group is None:
            return ids
        names = [*self.group_names, ""]
        return [f"{name} [{names[g]}]" if g >= 0 else str(name) for name, g in zip(ids, self.item_group, strict=True)]

    @property
    def n_groups(self) -> int:
        """How many groups there are; one without groups."""
        return 1 if self.group_ids is None else len(self.group_ids)

    @property
    def n_responses(self) -> int:
        """How many responses there are, nulls and dropped ones not counted."""
        return len(self.response)

    @cached_property
    def person_counts(self) -> Int64[np.ndarray, " person"]:
        """Responses of each person, [person]."""
        return np.bincount(self.person, minlength=self.n_persons)

    @cached_property
    def item_counts(self) -> Int64[np.ndarray, " item"]:
        """Responses of each item, [item]."""
        return np.bincount(self.item, minlength=self.n_items)

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 of codes, ids and types, in hexadecimal; the same for any order of the rows in the file."""
        digest = hashlib.sha256()
        response = self.response
        same = (self.person[1:] == self.person[:-1]) & (self.item[1:] == self.item[:-1])
        if same.any():  # kept repeats lie in the order of the rows
            response = response[np.lexsort((response, self.item, self.person))]
        for array in (self.person, self.item, response, self.group, self.weight):
            _add(digest, array)
        for ids in (self.person_ids, self.item_ids, self.group_ids):
            _add_ids(digest, ids)
        return digest.hexdigest()


def _add(digest: "hashlib._Hash", array: np.ndarray | None) -> None:
    digest.update(b"none" if array is None else f"{array.dtype.name} {len(array)} ".encode())
    if array is not None:
        digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)


def _add_ids(digest: "hashlib._Hash", ids: pa.Array | None) -> None:
    digest.update(b"none" if ids is None else str(ids.type).encode())
    if ids is None:
        return
    if pa.types.is_integer(ids.type):
        _add(digest, ids.to_numpy())
        return
    text = ids.cast(pa.large_binary())
    _, offsets, content = text.buffers()
    ends = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    _add(digest, np.diff(ends))
    if content is not None:
        digest.update(memoryview(content)[ends[0] : ends[-1]])


def encode(
    table: pa.Table,
    *,
    repeats: str = "error",
    min_responses: int = 1,
    drop_rare: bool = False,
    keep_persons: bool = False,
) -> Responses:
    """Turn a table of responses into codes.

    Null responses are dropped first, so persons and items that have no others are not in the result; then
    repeats, then rare items. The result is the same for any order of the rows, except where that order
    chooses among repeats or orders them.

    Args:
        table: what `read_responses` gives.
        repeats: what to do where a person has several responses to an item: `error`; keep the `first` or the
            `last` by seq, or by the order of the rows where there is no seq or it is equal; keep `all`.
        min_responses: items with fewer responses get `calibrated` False.
        drop_rare: whether those items are removed instead.
        keep_persons: whether persons without a response that is left stay all the same, as scoring wants them.

    Raises:
        InputError: repeats, when they are an error; a person in several groups or with several weights; a
            null group or weight, or a weight that is not positive; no response, or no item with enough.
        UsageError: an unknown `repeats`, or a negative `min_responses`.
    """
    if repeats not in REPEATS:
        raise UsageError(f"Expected repeats to be one of {', '.join(REPEATS)}, found {repeats!r}.")
    if min_responses < 0:
        raise UsageError(f"Expected min_responses to be 0 or more, found {min_responses}.")
    if table.num_rows == 0 or table[RESPONSE].null_count == table.num_rows:
        raise InputError("Expected responses, found none.", "Check what was exported.")
    coded, dropped = _code(table, repeats)
    counts = np.bincount(coded.item, minlength=len(coded.item_ids))
    rare = (counts > 0) & (counts < min_responses)
    dropped["items_without_responses"] = int((counts == 0).sum())
    if drop_rare and rare.any():
        if counts.max() < min_responses:
            problem = f"Expected items with at least {min_responses:,} responses, found at most {counts.max():,}."
            raise InputError(problem, "Lower --min-responses.")
        dropped["rare_items"], dropped["rare_responses"] = int(rare.sum()), int(counts[rare].sum())
        stay = ~rare[coded.item]
        coded = coded._replace(person=coded.person[stay], item=coded.item[stay], rows=coded.rows[stay])
    person, person_ids = (coded.person, coded.person_ids)
    if not keep_persons:
        person, person_ids = _compact(person, person_ids)
    item, item_ids = _compact(coded.item, coded.item_ids)
    dropped["persons_without_responses"] = len(coded.person_ids) - len(person_ids)
    response = table[RESPONSE].fill_null(0).to_numpy().astype(np.int32, copy=False)[coded.rows]
    of_all = _rows_of_all(table, coded) if keep_persons else (coded.rows, person)
    group, group_ids = _groups(table, *of_all, person_ids)
    return Responses(
        person=person,
        item=item,
        response=response,
        person_ids=person_ids,
        item_ids=item_ids,
        calibrated=np.bincount(item, minlength=len(item_ids)) >= min_responses,
        dropped=dropped,
        group_ids=group_ids,
        group=group,
        weight=_weights(table, *of_all, person_ids),
        notes=(*told_of(table), *similar_ids(person_ids, "person"), *similar_ids(item_ids, "item")),
        lost=_lost(coded, person_ids),
    )


def _lost(coded: "_Coded", person_ids: pa.Array) -> pa.Array | None:
    """Ids of the persons who have no response left."""
    if len(person_ids) == len(coded.person_ids):
        return None
    without = np.bincount(coded.person, minlength=len(coded.person_ids)) == 0
    return coded.person_ids.filter(pa.array(without))


def _rows_of_all(table: pa.Table, coded: "_Coded") -> tuple[Int64[np.ndarray, " row"], Int32[np.ndarray, " row"]]:
    """Rows that tell of every person, sorted by person: the kept ones, and all rows of those who have none."""
    without = np.bincount(coded.person, minlength=len(coded.person_ids)) == 0
    if not without.any():
        return coded.rows, coded.person
    person, _ = _codes(table[PERSON])
    extra = np.flatnonzero(without[person])
    rows, whose = np.append(coded.rows, extra), np.append(coded.person, person[extra])
    order = np.argsort(whose, kind="stable")
    return rows[order], whose[order]


class _Coded(NamedTuple):
    """Codes of the kept rows, sorted by person, item and row; `rows` are their places in the table."""

    person: Int32[np.ndarray, " response"]
    item: Int32[np.ndarray, " response"]
    rows: Int64[np.ndarray, " response"]
    person_ids: pa.Array
    item_ids: pa.Array


def _code(table: pa.Table, repeats: str) -> tuple[_Coded, dict[str, int]]:
    """Code and sort the rows with a response, and choose among repeats."""
    person, person_ids = _codes(table[PERSON])
    item, item_ids = _codes(table[ITEM])
    key = person.astype(np.int64) * len(item_ids) + item
    dropped = dict.fromkeys(DROPPED, 0)
    dropped["null_responses"] = table[RESPONSE].null_count
    if table[RESPONSE].null_count:
        present = np.flatnonzero(pc.is_valid(table[RESPONSE]).to_numpy())
        rows = present[np.argsort(key[present], kind="stable")]
    else:
        rows = np.argsort(key, kind="stable")
    del key
    person, item = person[rows], item[rows]
    seq = table[SEQ] if SEQ in table.column_names else None

    def name(of_person: int, of_item: int) -> tuple[object, object]:
        return person_ids[of_person].as_py(), item_ids[of_item].as_py()

    kept = without_repeats(person, item, rows, seq, repeats=repeats, name=name)
    if kept is not None:
        dropped["repeats"] = len(rows) - len(kept)
        person, item, rows = person[kept], item[kept], rows[kept]
    return _Coded(person, item, rows, person_ids, item_ids), dropped


def _codes(column: pa.ChunkedArray) -> tuple[Int32[np.ndarray, " row"], pa.Array]:
    """Number the values of a column in ascending order of the values; a null is -1."""
    encoded = column.dictionary_encode().combine_chunks()
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    rank[-1] = -1
    indices = encoded.indices
    if indices.null_count:
        indices = indices.fill_null(-1)
    return rank[indices.to_numpy()], encoded.dictionary.take(pa.array(order))


def _compact(codes: Int32[np.ndarray, " response"], ids: pa.Array) -> tuple[Int32[np.ndarray, " response"], pa.Array]:
    """Leave out the ids that no code points to."""
    used = np.zeros(len(ids), bool)
    used[codes] = True
    if used.all():
        return codes, ids
    return (np.cumsum(used, dtype=np.int32) - np.int32(1))[codes], ids.filter(pa.array(used))


def _first_rows(person: Int32[np.ndarray, " response"], n_persons: int) -> Int64[np.ndarray, " person"]:
    return np.searchsorted(person, np.arange(n_persons, dtype=person.dtype))


def _persons(person_ids: pa.Array, codes: np.ndarray) -> str:
    unique = np.unique(codes)
    return first_few(person_ids.take(pa.array(unique[:5])).to_pylist(), total=len(unique))


def _groups(
    table: pa.Table, rows: np.ndarray, person: np.ndarray, person_ids: pa.Array
) -> tuple[Int32[np.ndarray, " person"] | None, pa.Array | None]:
    """Give each person's group and the groups' names, or None and None."""
    if GROUP not in table.column_names:
        return None, None
    codes, names = _codes(table[GROUP])
    codes = codes[rows]
    if (codes < 0).any():
        shown = _persons(person_ids, person[codes < 0])
        raise InputError(
            f"Expected a group for every person, found null for {shown}.",
            "Fill it in or leave the column out.",
        )
    of_person = codes[_first_rows(person, len(person_ids))]
    other = codes != of_person[person]
    if other.any():
        shown = _persons(person_ids, person[other])
        problem = f"Expected each person in one group, found several for {shown}."
        raise InputError(problem, "Keep one group for each person, or make person ids that differ by group.")
    return _compact(of_person, names)


def _weights(
    table: pa.Table, rows: np.ndarray, person: np.ndarray, person_ids: pa.Array
) -> Float64[np.ndarray, " person"] | None:
    """Give each person's weight, or None."""
    if WEIGHT not in table.column_names:
        return None
    weights = table[WEIGHT].to_numpy()[rows]
    bad = ~(np.isfinite(weights) & (weights > 0))
    if bad.any():
        shown = _persons(person_ids, person[bad])
        problem = f"Expected finite, positive weights, found null or others for {shown}."
        raise InputError(problem, "Correct the weights or leave those persons out.")
    of_person = weights[_first_rows(person, len(person_ids))]
    other = weights != of_person[person]
    if other.any():
        shown = _persons(person_ids, person[other])
        raise InputError(f"Expected one weight for each person, found several for {shown}.", "Keep one of them.")
    return of_person
