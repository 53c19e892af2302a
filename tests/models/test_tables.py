"""The table of every model: probabilities of its formula, sums of one, derivatives; and what adding a model takes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import log_ndtr
from scipy.stats import norm
from support import slow_models

from irt_jax.models import MODELS, ItemModel
from irt_jax.models.bank import Bank, code_items, log_probabilities

NODES = np.linspace(-4.0, 4.0, 9)
CATEGORIES = {"grm": 4, "gpcm": 4, "pcm": 4, "nominal": 4}


def stacked(items):
    """Parameters of items as arrays with an axis for the nodes."""
    return {name: np.stack([np.asarray(item[name], float) for item in items])[:, None] for name in items[0]}


def some_items(model, n_categories, count=6):
    rng = np.random.default_rng(3)
    return [slow_models.random_item(model, rng, n_categories) for _ in range(count)]


@pytest.mark.parametrize("name", MODELS)
def test_equals_the_formula_and_sums_to_one(name):
    items = some_items(name, CATEGORIES.get(name, 2))
    with jax.enable_x64(True):
        found = np.exp(np.asarray(MODELS[name].log_probabilities(stacked(items), NODES)))
    exact = [[slow_models.probabilities(name, item, theta) for theta in NODES] for item in items]
    np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(found.sum(-1), 1.0, rtol=1e-13)


@pytest.mark.parametrize("name", ["grm", "gpcm", "pcm"])
def test_two_categories_are_the_two_parameter_model(name):
    items = some_items(name, 2)
    with jax.enable_x64(True):
        found = MODELS[name].log_probabilities(stacked(items), NODES)
        two = MODELS["2pl"].log_probabilities(stacked(items), NODES)
    np.testing.assert_allclose(found, two, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["grm", "gpcm", "nominal"])
def test_items_with_fewer_categories_have_no_others(name):
    """Whatever stands where an item has no threshold changes nothing, and no derivative is lost."""
    items, counts = some_items(name, 4), np.array([4, 2, 3, 4, 2, 3])
    with jax.enable_x64(True):
        given = stacked(items) | {"n_categories": counts[:, None]}

        def total(values):
            table = MODELS[name].log_probabilities(given | values, NODES)
            return jnp.where(jnp.arange(4) < counts[:, None, None], table, 0.0).sum()

        table = np.exp(np.asarray(MODELS[name].log_probabilities(given, NODES)))
        floats = {key: jnp.asarray(value) for key, value in stacked(items).items()}
        slopes = jax.grad(total)(floats)
    for row, item, count in zip(table, items, counts, strict=True):
        short = {key: value if np.ndim(value) == 0 else value[: count - 1] for key, value in item.items()}
        exact = [slow_models.probabilities(name, short, theta) for theta in NODES]
        np.testing.assert_allclose(row[:, :count], exact, rtol=1e-11, atol=1e-15)
        assert (row[:, count:] == 0).all()
    assert all(np.isfinite(slope).all() for slope in slopes.values())


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_equal_finite_differences(name):
    items = stacked(some_items(name, CATEGORIES.get(name, 2)))
    with jax.enable_x64(True):
        floats = {key: jnp.asarray(value) for key, value in items.items()}
        function = lambda values: MODELS[name].log_probabilities(values, NODES)  # noqa: E731
        for key, value in floats.items():
            direction = {other: jnp.zeros_like(floats[other]) for other in floats} | {key: jnp.ones_like(value)}
            _, slope = jax.jvp(function, (floats,), (direction,))
            step = 1e-5
            up, down = (function(floats | {key: value + sign * step}) for sign in (1, -1))
            np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", MODELS)
def test_far_abilities_stay_finite(name):
    items = stacked(some_items(name, CATEGORIES.get(name, 2)))
    far = np.array([-1e3, -60.0, 60.0, 1e3], np.float32)
    value, slope = jax.jvp(lambda at: MODELS[name].log_probabilities(items, at), (jnp.asarray(far),), (jnp.ones(4),))
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


def test_items_of_different_models_share_a_table():
    names = ["3pl", "grm", "2pl", "gpcm", "nominal"]
    rng = np.random.default_rng(1)
    items = [slow_models.random_item(name, rng, 3) for name in names]
    coding = code_items([MODELS[name] for name in names], np.arange(5), np.array([2, 3, 2, 3, 3]))
    everything = {
        name: np.stack([np.broadcast_to(item.get(name, 0.3), shape) for item in items])[:, None]
        for name, shape in (("a", ()), ("b", ()), ("c", ()), ("thresholds", 2), ("slopes", 2), ("intercepts", 2))
    }
    known = {"model": coding.model[:, None], "n_categories": coding.n_categories[:, None]}
    with jax.enable_x64(True):
        table = np.exp(np.asarray(log_probabilities(coding.bank)({**everything, **known}, NODES)))
    for row, name, item in zip(table, names, items, strict=True):
        exact = np.array([slow_models.probabilities(name, item, theta) for theta in NODES])
        np.testing.assert_allclose(row[:, : exact.shape[1]], exact, rtol=1e-11)
        assert (row[:, exact.shape[1] :] == 0).all()


def probit(items, ability):
    """P(correct) = Phi(a (theta - b)); all that a new model takes."""
    z = items["a"] * (ability - items["b"])
    return jnp.stack([log_ndtr(-z), log_ndtr(z)], axis=-1)


def test_a_model_is_one_function():
    model = ItemModel("probit", probit)
    items = stacked(some_items("2pl", 2))
    table = log_probabilities(Bank((model,)))(items, NODES)
    np.testing.assert_allclose(np.exp(table[..., 1]), norm.cdf(items["a"] * (NODES - items["b"])), rtol=1e-4, atol=1e-6)
