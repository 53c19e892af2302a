"""Items of one model or of several: their priors as arrays, and the NumPyro statements of their parameters.

Every item has the parameters that any of the models needs. Those that its own model does not take are standard
normal, or follow another prior of their own, and touch nothing else; so all items stay blocks of one shape.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Bool, Float, Int

from irt_jax.models.bank import Bank, item_constants, log_probabilities, of_thresholds
from irt_jax.models.hierarchy import Hierarchy, sample_normal, start_normal
from irt_jax.models.initial_values import first_nominal, first_thresholds
from irt_jax.models.model import Model, Parameters
from irt_jax.models.polytomous import NOMINAL, same_direction
from irt_jax.models.robust_anchors import Release, easier, sample_release
from irt_jax.models.thresholds import coordinates, deviations
from irt_jax.runtime.arrays import AnyArray


class ItemPriors(NamedTuple):
    """Independent priors of the items' parameters, one per item.

    An anchor differs from a free item in these values and in nothing else.

    Attributes:
        log_a_mean: centre of log discrimination.
        log_a_sd: its standard deviation.
        b_mean: centre of the difficulty, on the ability scale; of the thresholds' mean where there are several.
        b_sd: its standard deviation.
        log_a_hierarchy: where the free items' prior of log a is learned; None where the first two are all.
        b_hierarchy: the same for b.
        model: of each item, an index into the bank's models; None where there is one.
        n_categories: of each item; None where all have the same.
        shape_mean: centres of the coordinates of the thresholds, see `deviations`.
        shape_sd: their standard deviations.
        c: the beta prior's two counts.
        d: likewise.
        slopes_mean: centres of the nominal slopes.
        slopes_sd: their standard deviations.
        intercepts_mean: centres of the nominal intercepts.
        intercepts_sd: their standard deviations.
        b_on_log_a: how far the centre of b moves when log a moves away from its own, where an anchor's errors are
            correlated; `b_sd` is then what is left. None where all are independent.
        common_log_a_sd: prior SD of the log of a slope that all items of a model share; None where there is none.
        key: the right category of each nominal item, -1 for none; it says which way is up, and nothing of the density.
        b_power: the coordinate of b is b a^power, in which the posterior of an item with a slope of its own is closer
            to normal; the distribution of b is the same for any power. None for b itself, as 0 is.
        released: how an anchor may release itself; None where none may.
        fixed: items whose parameters are their priors' centres; their sites count for nothing. None for none.
    """

    log_a_mean: Float[AnyArray, " item"]
    log_a_sd: Float[AnyArray, " item"]
    b_mean: Float[AnyArray, " item"]
    b_sd: Float[AnyArray, " item"]
    log_a_hierarchy: Hierarchy | None = None
    b_hierarchy: Hierarchy | None = None
    model: Int[AnyArray, " item"] | None = None
    n_categories: Int[AnyArray, " item"] | None = None
    shape_mean: Float[AnyArray, "item coordinate"] | None = None
    shape_sd: Float[AnyArray, "item coordinate"] | None = None
    c: Float[AnyArray, "item 2"] | None = None
    d: Float[AnyArray, "item 2"] | None = None
    slopes_mean: Float[AnyArray, "item step"] | None = None
    slopes_sd: Float[AnyArray, "item step"] | None = None
    intercepts_mean: Float[AnyArray, "item step"] | None = None
    intercepts_sd: Float[AnyArray, "item step"] | None = None
    b_on_log_a: Float[AnyArray, " item"] | None = None
    fixed: Bool[AnyArray, " item"] | None = None
    common_log_a_sd: Float[AnyArray, ""] | None = None
    released: Release | None = None
    b_power: Float[AnyArray, " item"] | None = None
    key: Int[AnyArray, " item"] | None = None

    @property
    def items(self) -> Float[AnyArray, " item"]:
        """One entry an item."""
        return self.b_mean


@cache
def bank_model(bank: Bank) -> Model:
    """The model of a calibration with priors on log a, b and the rest.

    Args:
        bank: what the items are; the same bank gives the same object, so that nothing compiles twice.
    """
    names = tuple(name for name in ("a", "b", "thresholds", "c", "d", "slopes", "intercepts") if _reported(bank, name))
    sample, start, table = partial(_sample, bank), partial(_start, bank), log_probabilities(bank)
    model = Model(bank.name, names, sample, table, bank.n_categories, start, item_constants, easier)
    return reflecting(model) if bank.models == (NOMINAL,) else model


def reflecting(model: Model) -> Model:
    """A model of nominal items alone, whose draws are turned to one direction.

    Args:
        model: of them.
    """

    def align(draws: dict[str, np.ndarray], priors: Any) -> dict[str, np.ndarray]:
        key = None if priors.key is None else np.asarray(priors.key)
        return same_direction(draws, categories_of(model.n_categories, priors), key)

    return model._replace(align=align, reflects=True)


def categories_of(n_categories: int, priors: Any) -> Bool[np.ndarray, "item category"]:
    """Which categories each item has.

    Args:
        n_categories: of the item with the most.
        priors: with the items' own numbers.
    """
    count = n_categories if priors.n_categories is None else np.asarray(priors.n_categories)
    return np.arange(n_categories) < np.broadcast_to(count, len(priors.items))[:, None]


def _reported(bank: Bank, name: str) -> bool:
    return bank.takes(name) or (name == "b" and bank.takes("thresholds"))


def _sample(bank: Bank, priors: ItemPriors) -> Parameters:
    """NumPyro statements of what the bank takes.

    Sites `log_a` and `b` (see `sample_normal`), `log_a_common`, `shape`, `c`, `d`, `slopes`, `intercepts`;
    deterministic `a` and `thresholds`. Where items are fixed, or have their slope from elsewhere, the sites are called
    `log_a_own` and so on.
    """
    n_items, items = len(priors.b_mean), {}
    if bank.takes("a"):
        items["log_a"] = _sample_log_a(bank, priors)
        items["a"] = numpyro.deterministic("a", jnp.exp(items["log_a"]))
    if bank.takes("b") or bank.takes("thresholds"):
        items["b"] = _sample_b(priors, items)
    plate = numpyro.plate("item", n_items)
    if bank.takes("thresholds"):
        thresholds = items["b"][:, None]
        if bank.shapes:
            with plate:
                shape = numpyro.sample("shape", dist.Normal(priors.shape_mean, priors.shape_sd).to_event(1))
            shape = _fixed(priors, shape, priors.shape_mean)
            thresholds = thresholds + deviations(shape, *of_thresholds(bank, priors))
        items["thresholds"] = numpyro.deterministic("thresholds", thresholds)
    for name in ("c", "d"):
        if bank.takes(name):
            counts = getattr(priors, name)
            with plate:
                value = numpyro.sample(site(priors.fixed is None, name), dist.Beta(counts[:, 0], counts[:, 1]))
            items[name] = _fixed(priors, value, counts[:, 0] / counts.sum(1), name)
    if bank.takes("slopes"):
        for name, mean, sd in (
            ("slopes", priors.slopes_mean, priors.slopes_sd),
            ("intercepts", priors.intercepts_mean, priors.intercepts_sd),
        ):
            with plate:
                items[name] = numpyro.sample(name, dist.Normal(mean, sd).to_event(1))
    if priors.released is not None:
        sample_release(priors, items)
    return {**items, **item_constants(priors)}


def _sample_log_a(bank: Bank, priors: ItemPriors) -> Float[AnyArray, " item"]:
    slopes = bank.slopes
    own = set(slopes) == {"own"} and priors.fixed is None
    log_a: AnyArray = jnp.zeros(len(priors.b_mean))
    if "own" in slopes:
        log_a = sample_normal("log_a", priors.log_a_mean, priors.log_a_sd, priors.log_a_hierarchy, site(own, "log_a"))
    if own:
        return log_a
    log_a = _fixed(priors, log_a, priors.log_a_mean)
    if "common" in slopes:
        common = numpyro.sample("log_a_common", dist.Normal(0.0, priors.common_log_a_sd))
        log_a = jnp.where(bank.which(priors.model, "common"), common, log_a)
    if "one" in slopes:
        log_a = jnp.where(bank.which(priors.model, "one"), 0.0, log_a)
    return numpyro.deterministic("log_a", log_a)


def _sample_b(priors: ItemPriors, items: Parameters) -> Float[AnyArray, " item"]:
    mean = priors.b_mean
    if priors.b_on_log_a is not None and "log_a" in items:
        mean = mean + priors.b_on_log_a * (items["log_a"] - priors.log_a_mean)
    scale = None
    if priors.b_power is not None and "log_a" in items:
        scale = jnp.exp(priors.b_power * items["log_a"])
    b = sample_normal("b", mean, priors.b_sd, priors.b_hierarchy, site(priors.fixed is None, "b"), scale)
    return _fixed(priors, b, priors.b_mean, "b")


def _fixed(priors: ItemPriors, value: AnyArray, centre: AnyArray | None, name: str | None = None) -> AnyArray:
    """A parameter whose fixed items have their priors' centres; a deterministic site if it has a name."""
    if priors.fixed is None or centre is None:
        return value
    mask = jnp.reshape(priors.fixed, (-1, *[1] * (jnp.ndim(value) - 1)))
    held = jnp.where(mask, centre, value)
    return held if name is None else numpyro.deterministic(name, held)


