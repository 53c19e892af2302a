"""The tables of a run: items.parquet from draws or from point estimates, and persons.parquet."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from irt_jax.abilities import Marginals
from irt_jax.data import Responses
from irt_jax.diagnostics import Summary
from irt_jax.estimation import Estimated
from irt_jax.names import GROUP, ITEM, PERSON, REPORTED
from irt_jax.posterior import marginals
from irt_jax.schema import items_schema, persons_schema


def items_table(
    values: Mapping[str, np.ndarray],
    statistics: Mapping[str, Summary],
    parameters: tuple[str, ...],
    responses: Responses,
    *,
    model: str,
    is_anchor: Bool[np.ndarray, " item"],
    interval: float,
) -> pa.Table:
    """Build items.parquet.

    Args:
        values: draws by name, (chain, draw, item); `log_a` besides the reported parameters.
        statistics: MCMC statistics by name, (item,).
        parameters: the parameters that the model reports, such as a and b.
        responses: for ids and counts.
        model: its name.
        is_anchor: which items were anchored.
        interval: probability mass of the intervals.
    """
    columns = _described(responses, model, is_anchor)
    for name in set(parameters) & set(REPORTED):
        for suffix, column in zip(("", "_sd", "_lower", "_upper"), marginals(values[name], interval), strict=True):
            columns[name + suffix] = column
    columns |= _log_a_columns(values["log_a"], values["b"])
    worst = [statistics[name] for name in parameters]
    columns["rhat"] = np.max([s.rhat for s in worst], axis=0)
    columns["ess_bulk"] = np.min([s.ess_bulk for s in worst], axis=0)
    columns["ess_tail"] = np.min([s.ess_tail for s in worst], axis=0)
    columns["mcse"] = np.max([s.mcse_mean for s in worst], axis=0)
    return _typed(columns, responses)


def estimates_table(
    estimated: Estimated,
    responses: Responses,
    keep: Bool[np.ndarray, " item"],
    reasons: Sequence[str | None],
    *,
    model: str,
    is_anchor: Bool[np.ndarray, " item"],
    interval: float,
) -> pa.Table:
    """Build items.parquet from point estimates: standard errors, Wald intervals, null where MCMC would say something.

    Args:
        estimated: of the items that were kept.
        responses: of all items.
        keep: which items were in the likelihood.
        reasons: why an item has no estimate, or None, for all items.
        model: its name.
        is_anchor: which items were anchored.
        interval: probability mass of the intervals.
    """
    columns = _described(responses, model, is_anchor) | {"reason": list(reasons)}
    usable = np.array([reason is None for reason in reasons])

    def whole(values: np.ndarray) -> pa.Array:
        everywhere = np.full(responses.n_items, np.nan)
        everywhere[keep] = values
        everywhere[~usable] = np.nan
        return pa.array(everywhere, mask=~np.isfinite(everywhere))

    factor = NormalDist().inv_cdf(0.5 + interval / 2.0)
    errors = np.sqrt(np.maximum(np.diagonal(estimated.covariance, axis1=1, axis2=2), 0.0))
    of_name = dict(zip(estimated.names, errors.T, strict=True))
    for name in set(estimated.names) & set(REPORTED):
        value, error = estimated.values[name], of_name[name]
        columns |= {name: whole(value), f"{name}_sd": whole(error)}
        columns |= {f"{name}_lower": whole(value - factor * error), f"{name}_upper": whole(value + factor * error)}
    if "log_a" in of_name:
        together = estimated.covariance[:, estimated.names.index("log_a"), estimated.names.index("b")]
        columns |= {"log_a": whole(estimated.values["log_a"]), "log_a_sd": whole(of_name["log_a"])}
        columns["cov_log_a_b"] = whole(together)
    else:
        a, b = (estimated.names.index(name) for name in ("a", "b"))
        positive = np.where(estimated.values["a"] > 0, estimated.values["a"], np.nan)
        columns |= {"log_a": whole(np.log(positive)), "log_a_sd": whole(of_name["a"] / positive)}
        columns["cov_log_a_b"] = whole(estimated.covariance[:, a, b] / positive)
    return _typed(columns, responses)


def _described(responses: Responses, model: str, is_anchor: np.ndarray) -> dict[str, Any]:
    """Columns that do not depend on the method."""
    counts = responses.item_counts
    total = np.bincount(responses.item, responses.response, responses.n_items)
    return {
        ITEM: responses.item_ids,
        "model": [model] * responses.n_items,
        "is_anchor": is_anchor,
        "calibrated": responses.calibrated,
        "n_responses": counts,
        "mean_response": total / counts,
    }


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
    log_a, b = (draws.reshape(-1, draws.shape[-1]) for draws in (log_a, b))
    covariance = ((log_a - log_a.mean(0)) * (b - b.mean(0))).sum(0) / (len(b) - 1)
    return {"log_a": log_a.mean(0), "log_a_sd": log_a.std(0, ddof=1), "cov_log_a_b": covariance}


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
