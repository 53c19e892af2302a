"""Anchors that release themselves: a prior that is a mixture of a sound and of a drifted anchor.

An anchor is sound with probability 1 - share; log a and b then lie within their previous errors. Otherwise it has
drifted, and both lie within much wider ones:

    p(log a, b) = (1 - share) N(log a) N(b | log a) + share N_wide(log a) N_wide(b)

Around a drifted anchor the density is nearly flat, so the anchor pulls nobody (Box & Tiao 1968, Biometrika 55; O'Hagan
1979, JRSS B 41, for outlying priors). The posterior may have a mode for every set of drifted anchors.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Bool, Float

from irt_jax.contract.prior_settings import PriorSettings
from irt_jax.models.model import Parameters
from irt_jax.runtime.arrays import AnyArray

#: With this share all anchors count as drifted, so that each shows where its own responses put it.
NEARLY_ALL = 1.0 - 1e-6


class Release(NamedTuple):
    """How anchors may release themselves.

    Attributes:
        anchor: which items are anchors.
        share: prior probability of a drift.
        log_a_sd: wide SD of log a.
        b_sd: wide SD of b.
    """

    anchor: Bool[AnyArray, " item"]
    share: Float[AnyArray, ""]
    log_a_sd: Float[AnyArray, ""]
    b_sd: Float[AnyArray, ""]


def release(anchor: Bool[np.ndarray, " item"], settings: PriorSettings) -> Release:
    """The mixture of this module for some items.

    Args:
        anchor: which items are anchors.
        settings: with the share and the wide SDs.
    """
    numbers = settings.drift_share, settings.drift_log_a_sd, settings.drift_b_sd
    return Release(anchor, *(np.asarray(float(value)) for value in numbers))


def sample_release(priors: Any, items: Parameters) -> None:
    """NumPyro statement: what the mixture adds to the sound anchors' priors; deterministic `p_released`.

    Args:
        priors: `ItemPriors` with `released`.
        items: `b`, and `log_a` where items have slopes of their own.
    """
    wide = priors.released
    sound, drifted = jnp.zeros(len(priors.items)), jnp.zeros(len(priors.items))
    centre = priors.b_mean
    if "log_a" in items:
        away = items["log_a"] - priors.log_a_mean
        sound, drifted = _normal(away, priors.log_a_sd), _normal(away, wide.log_a_sd)
        if priors.b_on_log_a is not None:
            centre = centre + priors.b_on_log_a * away
    sound = sound + _normal(items["b"] - centre, priors.b_sd)
    drifted = drifted + _normal(items["b"] - priors.b_mean, wide.b_sd)
    drifted = jnp.log(wide.share) + drifted
    sound_part = jnp.log1p(-wide.share) + sound
    both = jnp.logaddexp(sound_part, drifted)
    numpyro.factor("release", jnp.where(wide.anchor, both - sound, 0.0).sum())
    numpyro.deterministic("p_released", jnp.where(wide.anchor, jnp.exp(drifted - both), 0.0))


def _normal(away: Float[AnyArray, " item"], sd: AnyArray) -> Float[Array, " item"]:
    """Log density without the constant that all share."""
    return jnp.subtract(-0.5 * (away / sd) ** 2, jnp.log(sd))


def easier(priors: Any) -> Any:
    """The same priors with all anchors released, where each of them stands by its own responses; None if none may be.

    Args:
        priors: `ItemPriors`.
    """
    if priors.released is None:
        return None
    return priors._replace(released=priors.released._replace(share=np.asarray(NEARLY_ALL)))
