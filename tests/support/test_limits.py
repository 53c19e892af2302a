"""The limits of the statistical tests: every case has its share, and they are exceeded as rarely as they say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter
from support import limits, sbc_bands
from support.posteriors import apart
from support.seeds import seed


def test_every_case_is_counted():
    """After a test was added or lost its marker: `CASES` is what `--collect-only -q -m statistical` lists."""
    words = ["--collect-only", "-q", "-m", "statistical", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *words]
    listed = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False).stdout
    assert listed.count("::") == limits.CASES


def test_a_test_that_is_not_counted_has_no_limit():
    with pytest.raises(RuntimeError, match="marked statistical"):
        limits.z(1)


def autoregressive(rng, correlation, shape):
    """Normal draws of SD 1, each correlated with the one before."""
    noise = rng.standard_normal(shape)
    noise[:, 0] /= np.sqrt(1.0 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], noise, axis=1) * np.sqrt(1.0 - correlation**2)


@pytest.mark.statistical
@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.5, 0.8])
def test_estimated_monte_carlo_errors_are_as_uncertain_as_they_are_taken_to_be(correlation):
    """Of differences between sound runs no more than a thousandth have a probability below a thousandth."""
    rng = np.random.default_rng(seed(0))
    one, other = (autoregressive(rng, own, (4, 1000, 1000)) for own in (correlation, 0.0))
    z, df = apart(one, other)
    p = limits.of_z(z, df)
    for rate in (1e-2, 1e-3):
        beyond = (p < rate).sum(1)
        assert (stats.binom.sf(beyond - 1, p.shape[1], rate) > limits.level(8)).all()
    # Half the variance of the errors would be noticed.
    assert ((limits.of_z(np.sqrt(2.0) * z, df) < 1e-2).sum(1) > 3 * 1e-2 * p.shape[1]).all()


@pytest.mark.statistical
def test_bands_of_ranks_are_left_as_often_as_they_say():
    rng, n = np.random.default_rng(seed(1)), 100_000
    tails = sbc_bands.binomial_tails(60, 20)
    below = rng.multinomial(60, np.full(20, 0.05), n).cumsum(1)[:, :-1]
    smallest = tails[np.arange(19), below].min(1)
    for place, level in enumerate(np.quantile(smallest, [0.01, 0.1])):
        exact = sbc_bands.leaves(tails, float(level))
        assert limits.likely(limits.binomial((smallest <= level * sbc_bands.ROUNDING).sum(), n, exact), 2), place
        assert limits.binomial((smallest <= level).sum(), n, 1.5 * exact) < limits.level(2)


def test_tails_of_counts_and_squares():
    hits, trials = np.arange(21), 20
    exact = 2.0 * np.minimum(stats.binom.cdf(hits, trials, 0.3), stats.binom.sf(hits - 1, trials, 0.3))
    np.testing.assert_allclose(limits.binomial(hits, trials, 0.3), np.minimum(exact, 1.0), rtol=1e-10)
    np.testing.assert_allclose(limits.of_sds(1.2, 50), 2.0 * stats.chi2.sf(50 * 1.44, 49))
    np.testing.assert_allclose(limits.of_z(np.array([-3.0, 3.0])), 2.0 * stats.norm.sf(3.0))
