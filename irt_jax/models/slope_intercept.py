"""The two-parameter logistic model without priors: P(correct) = logistic(slope theta + intercept).

For maximum likelihood. A slope may be negative, so a miskeyed item shows; b = -intercept / slope.
Source: Bock & Aitkin (1981), Psychometrika 46.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int
from numpyro.distributions import constraints

from irt_jax.arrays import AnyArray
from irt_jax.models.model import Model, Parameters
from irt_jax.models.two_parameter import log_probabilities_of_logit


class NoPriors(NamedTuple):
    """Nothing is known of the items.

    Attributes:
        items: one entry each, whose values do not matter.
    """

    items: Float[AnyArray, " item"]


class Flat(dist.ImproperUniform):
    """A density of one everywhere; what it gives as a draw is zero, for shapes alone."""

    def __init__(self) -> None:
        super().__init__(constraints.real, (), ())

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:  # noqa: ARG002
        """Zeros."""
        return jnp.zeros(sample_shape + self.batch_shape)


def sample_items(priors: NoPriors) -> Parameters:
    """NumPyro statement: improper flat sites `slope` and `intercept`, deterministic `a` and `b`.

    Args:
        priors: only their number counts.
    """
    with numpyro.plate("item", len(priors.items)):
        slope = numpyro.sample("slope", Flat())
        intercept = numpyro.sample("intercept", Flat())
    a = numpyro.deterministic("a", slope)
    b = numpyro.deterministic("b", -intercept / slope)
    return {"slope": slope, "intercept": intercept, "a": a, "b": b}


def log_probabilities(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... 2"]:
    """Log P(wrong) and log P(correct).

    Args:
        items: `slope` and `intercept`, shapes that broadcast with `ability`.
        ability: any scale.
    """
    return log_probabilities_of_logit(items["slope"] * ability + items["intercept"])


def start(item: Int[np.ndarray, " response"], response: Int[np.ndarray, " response"], priors: NoPriors) -> Parameters:
    """A slope of 1, and the intercept that the share of correct answers asks for.

    Args:
        item: code of each response's item.
        response: 0 or 1.
        priors: only their number counts.
    """
    n_items = len(priors.items)
    count, right = np.bincount(item, minlength=n_items), np.bincount(item, response, n_items)
    share = (right + 0.5) / (count + 1.0)
    return {"slope": np.ones(n_items), "intercept": 1.18 * np.log(share / (1.0 - share))}


SLOPE_INTERCEPT = Model("2pl", ("a", "b", "slope", "intercept"), sample_items, log_probabilities, 2, start)
