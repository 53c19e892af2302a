"""What there is to say of a fit besides its draws: what the data cannot tell, and what they say against the model.

Each sentence is something that can be acted on with the options that are left; advice that was followed is not given.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from irt_jax.abilities import Marginals
from irt_jax.checks.common_ability import no_common_ability
from irt_jax.checks.dependence import dependent
from irt_jax.checks.given_population import off_population
from irt_jax.checks.linkage import described, linkage, unlinked
from irt_jax.checks.slope_score import ItemFit
from irt_jax.checks.wrong_keys import miskeyed
from irt_jax.plan import Plan


class Concerns(NamedTuple):
    """What a verdict and run.json take up.

    Attributes:
        problems: sentences on what the data cannot tell.
        warnings: sentences on what is worth knowing.
        linking: for run.json, see `irt_jax.checks.linkage`.
    """

    problems: list[str]
    warnings: list[str]
    linking: dict[str, Any]


def find_concerns(
    plan: Plan,
    fit: ItemFit,
    conflicts: Sequence[str],
    abilities: Marginals,
    keep: Bool[np.ndarray, " item"] | None = None,
) -> Concerns:
    """Look at links, common ability, keys, dependent items and priors.

    Args:
        plan: of the calibration.
        fit: of all items.
        conflicts: of the free items with their prior.
        abilities: of every person.
        keep: items in the likelihood; all when None.
    """
    responses, labels = plan.responses, plan.responses.item_labels
    nominal = bool(np.any(plan.coding.owns("slopes")))
    found = linkage(responses, plan.is_anchor, plan.population, keep)
    problems, warnings = unlinked(found, responses, split=bool(plan.options.by_group))
    unrelated, doubtful = no_common_ability(responses, fit.association, nominal=nominal)
    problems += unrelated
    warnings += doubtful
    if not (unrelated or doubtful):
        warnings += miskeyed(fit, responses.item_counts, labels, remedy="" if nominal else _of_signs(plan))
    warnings += dependent(fit.pairs, labels)
    return Concerns(
        problems,
        [*warnings, *([] if unrelated or doubtful else (*conflicts, *off_population(plan, abilities)))],
        described(found, responses),
    )


def _of_signs(plan: Plan) -> str:
    """How to let slopes be negative; nothing where they may be already, or anchors forbid it."""
    options = plan.options
    if options.sign == "free" or options.priors == "flat" or plan.anchors is not None:
        return ""
    if options.priors != "auto":
        return f"--sign free, without --priors {options.priors}, lets slopes be negative"
    return "--sign free lets slopes be negative"
