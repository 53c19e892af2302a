"""The probabilities of drift: against an enumeration of who has changed, and against what was drawn."""

from itertools import product

import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.special import betaln, expit, logit
from scipy.stats import multivariate_normal, norm
from support import drift_banks as banks
from support import limits
from support.seeds import seed

from irt_jax.linking.drift.discovery import discoveries
from irt_jax.linking.drift.evidence import Evidence
from irt_jax.linking.drift.mixture import DriftPrior, posterior
from irt_jax.linking.drift.outside import Limits, outside
from irt_jax.linking.drift.summaries import chances
from irt_jax.linking.drift.summaries import limits as thresholds

A, B = 0.2, 0.25
#: Anchors of a bank drift together more often than by chance: how much larger the variance of their number is.
#: In eight times 150 banks it was 1.3 and 1.6 for all anchors, 1 for those with probabilities near each other.
TOGETHER = 1.5


def rectangle(mean: np.ndarray, covariance: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    return float(multivariate_normal(mean, covariance).cdf(high, lower_limit=low))


def by_enumeration(told: Evidence, prior: DriftPrior) -> np.ndarray:
    """Sound, a, b, either and high of `Chances`: a sum over all 2^K sets of changed anchors, with exact integrals.

    Given the set and tau everything is normal: the linking is integrated out by generalised least squares, the share by
    its Beta integral; only tau is left to SciPy's adaptive quadrature.
    """
    count = len(told.change)
    z, link = told.change.ravel(), told.link.reshape(2 * count, -1)
    medium, high = thresholds(told, A, B), thresholds(told, 2 * A, 2 * B)
    sets = np.array(list(product((0, 1), repeat=count)))

    def at(log_tau: float) -> np.ndarray:
        tau = np.exp(log_tau)
        slab = np.diag([(prior.ratio * tau) ** 2, tau**2])
        total = np.zeros((6, count))
        for changed in sets:
            covariance, spread = np.zeros((2, 2 * count, 2 * count))
            for k in range(count):
                own = slice(2 * k, 2 * k + 2)
                spread[own, own] = changed[k] * slab
                covariance[own, own] = told.error[k] + changed[k] * slab
            inverse = np.linalg.inv(covariance)
            middle = link.T @ inverse @ link
            rest = inverse - inverse @ link @ np.linalg.solve(middle, link.T @ inverse)
            m = changed.sum()
            log_weight = -0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(middle)[1] + z @ rest @ z)
            log_weight += betaln(prior.share[0] + m, prior.share[1] + count - m) - betaln(*prior.share)
            weight = np.exp(log_weight) * norm.pdf(log_tau, np.log(prior.tau), prior.log_tau_sd)
            mean, left = spread @ rest @ z, spread - spread @ rest @ spread
            for k in range(count):
                out = [1.0 - changed[k], 0.0, 0.0, 0.0, 0.0]
                if changed[k]:
                    own = slice(2 * k, 2 * k + 2)
                    of_own = mean[own], left[own, own]
                    for place, limit in ((3, medium), (4, high)):
                        corner = np.array([limit.lower[k], -limit.b]), np.array([limit.upper[k], limit.b])
                        out[place] = 1.0 - rectangle(*of_own, *corner)
                    sd = np.sqrt(np.diag(left[own, own]))
                    ends = np.array([[medium.lower[k], medium.upper[k]], [-B, B]])
                    inside = norm.cdf((ends - mean[own][:, None]) / sd[:, None])
                    out[1], out[2] = 1.0 - (inside[:, 1] - inside[:, 0])
                total[:, k] += weight * np.array([*out, 1.0])
        return total

    centre, half = np.log(prior.tau), 7.0 * prior.log_tau_sd
    scale = at(centre)[-1].max()
    found, _ = quad_vec(lambda x: at(x) / scale, centre - half, centre + half, epsabs=1e-7, epsrel=1e-7)
    return found[:-1] / found[-1]


@pytest.mark.parametrize(("count", "shared", "seed"), [(3, 1, 0), (3, 2, 1), (4, 2, 2)])
def test_equals_the_enumeration(count, shared, seed):
    rng = np.random.default_rng(seed)
    changes = np.zeros((count, 2))
    changes[0] = (0.1, 0.6)
    told = banks.observe(rng, changes, 800, shared=shared)
    if shared == 1:  # b alone: the enumeration has no use for an unknown log a
        told = told._replace(error=np.where(told.error == 1e4, 1.0, told.error))
    expected = by_enumeration(told, banks.PRIOR)
    found = chances(told, posterior(told, banks.PRIOR), A, B)
    for name, want in zip(found._fields, expected, strict=True):
        if name != "a" or shared == 2:
            np.testing.assert_allclose(getattr(found, name), want, atol=1e-6, err_msg=name)


