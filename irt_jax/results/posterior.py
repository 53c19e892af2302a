"""From draws to what is reported of them: means, SDs, intervals, and the tree that posterior.nc holds."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import xarray as xr

from irt_jax.contract.names import GROUP_DRAWS, LEARNED_DRAWS, LISTS
from irt_jax.data import Responses

#: Draws over items that posterior.nc keeps.
ITEM_DRAWS = ("a", "b", "log_a", "c", "d", "intercept")


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
        values: draws by name, (chain, draw, item); theta (chain, draw, person); the population's (chain, draw, group);
            learned priors' (chain, draw).
        stats: sampler statistics by name, (chain, draw).
        responses: for ids and data.
        attributes: of the posterior group: the library's name and version, and so on.
    """
    n_chains, n_draws = next(iter(stats.values())).shape
    sampled = {"chain": np.arange(n_chains), "draw": np.arange(n_draws)}
    items = {"item": _labels(responses.item_ids)}
    if responses.item_group is not None:
        items = {"item": np.array(responses.item_labels, dtype=object)}
    persons = {"person": _labels(responses.person_ids)}
    groups: dict[str, np.ndarray] = {}
    posterior: dict[str, tuple[tuple[str, ...], np.ndarray]]
    posterior = {name: (("chain", "draw", "item"), draws) for name, draws in values.items() if name in ITEM_DRAWS}
    posterior |= {name: (("chain", "draw", "item", "step"), values[name]) for name in LISTS if name in values}
    posterior |= {name: (("chain", "draw", "group"), values[name]) for name in GROUP_DRAWS if name in values}
    if responses.n_groups > 1:
        groups["group"] = np.array(responses.group_names, dtype=object)
    posterior |= {name: (("chain", "draw"), values[name]) for name in LEARNED_DRAWS if name in values}
    if "theta" in values:
        posterior["theta"] = (("chain", "draw", "person"), values["theta"].astype(np.float32))
    constant = {"person_code": responses.person, "item_code": responses.item}
    return xr.DataTree.from_dict(
        {
            "/posterior": xr.Dataset(posterior, {**sampled, **items, **persons, **groups}, dict(attributes)),
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
