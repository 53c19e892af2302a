"""Are two sets of draws from one posterior? Means, SDs and shares below quantiles, in Monte Carlo errors of both.

Shares of both sets' draws below their common 5 and 95 % quantile stand for the quantiles themselves: the error of a
share is known far better than that of a quantile, which hangs on the spacing of a few dozen draws.
"""

from collections.abc import Mapping

import numpy as np
from support import limits

from irt_jax.diagnostics import ess_mean, ess_sd, mcse_mean, mcse_sd

TAILS = (0.05, 0.95)
#: Effective draws below which an estimated error is too uncertain, and biased.
LEAST = 400
STATISTICS = ("mean", "SD", "share below 5 %", "share below 95 %")


def below(draws: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of draws up to a value of each parameter, and the effective size of that share."""
    inside = (draws <= where).astype(float)
    return inside.mean((0, 1)), ess_mean(inside)


def parts(draws: np.ndarray, where: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each statistic, its error's variance and degrees of freedom.

    Args:
        draws: (chain, draw, *parameter).
        where: 5 and 95 % quantile of each parameter.
    """
    n = draws.shape[0] * draws.shape[1]
    found = [
        (draws.mean((0, 1)), mcse_mean(draws) ** 2, limits.degrees(ess_mean(draws), n)),
        (draws.std((0, 1)), mcse_sd(draws) ** 2, limits.degrees(ess_sd(draws), n)),
    ]
    for tail, quantile in zip(TAILS, where, strict=True):
        share, ess = below(draws, quantile)
        found.append((share, tail * (1.0 - tail) / ess, limits.degrees(ess, n)))
    return found


def moments_apart(draws: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD against those that are known, in Monte Carlo errors, and degrees of freedom: (statistic, *parameter).

    Args:
        draws: (chain, draw, *parameter).
        mean: exact, of each parameter.
        sd: exact.
    """
    n = draws.shape[0] * draws.shape[1]
    z = (draws.mean((0, 1)) - mean) / mcse_mean(draws), (draws.std((0, 1)) - sd) / mcse_sd(draws)
    return np.array(z), np.array([limits.degrees(ess(draws), n) for ess in (ess_mean, ess_sd)])


def apart(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences in standard errors and their degrees of freedom: (statistic, *parameter).

    Args:
        one: draws, (chain, draw, *parameter).
        other: draws of the same parameters.
    """
    where = [(np.quantile(one, tail, (0, 1)) + np.quantile(other, tail, (0, 1))) / 2.0 for tail in TAILS]
    z, df = [], []
    for (a, va, da), (b, vb, db) in zip(parts(one, where), parts(other, where), strict=True):
        z.append((a - b) / np.sqrt(va + vb))
        df.append(limits.satterthwaite([va, vb], [da, db]))
    return np.array(z), np.array(df)


def apart_from_summaries(draws: np.ndarray, values: list[np.ndarray], n_own: int) -> tuple[np.ndarray, np.ndarray]:
    """The same against a mean, an SD, a 5 and a 95 % quantile of each parameter, which are themselves averages.

    Args:
        draws: (chain, draw, *parameter).
        values: the four of each parameter.
        n_own: draws over which they are averages: their error is at most that of as many independent draws.
    """
    sd, z, df = draws.std((0, 1)), [], []
    own = [sd**2 / n_own, sd**2 / 2.0 / n_own, *(tail * (1.0 - tail) / n_own for tail in TAILS)]
    targets = [values[0], values[1], *TAILS]
    for (a, va, da), b, vb in zip(parts(draws, values[2:]), targets, own, strict=True):
        z.append((a - b) / np.sqrt(va + vb))
        df.append(limits.satterthwaite([va, vb + 0.0 * va], [da, np.inf]))
    return np.array(z), np.array(df)


def as_summaries(fit) -> list[np.ndarray]:
    """What a run with intervals of 90 % says about its persons."""
    return [fit.persons[name].to_numpy() for name in ("theta", "theta_sd", "theta_lower", "theta_upper")]


def moved(draws: np.ndarray, shift: float, stretch: float) -> np.ndarray:
    """A posterior that is slightly another one, by posterior SDs."""
    mean, sd = draws.mean((0, 1)), draws.std((0, 1))
    return mean + shift * sd + stretch * (draws - mean)


def assert_one_posterior(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], comparisons: int, notice: float = 0.1
) -> None:
    """No difference beyond its limit; and with either posterior slightly changed, every parameter differs.

    Args:
        one: draws by name, (chain, draw, *parameter).
        other: draws of the same names, maybe of more.
        comparisons: of the whole case; `count` of all that it compares.
        notice: posterior SDs by which a mean that is off must be noticed, and the share by which an SD must be.
    """
    for name, draws in one.items():
        hold(name, *apart(draws, other[name]), comparisons)
        for label, change in (("a mean", (notice, 1.0)), ("an SD", (0.0, 1.0 + notice))):
            z, df = apart(draws, moved(other[name], *change))
            noticed = limits.beyond(z, comparisons, df).any(0)
            assert noticed.all(), f"{label} of {name} that is off by {notice} SD passes: {np.argwhere(~noticed)}"


def assert_summaries_agree(
    values: list[np.ndarray], draws: np.ndarray, n_own: int, comparisons: int, notice: float = 0.1
) -> None:
    """The same of what a run says about its persons, see `apart_from_summaries`."""
    hold("what is said about persons", *apart_from_summaries(draws, values, n_own), comparisons)
    mean, sd, lower, upper = values
    for shift, stretch in ((notice, 1.0), (0.0, 1.0 + notice)):
        ends = [mean + shift * sd + stretch * (end - mean) for end in (lower, upper)]
        z, df = apart_from_summaries(draws, [mean + shift * sd, stretch * sd, *ends], n_own)
        assert limits.beyond(z, comparisons, df).any(0).all(), f"a person off by {notice} SD passes"


def hold(name: str, z: np.ndarray, df: np.ndarray, comparisons: int) -> None:
    """Every difference is below its limit; prints the largest on the way."""
    for label, own, nu in zip(STATISTICS, z, df, strict=True):
        print(f"{name} {label}: at most {np.abs(own).max():.2f} errors apart, {nu.min():.0f} degrees of freedom")
    assert (df * limits.DRAWS_A_DEGREE > LEAST).all(), f"too few effective draws of {name}"
    beyond = [
        f"{STATISTICS[i]} of {name} {place}: {z[i, *place]:+.2f}"
        for i, *place in np.argwhere(limits.beyond(z, comparisons, df))
    ]
    assert limits.within(z, comparisons, df), beyond


def count(draws: Mapping[str, np.ndarray], names: list[str] | None = None) -> int:
    """Comparisons of all statistics of some parameters."""
    return len(STATISTICS) * sum(int(np.prod(draws[name].shape[2:])) for name in names or draws)
