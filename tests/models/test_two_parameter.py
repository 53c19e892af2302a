import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import log_expit

from irt_jax.models import MODELS, TWO_PARAMETER


def test_probabilities_equal_the_logistic_and_sum_to_one():
    rng = np.random.default_rng(0)
    a, b, theta = rng.lognormal(0, 0.5, 200), rng.normal(0, 2, 200), rng.normal(0, 2, 200)
    with jax.enable_x64(True):
        log_p = np.asarray(TWO_PARAMETER.log_probabilities({"a": a, "b": b}, theta))
    np.testing.assert_allclose(log_p[:, 1], log_expit(a * (theta - b)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(log_p[:, 0], log_expit(-a * (theta - b)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(np.exp(log_p).sum(-1), 1.0, rtol=1e-14)


def test_extreme_logits_stay_finite_with_their_gradients():
    theta = jnp.array([-1e4, -40.0, 0.0, 40.0, 1e4])
    value, slope = jax.jvp(
        lambda t: TWO_PARAMETER.log_probabilities({"a": jnp.ones(5), "b": jnp.zeros(5)}, t),
        (theta,),
        (jnp.ones(5),),
    )
    assert np.isfinite(value).all()
    np.testing.assert_allclose(slope[:, 1], [1, 1, 0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(slope[:, 0], [0, 0, -0.5, -1, -1], atol=1e-6)


def test_items_and_nodes_broadcast_to_a_table():
    items = {"a": jnp.ones((7, 1)), "b": jnp.linspace(-1, 1, 7)[:, None]}
    assert TWO_PARAMETER.log_probabilities(items, jnp.linspace(-3, 3, 11)).shape == (7, 11, 2)


def test_models_are_registered_under_their_names():
    assert all(model.name == name for name, model in MODELS.items())
