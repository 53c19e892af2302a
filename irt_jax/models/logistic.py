"""Models of two categories: Rasch, one, two, three and four parameters.

    P(correct) = c + (d - c) logistic(a (theta - b))

with c = 0 and d = 1 in the first three, d = 1 in the fourth. Sources: Rasch (1960), Probabilistic Models for Some
Intelligence and Attainment Tests; Birnbaum (1968), in Lord & Novick, Statistical Theories of Mental Test Scores, ch.
17; Barton & Lord (1981), ETS RR-81-20.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from irt_jax.models.logits import log_probabilities_of_logit, logit
from irt_jax.models.model import ItemModel, Parameters
from irt_jax.runtime.arrays import AnyArray


def two_parameter(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... 2"]:
    """Log P(wrong) and log P(correct).

    Args:
        items: see `logit`.
        ability: on the scale of b.

    Returns:
        The broadcast shape with a last axis of two categories.
    """
    return log_probabilities_of_logit(logit(items, ability))


def three_parameter(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... 2"]:
    """The same with guessing.

    Args:
        items: see `logit`, and `c`, the probability of a correct answer far below b.
        ability: on the scale of b.
    """
    log_wrong, log_right = _apart(two_parameter(items, ability))
    c = jnp.asarray(items["c"])
    right = jnp.logaddexp(jnp.log(c) + log_wrong, log_right)
    return jnp.stack([jnp.log1p(-c) + log_wrong, right], axis=-1)


def four_parameter(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... 2"]:
    """The same with guessing and slipping.

    Args:
        items: see `logit`, `c`, and `d`, the probability of a correct answer far above b.
        ability: on the scale of b.
    """
    log_wrong, log_right = _apart(two_parameter(items, ability))
    c, d = jnp.asarray(items["c"]), jnp.asarray(items["d"])
    right = jnp.logaddexp(jnp.log(c) + log_wrong, jnp.log(d) + log_right)
    wrong = jnp.logaddexp(jnp.log1p(-c) + log_wrong, jnp.log1p(-d) + log_right)
    return jnp.stack([wrong, right], axis=-1)


def _apart(log_probabilities: Float[Array, "... 2"]) -> tuple[Array, Array]:
    return log_probabilities[..., 0], log_probabilities[..., 1]


RASCH = ItemModel("rasch", two_parameter, slope="one")
ONE = ItemModel("1pl", two_parameter, slope="common")
TWO = ItemModel("2pl", two_parameter)
THREE = ItemModel("3pl", three_parameter, ("a", "b", "c"))
FOUR = ItemModel("4pl", four_parameter, ("a", "b", "c", "d"))
