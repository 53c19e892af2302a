"""Item parameters of other programs, with their uncertainty: read and written as linear maps of log odds.

Every two-parameter form is log odds = D slope theta + sign location, with the location either an intercept or a
difficulty that the slope multiplies. From and to this package's a (theta - b):

| form | log odds | names |
|---|---|---|
| `irt_jax` | a (theta - b) | a, b |
| `mirt` | a1 theta + d | a1, d |
| `tam` | B theta - xsi | B, xsi |
| `stan` | alpha (theta - beta) | alpha, beta |
| `bilog` | 1.7 slope (theta - threshold) | slope, threshold |

Mean and covariance of (a, b) go through the Jacobian at the mean, whose inverse takes them back, so a round trip
changes nothing (to rounding). Several locations go the same way, one after the other, where each belongs to
log odds of its own (graded items, or steps that are not summed up); guessing and slipping stay.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from irt_jax.contract.names import ITEM
from irt_jax.errors import InputError, UsageError


class Form(NamedTuple):
    """How a program writes an item.

    Attributes:
        slope: name of the slope.
        location: name of the location; with several categories a number from 1 is appended.
        difficulty: whether the slope multiplies the location.
        sign: of the location in the log odds.
        d: scaling constant of the slope.
        guessing: name of the lower asymptote.
        slipping: name of the upper asymptote.
    """

    slope: str
    location: str
    difficulty: bool
    sign: float
    d: float = 1.0
    guessing: str = "c"
    slipping: str = "d"


FORMS = {
    "irt_jax": Form("a", "b", difficulty=True, sign=-1.0),
    "mirt": Form("a1", "d", difficulty=False, sign=1.0, guessing="g", slipping="u"),
    "tam": Form("B", "xsi", difficulty=False, sign=-1.0, guessing="guess", slipping="slip"),
    "stan": Form("alpha", "beta", difficulty=True, sign=-1.0, guessing="gamma", slipping="delta"),
    "bilog": Form("slope", "threshold", difficulty=True, sign=-1.0, d=1.7, guessing="asymptote", slipping="upper"),
}


def convert(items: pd.DataFrame, source: str | Form, target: str | Form) -> pd.DataFrame:
    """Write items of one form in another.

    Args:
        items: `item_id`, the source's slope and location (or location1, location2, ...), and optionally their standard
            errors, with `_se` behind the name, and covariances, `cov_SLOPE_LOCATION`; guessing and slipping.
        source: a name of `FORMS`, or a `Form`.
        target: likewise.

    Returns:
        The same columns under the target's names; standard errors and covariances where the source has them, the
        covariance of slope and location zero where it is not given.

    Raises:
        UsageError: an unknown form.
        InputError: a column is missing, or a slope is zero where a location needs it.
    """
    before, after = _form(source), _form(target)
    if before.slope not in items:
        raise InputError(
            f"Expected a column {before.slope!r}, found {', '.join(map(str, items.columns))}.", "Rename it."
        )
    steps = _steps(items, before.location)
    slope = items[before.slope].to_numpy(float)
    scale = before.d / after.d
    found: dict[str, object] = {ITEM: items[ITEM]} if ITEM in items else {}
    found[after.slope] = scale * slope
    slope_se = _column(items, f"{before.slope}_se")
    if slope_se is not None:
        found[f"{after.slope}_se"] = abs(scale) * slope_se
    for step in steps:
        location = items[before.location + step].to_numpy(float)
        value, jacobian = _location(before, after, slope, location)
        found[after.location + step] = value
        location_se = _column(items, f"{before.location}{step}_se")
        if slope_se is None or location_se is None:
            continue
        cross = _column(items, f"cov_{before.slope}_{before.location}{step}")
        cross = np.zeros(len(items)) if cross is None else cross
        by_slope, by_location = jacobian
        variance = (by_slope * slope_se) ** 2 + (by_location * location_se) ** 2 + 2 * by_slope * by_location * cross
        found[f"{after.location}{step}_se"] = np.sqrt(variance)
        found[f"cov_{after.slope}_{after.location}{step}"] = scale * (by_slope * slope_se**2 + by_location * cross)
    for ours, theirs in ((before.guessing, after.guessing), (before.slipping, after.slipping)):
        if ours in items and ours not in (before.location, before.slope):
            found[theirs] = items[ours]
    return pd.DataFrame(found, index=items.index)


def to_other(items: pd.DataFrame, target: str | Form) -> pd.DataFrame:
    """Write a run's items in another program's form.

    Args:
        items: as in items.parquet: a, and b or thresholds, and log_a_sd, b_sd, cov_log_a_b, c and d where they are
            known. Thresholds go without errors: items.parquet has no covariances of theirs.
        target: a name of `FORMS`, or a `Form`.
    """
    plain = items[[name for name in (ITEM, "a") if name in items]].copy()
    plain = plain.assign(**{name: items[name] for name in ("c", "d") if name in items and items[name].notna().any()})
    if "thresholds" in items and items["thresholds"].notna().any():
        lists = [np.asarray([] if row is None else row, float) for row in items["thresholds"]]
        width = max(map(len, lists))
        values = np.array([np.pad(row, (0, width - len(row)), constant_values=np.nan) for row in lists])
        return convert(plain.assign(**{f"b{k + 1}": values[:, k] for k in range(width)}), "irt_jax", target)
    plain["b"] = items["b"]
    if {"log_a_sd", "b_sd"} <= set(items):
        plain = plain.assign(a_se=items["a"] * items["log_a_sd"], b_se=items["b_sd"])
    if "cov_log_a_b" in items:
        plain["cov_a_b"] = items["a"] * items["cov_log_a_b"]
    return convert(plain, "irt_jax", target)


def from_other(items: pd.DataFrame, source: str | Form) -> pd.DataFrame:
    """Read another program's items: what `calibrate` takes as anchors and `score` as items.

    Args:
        items: see `convert`.
        source: a name of `FORMS`, or a `Form`.

    Returns:
        item_id, a, b, and where they are known log_a_sd (missing where a slope is not positive), b_sd, cov_log_a_b, c
        and d. Several locations become the list `thresholds`, without errors, and b is their mean.
    """
    form, plain = _form(source), convert(items, source, "irt_jax")
    steps = [f"b{step}" for step in _steps(items, form.location) if step]
    if steps:
        values = plain[steps].to_numpy(float)
        plain = plain.drop(columns=[name for name in plain if str(name).startswith(("b", "cov_a_b"))])
        plain["b"] = np.nanmean(values, axis=1)
        plain["thresholds"] = [row[np.isfinite(row)].tolist() for row in values]
    positive = plain["a"].where(plain["a"] > 0)
    if "a_se" in plain:
        plain["log_a_sd"] = plain.pop("a_se") / positive
    if "cov_a_b" in plain:
        plain["cov_log_a_b"] = plain.pop("cov_a_b") / positive
    return plain.rename(columns={"b_se": "b_sd"})


def _form(form: str | Form) -> Form:
    if isinstance(form, Form):
        return form
    if form not in FORMS:
        raise UsageError(f"There is no form {form!r}.", f"Choose from: {', '.join(FORMS)}, or give a Form.")
    return FORMS[form]


def _steps(items: pd.DataFrame, location: str) -> list[str]:
    """Nothing for a single location, or '1', '2', ... for several."""
    if location in items:
        return [""]
    steps = [str(k) for k in range(1, len(items.columns) + 1) if f"{location}{k}" in items]
    if not steps:
        found = ", ".join(map(str, items.columns))
        raise InputError(f"Expected a column {location!r} or {location + '1'!r}, found {found}.", "Rename it.")
    return steps


def _column(items: pd.DataFrame, name: str) -> Float[np.ndarray, " item"] | None:
    return items[name].to_numpy(float) if name in items else None


def _location(
    before: Form, after: Form, slope: Float[np.ndarray, " item"], location: Float[np.ndarray, " item"]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The location in the new form, and its derivatives by the old slope and location."""
    ratio = before.sign / after.sign
    nothing, one = np.zeros_like(slope), np.ones_like(slope)
    if before.difficulty == after.difficulty:  # a difficulty is the same for any D
        return ratio * location, (nothing, ratio * one)
    if before.difficulty:
        factor = ratio * before.d
        return factor * slope * location, (factor * location, factor * slope)
    if np.any(slope == 0.0):
        raise InputError("Expected slopes other than zero: a difficulty is the intercept divided by the slope.")
    factor = ratio / before.d
    return factor * location / slope, (-factor * location / slope**2, factor / slope)
