"""Whether the free items contradict their prior, in mean or in dispersion, by so much that it moves their estimates.

An item's estimate by its own responses alone is normal around its parameter with an error s, and the parameters are
normal with mean m and SD t, estimated by maximum likelihood from all of them. A conflict is a ratio of likelihoods of
these and of the prior's mean and SD that is unlikely under the prior (chi-squared, two degrees of freedom). It counts
where it has consequences: where the estimates under the prior lie away from those under m and t, by so much on average
or by so large a part of their errors.

Source: the prior predictive of an estimate; Box (1980), JRSS A 143; Evans & Moshonov (2006), Bayesian Analysis 1.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from irt_jax.contract.prior_settings import PriorSettings

#: A conflict is less likely than this under the prior.
UNLIKELY = 1e-3
#: Fewer items tell little.
FEWEST = 4
#: Consequences that are told: of the estimates' mean; of a typical estimate, beside its error, and in size.
SHIFT, SHARE_OF_ERROR, MOVE = 0.1, 0.5, 0.05
#: SDs that are tried, beside the dispersion of the estimates.
STEPS = 400
#: What is checked: the estimates' name, what users know it as, and the option of its SD.
CHECKED = (("log_a", "log a", "--a-prior-sd"), ("b", "b", "--b-prior-sd"))


def prior_conflicts(
    free: Mapping[str, Float[np.ndarray, " item"]],
    own: Bool[np.ndarray, " item"],
    settings: PriorSettings,
) -> list[str]:
    """Conflicts with the normal priors of log a and b, one sentence each.

    Args:
        free: `log_a_free`, `log_a_free_sd` and the same of b, see `own_prior`.
        own: items that have these priors.
        settings: with the priors' means and SDs.
    """
    found = []
    for name, known_as, option in CHECKED:
        if f"{name}_free" not in free:
            continue
        value, error = free[f"{name}_free"], free[f"{name}_free_sd"]
        usable = own & np.isfinite(value) & np.isfinite(error) & (error > 1e-9)
        if usable.sum() < FEWEST:
            continue
        value, error = value[usable], error[usable]
        centre, sd = getattr(settings, f"{name}_mean"), getattr(settings, f"{name}_sd")
        mean, spread = mean_and_sd(value, error)
        ratio = log_likelihood(value, error, mean, spread) - log_likelihood(value, error, centre, sd)
        if ratio > -np.log(UNLIKELY) and matters(value, error, (centre, sd), (mean, spread)):
            larger = f", or a larger {option}" if spread > 1.2 * sd and abs(mean - centre) < spread else ""
            found.append(
                f"The free items contradict their prior of {known_as}, N({centre:g}, {sd:g}), and it moves their "
                f"estimates: by their own responses they have mean {mean:.2f} and SD {spread:.2f}. Use --priors "
                f"hierarchical{larger}."
            )
    return found


def log_likelihood(
    value: Float[np.ndarray, " item"], error: Float[np.ndarray, " item"], mean: float, sd: float
) -> float:
    """Of a mean and an SD of parameters that are estimated with errors, up to a constant.

    Args:
        value: estimates.
        error: of them.
        mean: of the parameters.
        sd: of the parameters.
    """
    variance = error**2 + sd**2
    return float(-0.5 * (np.log(variance) + (value - mean) ** 2 / variance).sum())


def mean_and_sd(value: Float[np.ndarray, " item"], error: Float[np.ndarray, " item"]) -> tuple[float, float]:
    """Maximum likelihood of the mean and the SD of parameters that are estimated with errors.

    Args:
        value: estimates.
        error: of them.
    """
    tried = np.linspace(0.0, 2.0 * float(value.std()) + 1e-9, STEPS)[:, None]
    weight = 1.0 / (error**2 + tried**2)
    means = (weight * value).sum(1) / weight.sum(1)
    heights = 0.5 * (np.log(weight) - weight * (value - means[:, None]) ** 2).sum(1)
    best = int(heights.argmax())
    return float(means[best]), float(tried[best, 0])


def matters(
    value: Float[np.ndarray, " item"],
    error: Float[np.ndarray, " item"],
    prior: tuple[float, float],
    learned: tuple[float, float],
) -> bool:
    """Whether estimates under a prior lie away from those under the parameters' own mean and SD.

    Under a prior wider than the parameters they scatter more than they need to, as their errors say; that is no fault.

    Args:
        value: estimates without a prior.
        error: of them.
        prior: its mean and SD.
        learned: the parameters' own.
    """
    held, own = (_drawn_in(value, error, *given) for given in (prior, learned))
    moved = held - own
    left = np.sqrt(1.0 / (1.0 / error**2 + 1.0 / max(learned[1], 1e-3) ** 2))
    typical = np.sqrt(np.mean(moved**2))
    far = np.sqrt(np.mean((moved / left) ** 2)) > SHARE_OF_ERROR and typical > MOVE
    shift = abs(moved.mean())
    return bool(shift > min(SHIFT, max(MOVE, SHARE_OF_ERROR * left.mean())) or (far and prior[1] < learned[1]))


def _drawn_in(
    value: Float[np.ndarray, " item"], error: Float[np.ndarray, " item"], mean: float, sd: float
) -> Float[np.ndarray, " item"]:
    return mean + sd**2 / (sd**2 + error**2) * (value - mean)


def without_priors(
    summaries: Mapping[str, tuple[Float[np.ndarray, " item"], Float[np.ndarray, " item"]]], settings: PriorSettings
) -> dict[str, np.ndarray]:
    """Estimates without the items' own priors from posterior means and SDs: the normal prior is divided out.

    For posteriors whose mode nobody looked for; NaN where the posterior is hardly narrower than the prior.

    Args:
        summaries: posterior means and SDs, by name.
        settings: with the priors' means and SDs.
    """
    found = {}
    for name, (mean, sd) in summaries.items():
        centre, prior = getattr(settings, f"{name}_mean"), getattr(settings, f"{name}_sd")
        with np.errstate(divide="ignore", invalid="ignore"):
            left = 1.0 / sd**2 - 1.0 / prior**2
            left = np.where(left > 0.01 / prior**2, left, np.nan)
            found[f"{name}_free"] = (mean / sd**2 - centre / prior**2) / left
            found[f"{name}_free_sd"] = left**-0.5
    return found
