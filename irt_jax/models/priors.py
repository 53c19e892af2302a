"""Priors of the items as arrays: what the options and the anchors say, item by item.

Free items have log a ~ N(0, a_sd) and b ~ N(0, b_sd), or a normal distribution whose mean and SD are learned; an
anchor has log a ~ N(log a_prev, log_a_sd) and b ~ N(b_prev, b_sd) of its previous calibration.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from irt_jax.contract.prior_settings import PriorSettings
from irt_jax.data import Anchors
from irt_jax.models.bank import Bank, Coding, of_thresholds
from irt_jax.models.hierarchy import Hierarchy
from irt_jax.models.items import ItemPriors
from irt_jax.models.logistic import TWO
from irt_jax.models.robust_anchors import release
from irt_jax.models.slope_intercept import NoPriors
from irt_jax.models.thresholds import coordinates, coordinates_sd

#: What is taken where no file says otherwise.
DEFAULTS = PriorSettings()
#: All items are 2pl.
ONE_MODEL = Coding(Bank((TWO,)))
#: About what one response adds to the precision of log a and of b, for a first guess of how to centre an item.
PRECISION_LOG_A, PRECISION_B = 0.13, 0.2
#: The power of a that makes the posterior of b a^power close to normal: the likelihood alone would have 1, slope and
#: intercept, and a prior of b has 0. Reference problem, 3 gradients a draw, smallest tail ESS of 3,600 draws: 2,624,
#: 2,658 and 2,559 with .7, .8 and .9; 1,425, 2,029, 2,748, 2,893 and 2,602 with 0, .4, .6, .8 and 1 in a trial that
#: took the mode of log a and b for the centre, moved to about the mean.
B_POWER = 0.8
#: An anchor's c below this, or d above one less this, is none: no beta prior has it for its mean.
NO_ASYMPTOTE = 1e-6


def item_priors(
    n_items: int,
    anchors: Anchors | None = None,
    *,
    counts: Int[np.ndarray, " item"] | None = None,
    coding: Coding = ONE_MODEL,
    robust: bool = False,
    settings: PriorSettings = DEFAULTS,
    b_power: float | None = None,
) -> ItemPriors:
    """Priors of every item.

    Args:
        n_items: how many items the responses have.
        anchors: codes and previous estimates of the anchors; None when there are none.
        counts: responses of each item, which make the priors of free items learned ones; None for the given SDs.
        coding: each item's model and number of categories.
        robust: whether anchors may release themselves, see `irt_jax.models.robust_anchors`.
        settings: numbers of the priors.
        b_power: coordinate of b for items with slopes of their own, see `ItemPriors`; None for b itself.

    Returns:
        Float64 arrays of shape (item,).
    """
    priors = ItemPriors(
        log_a_mean=np.full(n_items, float(settings.log_a_mean)),
        log_a_sd=np.full(n_items, float(settings.log_a_sd)),
        b_mean=np.full(n_items, float(settings.b_mean)),
        b_sd=np.full(n_items, float(settings.b_sd)),
    )
    if b_power is not None:
        priors = priors._replace(b_power=np.where(np.broadcast_to(coding.slope("own"), n_items), float(b_power), 0.0))
    if "common" in coding.bank.slopes:
        priors = priors._replace(common_log_a_sd=np.asarray(float(settings.common_log_a_sd)))
    priors = _with_own(priors, n_items, coding, anchors, settings)
    free = np.ones(n_items, bool)
    if anchors is not None:
        free[anchors.item] = False
        priors.log_a_mean[anchors.item] = anchors.log_a
        priors.log_a_sd[anchors.item] = anchors.log_a_sd
        priors.b_mean[anchors.item] = anchors.b
        priors.b_sd[anchors.item] = anchors.b_sd
        priors = _with_covariance(priors, anchors)
        if robust:
            priors = priors._replace(released=release(~free, settings))
    priors = _with_shapes(priors, n_items, coding, anchors, settings)
    if counts is None:
        return priors
    log_a, b = free & coding.slope("own"), free & (coding.owns("b") | coding.owns("thresholds"))
    of_log_a = settings.log_a_mean, settings.log_a_mean_sd, settings.log_a_sd_centre, settings.log_sd_sd
    of_b = settings.b_mean, settings.b_mean_sd, settings.b_sd_centre, settings.log_sd_sd
    return priors._replace(
        log_a_hierarchy=_hierarchy(log_a, counts * PRECISION_LOG_A, *of_log_a) if log_a.any() else None,
        b_hierarchy=_hierarchy(b, counts * PRECISION_B, *of_b) if b.any() else None,
    )


def _with_own(
    priors: ItemPriors, n_items: int, coding: Coding, anchors: Anchors | None, settings: PriorSettings
) -> ItemPriors:
    """Guessing, slipping and nominal parameters."""
    found: dict[str, Any] = {}
    for name, counts in (("c", settings.c), ("d", settings.d)):
        if coding.bank.takes(name):
            found[name] = np.tile(np.array(counts), (n_items, 1))
            if anchors is not None:
                found[name] = _anchored_asymptotes(found[name], anchors, name, settings.anchor_asymptote_sd)
    if coding.bank.takes("slopes"):
        steps = (n_items, coding.bank.n_categories - 1)
        for name, sd in (("slopes", settings.nominal_slope_sd), ("intercepts", settings.nominal_intercept_sd)):
            found |= {f"{name}_mean": np.zeros(steps), f"{name}_sd": np.full(steps, sd)}
    return priors._replace(
        model=coding.model, n_categories=coding.n_categories, fixed=coding.fixed, key=coding.key, **found
    )


def _anchored_asymptotes(
    counts: Float[np.ndarray, "item 2"], anchors: Anchors, name: str, default_sd: float
) -> Float[np.ndarray, "item 2"]:
    """Beta priors with the anchors' means and SDs; none says less than the prior of the other items."""
    value, sd = getattr(anchors, name), getattr(anchors, f"{name}_sd")
    known = (value > NO_ASYMPTOTE) & (value < 1.0 - NO_ASYMPTOTE)
    mean, sd = value[known], np.where(np.isnan(sd), default_sd, sd)[known]
    total = np.maximum(mean * (1.0 - mean) / sd**2 - 1.0, counts[0].sum())
    counts[anchors.item[known]] = np.stack([mean, 1.0 - mean], 1) * total[:, None]
    return counts


