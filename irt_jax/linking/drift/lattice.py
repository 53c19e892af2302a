"""Where the linking may lie: points as far apart as it is wide at its narrowest, where anything is likely."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.ndimage import maximum_filter

from irt_jax.errors import InputError
from irt_jax.linking.drift.evidence import Evidence

#: The coarse lattice is so many times wider; what is likelier than the best by less than the second number is left out.
COARSE, UNLIKELY = 4, 25.0
#: With fewer anchors all of them may have changed, and the linking lie beyond them by so many SDs of the slab.
FEW, BEYOND = 12, 8.0
#: Of many anchors the middle ones say where the linking lies: quantiles of their changes.
MANY, MIDDLE = 50, (0.1, 0.9)

#: Of the population's log SD where no slopes tell, as in a 1pl.
STRETCH = (-0.5, 0.5)

#: Points of the coarse lattice, at most.
MOST = 20_000_000

LogDensity = Callable[[Float[np.ndarray, "point shared"]], Float[np.ndarray, " point"]]


def relevant_points(evidence: Evidence, log_density: LogDensity, slab_sd: float) -> Float[np.ndarray, "point shared"]:
    """Lattice points that carry the posterior of the linking.

    The density of c is a sum of normal ones, none narrower than with all anchors sound. A sum over points that SD apart
    is the integral to about exp(-2 pi^2).

    Args:
        evidence: of the anchors.
        log_density: of the linking, up to a constant.
        slab_sd: a large SD of a changed anchor's b.

    Raises:
        InputError: the anchors' changes lie so far apart, beside their errors, that the lattice would have no end.
    """
    link = evidence.link
    precision = (link.swapaxes(1, 2) @ np.linalg.inv(evidence.error) @ link).sum(0)
    step = 1.0 / np.sqrt(np.diag(precision))
    margin = 8.0 * step if len(link) >= FEW else np.maximum(8.0 * step, BEYOND * slab_sd)
    middle = MIDDLE if len(link) >= MANY else (0.0, 1.0)
    ends, count = [], 1.0
    for place, own in enumerate(evidence.change[:, ::-1].T[: len(step)]):  # the mean moves b, the log SD log a
        seen = own if place == 0 else -own[evidence.has_slope] if evidence.has_slope.any() else np.array(STRETCH)
        low, high = np.quantile(seen, middle) + np.array([-1.0, 1.0]) * margin[place]
        low, high = np.floor(low / step[place]), np.ceil(high / step[place])
        count *= (high - low) / COARSE + 1.0
        if not count <= MOST:
            raise InputError(
                "Expected anchors whose changes can be compared with their errors, found some that are "
                f"{(high - low) / 2:,.0f} errors away.",
                "Look at the largest |b_free - b_prev| in anchors.parquet, and leave those anchors out.",
            )
        ends.append(np.arange(low, high + COARSE, COARSE))
    corners = np.meshgrid(*ends, indexing="ij")
    coarse = np.stack([corner.ravel() for corner in corners], axis=1)
    near = maximum_filter(log_density(coarse * step).reshape(corners[0].shape), size=3, mode="nearest").ravel()
    kept = coarse[near > near.max() - UNLIKELY]
    within = np.stack(np.meshgrid(*[np.arange(COARSE)] * len(step), indexing="ij"), axis=-1).reshape(-1, len(step))
    fine = (kept[:, None] + within).reshape(-1, len(step)) * step
    value = log_density(fine)
    return fine[value > value.max() - UNLIKELY]
