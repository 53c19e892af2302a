"""An item's thresholds as their mean and free coordinates, so that no order can fail.

With m thresholds there are m - 1 coordinates. Ascending thresholds have the logs of the gaps between them; others their
contrasts in Helmert's basis, each threshold against the mean of those before it, of unit length: thresholds that are
independent with one SD have contrasts that are independent with that SD.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from irt_jax.runtime.arrays import AnyArray

Shape = Float[AnyArray, "*item coordinate"]


def deviations(
    shape: Shape, ordered: Bool[AnyArray, "..."], n_thresholds: Int[AnyArray, "..."]
) -> Float[Array, "*item threshold"]:
    """Distances of the thresholds from their mean.

    Args:
        shape: coordinates; those beyond an item's own do not count.
        ordered: whether they are logs of gaps, or contrasts; of each item, or of all.
        n_thresholds: of each item, or of all; the thresholds beyond have no meaning.
    """
    shape = jnp.asarray(shape)
    own = jnp.arange(shape.shape[-1]) < jnp.asarray(n_thresholds)[..., None] - 1
    ordered = jnp.asarray(ordered)[..., None]
    gaps = jnp.where(ordered & own, jnp.exp(jnp.where(ordered & own, shape, 0.0)), 0.0)
    ascending = jnp.cumsum(jnp.pad(gaps, [(0, 0)] * (gaps.ndim - 1) + [(1, 0)]), axis=-1)
    counted = jnp.arange(shape.shape[-1] + 1) < jnp.asarray(n_thresholds)[..., None]
    mean = jnp.where(counted, ascending, 0.0).sum(-1, keepdims=True) / jnp.asarray(n_thresholds)[..., None]
    contrasts = jnp.where(~ordered & own, shape, 0.0) @ jnp.asarray(helmert(shape.shape[-1]), shape.dtype)
    return jnp.where(ordered, ascending - mean, contrasts)


def coordinates(
    thresholds: Float[np.ndarray, "item threshold"],
    ordered: Bool[np.ndarray, " item"],
    n_thresholds: Int[np.ndarray, " item"],
) -> Float[np.ndarray, "item coordinate"]:
    """The inverse of `deviations`; zero for coordinates beyond an item's own.

    Args:
        thresholds: of every item; ascending where `ordered`.
        ordered: see `deviations`.
        n_thresholds: of each item.
    """
    own = np.arange(thresholds.shape[1] - 1) < n_thresholds[:, None] - 1
    counted = np.arange(thresholds.shape[1]) < n_thresholds[:, None]
    gaps = np.where(own & ordered[:, None], np.diff(thresholds, axis=1), 1.0)
    contrasts = np.where(counted, thresholds, 0.0) @ helmert(thresholds.shape[1] - 1).T
    return np.where(own, np.where(ordered[:, None], np.log(gaps), contrasts), 0.0)


def coordinates_sd(
    thresholds: Float[np.ndarray, "item threshold"],
    sd: Float[np.ndarray, "item threshold"],
    ordered: Bool[np.ndarray, " item"],
) -> Float[np.ndarray, "item coordinate"]:
    """SDs of the coordinates of thresholds with independent errors, to first order where they are logs of gaps.

    Args:
        thresholds: of every item; ascending where `ordered`.
        sd: of each threshold's error.
        ordered: see `deviations`.
    """
    of_gap = np.sqrt(sd[:, 1:] ** 2 + sd[:, :-1] ** 2)
    gaps = np.maximum(np.abs(np.diff(thresholds, axis=1)), of_gap / np.sqrt(2.0))
    contrasts = np.sqrt(sd**2 @ helmert(thresholds.shape[1] - 1).T ** 2)
    return np.where(ordered[:, None], of_gap / gaps, contrasts)


def helmert(count: int) -> Float[np.ndarray, "count threshold"]:
    """Contrasts of each threshold but the first with the mean of those before it, of unit length.

    Args:
        count: of contrasts; there is one threshold more.
    """
    j = np.arange(1, count + 1)[:, None]
    k = np.arange(count + 1)
    return (np.where(k < j, -1.0, 0.0) + np.where(k == j, j, 0.0)) / np.sqrt(j * (j + 1.0))
