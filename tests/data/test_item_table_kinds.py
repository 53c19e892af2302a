"""Columns of items of every type that Arrow has: taken as what they say, or refused by name, never a traceback."""

import numpy as np
import pyarrow as pa
import pytest

from irt_jax.data import read_anchors
from irt_jax.errors import InputError
from irt_jax.linking.comparison.sides import read_sides
from irt_jax.scoring import read_items

BASE = {"item_id": ["p", "q", "r"], "a": [1.0, 1.0, 1.0], "b": [0.0, 1.0, 2.0]}
READERS = {
    "items": read_items,
    "anchors": read_anchors,
    "sides": lambda table: read_sides({"x": table, "y": pa.table(BASE)}),
}
TYPES = {
    "null": pa.nulls(3),
    "text": pa.array(["one"] * 3),
    "number as text": pa.array(["1"] * 3),
    "lists of text": pa.array([["x"]] * 3),
    "lists of lists": pa.array([[[1.0]]] * 3),
    "lists of whole numbers": pa.array([[1]] * 3),
    "lists of float": pa.array([[1.0]] * 3, pa.list_(pa.float32())),
    "lists of nothing": pa.array([[None]] * 3, pa.list_(pa.null())),
    "large lists": pa.array([[1.0]] * 3, pa.large_list(pa.float64())),
    "lists of a length": pa.array([[1.0]] * 3, pa.list_(pa.float64(), 1)),
    "struct": pa.array([{"x": 1}] * 3),
    "map": pa.array([[("x", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
    "time": pa.array([0] * 3, pa.timestamp("s")),
    "duration": pa.array([1] * 3, pa.duration("s")),
    "bytes": pa.array([b"x"] * 3),
    "boolean": pa.array([True] * 3),
    "dictionary": pa.array(["2pl"] * 3).dictionary_encode(),
    "view": pa.array(["2pl"] * 3, pa.string_view()),
    "half": pa.array(np.ones(3, np.float16)),
    "decimal": pa.array([1] * 3, pa.decimal128(5, 2)),
    "largest": pa.array([2**64 - 1] * 3, pa.uint64()),
}
COLUMNS = (
    *("a", "b", "c", "d", "a_sd", "b_sd", "log_a", "log_a_sd", "cov_log_a_b", "mcse", "intercept"),
    *("model", "reason", "group", "thresholds", "thresholds_sd", "slopes", "intercepts", "b1", "d1"),
)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_type_in_every_column_is_taken_or_refused(name):
    for kind, values in TYPES.items():
        table = pa.table({**BASE, name: values} | ({"model": ["grm"] * 3} if name == "d1" else {}))
        for reader, read in READERS.items():
            try:
                read(table)
            except InputError:
                pass
            except Exception as error:
                pytest.fail(f"{kind} in {name} as {reader}: {error!r}")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["a", "b"])
def test_text_among_numbers_is_told_by_its_column(reader, name):
    with pytest.raises(InputError, match=f"Expected numbers in {name}, found string in"):
        READERS[reader](pa.table({**BASE, name: ["one", "two", "three"]}))


def test_thresholds_of_whole_numbers_and_none_at_all_are_read():
    graded = pa.table({**BASE, "model": ["grm"] * 3, "thresholds": [[-1, 0, 1], [0, 2], [1]]})
    assert np.array_equal(read_items(graded).parameters["thresholds"][0], [-1.0, 0.0, 1.0])
    assert len(read_items(pa.table({**BASE, "thresholds": pa.nulls(3)})).ids) == 3