def _with_covariance(priors: ItemPriors, anchors: Anchors) -> ItemPriors:
    """Correlated errors of an anchor: b given log a is normal, with a mean that moves and a smaller SD."""
    covariance = np.nan_to_num(anchors.cov_log_a_b)
    if not covariance.any():
        return priors
    slope = np.zeros(len(priors.b_mean))
    slope[anchors.item] = covariance / anchors.log_a_sd**2
    priors.b_sd[anchors.item] = np.sqrt(anchors.b_sd**2 - covariance**2 / anchors.log_a_sd**2)
    return priors._replace(b_on_log_a=slope)


def _with_shapes(
    priors: ItemPriors, n_items: int, coding: Coding, anchors: Anchors | None, settings: PriorSettings
) -> ItemPriors:
    """Coordinates of the thresholds: weak, or those of an anchor's thresholds, whose mean is b.

    An anchor's thresholds have the SDs of its file, where there are none that of b, and independent errors.
    """
    if not coding.bank.shapes:
        return priors
    ordered, n_thresholds = (np.broadcast_to(part, n_items) for part in of_thresholds(coding.bank, coding))
    own = np.arange(coding.bank.n_categories - 2) < n_thresholds[:, None] - 1
    own &= np.broadcast_to(coding.owns("thresholds"), n_items)[:, None]
    gap = np.log(settings.span / np.maximum(n_thresholds, 1))[:, None]
    mean = np.where(own & ordered[:, None], gap, 0.0)
    sd = np.where(own, np.where(ordered[:, None], settings.log_gap_sd, settings.contrast_sd), 1.0)
    if anchors is not None:
        known = np.isfinite(anchors.thresholds).sum(1) == n_thresholds[anchors.item]
        item, width = anchors.item[known], n_thresholds.max()
        values = np.zeros((len(item), width))
        own_values = np.nan_to_num(anchors.thresholds[known])[:, :width]
        values[:, : own_values.shape[1]] = own_values
        mean[item] = coordinates(values, ordered[item], n_thresholds[item])
        error = np.tile(anchors.b_sd[known][:, None], width)
        own_error = anchors.thresholds_sd[known][:, :width]
        error[:, : own_error.shape[1]] = np.where(np.isnan(own_error), error[:, : own_error.shape[1]], own_error)
        sd[item] = coordinates_sd(values, error, ordered[item])
        mean, sd = np.where(own, mean, 0.0), np.where(own, sd, 1.0)
        counted = np.arange(width) < n_thresholds[item][:, None]
        priors.b_mean[item] = np.where(counted, values, 0.0).sum(1) / n_thresholds[item]
    return priors._replace(shape_mean=mean, shape_sd=sd)


