"""The tables of a run: items.parquet from draws or from point estimates, and persons.parquet."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from irt_jax.abilities import Marginals, marginals
from irt_jax.contract.names import GROUP, ITEM, LINEAR, LISTS, PERSON, REPORTED
from irt_jax.contract.schema import items_schema, persons_schema
from irt_jax.data import Responses
from irt_jax.diagnostics import Summary
from irt_jax.inference.location import OF_DRAWS, undecided
from irt_jax.inference.point_estimate import Estimated
from irt_jax.models.bank import Coding


def items_table(
    values: Mapping[str, np.ndarray],
    statistics: Mapping[str, Summary],
    parameters: tuple[str, ...],
    responses: Responses,
    *,
    coding: Coding,
    is_anchor: Bool[np.ndarray, " item"],
    interval: float,
    fits: Mapping[str, Float[np.ndarray, " item"]],
) -> pa.Table:
    """Build items.parquet.

    Args:
        values: draws by name, (chain, draw, item); `log_a` besides the reported parameters.
        statistics: MCMC statistics by name, (item,) or (item, step).
        parameters: the parameters that the model reports, such as a and b.
        responses: for ids and counts.
        coding: each item's model.
        is_anchor: which items were anchored.
        interval: probability mass of the intervals.
        fits: columns that say how an item's responses go with the others; NaN where nothing is known.
    """
    n_items = responses.n_items
    columns = _described(responses, coding, is_anchor, fits)
    nowhere = undecided(values["a"]) if "a" in values else np.zeros(n_items, bool)
    columns["reason"] = [OF_DRAWS if bad else None for bad in nowhere]
    located = dict.fromkeys(("b", "thresholds"), ~nowhere)

    def reported(name: str) -> np.ndarray:
        """Which entries of a parameter are said."""
        own = coding.reports(name, n_items)
        return (own.T & located.get(name, True)).T

    for name in set(parameters) & {*REPORTED, *LINEAR}:
        for suffix, column in zip(("", "_sd", "_lower", "_upper"), marginals(values[name], interval), strict=True):
            if name in REPORTED or suffix in ("", "_sd"):
                columns[name + suffix] = pa.array(column, mask=~reported(name))
    for name in set(parameters) & set(LISTS):
        for suffix, column in zip(("", "_sd"), marginals(values[name], interval)[:2], strict=True):
            columns[name + suffix] = _lists(column, reported(name))
    if "log_a" in values:
        own = coding.estimates("log_a", n_items)
        columns |= {
            name: pa.array(column, mask=~own) for name, column in _log_a_columns(values["log_a"], values["b"]).items()
        }
    if "p_released" in values:
        columns["p_released"] = pa.array(values["p_released"].mean((0, 1)), mask=~is_anchor)
    said = {name: coding.estimates(name, n_items) & reported(name) for name in parameters}
    for field, worst in (("rhat", np.fmax), ("ess_bulk", np.fmin), ("ess_tail", np.fmin), ("mcse_mean", np.fmax)):
        each = [
            np.where(said[name], getattr(statistics[name], field), np.nan).reshape(n_items, -1) for name in parameters
        ]
        columns[field.removesuffix("_mean")] = worst.reduce(np.concatenate(each, axis=1), axis=1)
    return _typed(columns, responses)


def estimates_table(
    estimated: Estimated,
    responses: Responses,
    keep: Bool[np.ndarray, " item"],
    reasons: Sequence[str | None],
    *,
    coding: Coding,
    is_anchor: Bool[np.ndarray, " item"],
    interval: float,
    fits: Mapping[str, Float[np.ndarray, " item"]],
) -> pa.Table:
    """Build items.parquet from point estimates: standard errors, Wald intervals, null where MCMC would say something.

    Args:
        estimated: of the items that were kept.
        responses: of all items.
        keep: which items were in the likelihood.
        reasons: why an item has no estimate, or None, for all items.
        coding: each item's model.
        is_anchor: which items were anchored.
        interval: probability mass of the intervals.
        fits: columns that say how an item's responses go with the others; NaN where nothing is known.
    """
    usable, reserved = np.array([reason is None for reason in reasons]), estimated.reserved
    remarks = np.full(responses.n_items, None, object)
    remarks[keep] = reserved.remark or None
    said = [reason or remark for reason, remark in zip(reasons, remarks, strict=True)]
    columns = _described(responses, coding, is_anchor, fits) | {"reason": said}

    def everywhere(name: str, values: np.ndarray) -> np.ndarray:
        """NaN for items without an estimate, and for what is not of their model."""
        spread = np.full((responses.n_items, *values.shape[1:]), np.nan)
        spread[keep] = values
        spread[~usable] = np.nan
        own = coding.estimates if name == "log_a" else coding.reports
        return np.where(own(name, responses.n_items), spread, np.nan)

    def whole(name: str, values: np.ndarray) -> pa.Array:
        found = everywhere(name, values)
        return pa.array(found, mask=~np.isfinite(found))

    factor = NormalDist().inv_cdf(0.5 + interval / 2.0)
    errors = np.sqrt(np.maximum(np.diagonal(estimated.covariance, axis1=1, axis2=2), 0.0))
    first = {name: place[0] for name, place in estimated.columns.items()}
    for name in set(first) & {*REPORTED, *LINEAR}:
        value, error = reserved.value(name, estimated.values[name]), reserved.error(name, errors[:, first[name]])
        columns |= {name: whole(name, value), f"{name}_sd": whole(name, error)}
        if name in REPORTED:
            lower, upper = reserved.interval(name, value - factor * error, value + factor * error)
            columns |= {f"{name}_lower": whole(name, lower), f"{name}_upper": whole(name, upper)}
    for name in set(first) & set(LISTS):
        several = reserved.error(name, errors[:, estimated.columns[name]])
        for suffix, values in (("", reserved.value(name, estimated.values[name])), ("_sd", several)):
            found = everywhere(name, values)
            columns[name + suffix] = _lists(found, np.isfinite(found))
    if "p_released" in estimated.values:
        released = np.full(responses.n_items, np.nan)
        released[keep] = estimated.values["p_released"]
        columns["p_released"] = pa.array(released, mask=~is_anchor)
    if "log_a" in first:
        together = estimated.covariance[:, first["log_a"], first["b"]]
        columns["log_a"] = whole("log_a", estimated.values["log_a"])
        columns["log_a_sd"] = whole("log_a", errors[:, first["log_a"]])
        columns["cov_log_a_b"] = whole("log_a", together)
    elif "a" in first:
        positive = np.where(estimated.values["a"] > 0, estimated.values["a"], np.nan)
        columns["log_a"] = whole("log_a", np.log(positive))
        columns["log_a_sd"] = whole("log_a", reserved.error("a", errors[:, first["a"]] / positive))
        together = estimated.covariance[:, first["a"], first["b"]] / positive
        columns["cov_log_a_b"] = whole("log_a", reserved.error("b", reserved.error("a", together)))
    return _typed(columns, responses)


def _lists(values: Float[np.ndarray, "item step"], own: Bool[np.ndarray, "item step"]) -> pa.Array:
    """One list an item, of its own entries; null where there is none."""
    count = own.sum(1)
    offsets = pa.array(np.append(0, np.cumsum(count)).astype(np.int32), mask=np.append(count == 0, False))
    return pa.ListArray.from_arrays(offsets, pa.array(values[own], pa.float64()))


def _described(
    responses: Responses, coding: Coding, is_anchor: np.ndarray, fits: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Columns that do not depend on the method."""
    counts, n_items = responses.item_counts, responses.n_items
    mean = np.bincount(responses.item, coding.scores(n_items)[responses.item, responses.response], n_items) / counts
    key = np.full(n_items, -1) if coding.key is None else coding.key
    return {
        ITEM: responses.item_ids,
        GROUP: _groups_of_items(responses),
        "model": np.array([model.name for model in coding.bank.models], object)[
            np.zeros(responses.n_items, int) if coding.model is None else coding.model
        ],
        "is_anchor": is_anchor,
        "calibrated": responses.calibrated,
        "n_responses": counts,
        "mean_response": pa.array(mean, mask=~np.isfinite(mean)),
        "key": pa.array(key, mask=key < 0),
        **{name: pa.array(values, mask=~np.isfinite(values)) for name, values in fits.items()},
    }


