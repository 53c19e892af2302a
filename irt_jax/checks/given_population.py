"""Whether abilities have the mean and SD that their population was given, as the responses tell them.

Under the model the variance of the posterior means and the mean posterior variance of a group's persons add up to the
population's variance, and their posterior means average to its mean, whatever the numbers of responses (laws of total
expectation and variance). A given population that is off bends slopes and difficulties instead.
"""

import numpy as np

from irt_jax.abilities import Marginals
from irt_jax.plan import Plan

#: Means and SDs, in the given population's SDs, are told apart from theirs by so much, and by so many standard errors.
APART, ERRORS = 0.25, 4.0


def off_population(plan: Plan, abilities: Marginals) -> list[str]:
    """One sentence where the abilities of a group contradict a mean and SD that were given; nothing otherwise.

    Args:
        plan: of the calibration.
        abilities: of every person.
    """
    known, group = plan.population, plan.responses.group_code
    mean, sd, n_groups = np.asarray(known.mean, float), np.asarray(known.sd, float), plan.responses.n_groups
    count = np.bincount(group, minlength=n_groups)
    z = (abilities.mean - mean[group]) / sd[group]
    centre = np.bincount(group, z, n_groups) / count
    second = np.bincount(group, z**2 + (abilities.sd / sd[group]) ** 2, n_groups) / count
    spread = np.sqrt(np.maximum(second - centre**2, 0.0))
    given_mean, given_sd = (~np.isin(np.arange(n_groups), free) for free in (known.free_mean, known.free_sd))
    limit = np.maximum(APART, ERRORS / np.sqrt(count))
    off = (given_mean & (np.abs(centre) > limit)) | (given_sd & (np.abs(spread - 1.0) > limit))
    if not off.any():
        return []
    worst = int(np.argmax(off * np.maximum(np.abs(centre), np.abs(spread - 1.0))))
    where = f" in group {plan.responses.group_names[worst]!r}" if n_groups > 1 else ""
    return [
        f"Abilities{where} were given N({mean[worst]:g}, {sd[worst]:g}), and by the responses they have mean "
        f"{mean[worst] + centre[worst] * sd[worst]:.2f} and SD {spread[worst] * sd[worst]:.2f}: slopes and "
        f"difficulties take up the difference{_remedy(plan)}."
    ]


def _remedy(plan: Plan) -> str:
    """What is left to do about it, with these options."""
    options = plan.options
    if plan.anchors is not None and options.population == "fixed":
        return ". Use --population free"
    if options.sign == "free" or options.priors == "flat":
        return ""
    return "" if plan.learned else ". Use --priors hierarchical, under which they can"
