from functools import partial

import jax
import numpy as np
import pytest
from numpyro import handlers
from support import limits, oracle
from support.seeds import seed

from irt_jax.contract.options import make_options
from irt_jax.likelihood.joint import joint_model, joint_target
from irt_jax.models import TWO_PARAMETER
from irt_jax.plan import joint_data as make_data
from irt_jax.plan.preparation import prepare


def data_of(simulation):
    options = make_options(priors="mission", population="fixed")
    responses, anchors, _ = prepare(simulation.responses, simulation.anchors, options)
    return make_data(responses, anchors, options)


def point(data, number):
    rng = np.random.default_rng(number)
    n_items, n_persons = len(data.priors.b_mean), len(data.group)
    return {
        "log_a": rng.normal(0, 0.3, n_items),
        "b": rng.normal(0, 1, n_items),
        "theta": rng.normal(0, 1, n_persons),
    }


def test_log_density_and_gradient_equal_a_loop_and_finite_differences(small):
    data, target = data_of(small), joint_target(TWO_PARAMETER)
    sizes = [len(data.priors.b_mean), len(data.priors.b_mean), len(data.group)]

    def slow(flat):
        log_a, b, theta = np.split(flat, np.cumsum(sizes)[:-1])
        return oracle.joint_log_density(log_a, b, theta, data.person, data.item, data.response, data.priors)

    for number in range(3):
        position = point(data, number)
        flat = np.concatenate([position["log_a"], position["b"], position["theta"]])
        with jax.enable_x64(True):
            value, slopes = jax.value_and_grad(target.log_density)(position, data)
        found = np.concatenate([slopes["log_a"], slopes["b"], slopes["theta"]])
        np.testing.assert_allclose(value, slow(flat), rtol=1e-12)
        np.testing.assert_allclose(found, oracle.gradient(slow, flat), rtol=1e-6, atol=1e-6)


def test_float32_input_gives_the_same_density_to_single_precision(small):
    data, target = data_of(small), joint_target(TWO_PARAMETER)
    position = point(data, 0)
    with jax.enable_x64(True):
        exact = target.log_density(position, data)
    single = target.log_density(jax.tree.map(np.float32, position), data)
    np.testing.assert_allclose(single, exact, rtol=1e-5)


@pytest.mark.statistical
def test_a_chain_starts_from_a_draw_of_the_prior(small):
    data, target = data_of(small), joint_target(TWO_PARAMETER)
    starts = jax.vmap(target.start, in_axes=(0, None))(jax.random.split(jax.random.key(seed(0)), 4000), data)
    comparisons = 2 * sum(values.shape[1] for values in starts.values())
    for name, mean, sd in (
        ("log_a", data.priors.log_a_mean, data.priors.log_a_sd),
        ("b", data.priors.b_mean, data.priors.b_sd),
        ("theta", 0.0, 1.0),
    ):
        standard = (np.asarray(starts[name]) - mean) / sd
        assert limits.within(standard.mean(0) * np.sqrt(4000), comparisons)
        assert limits.likely(limits.of_sds(standard.std(0), 4000), comparisons)
        assert limits.beyond((standard.mean(0) + 0.2) * np.sqrt(4000), comparisons).all()
        assert (limits.of_sds(1.15 * standard.std(0), 4000) < limits.level(comparisons)).all()


def test_the_report_holds_the_natural_scale(small):
    data, target = data_of(small), joint_target(TWO_PARAMETER)
    kept = target.report(point(data, 1), data)
    np.testing.assert_allclose(kept["a"], np.exp(kept["log_a"]), rtol=1e-6)
    assert set(kept) == {"a", "b", "log_a", "theta"}


def test_the_model_can_be_extended_with_numpyro_handlers(small):
    """What a notebook does: condition the model on known abilities."""
    data = data_of(small)
    known = handlers.condition(partial(joint_model, TWO_PARAMETER), {"theta": np.zeros(60)})
    trace = handlers.trace(handlers.seed(known, 0)).get_trace(data)
    assert trace["theta"]["is_observed"]
    assert trace["log_a"]["value"].shape == (8,)


def test_the_same_model_gives_the_same_target():
    assert joint_target(TWO_PARAMETER) is joint_target(TWO_PARAMETER)
