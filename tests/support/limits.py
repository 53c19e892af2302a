"""Limits of statistical tests, so that the whole suite gives a false alarm less than once in a thousand new draws.

Every case of a test marked `statistical` has an equal share of `RATE`, `RATE / CASES`, and divides it by how many
comparisons it makes (Bonferroni: right whatever the dependence). `test_limits` counts the cases, and limits are given
to marked tests only, so that none is left out. An estimated error counts too: Student's t in place of the normal, with
the degrees of freedom of the estimate. Every case holds a control on the same data, something slightly wrong that must
be beyond its limit, or is one. `--seed-shift N` gives all of them other data and other draws.

| tests | cases | comparisons of one | held against | control |
|---|---|---|---|---|
| peers/test_pymc | 4 | 584 to 8,080: four statistics of a parameter | t | means, SDs off by a tenth |
| test_marginal, test_groups, test_every_model, test_wrong_keys: one posterior | 28 | 8 to 700, so too | t | the same |
| test_sbc, test_sbc_models | 11 | 11 to 30 quantities | exact bands | a wrong prior, half of the responses |
| test_recovery | 3 | 5: coverages, a mean rank | binomial, normal | narrower intervals, half of the responses |
| test_moved_population | 8 | 2 mean biases | t over data sets | the plain model |
| test_every_model: truth | 12 | 2 to 50 | chi-square, binomial, normal | errors of another size |
| test_groups, test_by_group, test_prior_free: truth | 5 | 1 to 16 | normal, Kolmogorov | no drift, one population |
| inference/samplers, inference/laplace | 6 | 6 to 160 moments | t | means and SDs that are off |
| abilities, scoring, likelihood/test_joint | 14 | 7 to 781 | normal, binomial, chi-square, t | the same |
| linking/drift | 5 | 1 to 7 | binomial, t | other odds, lists at random, a lower power |
| diagnostics/test_statistics | 5 | 1 or 3 | binomial | more parameters, another median |
| test_simulate, test_exchange, test_limits | 10 | 2 to 10 | normal, binomial, chi-square | other moments |
| benchmarks/test_suite | 1 | 40 means | t | - |
"""

import json

import numpy as np
from scipy import special, stats

#: Probability that some statistical test of the suite fails by chance, with all parameters and every marker.
RATE = 1e-3
#: Cases of statistical tests: `pytest --collect-only -q -m statistical`; parametrised tests have one for each.
CASES = 112
#: Effective draws for each degree of freedom of an estimated Monte Carlo error; see `degrees`.
DRAWS_A_DEGREE = 12.0

#: Whether the test that runs is marked `statistical`, which one it is, and `--p-log`; set by conftest.
counted, case, log = False, "", None
#: Comparisons that the test has made so far.
made = 0


def level(comparisons: float) -> float:
    """Probability that one comparison of a case may fail by chance.

    Args:
        comparisons: how many the case makes.

    Raises:
        RuntimeError: the test is not marked `statistical`, so that it is not among `CASES`.
    """
    if not counted:
        raise RuntimeError("Expected a test marked statistical, whose false alarms are counted")
    assert comparisons >= 1
    return RATE / CASES / comparisons


def within(z: np.ndarray, comparisons: float, df: np.ndarray | float = np.inf) -> bool:
    """Whether all differences are below their limits, and their errors known.

    Args:
        z: differences in standard errors.
        comparisons: how many the whole case makes.
        df: degrees of freedom of each standard error.
    """
    return likely(of_z(z, df), comparisons)


def beyond(z: np.ndarray, comparisons: float, df: np.ndarray | float = np.inf) -> np.ndarray:
    """Which differences are above their limits: what controls must be."""
    return of_z(z, df) < level(comparisons)


def likely(p: np.ndarray, comparisons: float) -> bool:
    """Whether no probability of something as extreme is below what one comparison may have.

    Args:
        p: two-sided probabilities, as `binomial` and `of_sds` give them.
        comparisons: how many the whole case makes.
    """
    global made  # noqa: PLW0603
    p = np.atleast_1d(p).ravel()
    made += p.size
    assert made <= comparisons, f"{made} comparisons with limits for {comparisons}"
    if log:
        with open(log, "a") as file:
            file.write(json.dumps({"case": case, "comparisons": comparisons, "p": p.tolist()}) + "\n")
    return bool((p >= level(comparisons)).all())


def z(comparisons: float, df: np.ndarray | float = np.inf) -> np.ndarray:
    """How many standard errors a difference may have, either way.

    Args:
        comparisons: how many the case makes.
        df: degrees of freedom of the standard errors; without, they are known.
    """
    return stats.t.isf(level(comparisons) / 2.0, df)


def of_z(z: np.ndarray, df: np.ndarray | float = np.inf) -> np.ndarray:
    """Two-sided probabilities of differences in standard errors; to be held against `level`."""
    return 2.0 * stats.t.sf(np.abs(z), df)


def of_means(comparisons: float, replications: int) -> float:
    """The limit of means over independent replications, whose standard error is estimated from them.

    Args:
        comparisons: how many the case makes.
        replications: from which the mean and its standard error are.
    """
    return float(z(comparisons, replications - 1))


def degrees(ess: np.ndarray, n_draws: int) -> np.ndarray:
    """Degrees of freedom of the Monte Carlo error of a mean, of an SD or of a share, from its effective size.

    A twelfth of the effective size, fewer where draws repel each other: at most what simulation finds (variance of the
    squared error over its squared mean, 2 / df) for AR(1) draws with correlations of -.6 to .9, 4 chains of 500 and 8
    of 1,500. For independent draws it is a fifth for means and an eighth for SDs.

    Args:
        ess: effective draws.
        n_draws: draws over all chains.
    """
    return np.minimum(ess, n_draws**2 / ess) / DRAWS_A_DEGREE


def satterthwaite(variances: list[np.ndarray], df: list[np.ndarray]) -> np.ndarray:
    """Degrees of freedom of a sum of estimated variances."""
    total = sum(variances)
    return total**2 / sum(own**2 / nu for own, nu in zip(variances, df, strict=True))


def binomial(hits: np.ndarray, trials: np.ndarray, share: np.ndarray, design: float = 1.0) -> np.ndarray:
    """Probability of as few or as many hits, whichever is rarer, twice; to be held against `level`.

    Args:
        hits: how many there were.
        trials: among how many.
        share: of hits that is expected.
        design: how much larger the variance is than of independent trials, which then count as so many fewer.
    """
    hits, trials = np.asarray(hits) / design, np.maximum(np.asarray(trials), hits) / design
    few = special.betainc(np.maximum(trials - hits, 1e-300), hits + 1.0, 1.0 - share)
    many = np.where(hits > 0.0, special.betainc(np.maximum(hits, 1e-300), trials - hits + 1.0, share), 1.0)
    return np.minimum(2.0 * np.minimum(np.where(hits < trials, few, 1.0), many), 1.0)


def of_sds(sd: np.ndarray, n: int, true: np.ndarray | float = 1.0) -> np.ndarray:
    """Probability of an SD as small or as large of `n` independent normal values; to be held against `level`."""
    return chi_square(n * (np.asarray(sd) / true) ** 2, n - 1)


def chi_square(value: np.ndarray, df: np.ndarray | float) -> np.ndarray:
    """Probability of a sum of `df` squares as small or as large, whichever is rarer, twice."""
    return 2.0 * np.minimum(stats.chi2.cdf(value, df), stats.chi2.sf(value, df))
