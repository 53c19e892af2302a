"""Slow, independent versions: plain loops and SciPy, nothing of the package's mathematics."""

import math
from collections.abc import Callable

import numpy as np
from scipy.integrate import quad


def normal_log_density(x: float, mean: float, sd: float) -> float:
    return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi)


def log_probability(response: int, a: float, b: float, theta: float) -> float:
    p = 1 / (1 + math.exp(-a * (theta - b)))
    return math.log(p if response == 1 else 1 - p)


def joint_log_density(log_a, b, theta, person, item, response, priors) -> float:
    """Log prior plus log-likelihood of the 2PL, one term after the other."""
    total = 0.0
    for i in range(len(b)):
        total += normal_log_density(log_a[i], priors.log_a_mean[i], priors.log_a_sd[i])
        total += normal_log_density(b[i], priors.b_mean[i], priors.b_sd[i])
    for ability in theta:
        total += normal_log_density(ability, 0.0, 1.0)
    for p, i, y in zip(person, item, response, strict=True):
        total += log_probability(y, math.exp(log_a[i]), b[i], theta[p])
    return total


def marginal_log_likelihood(a, b, items, responses, mean=0.0, sd=1.0) -> float:
    """One person's likelihood integrated over a normal ability by adaptive quadrature."""

    def log_integrand(theta: float) -> float:
        terms = [log_probability(y, a[i], b[i], theta) for i, y in zip(items, responses, strict=True)]
        return normal_log_density(theta, mean, sd) + sum(terms)

    grid = np.linspace(mean - 8 * sd, mean + 8 * sd, 400)
    mode = max(grid, key=log_integrand)
    top = log_integrand(mode)
    value, _ = quad(
        lambda theta: math.exp(log_integrand(theta) - top),
        mean - 10 * sd,
        mean + 10 * sd,
        points=[mode],
        epsabs=0,
        epsrel=1e-11,
        limit=500,
    )
    return top + math.log(value)


def gradient(function: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences, fourth order."""
    result = np.empty_like(x)
    for i in range(len(x)):
        e = np.zeros_like(x)
        e[i] = step
        result[i] = (8 * (function(x + e) - function(x - e)) - (function(x + 2 * e) - function(x - 2 * e))) / (
            12 * step
        )
    return result


def posterior_moments(a, b, items, responses, mean=0.0, sd=1.0) -> tuple[float, float]:
    """One person's posterior mean and SD of ability, on a fine grid."""
    nodes = np.linspace(mean - 8 * sd, mean + 8 * sd, 4001)
    eta = a[items][:, None] * (nodes - b[items][:, None])
    signs = np.where(responses == 1, 1, -1)[:, None]
    log_p = -np.logaddexp(0, -signs * eta).sum(0) - 0.5 * ((nodes - mean) / sd) ** 2
    weight = np.exp(log_p - log_p.max())
    weight /= weight.sum()
    centre = (weight * nodes).sum()
    return centre, math.sqrt((weight * (nodes - centre) ** 2).sum())
