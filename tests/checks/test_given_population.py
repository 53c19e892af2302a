"""Abilities whose population was given and that say otherwise are remarked, once and with what can be done."""

import numpy as np
import pyarrow as pa
import pytest

import irt_jax
from irt_jax.study.simulate import simulate


def fitted(sd, mean=0.0, **options):
    data = simulate(500, 20, 20, ability_mean=mean, ability_sd=sd, anchor_items=options.pop("anchored", 0), seed=3)
    anchors = {"anchors": data.anchors} if data.anchors is not None and data.anchors.num_rows else {}
    return irt_jax.calibrate(data.responses, method="mml", **anchors, **options)


def remarks(fit):
    return [text for text in fit.diagnostics.warnings if "were given N(0, 1)" in text]


def test_abilities_of_another_sd_are_remarked_and_the_advice_helps():
    (text,) = remarks(fitted(2.7))
    assert "Use --priors hierarchical" in text
    assert not remarks(fitted(2.7, priors="hierarchical", population="fixed"))


def test_abilities_as_they_were_given_are_not():
    assert not remarks(fitted(1.0))


@pytest.mark.parametrize("population", ["fixed", "free"])
def test_anchors_that_say_another_mean_are_remarked_unless_it_is_learned(population):
    found = remarks(fitted(1.0, mean=1.0, anchored=10, population=population))
    assert len(found) == (population == "fixed")
    assert all("Use --population free" in text for text in found)


def test_a_group_is_named():
    data = simulate(600, 20, 20, ability_sd=2.7, seed=3)
    ids, person = np.unique(np.array(data.responses["person_id"].to_pylist(), object), return_inverse=True)
    group = pa.array(np.where(person < len(ids) // 2, "x", "y"))
    fit = irt_jax.calibrate(data.responses.append_column("group", group), method="mml")
    (text,) = remarks(fit)
    assert "in group 'x'" in text
