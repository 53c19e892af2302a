"""The coordinate b a^power: another coordinate, and the same distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from irt_jax.data import align_anchors, encode, read_anchors
from irt_jax.inference.marginal_posterior import pose
from irt_jax.likelihood.marginal import marginal_target
from irt_jax.models import TWO_PARAMETER, item_priors
from irt_jax.models.population import standard_population


def posed(simulation, power, learned):
    responses = encode(simulation.responses)
    anchors = align_anchors(responses, read_anchors(simulation.anchors))
    counts = responses.item_counts if learned else None
    priors = item_priors(responses.n_items, anchors, counts=counts, b_power=power)
    return pose(TWO_PARAMETER, responses, priors, standard_population())


@pytest.mark.parametrize("learned", [False, True])
def test_densities_differ_by_the_change_of_coordinates(small, learned):
    plain, other = posed(small, 0.0, learned), posed(small, 0.7, learned)
    target, rng = marginal_target(TWO_PARAMETER), np.random.default_rng(0)
    differences = []
    with jax.enable_x64(True):
        for _ in range(3):
            start = target.start(jax.random.key(int(rng.integers(1 << 30))), plain.data)
            reported = target.report(start, plain.data)
            scale = jnp.exp(0.7 * reported["log_a"])
            moved = {**start, "b_base": scale * start["b_base"]}
            found = target.report(moved, other.data)
            for name in ("a", "b"):
                np.testing.assert_allclose(found[name], reported[name], rtol=1e-12)
            change = target.log_density(moved, other.data) - target.log_density(start, plain.data)
            differences.append(float(change + jnp.log(scale).sum()))
    np.testing.assert_allclose(differences, 0.0, atol=1e-8)


@pytest.mark.parametrize("learned", [False, True])
def test_the_climb_starts_at_the_same_item_parameters(small, learned):
    responses = encode(small.responses)
    starts = []
    for power in (None, 0.0, 0.7):
        problem = posed(small, power, learned)
        priors = jax.tree.map(np.asarray, problem.data.priors)
        position = TWO_PARAMETER.start(responses.item, responses.response, priors)
        with jax.enable_x64(True):
            starts.append(problem.target.report(position, problem.data))
    for other in starts[1:]:
        np.testing.assert_allclose(other["b"], starts[0]["b"], rtol=1e-12)
        np.testing.assert_allclose(other["log_a"], starts[0]["log_a"], rtol=1e-12)


def test_only_items_with_a_slope_of_their_own_have_it():
    from irt_jax.models.bank import Bank, Coding
    from irt_jax.models.logistic import RASCH, TWO

    coding = Coding(Bank((RASCH, TWO)), model=np.array([0, 1, 0], np.int32))
    np.testing.assert_array_equal(item_priors(3, coding=coding, b_power=0.8).b_power, [0.0, 0.8, 0.0])
    assert item_priors(3, coding=coding).b_power is None
