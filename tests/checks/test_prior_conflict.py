"""Conflicts with the prior: an SD by one weighting, and only what has consequences."""

import numpy as np
import pytest

from irt_jax.checks.prior_conflict import mean_and_sd, prior_conflicts, without_priors
from irt_jax.contract.prior_settings import PriorSettings


def quantiles(n):
    from scipy.special import ndtri

    return ndtri((np.arange(n) + 0.5) / n)


def test_the_sd_is_found_behind_errors_of_two_sizes():
    """Normal quantiles of the right variance in both halves, so that nothing is left to chance."""
    error = np.repeat([0.1, 1.5], 100)
    value = np.concatenate([quantiles(100) * np.sqrt(0.5**2 + s**2) for s in (0.1, 1.5)])
    mean, sd = mean_and_sd(value, error)
    assert mean == pytest.approx(0.0, abs=0.02)
    assert sd == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("mean", "sd", "advice"),
    [(0.0, 0.2, None), (0.02, 0.2, None), (0.0, 0.8, "--a-prior-sd"), (0.6, 0.1, "hierarchical.")],
)
def test_a_conflict_is_told_where_it_moves_estimates(mean, sd, advice):
    """A mean of .02 with 5,000 items is far beyond chance and matters to nobody."""
    n = 5000
    error = np.full(n, 0.1)
    free = {"log_a_free": mean + quantiles(n) * np.hypot(sd, 0.1), "log_a_free_sd": error}
    found = prior_conflicts(free, np.ones(n, bool), PriorSettings())
    assert len(found) == (advice is not None)
    assert advice is None or advice in found[0]
    assert advice is None or f"mean {mean:.2f} and SD {sd:.2f}" in found[0]


def test_a_prior_is_divided_out():
    value, error = np.array([0.5, -1.0]), np.array([0.3, 0.6])
    precision = error**-2.0 + 1.0
    found = without_priors({"b": (value * error**-2.0 / precision, precision**-0.5)}, PriorSettings())
    np.testing.assert_allclose(found["b_free"], value)
    np.testing.assert_allclose(found["b_free_sd"], error)
