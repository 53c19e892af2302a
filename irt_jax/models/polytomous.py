"""Models of several categories: graded response, partial credit, generalised partial credit, nominal.

Sources: Samejima (1969), Psychometrika Monograph 17; Masters (1982), Psychometrika 47; Muraki (1992), Applied
Psychological Measurement 16; Bock (1972), Psychometrika 37.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from irt_jax.models.direction import faces_up
from irt_jax.models.logits import NEVER, in_category, log_softmax, step_logits
from irt_jax.models.model import ItemModel, Parameters
from irt_jax.runtime.arrays import AnyArray


def graded(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... category"]:
    """P(Y >= k) = logistic(a (theta - b_k)), b_1 < b_2 < ...

    The log of a difference of two of them, log(F(x) - F(y)) = log F(x) + log F(-y) + log(1 - exp(y - x)), loses nothing
    in either tail.

    Args:
        items: see `step_logits`; the steps' log odds must descend. `n_categories` where items have different numbers.
        ability: on the scale of the thresholds.
    """
    x = step_logits(items, ability)
    above, below = jax.nn.log_sigmoid(x), jax.nn.log_sigmoid(-x)
    n_categories = x.shape[-1] + 1
    has = in_category(items, n_categories)
    width = x[..., :-1] - x[..., 1:]
    if has is not None:
        width = jnp.where(has[..., 2:], width, 1.0)
    between = above[..., :-1] + below[..., 1:] + jnp.log(-jnp.expm1(-width))
    middle = jnp.concatenate([below[..., :1], between, above[..., -1:]], axis=-1)
    if has is None:
        return middle
    upper = jnp.concatenate([below[..., :1], above], axis=-1)
    last = jnp.arange(n_categories) == jnp.asarray(items["n_categories"])[..., None] - 1
    return jnp.where(has, jnp.where(last, upper, middle), NEVER)


def partial_credit(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... category"]:
    """P(Y = k) proportional to exp(sum of a (theta - b_j) over j <= k).

    Args:
        items: see `step_logits`. `n_categories` where items have different numbers.
        ability: on the scale of the thresholds.
    """
    x = step_logits(items, ability)
    scores = jnp.cumsum(jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 0)]), axis=-1)
    return log_softmax(scores, in_category(items, scores.shape[-1]))


def nominal(items: Parameters, ability: Float[AnyArray, "..."]) -> Float[Array, "... category"]:
    """P(Y = k) proportional to exp(slope_k theta + intercept_k), category 0 at zero.

    Args:
        items: `slopes` and `intercepts` of the categories after the first. `n_categories` where items differ.
        ability: any scale.
    """
    scores = jnp.asarray(items["slopes"]) * jnp.asarray(ability)[..., None] + items["intercepts"]
    scores = jnp.pad(scores, [(0, 0)] * (scores.ndim - 1) + [(1, 0)])
    return log_softmax(scores, in_category(items, scores.shape[-1]))


def same_direction(
    draws: dict[str, np.ndarray], has: Bool[np.ndarray, "item category"], key: Int[np.ndarray, " item"] | None = None
) -> dict[str, np.ndarray]:
    """Choose one of the two reflections of a nominal model: ability and slopes can change their signs together.

    Every draw is turned so that its slopes agree with those of the last one, and then all of them together so that
    most right categories go with ability, or, without a key, most mean slopes are positive. Under priors and a
    population that are symmetric around zero both halves of the posterior are the same, so nothing is lost.

    Args:
        draws: `slopes` (chain, draw, item, step), and `theta` and `population_mean` if they are there.
        has: which categories each item has.
        key: the right category of each item, -1 for none; None where no item has one.
    """
    slopes = np.where(has[:, 1:], draws["slopes"], 0.0)
    sign = np.where((slopes * slopes[-1, -1]).sum((2, 3)) < 0.0, -1.0, 1.0)
    mean = (slopes * sign[:, :, None, None]).mean((0, 1))
    sign = sign * (1.0 if faces_up(mean, has, key) else -1.0)
    turned = {name: draws[name] for name in ("slopes", "theta", "population_mean") if name in draws}
    return draws | {
        name: (values * sign.reshape(*sign.shape, *[1] * (values.ndim - 2))).astype(values.dtype)
        for name, values in turned.items()
    }


GRM = ItemModel("grm", graded, ("a", "thresholds"), ordered=True)
GPCM = ItemModel("gpcm", partial_credit, ("a", "thresholds"))
PCM = ItemModel("pcm", partial_credit, ("a", "thresholds"), slope="one")
NOMINAL = ItemModel("nominal", nominal, ("slopes", "intercepts"))
