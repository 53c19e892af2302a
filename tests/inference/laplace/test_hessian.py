import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import limits
from support.posteriors import moments_apart
from support.seeds import seed

from irt_jax.contract.sampler_settings import Settings
from irt_jax.errors import ConvergenceError
from irt_jax.inference.laplace.newton import _limited, find_mode
from irt_jax.inference.laplace.whitened import whitened_target
from irt_jax.inference.samplers.nuts import nuts
from irt_jax.likelihood.flatten import pack, shapes_of, unpack
from irt_jax.likelihood.log_density import Target

N = 40


def precision() -> np.ndarray:
    """Two parameters per block, correlated within it, weakly across blocks, and a weak common direction."""
    rng = np.random.default_rng(0)
    root = np.kron(np.eye(N), [[3.0, 0.0], [1.5, 0.7]])
    across = 0.05 * rng.normal(size=(2 * N, 2 * N)) / np.sqrt(2 * N)
    common = np.tile([1.0, 0.0], N) / np.sqrt(N)
    inner = np.eye(2 * N) + across + across.T - 0.8 * np.outer(common, common)
    return root @ inner @ root.T


PRECISION = precision()
CENTRE = np.random.default_rng(1).normal(size=2 * N)


def flat(position):
    return pack(position, SHAPES)


def log_density(position, data):
    x = flat(position) - data["centre"]
    return -0.5 * x @ data["precision"] @ x


def skewed(position, data):
    """The same with a bend: not quadratic, and not concave far away."""
    return log_density(position, data) - 0.1 * jnp.sum(jnp.cos(flat(position) - data["centre"]))


START = {"b": np.zeros(N), "a": np.zeros(N)}
SHAPES = shapes_of(START)
DATA = {"centre": CENTRE, "precision": PRECISION}


def target(density) -> Target:
    return Target(density, lambda *_: START, lambda position, _: position)


def test_packing_goes_by_name_and_back():
    position = {"b": np.arange(3.0), "a": np.arange(12.0).reshape(3, 2, 2)}
    shapes = shapes_of(position, {"c": np.asarray(7.0)})
    vector = pack({**position, "c": np.asarray(7.0)}, shapes)
    assert vector.shape == (16,)
    np.testing.assert_array_equal(vector[4:15:5], position["b"])
    assert vector[15] == 7.0
    back = unpack(vector, shapes)
    for name, leaf in position.items():
        np.testing.assert_array_equal(back[name], leaf)


@pytest.mark.parametrize("density", [log_density, skewed])
def test_the_mode_is_found(density):
    metric = find_mode(target(density), DATA, START, SHAPES)
    np.testing.assert_allclose(np.asarray(metric.centre).ravel(), CENTRE, atol=2e-3)


def test_the_metric_is_close_to_the_covariance():
    """Whitened by the metric, the eigenvalues of the precision lie near one, the common direction's included."""
    metric = find_mode(target(log_density), DATA, START, SHAPES)
    assert np.asarray(metric.scales).max() == pytest.approx(1 / np.sqrt(0.2), rel=0.1)
    with jax.enable_x64(True):
        columns = np.asarray(jax.vmap(metric.spread)(jnp.eye(2 * N))).T
        variance = np.asarray(metric.deviations()) ** 2
        gradient = np.random.default_rng(2).normal(size=2 * N)
        gathered = metric.gather(jnp.asarray(gradient))
    whitened = np.linalg.eigvalsh(columns.T @ PRECISION @ columns)
    assert whitened.min() > 0.7
    assert whitened.max() < 1.35
    np.testing.assert_allclose(variance, (columns**2).sum(1), rtol=1e-9)
    np.testing.assert_allclose(variance, np.diag(np.linalg.inv(PRECISION)), rtol=0.2)
    np.testing.assert_allclose(gathered, columns.T @ gradient, rtol=1e-9)


@pytest.mark.statistical
def test_whitened_draws_have_the_posterior_moments():
    original = target(log_density)
    metric = find_mode(original, DATA, START, SHAPES)
    white = whitened_target(original, SHAPES)
    draws = nuts(white, (DATA, metric), Settings(chains=4, warmup=200, draws=1000), seed=seed(0))
    covariance = np.linalg.inv(PRECISION).diagonal().reshape(N, 2)
    for column, name in enumerate(sorted(START)):
        x, mean, sd = draws.values[name], CENTRE.reshape(N, 2)[:, column], np.sqrt(covariance[:, column])
        apart, df = moments_apart(x, mean, sd)
        assert limits.within(apart, 4 * N, df)
        for wrong in ((mean + 0.2 * sd, sd), (mean, 1.2 * sd)):
            apart, df = moments_apart(x, *wrong)
            assert limits.beyond(apart, 4 * N, df).any(0).all()
    assert draws.stats["n_steps"].mean() < 16


def test_a_density_without_a_mode_is_refused():
    endless = target(lambda position, _: jnp.sum(flat(position)))
    with pytest.raises(ConvergenceError, match="No mode"):
        find_mode(endless, DATA, START, SHAPES)


def test_no_coordinate_of_a_step_is_long_unless_the_rest_would_descend():
    x, gradient = np.array([0.0, 4.0, 0.0]), np.array([1.0, 1.0, 1.0])
    np.testing.assert_allclose(_limited(np.array([9.0, 9.0, -0.5]), gradient, x, shorten=False), [1.0, 3.0, -0.5])
    direction = np.array([9.0, -2.0, 0.0])  # climbs, and would descend as [1, -2, 0]
    np.testing.assert_allclose(_limited(direction, gradient, x, shorten=False), direction)
