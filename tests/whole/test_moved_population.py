"""Bias when persons or free items are not what the fixed priors say: the default has none, the plain model has.

The plain model takes abilities N(0, 1) and free items' log a ~ N(0, 0.2), b ~ N(0, 1) for granted. Where the persons
have moved, b is biased; where the free items are harder and steeper than the anchors, log a is, while b comes out right
on average because flatter items make up for the pull towards the prior. By default the population and the free items'
priors are learned, and the anchors hold the scale.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from support import limits
from support.seeds import seed
from support.soon import soon

from irt_jax.calibration import calibrate
from irt_jax.study.designs import random_design

REPLICATIONS, FEWER = 50, 10
#: The plain model's biases are large; fewer replications show them.
CONTROLS = 20
PERSONS, ITEMS, PER_PERSON, ANCHORS = 1000, 100, 20, 10
LOG_A_SD, B_SD, ANCHOR_SD = 0.2, 1.0, 0.05
PLAIN = {"priors": "mission", "population": "fixed"}
#: A mean bias that would not matter.
NEGLIGIBLE = 0.02


class Moved(NamedTuple):
    """How the truth differs from N(0, 1) abilities and free items like the anchors."""

    ability_mean: float = 0.0
    free_b: float = 0.0
    free_log_a: float = 0.0


PERSONS_MOVED = Moved(ability_mean=0.5)
ITEMS_MOVED = Moved(free_b=1.0, free_log_a=0.3)


class Bias(NamedTuple):
    """Mean bias over the free items and the data sets, with its standard error over data sets."""

    mean: float
    error: float
    replications: int

    @property
    def shown(self) -> bool:
        """Whether it is there for certain, and matters."""
        return abs(self.mean) > NEGLIGIBLE + limits.of_means(2, self.replications) * self.error

    def __repr__(self) -> str:
        return f"{self.mean:+.4f} +- {self.error:.4f}"


def simulated(moved: Moved, number: int):
    """Responses, anchors, truth, and which items are free."""
    for_items, for_persons, for_design, for_anchors = np.random.default_rng(seed(number)).spawn(4)
    free = np.ones(ITEMS, bool)
    free[np.linspace(0, ITEMS - 1, ANCHORS).round().astype(int)] = False
    log_a = for_items.normal(0.0, LOG_A_SD, ITEMS) + moved.free_log_a * free
    b = for_items.normal(0.0, B_SD, ITEMS) + moved.free_b * free
    theta = for_persons.normal(moved.ability_mean, 1.0, PERSONS)
    item, response = random_design(for_design, theta, np.exp(log_a), b, PER_PERSON)
    person = np.repeat(np.arange(PERSONS), PER_PERSON)
    responses = pa.table({"person_id": person, "item_id": item.ravel(), "response": response.ravel().astype(np.int8)})
    error = for_anchors.normal(0.0, ANCHOR_SD, (2, ANCHORS))
    anchors = pa.table(
        {"item_id": np.flatnonzero(~free), "a": np.exp(log_a[~free] + error[0]), "b": b[~free] + error[1]}
    )
    return responses, anchors, {"log a": log_a, "b": b}, free


def biases(moved: Moved, replications: int = REPLICATIONS, **options) -> dict[str, Bias]:
    """Of log a and b; posterior means, or estimates where nothing is drawn."""
    found: dict[str, list[float]] = {"log a": [], "b": []}
    for number in range(replications):
        responses, anchors, truth, free = simulated(moved, number)
        fit = calibrate(responses, anchors, seed=seed(number), **options)
        estimated = {"log a": np.log(fit.items.a.to_numpy()), "b": fit.items.b.to_numpy()}
        if fit.posterior.children:
            estimated["log a"] = fit.posterior["posterior"]["log_a"].values.mean((0, 1))
        for name, values in found.items():
            values.append(float((estimated[name] - truth[name])[free].mean()))
    result = {
        name: Bias(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(replications)), replications)
        for name, values in found.items()
    }
    print(f"{moved}, {options}: {result}")
    return result


@pytest.mark.long
@pytest.mark.statistical
@pytest.mark.parametrize("moved", [PERSONS_MOVED, ITEMS_MOVED])
def test_estimates_are_unbiased_by_default(moved):
    found = biases(moved, method="mml")
    assert not found["b"].shown
    assert not found["log a"].shown


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("replications", soon([FEWER, REPLICATIONS], now=[FEWER]))
@pytest.mark.parametrize("moved", [PERSONS_MOVED, ITEMS_MOVED])
def test_posterior_means_are_unbiased_by_default(moved, replications):
    found = biases(moved, replications, method="hmc", chains=2, warmup=60, draws=250)
    assert not found["b"].shown
    assert not found["log a"].shown


@pytest.mark.slow
@pytest.mark.statistical
def test_the_plain_model_is_biased_where_persons_have_moved():
    assert biases(PERSONS_MOVED, CONTROLS, method="mml", **PLAIN)["b"].shown


@pytest.mark.slow
@pytest.mark.statistical
def test_the_plain_model_is_biased_where_free_items_differ():
    assert biases(ITEMS_MOVED, CONTROLS, method="mml", **PLAIN)["log a"].shown