def site(own: bool, name: str) -> str:
    """The site of a parameter that some items may have from elsewhere."""
    return name if own else f"{name}_own"


def _start(
    bank: Bank, item: Int[np.ndarray, " response"], response: Int[np.ndarray, " response"], priors: ItemPriors
) -> Parameters:
    """Where to look for the mode: slopes at their priors' centres, thresholds by the shares of the categories.

    What the shares say is averaged with the prior's centre by precision, taking 4 / n as its error variance.

    Args:
        bank: what the items are.
        item: code of each response's item.
        response: category from 0.
        priors: of the items.
    """
    thresholds, share, weight = first_thresholds(bank, item, response, priors)
    ordered, n_thresholds = (np.broadcast_to(part, weight.shape) for part in of_thresholds(bank, priors))
    found: dict[str, AnyArray] = {}
    slopes = bank.slopes
    own = set(slopes) == {"own"} and priors.fixed is None
    if "own" in slopes:
        centre, sd = np.array(priors.log_a_mean), priors.log_a_sd
        found |= start_normal("log_a", centre, centre, sd, priors.log_a_hierarchy, site(own, "log_a"))
    if "common" in slopes:
        found["log_a_common"] = np.zeros(())
    if bank.takes("b") or bank.takes("thresholds"):
        counted = np.arange(thresholds.shape[1]) < n_thresholds[:, None]
        b, precision = np.where(counted, thresholds, 0.0).sum(1) / n_thresholds, weight / 4.0
        prior_precision = 1.0 / np.asarray(priors.b_sd) ** 2
        b = (precision * b + prior_precision * priors.b_mean) / (precision + prior_precision)
        scale = None
        if priors.b_power is not None and slopes:
            scale = np.exp(np.asarray(priors.b_power) * priors.log_a_mean)
        of_b = priors.b_mean, priors.b_sd, priors.b_hierarchy
        found |= start_normal("b", b, *of_b, site(priors.fixed is None, "b"), scale)
    if bank.shapes:
        of_data = (weight / (weight + 20.0))[:, None]
        shape = coordinates(thresholds, ordered, n_thresholds)
        found["shape"] = of_data * shape + (1.0 - of_data) * np.asarray(priors.shape_mean)
    for name in ("c", "d"):
        if bank.takes(name):
            counts = np.asarray(getattr(priors, name))
            found[site(priors.fixed is None, name)] = np.log(counts[:, 0] / counts[:, 1])
    if bank.takes("slopes"):
        found |= first_nominal(share, priors.key)
    return found
