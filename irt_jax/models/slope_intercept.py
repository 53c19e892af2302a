"""Items without priors, for maximum likelihood: slopes and intercepts in place of log a and b.

A slope may be zero or negative, so a miskeyed item shows; b = -intercept / slope. Guessing and slipping are on the
scale of their log odds. Source: Bock & Aitkin (1981), Psychometrika 46.
"""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float, Int

from irt_jax.models.bank import Bank, item_constants, log_probabilities, of_thresholds
from irt_jax.models.initial_values import first_nominal, first_thresholds
from irt_jax.models.items import reflecting, site
from irt_jax.models.logistic import TWO
from irt_jax.models.loose import Loose
from irt_jax.models.model import Model, Parameters
from irt_jax.models.polytomous import NOMINAL
from irt_jax.models.thresholds import coordinates, deviations
from irt_jax.runtime.arrays import AnyArray

#: Where the climb begins for guessing; slipping at one minus it.
FIRST_C = 0.15


class NoPriors(NamedTuple):
    """Nothing is known of the items.

    The precisions are zero for what an item's own model takes. What it does not take has one, so that it stays at
    zero: all items are blocks of one shape.

    Attributes:
        items: one entry each, whose values do not matter.
        model: of each item, an index into the bank's models; None where there is one.
        n_categories: of each item; None where all have the same.
        slope: precision of the slope.
        intercept: precision of the intercept.
        shape: precisions of the coordinates of the thresholds.
        c: precision of the log odds of guessing.
        d: precision of the log odds of not slipping.
        nominal: precisions of the nominal slopes and intercepts.
        slope_centre: where slopes with a precision are centred; zero when None.
        shape_centre: likewise.
        logit_centre: of c; that of d has the other sign.
        key: the right category of each nominal item, -1 for none; None where no item has one.
    """

    items: Float[AnyArray, " item"]
    model: Int[AnyArray, " item"] | None = None
    n_categories: Int[AnyArray, " item"] | None = None
    slope: Float[AnyArray, " item"] | None = None
    intercept: Float[AnyArray, " item"] | None = None
    shape: Float[AnyArray, "item coordinate"] | None = None
    c: Float[AnyArray, " item"] | None = None
    d: Float[AnyArray, " item"] | None = None
    nominal: Float[AnyArray, "item step"] | None = None
    slope_centre: Float[AnyArray, " item"] | None = None
    shape_centre: Float[AnyArray, "item coordinate"] | None = None
    logit_centre: Float[AnyArray, " item"] | None = None
    key: Int[AnyArray, " item"] | None = None


@cache
def flat_model(bank: Bank) -> Model:
    """The model of a calibration without priors.

    Args:
        bank: what the items are; the same bank gives the same object, so that nothing compiles twice.
    """
    linear = bank.takes("a")
    steps = bank.takes("thresholds")
    names = ["a", "b"] if linear else []
    names += ["thresholds"] if steps else []
    names += [name for name in ("c", "d", "slopes", "intercepts") if bank.takes(name)]
    names += ["slope"] if linear else []
    names += ["intercept"] if bank.takes("b") else []
    names += ["step_intercepts"] if steps else []
    sample, start, table = partial(_sample, bank), partial(_start, bank), log_probabilities(bank)
    model = Model(bank.name, tuple(names), sample, table, bank.n_categories, start, item_constants)
    return reflecting(model) if bank.models == (NOMINAL,) else model


def _loose(
    name: str, precision: AnyArray | None, priors: NoPriors, *more: int, centre: AnyArray | None = None
) -> Array:
    """A parameter of every item, or several; without a precision it is flat."""
    flat = jnp.zeros((len(priors.items), *more))
    distribution = Loose(flat if precision is None else precision, 0.0 if centre is None else centre)
    with numpyro.plate("item", len(priors.items)):
        return numpyro.sample(name, distribution.to_event(len(more)))