def test_one_anchor_by_itself_says_nothing():
    """The linking is then free to be anywhere: what was thought beforehand stays."""
    told = banks.observe(np.random.default_rng(1), np.array([[0.3, 1.0]]), 500)
    found = chances(told, posterior(told, banks.PRIOR), A, B)
    assert found.sound[0] == pytest.approx(0.9, abs=1e-3)


def test_the_probability_outside_is_scipys():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(60, 2, 2)) * np.exp(rng.normal(-1.5, 1, (60, 1, 1)))
    covariance = root @ root.swapaxes(1, 2) + 1e-4 * np.eye(2)
    mean = rng.normal(0, 0.3, (60, 2))
    mean[0] = (0.18, 0.25)
    lower = np.where(np.arange(60) % 3 == 0, -np.inf, -0.22)
    limit = Limits(lower, np.full(60, 0.18), 0.25)
    found = outside(mean, covariance, limit)
    for k in range(60):
        inside = rectangle(mean[k], covariance[k], np.array([lower[k], -0.25]), np.array([0.18, 0.25]))
        assert found.either[k] == pytest.approx(1.0 - inside, abs=1e-9)
        sd = np.sqrt(covariance[k, 1, 1])
        assert found.b[k] == pytest.approx(1.0 - np.diff(norm.cdf([-0.25, 0.25], mean[k, 1], sd))[0], abs=1e-12)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Probability of drift, of change, and the truth, for banks out of the prior: [bank, anchor]."""
    rng, rows = np.random.default_rng(seed(17)), []
    for _ in range(200):
        changes = banks.draw_changes(rng, 15)
        told = banks.observe(rng, changes, int(rng.choice([200, 1000, 4000])))
        found = chances(told, posterior(told, banks.PRIOR), A, B)
        rows.append((found.either, 1.0 - found.sound, banks.beyond(told, changes), changes[:, 1] != 0.0))
    return tuple(np.array(part) for part in zip(*rows, strict=True))


@pytest.mark.statistical
@pytest.mark.parametrize("which", [0, 1])
def test_probabilities_are_calibrated(drawn, which):
    """Of anchors with a probability near p a share p has drifted, in each bin; with four times the odds it has not."""
    p, truth = drawn[which].ravel().clip(1e-12, 1.0 - 1e-12), drawn[which + 2].ravel()
    own = np.digitize(p, [0.03, 0.1, 0.3, 0.7, 0.97]) == np.arange(6)[:, None]
    own = np.vstack([own, np.ones(len(p))])
    comparisons = len(own)

    def tails(p):
        """By the binomial distribution that has the mean and the variance of events with different probabilities."""
        total, squares = own @ p, own @ p**2
        return limits.binomial(own @ truth, total**2 / squares, squares / total, TOGETHER)

    assert limits.likely(tails(p), comparisons)
    for odds in (1 / 4, 4.0):
        assert (tails(expit(logit(p) + np.log(odds))) < limits.level(comparisons)).any()


@pytest.mark.statistical
@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_false_discoveries_are_at_their_rate(drawn, rate):
    """Their expected share in each list is 1 - p on average, at most the rate, and the true share is that."""
    excess, shares = [], []
    for p, _, truth, _ in zip(*drawn, strict=True):
        listed = discoveries(p, rate)
        if listed.any():
            assert (1 - p[listed]).mean() <= rate
            shares.append((~truth[listed]).mean())
            excess.append(shares[-1] - (1 - p[listed]).mean())
        else:
            shares.append(0.0)
    excess, shares, most = np.array(excess), np.array(shares), limits.of_means(2, len(excess))
    assert abs(excess.mean()) < most * excess.std(ddof=1) / np.sqrt(len(excess))
    assert shares.mean() < rate + limits.of_means(2, len(shares)) * shares.std(ddof=1) / np.sqrt(len(shares))
    at_random = np.array([(~truth).mean() for truth in drawn[2]])  # lists that take anchors as they come
    assert at_random.mean() > rate + limits.of_means(2, len(at_random)) * at_random.std(ddof=1) / np.sqrt(len(shares))


def test_discoveries_take_the_likeliest_up_to_the_rate():
    p = np.array([0.99, np.nan, 0.2, 0.90, 0.97, 0.0])
    assert discoveries(p, 0.05).tolist() == [True, False, False, True, True, False]  # .01, .03, .10: mean .0467
    assert discoveries(p, 0.04).tolist() == [True, False, False, False, True, False]
    assert not discoveries(p, 0.005).any()
    assert not discoveries(np.array([np.nan]), 0.99).any()
