"""Whether the free items contradict their prior, in mean or in dispersion.

Under the prior an item's estimate by its own responses alone, with error s, is normal around the prior's mean with
variance sd^2 + s^2 (the prior predictive of the estimate; Box 1980, JRSS A 143; Evans & Moshonov 2006, Bayesian
Analysis 1). The weighted mean of all of them, and their dispersion around it, have known distributions.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import chdtrc, ndtr

from irt_jax.models.settings import PriorSettings

#: A conflict is less likely than this under the prior.
UNLIKELY = 1e-3
#: Fewer items tell little.
FEWEST = 4
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
        centre, sd = getattr(settings, f"{name}_mean"), getattr(settings, f"{name}_sd")
        value, weight = value[usable] - centre, 1.0 / (sd**2 + error[usable] ** 2)
        mean = (weight * value).sum() / weight.sum()
        p_mean = 2.0 * ndtr(-abs(mean) * np.sqrt(weight.sum()))
        p_spread = chdtrc(len(value) - 1, (weight * (value - mean) ** 2).sum())
        if min(p_mean, p_spread) < UNLIKELY:
            spread = np.sqrt(max(np.average((value - mean) ** 2, weights=weight) - np.mean(error[usable] ** 2), 0.0))
            found.append(
                f"The free items contradict their prior of {known_as}, N({centre:g}, {sd:g}): by their own responses "
                f"they have mean {centre + mean:.2f} and SD {spread:.2f}. Use --priors hierarchical, or a larger "
                f"{option}."
            )
    return found
