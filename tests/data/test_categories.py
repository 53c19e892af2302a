"""Numbers among the responses that are likely no categories."""

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tables import assert_refused

from irt_jax.contract.options import Options
from irt_jax.data import encode, read_responses
from irt_jax.data.categories import apart, doubts
from irt_jax.errors import InputError
from irt_jax.plan.preparation import code_models


def data(matrix):
    """Coded responses from a matrix of persons and items."""
    persons, items = np.indices(np.shape(matrix))
    columns = {"person_id": persons.ravel(), "item_id": items.ravel(), "response": np.ravel(matrix)}
    return encode(read_responses(pa.table(columns)))


def likert(n=60, items=4, categories=5, first=0):
    return np.add.outer(np.arange(n), np.arange(items)) % categories + first


def with_code(code, matrix=None, every=17):
    matrix = likert() if matrix is None else matrix
    matrix.ravel()[::every] = code
    return matrix


def count(matrix, model="grm", **options):
    coding = code_models(data(matrix), Options(model=model, **options), None)
    return coding.has(np.shape(matrix)[1]).sum(1).tolist()


def refused(matrix, *parts, model="grm"):
    assert_refused(partial(count, model=model), matrix, *parts, error=InputError)


@pytest.mark.parametrize(
    ("used", "above"),
    [([0, 1, 9], [9]), ([0, 1, 2, 3, 4, 8, 9], [8, 9]), ([0, 1, 3], []), ([0, 1, 4], [4]), ([5, 6], []), ([0], [])],
)
def test_codes_stand_apart(used, above):
    assert apart(used) == above


@pytest.mark.parametrize("model", ["grm", "gpcm", "pcm", "nominal"])
def test_an_isolated_code_is_refused(model):
    refused(with_code(9), "found 9 in 15 responses", "none from 5 to 8", "--missing 9;", "--model file", model=model)


def test_several_codes_and_large_ones():
    refused(with_code(99, with_code(98), 19), "98, 99", "--missing 98,99;")
    refused(with_code(9, likert(categories=2)), "none from 2 to 8", "--missing 9;")
    refused(with_code(32_768, every=239), "32768", "--missing 32768;")
    refused(likert(categories=12) * 10, "10, 20, 30, 40, 50, 60, ...", "recode to consecutive numbers")


def test_one_unused_category_is_no_hole():
    assert count(with_code(6)) == [7] * 4


@pytest.mark.parametrize(
    ("matrix", "parts"),
    [
        (with_code(9, likert(categories=2)), ("found 9", "If 9 means missing", "--missing 9;", "recode")),
        (likert(categories=3), ("found 2", "--model grm", "--missing")),
        (likert(categories=2, first=1), ("found 2", "--first-category 1")),
        (with_code(9), ("found 9", "--missing 9;", "--model grm")),
        (with_code(9, likert(categories=2, first=1)), ("found 9", "--missing 9;")),
    ],
)
@pytest.mark.parametrize("model", ["2pl", "rasch", "3pl"])
def test_where_the_model_has_two_categories(model, matrix, parts):
    refused(matrix.copy(), *parts, model=model)


def test_a_code_that_is_a_category_of_other_items():
    matrix = np.concatenate([likert(200, 2, 10), likert(200, 2, 2)], 1)
    matrix[::10, 3] = 9
    refused(matrix, "found 9 in 20 responses to items 3", "none from 2 to 8", "--missing 9")
    matrix[:, 3] = likert(200, 1, 2)[:, 0]
    matrix[::100, 3] = 9  # twice may be chance
    assert count(matrix) == [10, 10, 2, 10]
    matrix[:, 3] = np.where(np.arange(200) % 3, 9, 0)  # all or nothing
    assert count(matrix) == [10, 10, 2, 10]


def test_categories_from_one_are_refused():
    refused(likert(first=1), "from 1 to 5", "no 0", "--first-category 1;")
    refused(likert(first=1), "no 0", "--first-category 1;", model="nominal")
    mixed = likert(first=1)
    mixed[0, 0] = 0
    assert count(mixed) == [6] * 4
    assert count(np.ones((5, 2), int), "2pl") == [2, 2]


def test_a_file_of_models_says_what_is_real(tmp_path):
    table = pa.table({"item_id": range(4), "model": ["grm"] * 4, "categories": [10] * 4})
    pq.write_table(table, tmp_path / "m.parquet")
    assert count(with_code(9), str(tmp_path / "m.parquet")) == [10] * 4
    assert count(likert(first=1), str(tmp_path / "m.parquet")) == [10] * 4
    pq.write_table(table.drop_columns("categories"), tmp_path / "m.parquet")
    refused(with_code(9), "none from 5 to 8", model=str(tmp_path / "m.parquet"))


def test_categories_are_counted_against_the_memory(monkeypatch):
    matrix = likert(600, 2, 300)
    assert count(matrix) == [300, 300]
    monkeypatch.setattr("irt_jax.data.categories.room", lambda: 1e6)
    refused(matrix, "2 items of 300 categories", "category 299", "GB are free")
    assert count(likert()) == [5] * 4


def test_doubts_for_a_report():
    assert doubts(data(likert())) == []
    assert "--missing 9" in doubts(data(with_code(9)))[0]
    assert "--first-category 1" in doubts(data(likert(first=1)))[0]
    assert doubts(data(np.ones((3, 2), int))) == []
