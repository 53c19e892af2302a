"""Log odds: the part that most models share.

Items come with `a` and `b` or `thresholds`, where priors are on those, or with `slope` and `intercept` or
`step_intercepts`, where a slope may be zero or negative (maximum likelihood).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from irt_jax.models.model import Parameters
from irt_jax.runtime.arrays import AnyArray

#: Stands for the log-probability of a category that an item does not have: finite, so that no derivative is lost.
NEVER = -1e30


def logit(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "..."]:
    """The log odds a (theta - b).

    Args:
        items: `a` and `b`, or `slope` and `intercept`; shapes that broadcast with `ability`.
        ability: on the scale of b.
    """
    if "slope" in items:
        return jnp.asarray(items["slope"] * ability + items["intercept"])
    return jnp.asarray(items["a"] * (ability - items["b"]))


def step_logits(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... step"]:
    """The log odds a (theta - b_k) for every threshold.

    Args:
        items: `a` and `thresholds`, or `slope` and `step_intercepts`, whose last axis are the thresholds.
        ability: on the scale of the thresholds.
    """
    across = jnp.asarray(ability)[..., None]
    if "slope" in items:
        return jnp.asarray(items["slope"])[..., None] * across + items["step_intercepts"]
    return jnp.asarray(items["a"])[..., None] * (across - items["thresholds"])


def log_probabilities_of_logit(logit: Float[AnyArray, "..."]) -> Float[Array, "... 2"]:
    """Log P(wrong) and log P(correct) from the log odds of a correct answer.

    Args:
        logit: any shape.
    """
    positive = logit >= 0.0
    distance = jnp.where(positive, logit, -logit)
    tail = jnp.log(1.0 + jnp.exp(-distance))  # log1p would nearly double the gradient on CPU; error below 1e-16
    wrong = jnp.where(positive, -logit, 0.0) - tail
    correct = jnp.where(positive, 0.0, logit) - tail
    return jnp.stack([wrong, correct], axis=-1)


def in_category(items: Parameters, n_categories: int) -> Bool[Array, "... category"] | None:
    """Which categories an item has; None where all items have all of them.

    Args:
        items: with `n_categories` of each item, where they differ.
        n_categories: of the item with the most.
    """
    if "n_categories" not in items:
        return None
    return jnp.arange(n_categories) < jnp.asarray(items["n_categories"])[..., None]


def log_softmax(scores: Float[Array, "... category"], has: Bool[Array, "... category"] | None) -> Array:
    """Log-probabilities proportional to the exponentials of scores, over the categories that an item has.

    Args:
        scores: one a category.
        has: which categories there are; None for all.
    """
    if has is not None:
        scores = jnp.where(has, scores, NEVER)
    return jax.nn.log_softmax(scores, axis=-1)
