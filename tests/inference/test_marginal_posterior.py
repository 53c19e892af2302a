"""Numbers of nodes on small data: few different ones, so that little compiles, and never far too many."""

import numpy as np
import pyarrow as pa
import pytest
from whole.test_every_model import planned_and_posed

from irt_jax.inference import marginal_posterior as of_problem
from irt_jax.inference.mode import locate
from irt_jax.plan import plan_priors


def flat_items(a, persons=60, items=150, seed=0):
    """Everybody answers all items, which have one discrimination."""
    rng = np.random.default_rng(seed)
    logit = a * (rng.normal(size=(persons, 1)) - rng.normal(size=items))
    response = (rng.random(logit.shape) < 1.0 / (1.0 + np.exp(-logit))).astype(int)
    person, item = np.indices(response.shape).reshape(2, -1)
    return pa.table({"person_id": person, "item_id": item, "response": response.ravel()})


def located(table, **options):
    """Numbers of nodes of the first grid and of the one that was found good enough."""
    plan, posed = planned_and_posed(table, **options)
    found = locate(posed, plan.model.start(plan.responses.item, plan.responses.response, plan_priors(plan)))
    assert found.quadrature_error < 0.01
    return len(posed.data.nodes), len(found.problem.data.nodes)


def test_most_data_of_a_design_stay_with_the_first_number():
    counts = [located(flat_items(1.0, persons=150, items=10, seed=seed)) for seed in range(4)]
    assert {first for first, _ in counts} == {last for _, last in counts}


def test_a_first_grid_of_far_too_many_is_replaced():
    """Items that say a tenth of what the first grid takes them to say."""
    first, last = located(flat_items(0.2), a_prior_sd=2.0, method="mml")
    assert last < first / of_problem.WASTEFUL


@pytest.mark.parametrize(("wanted", "few", "many"), [(20, 32, 20), (16, 32, 16), (11, 12, 12), (33, 48, 40)])
def test_a_grid_keeps_its_number_unless_that_is_a_waste(wanted, few, many, monkeypatch):
    table, nodes = flat_items(1.0, persons=20, items=4), np.linspace(-3.0, 4.0, wanted)
    for most, expected in ((of_problem.FEW_RESPONSES, few), (0, many)):
        monkeypatch.setattr(of_problem, "FEW_RESPONSES", most)
        before = planned_and_posed(table)[1].on_grid(np.linspace(-5.0, 5.0, 32))
        found = np.asarray(before.on_grid(nodes).data.nodes)
        assert len(found) == expected
        np.testing.assert_allclose(found, np.linspace(-3.0, 4.0, expected))
