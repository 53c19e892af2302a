"""Learned priors: the free items' parameters come from a normal distribution whose mean and SD are estimated.

How far a parameter is centred is a matter of its data: an item with many responses samples best on its own scale, one
with few as a standardised deviation (Papaspiliopoulos, Roberts & Sköld 2007, Statistical Science 22; Gorinova, Moore &
Hoffman 2020, ICML). The posterior is the same for any centring.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Bool, Float

from irt_jax.runtime.arrays import AnyArray


class Hierarchy(NamedTuple):
    """Priors of a learned mean and SD, and how each item is centred.

    Attributes:
        free: which items share the learned distribution; the others, the anchors, keep their own.
        centred: 1 for a parameter that is sampled on its own scale, 0 for a standardised deviation.
        mean_centre: prior mean of the learned mean.
        mean_sd: prior SD of it.
        log_sd_centre: prior mean of the log of the learned SD.
        log_sd_sd: prior SD of it.
    """

    free: Bool[AnyArray, " item"]
    centred: Float[AnyArray, " item"]
    mean_centre: Float[AnyArray, ""]
    mean_sd: Float[AnyArray, ""]
    log_sd_centre: Float[AnyArray, ""]
    log_sd_sd: Float[AnyArray, ""]


def sample_normal(
    name: str,
    mean: Float[AnyArray, " item"],
    sd: Float[AnyArray, " item"],
    hierarchy: Hierarchy | None,
    site: str | None = None,
    scale: Float[AnyArray, " item"] | None = None,
) -> Float[AnyArray, " item"]:
    """NumPyro statement of one normal parameter per item.

    Without a hierarchy or a scale the site has the parameter's name. With either, it is `{name}_base`, and the
    parameter itself is deterministic; a hierarchy has the sites `{name}_mean` and `{name}_log_sd` besides.

    Args:
        name: of the parameter.
        mean: prior mean of each item; a free item's is not used where there is a hierarchy.
        sd: prior SD of each item; likewise.
        hierarchy: of the free items; None for the given priors.
        site: name of the parameter itself, where it differs.
        scale: the base is this many times the parameter, or its deviation, which has the same distribution; it may
            depend on other sites. None for one.
    """
    site = site or name
    if hierarchy is None:
        with numpyro.plate("item", len(mean)):
            if scale is None:
                return numpyro.sample(site, dist.Normal(mean, sd))
            return numpyro.deterministic(
                site, numpyro.sample(f"{name}_base", dist.Normal(scale * mean, scale * sd)) / scale
            )
    scale = jnp.ones(()) if scale is None else scale
    learned_mean = numpyro.sample(f"{name}_mean", dist.Normal(hierarchy.mean_centre, hierarchy.mean_sd))
    log_sd = numpyro.sample(f"{name}_log_sd", dist.Normal(hierarchy.log_sd_centre, hierarchy.log_sd_sd))
    learned_sd = numpyro.deterministic(f"{name}_sd", jnp.exp(log_sd))
    mean = jnp.where(hierarchy.free, learned_mean, mean)
    sd = jnp.where(hierarchy.free, learned_sd, sd)
    centred = hierarchy.centred
    with numpyro.plate("item", len(mean)):
        base = numpyro.sample(f"{name}_base", dist.Normal(scale * centred * mean, scale * sd**centred))
        return numpyro.deterministic(site, mean + sd ** (1.0 - centred) * (base / scale - centred * mean))


def start_normal(
    name: str,
    value: Float[np.ndarray, " item"],
    mean: Float[AnyArray, " item"],
    sd: Float[AnyArray, " item"],
    hierarchy: Hierarchy | None,
    site: str | None = None,
    scale: Float[np.ndarray, " item"] | None = None,
) -> dict[str, np.ndarray]:
    """Where the sites of `sample_normal` stand when the parameter has a given value; what is learned, at its centre.

    Args:
        name: of the parameter.
        value: of every item.
        mean: prior mean of each item.
        sd: prior SD of each item.
        hierarchy: of the free items.
        site: see `sample_normal`.
        scale: see `sample_normal`, where the other sites stand.
    """
    if hierarchy is None:
        return {site or name: value} if scale is None else {f"{name}_base": scale * value}
    scale = np.ones(()) if scale is None else scale
    learned_mean, learned_sd = float(hierarchy.mean_centre), float(np.exp(hierarchy.log_sd_centre))
    mean = np.where(hierarchy.free, learned_mean, mean)
    sd = np.where(hierarchy.free, learned_sd, sd)
    centred = np.asarray(hierarchy.centred)
    return {
        f"{name}_base": scale * (centred * mean + (value - mean) / sd ** (1.0 - centred)),
        f"{name}_mean": np.asarray(learned_mean),
        f"{name}_log_sd": np.asarray(np.log(learned_sd)),
    }