def _sample(bank: Bank, priors: NoPriors) -> Parameters:
    """NumPyro statements on flat scales, and the deterministic parameters of `items`."""
    items: dict[str, AnyArray] = {}
    if bank.takes("a"):
        items["slope"] = slope = _sample_slope(bank, priors)
        intercept = _loose("intercept", priors.intercept, priors)
        items["a"], items["b"] = numpyro.deterministic("a", slope), numpyro.deterministic("b", -intercept / slope)
        items["intercept"] = intercept
    if bank.takes("thresholds"):
        steps = intercept[:, None]
        if bank.shapes:
            steps = steps - deviations(
                _loose("shape", priors.shape, priors, bank.n_categories - 2, centre=priors.shape_centre),
                *of_thresholds(bank, priors),
            )
        items["step_intercepts"] = numpyro.deterministic("step_intercepts", steps)
        items["thresholds"] = numpyro.deterministic("thresholds", -steps / slope[:, None])
    if bank.takes("c"):
        items["c"] = numpyro.deterministic(
            "c", jax.nn.sigmoid(_loose("c_logit", priors.c, priors, centre=priors.logit_centre))
        )
    if bank.takes("d"):
        centre = None if priors.logit_centre is None else -priors.logit_centre
        items["d"] = numpyro.deterministic("d", jax.nn.sigmoid(_loose("d_logit", priors.d, priors, centre=centre)))
    for name in ("slopes", "intercepts"):
        if bank.takes(name):
            items[name] = _loose(name, priors.nominal, priors, bank.n_categories - 1)
    return {**items, **item_constants(priors)}


def _sample_slope(bank: Bank, priors: NoPriors) -> Array:
    kinds = bank.slopes
    own = set(kinds) == {"own"}
    slope = jnp.ones(len(priors.items))
    if "own" in kinds:
        slope = _loose(site(own, "slope"), priors.slope, priors, centre=priors.slope_centre)
    if own:
        return slope
    if "common" in kinds:
        slope = jnp.where(bank.which(priors.model, "common"), numpyro.sample("slope_common", Loose(0.0)), slope)
    if "one" in kinds:
        slope = jnp.where(bank.which(priors.model, "one"), 1.0, slope)
    return numpyro.deterministic("slope", slope)


def _start(
    bank: Bank, item: Int[np.ndarray, " response"], response: Int[np.ndarray, " response"], priors: NoPriors
) -> Parameters:
    """A slope of 1, and the intercepts that the shares of the categories ask for; zero for what counts for nothing.

    Args:
        bank: what the items are.
        item: code of each response's item.
        response: category from 0.
        priors: which parameters count.
    """
    thresholds, share, _ = first_thresholds(bank, item, response, priors)
    n_items = len(priors.items)
    ordered, n_thresholds = (np.broadcast_to(part, n_items) for part in of_thresholds(bank, priors))
    found: dict[str, AnyArray] = {}

    def put(name: str, value: np.ndarray, precision: AnyArray | None) -> None:
        held = precision is not None and priors.slope_centre is None
        found[name] = np.where(np.asarray(precision) == 0.0, value, 0.0) if held else value

    kinds = bank.slopes
    if kinds:
        if "own" in kinds:
            put(site(set(kinds) == {"own"}, "slope"), np.ones(n_items), priors.slope)
        if "common" in kinds:
            found["slope_common"] = np.ones(())
        counted = np.arange(thresholds.shape[1]) < n_thresholds[:, None]
        put("intercept", -np.where(counted, thresholds, 0.0).sum(1) / n_thresholds, priors.intercept)
    if bank.shapes:
        put("shape", coordinates(thresholds, ordered, n_thresholds), priors.shape)
    if bank.takes("c"):
        put("c_logit", np.full(n_items, np.log(FIRST_C / (1.0 - FIRST_C))), priors.c)
    if bank.takes("d"):
        put("d_logit", np.full(n_items, np.log((1.0 - FIRST_C) / FIRST_C)), priors.d)
    if bank.takes("slopes"):
        for name, value in first_nominal(share, priors.key).items():
            put(name, value, priors.nominal)
    return found


SLOPE_INTERCEPT = flat_model(Bank((TWO,)))
