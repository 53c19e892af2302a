"""A run.json that somebody has changed: no mean and SD that are none go into scores, comparisons or drift."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.data.read_json import read_json
from irt_jax.data.run_population import population_of
from irt_jax.errors import InputError
from irt_jax.linking.comparison.sides import read_sides
from irt_jax.linking.drift.read import is_linked
from irt_jax.scoring import read_populations

GOOD = {"mean": 0.1, "sd": 0.9, "free": True}
BAD = [
    *(GOOD | {"mean": value} for value in (None, "abc", [1], True, float("nan"), float("inf"), 1e300, 10**400)),
    *(GOOD | {"sd": value} for value in (None, "1", 0.0, -1.0, float("nan"), float("inf"), 1e-300)),
    *(GOOD | {"groups": value} for value in (None, [1], {"g": None}, {"g": {"mean": 0.0}}, {"g": {**GOOD, "sd": 0}})),
    *(None, [1, 2], "mean sd", 3),
]


@pytest.mark.parametrize("told", BAD, ids=lambda told: repr(told)[:60])
def test_what_is_no_population_is_refused_by_all_who_read_it(tmp_path, told):
    pq.write_table(pa.table({"item_id": ["q"], "a": [1.0], "b": [0.0]}), tmp_path / "items.parquet")
    (tmp_path / "run.json").write_text(json.dumps({"population": told}))
    for read in (
        lambda: read_populations(tmp_path),
        lambda: read_sides({"x": tmp_path, "y": tmp_path / "items.parquet"}),
        lambda: is_linked({"population": told}),
    ):
        with pytest.raises(InputError, match=r"Expected the population in .*run.json'?, a mean and an SD, found"):
            read()


def test_what_a_run_writes_is_read():
    one = population_of({"population": GOOD}, "run.json")
    assert (one.anybody, one.groups, one.free) == ((0.1, 0.9), {}, True)
    several = population_of({"population": GOOD | {"free": False, "groups": {"g": GOOD}}}, "run.json")
    assert (several.groups, several.free) == ({"g": (0.1, 0.9)}, False)
    assert population_of({}, "run.json").anybody is None
    assert is_linked({})


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "", "[]", '{"a": ' + "9" * 5000 + "}"], ids=len)
def test_json_of_any_depth_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json"):
        read_json(tmp_path / "run.json")


def test_a_slope_of_zero_has_a_grid_and_no_warning():
    from irt_jax.likelihood.quadrature import fitting_nodes

    nodes = np.linspace(-4.0, 4.0, 33)
    posterior = np.exp(-0.5 * nodes[None] ** 2)
    flat = np.log(np.full((2, 33), 0.5))
    found = fitting_nodes(posterior / posterior.sum(), flat, nodes)
    assert np.isfinite(found).all()
    assert len(found) > 5