def _groups_of_items(responses: Responses) -> list[str | None]:
    """The group that an item's copy belongs to; null for items of all."""
    if responses.item_group is None:
        return [None] * responses.n_items
    names = [*responses.group_names, None]
    return [names[group] for group in responses.item_group]


def _typed(columns: Mapping[str, Any], responses: Responses) -> pa.Table:
    schema = items_schema(responses.item_ids.type)
    nothing = [None] * responses.n_items
    arrays = [columns.get(field.name, nothing) for field in schema]
    typed = [
        array.cast(field.type) if isinstance(array, pa.Array) else pa.array(array, field.type)
        for array, field in zip(arrays, schema, strict=True)
    ]
    return pa.table(typed, schema=schema)


def _log_a_columns(
    log_a: Float[np.ndarray, "chain draw item"], b: Float[np.ndarray, "chain draw item"]
) -> dict[str, np.ndarray]:
    """Mean and SD of log a and its covariance with b: what the items need to be next month's anchors."""
    mean, sd = marginals(log_a, 0.5)[:2]
    n_draws, middle = log_a.shape[0] * log_a.shape[1], b.mean((0, 1))
    products = np.einsum("cdi,cdi->i", log_a, b) - n_draws * mean * middle  # without a copy of all draws
    return {"log_a": mean, "log_a_sd": sd, "cov_log_a_b": products / (n_draws - 1)}


def persons_table(abilities: Marginals, responses: Responses) -> pa.Table:
    """Build persons.parquet.

    Args:
        abilities: means, SDs and intervals.
        responses: for ids, groups and counts.
    """
    if responses.group is None or responses.group_ids is None:
        groups = pa.nulls(responses.n_persons, pa.string())
    else:
        groups = responses.group_ids.take(pa.array(responses.group)).cast(pa.string())
    columns = {
        PERSON: responses.person_ids,
        GROUP: groups,
        "n_responses": responses.person_counts,
        "theta": abilities.mean,
        "theta_sd": abilities.sd,
        "theta_lower": abilities.lower,
        "theta_upper": abilities.upper,
    }
    schema = persons_schema(responses.person_ids.type)
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
