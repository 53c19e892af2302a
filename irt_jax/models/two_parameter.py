"""The two-parameter logistic model: P(correct) = logistic(a (theta - b)).

Source: Birnbaum (1968), in Lord & Novick, Statistical Theories of Mental Test Scores, ch. 17.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float, Int

from irt_jax.arrays import AnyArray
from irt_jax.models.hierarchy import Hierarchy, sample_normal, start_normal
from irt_jax.models.model import Model, Parameters


class TwoParameterPriors(NamedTuple):
    """Independent normal priors of log a and b, one per item.

    An anchor differs from a free item in these values and in nothing else.

    Attributes:
        log_a_mean: centre of log discrimination.
        log_a_sd: its standard deviation.
        b_mean: centre of the difficulty, on the ability scale.
        b_sd: its standard deviation.
        log_a_hierarchy: where the free items' prior of log a is learned; None where the first two are all.
        b_hierarchy: the same for b.
    """

    log_a_mean: Float[AnyArray, " item"]
    log_a_sd: Float[AnyArray, " item"]
    b_mean: Float[AnyArray, " item"]
    b_sd: Float[AnyArray, " item"]
    log_a_hierarchy: Hierarchy | None = None
    b_hierarchy: Hierarchy | None = None


def sample_items(priors: TwoParameterPriors) -> Parameters:
    """NumPyro statement of the item parameters: `log_a` and `b` (see `sample_normal`) and the deterministic `a`.

    Args:
        priors: arrays over items.

    Returns:
        `log_a`, `a` and `b`, each of shape (item,).
    """
    log_a = sample_normal("log_a", priors.log_a_mean, priors.log_a_sd, priors.log_a_hierarchy)
    b = sample_normal("b", priors.b_mean, priors.b_sd, priors.b_hierarchy)
    a = numpyro.deterministic("a", jnp.exp(log_a))
    return {"log_a": log_a, "a": a, "b": b}


def log_probabilities(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... 2"]:
    """Log P(wrong) and log P(correct).

    Args:
        items: `a` and `b`, shapes that broadcast with `ability`.
        ability: on the scale of b.

    Returns:
        The broadcast shape with a last axis of two categories.
    """
    return log_probabilities_of_logit(items["a"] * (ability - items["b"]))


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


def start(
    item: Int[np.ndarray, " response"], response: Int[np.ndarray, " response"], priors: TwoParameterPriors
) -> Parameters:
    """Where to look for the mode: the centre of log a, and b from the share of correct answers.

    A share p among abilities N(0, 1) belongs to b near -1.18 logit(p) when a = 1; it is averaged with the prior's
    centre by precision, taking 4 / n as its error variance.

    Args:
        item: code of each response's item.
        response: 0 or 1.
        priors: of the items.
    """
    n_items = len(priors.b_mean)
    count, right = np.bincount(item, minlength=n_items), np.bincount(item, response, n_items)
    share = (right + 0.5) / (count + 1.0)
    b, precision = -1.18 * np.log(share / (1.0 - share)), (count + 1.0) / 4.0
    prior_precision = 1.0 / np.asarray(priors.b_sd) ** 2
    b = (precision * b + prior_precision * priors.b_mean) / (precision + prior_precision)
    return {
        **start_normal("b", b, priors.b_mean, priors.b_sd, priors.b_hierarchy),
        **start_normal(
            "log_a", np.array(priors.log_a_mean), priors.log_a_mean, priors.log_a_sd, priors.log_a_hierarchy
        ),
    }


TWO_PARAMETER = Model("2pl", ("a", "b"), sample_items, log_probabilities, 2, start)
