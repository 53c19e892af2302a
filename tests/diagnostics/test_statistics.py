import subprocess
import sys
import time

import numpy as np
import pytest
from support import arviz_compat, limits
from support.seeds import seed

from irt_jax.diagnostics import blocks, statistics

SHAPES = [(1, 101), (1, 40), (2, 4), (2, 5), (2, 6), (2, 9), (3, 51), (4, 100), (5, 33), (8, 300)]
N_PARAMETERS = 6


def autoregressive(random: np.random.Generator, shape: tuple[int, ...], correlation: float) -> np.ndarray:
    noise = random.standard_normal(shape)
    for draw in range(1, shape[1]):
        noise[:, draw] += correlation * noise[:, draw - 1]
    return noise


def with_repeats(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws of a sampler that often stays where it is, as after rejected proposals."""
    draws = random.standard_normal(shape)
    for draw in range(1, shape[1]):
        stays = random.random((shape[0], *shape[2:])) < 0.4
        draws[:, draw] = np.where(stays, draws[:, draw - 1], draws[:, draw])
    return draws


def stuck_chain(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    draws = random.standard_normal(shape)
    draws[0] = draws[0] * 0.1 + 3
    return draws


KINDS = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "slow": lambda random, shape: autoregressive(random, shape, 0.9),
    "antithetic": lambda random, shape: autoregressive(random, shape, -0.6),
    "cauchy": lambda random, shape: random.standard_cauchy(shape),
    "shifted": lambda random, shape: 1e4 + 1e-3 * random.standard_normal(shape),
    "repeats": with_repeats,
    "whole": lambda random, shape: random.integers(0, 4, shape).astype(float),
    "float32": lambda random, shape: random.standard_normal(shape).astype(np.float32).astype(np.float64),
    "stuck": stuck_chain,
    "trend": lambda random, shape: random.standard_normal(shape) + np.linspace(0, 3, shape[1])[:, None],
}


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def shape(request: pytest.FixtureRequest) -> tuple[int, ...]:
    return (*request.param, N_PARAMETERS)


@pytest.fixture(params=list(KINDS))
def draws(request: pytest.FixtureRequest, shape: tuple[int, ...]) -> np.ndarray:
    return KINDS[request.param](np.random.default_rng([7, *shape]), shape)


def assert_equal_to_arviz(found, function, draws, *args):
    expected = [function(draws[:, :, parameter], *args) for parameter in range(draws.shape[2])]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


def test_summary_equals_arviz(draws):
    found = statistics.summary(draws)
    assert_equal_to_arviz(found.rhat, arviz_compat.rhat, draws)
    assert_equal_to_arviz(found.ess_bulk, arviz_compat.ess, draws, "bulk")
    assert_equal_to_arviz(found.ess_tail, arviz_compat.ess, draws, "tail")
    assert_equal_to_arviz(found.mcse_mean, arviz_compat.mcse, draws, "mean")


def test_single_statistics_equal_arviz(draws):
    assert_equal_to_arviz(statistics.ess_mean(draws), arviz_compat.ess, draws, "mean")
    assert_equal_to_arviz(statistics.ess_sd(draws), arviz_compat.ess, draws, "sd")
    assert_equal_to_arviz(statistics.mcse_sd(draws), arviz_compat.mcse, draws, "sd")
    for probability in (0.03, 0.5, 0.8):
        options = draws, "quantile", probability
        assert_equal_to_arviz(statistics.ess_quantile(draws, probability), arviz_compat.ess, *options)
        assert_equal_to_arviz(statistics.mcse_quantile(draws, probability), arviz_compat.mcse, *options)


def test_summary_equals_the_single_functions(draws):
    found = statistics.summary(draws)
    for name in found._fields:
        np.testing.assert_array_equal(getattr(found, name), getattr(statistics, name)(draws))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e5 / 3])
@pytest.mark.parametrize("n_draws", [100, 101])
def test_constant_draws_follow_arviz(value, n_draws):
    draws = np.full((4, n_draws, 1), value)
    found = statistics.summary(draws)
    assert np.isnan(found.rhat[0])
    assert np.isnan(arviz_compat.rhat(draws[:, :, 0]))
    assert_equal_to_arviz(found.ess_bulk, arviz_compat.ess, draws, "bulk")
    assert_equal_to_arviz(found.ess_tail, arviz_compat.ess, draws, "tail")
    assert found.mcse_mean[0] == 0
    assert np.isnan(statistics.mcse_sd(draws)[0])
    assert statistics.mcse_quantile(draws, 0.3)[0] == 0


def test_two_values_equally_often_have_no_folded_rhat():
    draws = np.random.default_rng(0).permutation(np.repeat([-1.0, 1.0], 200)).reshape(4, 100, 1)
    assert np.isfinite(arviz_compat.rhat(draws[:, :, 0]))
    assert_equal_to_arviz(statistics.rhat(draws), arviz_compat.rhat, draws)


def test_each_chain_at_its_own_constant():
    draws = np.broadcast_to(np.arange(4.0)[:, None, None], (4, 50, 1))
    assert statistics.rhat(draws)[0] > 1e6
    assert arviz_compat.rhat(draws[:, :, 0]) > 1e6
    assert_equal_to_arviz(statistics.ess_bulk(draws), arviz_compat.ess, draws, "bulk")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_draw_that_is_not_finite_spoils_its_own_parameter_only(bad):
    draws = np.random.default_rng(1).standard_normal((4, 51, 3))
    clean = statistics.summary(draws)
    draws[2, 25, 1] = bad
    for found, expected in zip(statistics.summary(draws), clean, strict=True):
        assert np.isnan(found[1])
        np.testing.assert_array_equal(found[[0, 2]], expected[[0, 2]])


def test_folded_rhat_finds_chains_that_differ_in_scale_only():
    draws = np.random.default_rng(2).standard_normal((4, 500, 1)) * np.array([1, 1, 1, 3])[:, None, None]
    assert statistics.rhat(draws)[0] > 1.05


@pytest.mark.parametrize("shape", [(4, 3, 2), (1, 3), (4, 0, 2)])
def test_too_few_draws_give_nan(shape):
    for values in statistics.summary(np.zeros(shape)):
        assert values.shape == shape[2:]
        assert np.isnan(values).all()


def test_one_chain_has_no_rhat_but_the_rest():
    found = statistics.summary(np.random.default_rng(3).standard_normal((1, 400, 2)))
    assert np.isnan(found.rhat).all()
    assert np.isfinite(found[1:]).all()


def test_any_parameter_shape_and_memory_order():
    draws = np.random.default_rng(4).standard_normal((2, 60, 3, 4))
    flat = statistics.summary(draws.reshape(2, 60, 12))
    reordered = np.asfortranarray(draws)
    for found, expected in zip(statistics.summary(reordered), flat, strict=True):
        assert found.shape == (3, 4)
        np.testing.assert_array_equal(found.ravel(), expected)
    scalar = statistics.summary(draws[:, :, 0, 0])
    assert all(isinstance(value, np.ndarray) and value.shape == () for value in scalar)
    assert scalar.rhat == flat.rhat[0]
    assert statistics.summary(draws[:, :, :0]).rhat.shape == (0, 4)


def test_draws_without_a_chain_dimension_are_refused():
    with pytest.raises((ValueError, TypeError), match=r"chain,? draw"):
        statistics.rhat(np.zeros(10))


def test_blocks_change_nothing_and_the_draws_stay_as_they_are(monkeypatch):
    draws = KINDS["repeats"](np.random.default_rng(5), (3, 41, 7))
    draws[0, 0, 2] = np.nan
    before = draws.copy()
    whole = statistics.summary(draws)
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 2 * 3 * 41)
    for found, expected in zip(statistics.summary(draws), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(draws, before)


def test_bfmi_equals_arviz():
    energy = np.cumsum(np.random.default_rng(6).standard_normal((3, 200)), axis=1)
    np.testing.assert_allclose(statistics.bfmi(energy), arviz_compat.bfmi(energy), rtol=1e-12)
    assert np.isnan(statistics.bfmi(np.ones((2, 10)))).all()


def test_a_thousand_parameters_take_about_half_a_second():
    draws = np.random.default_rng(8).standard_normal((8, 300, 1000))
    start = time.process_time()
    statistics.summary(draws)
    # Generous: ArviZ takes 2.5 to 6 s.
    assert time.process_time() - start < 2


def test_importing_loads_neither_jax_nor_scipy_stats():
    code = "import irt_jax.diagnostics, sys; print([m for m in ('jax', 'scipy.stats') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("n_chains", "n_draws", "median"), [(4, 100, 1.0291), (4, 130, 1.0223)], ids=["4x100", "4x130"]
)
def test_null_of_the_largest_of_a_thousand_rhats(n_chains, n_draws, median):
    claimed = statistics.rhat_null_quantile(1000, n_chains * n_draws, n_chains, probability=0.5)
    assert claimed == pytest.approx(median, abs=1e-4)
    random, replications = np.random.default_rng(seed(9)), 40
    largest = [statistics.rhat(random.standard_normal((n_chains, n_draws, 1000))).max() for _ in range(replications)]

    def chance(median):
        return limits.binomial((np.array(largest) <= median).sum(), replications, 0.5)

    assert limits.likely(chance(claimed), 1)
    # The maximum has a standard deviation of about .004.
    for wrong in (0.75, 1.35):
        assert chance(1.0 + wrong * (claimed - 1.0)) < limits.level(1)


@pytest.mark.statistical
@pytest.mark.parametrize(("n_chains", "n_draws", "n_parameters"), [(4, 100, 1), (8, 50, 5), (2, 100, 2)])
def test_null_quantiles_are_those_of_independent_draws(n_chains, n_draws, n_parameters):
    replications, quantile = 4000, statistics.rhat_null_quantile
    random = np.random.default_rng([seed(10), n_chains])
    draws = random.standard_normal((n_chains, n_draws, replications, n_parameters), dtype=np.float32)
    largest = statistics.rhat(draws).max(axis=1)
    chances = []
    for probability in (0.5, 0.9, 0.99):
        limit = quantile(n_parameters, n_chains * n_draws, n_chains, probability)
        assert limits.likely(limits.binomial((largest <= limit).sum(), replications, probability), 3)
        of_twice_as_many = quantile(2 * n_parameters, n_chains * n_draws, n_chains, probability)
        chances.append(limits.binomial((largest <= of_twice_as_many).sum(), replications, probability))
    assert min(chances) < limits.level(3)


def test_null_quantile_shrinks_with_draws_and_grows_with_parameters():
    quantile = statistics.rhat_null_quantile
    assert quantile(1000, 400, 4) > quantile(1000, 1600, 4) > quantile(1000, 16000, 4) > 1
    assert quantile(10, 400, 4) < quantile(1000, 400, 4)
    assert quantile(10, 8, 4) == quantile(10, float("nan"), 4) == float("inf")
