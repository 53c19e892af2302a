"""From draws to tables: posterior means, SDs and equal-tailed intervals with their labels."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import xarray as xr
from jaxtyping import Bool, Float

from irt_jax.abilities import Abilities, Marginals
from irt_jax.data import Responses
from irt_jax.diagnostics import Summary
from irt_jax.names import GROUP, ITEM, PERSON, REPORTED
from irt_jax.schema import items_schema, persons_schema

#: Draws over items that posterior.nc keeps.
ITEM_DRAWS = ("a", "b", "log_a")


def marginals(draws: Float[np.ndarray, "chain draw *parameter"], interval: float) -> Marginals:
    """Summarise draws over chains.

    Args:
        draws: chains and draws first.
        interval: probability mass of the equal-tailed interval.
    """
    pooled = draws.reshape(-1, *draws.shape[2:])
    tail = (1.0 - interval) / 2.0
    lower, upper = np.quantile(pooled, [tail, 1.0 - tail], axis=0)
    return Marginals(pooled.mean(0), pooled.std(0, ddof=1), lower, upper)


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
    counts = responses.item_counts
    total = np.bincount(responses.item, responses.response, responses.n_items)
    columns: dict[str, object] = {
        ITEM: responses.item_ids,
        "model": [model] * responses.n_items,
        "is_anchor": is_anchor,
        "calibrated": responses.calibrated,
        "n_responses": counts,
        "mean_response": total / counts,
    }
    for name in set(parameters) & set(REPORTED):
        for suffix, column in zip(("", "_sd", "_lower", "_upper"), marginals(values[name], interval), strict=True):
            columns[name + suffix] = column
    columns |= _log_a_columns(values["log_a"], values["b"])
    worst = [statistics[name] for name in parameters]
    columns["rhat"] = np.max([s.rhat for s in worst], axis=0)
    columns["ess_bulk"] = np.min([s.ess_bulk for s in worst], axis=0)
    columns["ess_tail"] = np.min([s.ess_tail for s in worst], axis=0)
    columns["mcse"] = np.max([s.mcse_mean for s in worst], axis=0)
    schema = items_schema(responses.item_ids.type)
    nothing = [None] * responses.n_items
    return pa.table([pa.array(columns.get(field.name, nothing), field.type) for field in schema], schema=schema)


def _log_a_columns(
    log_a: Float[np.ndarray, "chain draw item"], b: Float[np.ndarray, "chain draw item"]
) -> dict[str, np.ndarray]:
    """Mean and SD of log a and its covariance with b: what the items need to be next month's anchors."""
    log_a, b = (draws.reshape(-1, draws.shape[-1]) for draws in (log_a, b))
    covariance = ((log_a - log_a.mean(0)) * (b - b.mean(0))).sum(0) / (len(b) - 1)
    return {"log_a": log_a.mean(0), "log_a_sd": log_a.std(0, ddof=1), "cov_log_a_b": covariance}


def persons_table(abilities: Abilities, responses: Responses) -> pa.Table:
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


def reliability(persons: pa.Table) -> float:
    """Reliability of the EAP abilities: variance of the means over itself plus the mean posterior variance.

    Source: Bechger, Maris, Verstralen & Béguin (2003), Applied Psychological Measurement 27, 319-334.
    """
    between = float(np.var(persons["theta"].to_numpy()))
    within = float(np.mean(persons["theta_sd"].to_numpy() ** 2))
    return between / (between + within)


def posterior_tree(
    values: Mapping[str, np.ndarray],
    stats: Mapping[str, np.ndarray],
    responses: Responses,
    attributes: Mapping[str, str],
) -> xr.DataTree:
    """Draws in the InferenceData schema: groups posterior, sample_stats, observed_data, constant_data.

    The draws are float64 for items and float32 for abilities, which are many.

    Args:
        values: draws by name, (chain, draw, item) or, for theta, (chain, draw, person).
        stats: sampler statistics by name, (chain, draw).
        responses: for ids and data.
        attributes: of the posterior group: the library's name and version, and so on.
    """
    n_chains, n_draws = next(iter(stats.values())).shape
    sampled = {"chain": np.arange(n_chains), "draw": np.arange(n_draws)}
    items = {"item": _labels(responses.item_ids)}
    persons = {"person": _labels(responses.person_ids)}
    posterior = {name: (("chain", "draw", "item"), draws) for name, draws in values.items() if name in ITEM_DRAWS}
    if "theta" in values:
        posterior["theta"] = (("chain", "draw", "person"), values["theta"].astype(np.float32))
    constant = {"person_code": responses.person, "item_code": responses.item}
    return xr.DataTree.from_dict(
        {
            "/posterior": xr.Dataset(posterior, {**sampled, **items, **persons}, dict(attributes)),
            "/sample_stats": xr.Dataset({name: (("chain", "draw"), value) for name, value in stats.items()}, sampled),
            "/observed_data": xr.Dataset({"response": ("observation", responses.response)}),
            "/constant_data": xr.Dataset(
                {name: ("observation", codes) for name, codes in constant.items()}, {**items, **persons}
            ),
        }
    )


def _labels(ids: pa.Array) -> np.ndarray:
    """Ids as a coordinate: integers stay integers, strings are Python strings."""
    if pa.types.is_integer(ids.type):
        return ids.to_numpy(zero_copy_only=False)
    return np.array(ids.to_pylist(), dtype=object)
