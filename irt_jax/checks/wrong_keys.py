"""Items whose responses go against ability, as with a wrong key; log a cannot be negative and hides that."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri

from irt_jax.checks.slope_score import ItemFit
from irt_jax.errors import first_few

#: Sound items are named with this probability, all of them together.
CHANCE = 0.01
#: An item that discriminates far less than its model says counts where its correlation with ability is negative at this
#: level; by itself the correlation counts where it is negative beyond chance among all items.
WITH_MISFIT = 0.05
#: With fewer responses nothing is said.
FEWEST = 30


def against_ability(
    fit: ItemFit, n_responses: Int[np.ndarray, " item"]
) -> tuple[Bool[np.ndarray, " item"], Float[np.ndarray, " item"]]:
    """Which items' responses go against ability beyond chance, and how far in standard errors, the worse of two.

    Args:
        fit: of every item; NaN where there is none.
        n_responses: behind it.
    """
    limit = ndtri(CHANCE / max(len(n_responses), 1))
    with np.errstate(invalid="ignore"):
        z = np.arctanh(np.clip(fit.correlation, -0.999999, 0.999999)) * np.sqrt(np.maximum(n_responses - 3.0, 0.0))
        misfits = (fit.z < limit) & (z < ndtri(WITH_MISFIT))
        return ((z < limit) | misfits) & (n_responses >= FEWEST), np.fmin(z, fit.z)


def miskeyed(
    fit: ItemFit, n_responses: Int[np.ndarray, " item"], labels: Sequence[object], *, remedy: str = ""
) -> list[str]:
    """Items whose responses go against ability, one sentence.

    Args:
        fit: from `item_fit`.
        n_responses: of the items.
        labels: of the items.
        remedy: what else there is to do; nothing where that was done.
    """
    wrong, z = against_ability(fit, n_responses)
    bad = np.flatnonzero(wrong)
    if not len(bad):
        return []
    bad = bad[np.argsort(z[bad])]
    shown, lowest = first_few([labels[i] for i in bad[:5]], total=len(bad)), np.nanmin(fit.correlation[bad])
    which = "1 item goes" if len(bad) == 1 else f"{len(bad):,} items go"
    return [
        f"{which} against the ability that the persons' other responses tell, as with a wrong key: "
        f"{shown}; correlations down to {lowest:.2f}. Check their keys{'; ' + remedy if remedy else ''}."
    ]
