"""Guessing at its boundary under maximum likelihood: the estimate, its profile interval, no false errors."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from support import datasets

from irt_jax.calibration import calibrate

NODES = np.linspace(-7.0, 7.0, 141)
#: The maximum of LSAT7's 3PL: item 2 has a 1.951, d .0819, c .298, the other four have c 0.
MAXIMUM = -2658.0543


@pytest.fixture(scope="module")
def items():
    fit = calibrate(datasets.lsat7(), model="3pl", method="mml", priors="flat")
    assert fit.run["log_likelihood"] == pytest.approx(MAXIMUM, abs=1e-3)
    assert fit.diagnostics.ok
    return fit.items


def profile(item, c, items):
    """Log-likelihood of LSAT7 with c of one item given and all else at its maximum, by SciPy."""
    patterns, count = (np.arange(32)[:, None] >> np.arange(5)[::-1]) & 1, np.array(datasets.LSAT7)
    weight = -0.5 * NODES**2 - logsumexp(-0.5 * NODES**2)

    def fall(x):
        slope, intercept, guess = x.reshape(3, 5, 1)
        guess = np.where(np.arange(5)[:, None] == item, c, guess)
        p = np.clip(guess + (1.0 - guess) * expit(slope * NODES + intercept), 1e-12, 1.0 - 1e-12)
        joint = np.where(patterns[:, :, None] == 1, np.log(p), np.log1p(-p)).sum(1) + weight
        return -(count * logsumexp(joint, axis=1)).sum()

    bounds = [(-20.0, 20.0)] * 10 + [(0.0, 0.95)] * 5
    found = []
    for guess in (items.c.to_numpy(), np.full(5, 0.2)):
        start = np.concatenate([items.a, items.intercept, guess])
        found.append(-minimize(fall, start, bounds=bounds, method="L-BFGS-B", options={"maxfun": 50_000}).fun)
    return max(found)


def test_guessing_at_its_boundary_is_zero_and_gives_no_false_errors(items):
    others = items.index != 1
    assert (items.c[others] == 0.0).all()
    assert items.c[1] == pytest.approx(0.298, abs=2e-3)
    assert items.a[1] == pytest.approx(1.951, abs=5e-3)
    for name in ("a_sd", "a_lower", "b_sd", "b_upper", "c_sd", "log_a_sd", "cov_log_a_b", "intercept_sd"):
        assert items[name][others].isna().all(), name
        assert np.isfinite(items[name][1]), name
    assert items[["a", "b", "intercept"]].notna().all(axis=None)
    assert items.reason[others].str.startswith("c at the boundary").all()
    assert items.reason.isna()[1]


def test_its_interval_is_that_of_the_profile_likelihood(items):
    """Where SciPy's profile has fallen by half of the chi-square quantile of 95 %."""
    assert (items.c_lower[items.index != 1] == 0.0).all()
    for item in (2, 3):
        assert 2.0 * (MAXIMUM - profile(item, items.c_upper[item], items)) == pytest.approx(3.84, abs=0.25)
    assert 2.0 * (MAXIMUM - profile(1, items.c_lower[1], items)) == pytest.approx(3.84, abs=0.25) or (
        items.c_lower[1] == 0.0
    )