def no_priors(n_items: int, coding: Coding = ONE_MODEL) -> NoPriors:
    """Flat, and a hold on what an item's own model does not take.

    Args:
        n_items: how many items the responses have.
        coding: each item's model and number of categories.
    """
    if coding.model is None and coding.n_categories is None:
        return NoPriors(np.zeros(n_items), key=coding.key)
    of_all = lambda mask: np.where(np.broadcast_to(mask, n_items), 0.0, 1.0)  # noqa: E731
    has = coding.has(n_items)
    bank = coding.bank
    shape = has[:, 2:] & np.broadcast_to(coding.owns("thresholds"), n_items)[:, None]
    nominal = has[:, 1:] & np.broadcast_to(coding.owns("slopes"), n_items)[:, None]
    return NoPriors(
        np.zeros(n_items),
        coding.model,
        coding.n_categories,
        slope=of_all(coding.slope("own")),
        intercept=of_all(coding.owns("a")),
        shape=np.where(shape, 0.0, 1.0) if bank.shapes else None,
        c=of_all(coding.owns("c")) if bank.takes("c") else None,
        d=of_all(coding.owns("d")) if bank.takes("d") else None,
        nominal=np.where(nominal, 0.0, 1.0) if bank.takes("slopes") else None,
        key=coding.key,
    )


def _hierarchy(
    free: Bool[np.ndarray, " item"],
    precision: Float[np.ndarray, " item"],
    mean: float,
    mean_sd: float,
    sd_centre: float,
    log_sd_sd: float,
) -> Hierarchy:
    share = precision / (precision + 1.0 / sd_centre**2)
    return Hierarchy(
        free=free,
        centred=np.where(free, share, 1.0),
        mean_centre=np.asarray(float(mean)),
        mean_sd=np.asarray(float(mean_sd)),
        log_sd_centre=np.asarray(np.log(sd_centre)),
        log_sd_sd=np.asarray(float(log_sd_sd)),
    )


def linear_priors(n_items: int, coding: Coding, settings: PriorSettings) -> NoPriors:
    """Normal priors of slopes, which may be negative, of intercepts and of the rest.

    Args:
        n_items: how many items the responses have.
        coding: each item's model and number of categories.
        settings: numbers of the priors.
    """
    bank, has = coding.bank, coding.has(n_items)
    everywhere = lambda value: np.full(n_items, float(value))  # noqa: E731
    priors = NoPriors(
        np.zeros(n_items),
        coding.model,
        coding.n_categories,
        slope=everywhere(settings.slope_sd**-2),
        intercept=everywhere(settings.intercept_sd**-2),
        slope_centre=everywhere(settings.slope_mean),
        key=coding.key,
    )
    asymptotes = {name: everywhere(settings.asymptote_logit_sd**-2) for name in ("c", "d") if bank.takes(name)}
    if asymptotes:
        priors = priors._replace(**asymptotes, logit_centre=everywhere(np.log(settings.c[0] / settings.c[1])))
    if bank.takes("slopes"):
        priors = priors._replace(nominal=np.where(has[:, 1:], settings.nominal_slope_sd**-2, 1.0))
    if bank.shapes:
        ordered, n_thresholds = (np.broadcast_to(np.asarray(part), n_items) for part in of_thresholds(bank, coding))
        gap = np.log(settings.span / np.maximum(n_thresholds, 1))[:, None] * np.ones(bank.n_categories - 2)
        sd = np.where(ordered[:, None], settings.log_gap_sd, settings.contrast_sd) * np.ones(bank.n_categories - 2)
        priors = priors._replace(shape=sd**-2.0, shape_centre=np.where(ordered[:, None], gap, 0.0))
    return priors
