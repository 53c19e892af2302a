"""From draws or estimates to a `Fit`: tables, verdict and the content of run.json."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import xarray as xr
from jaxtyping import Bool

from irt_jax.data import Anchors, Responses
from irt_jax.diagnostics import Summary, Verdict, judge, judge_estimates, summary
from irt_jax.estimation import Estimated
from irt_jax.fit import Fit
from irt_jax.models import Model
from irt_jax.models.bank import Coding
from irt_jax.options import Options
from irt_jax.posterior import GROUP_DRAWS, LEARNED_DRAWS, posterior_tree, reliability
from irt_jax.sampling import Sampled
from irt_jax.tables import estimates_table, items_table, persons_table
from irt_jax.timing import Stopwatch

#: Packages whose versions stand in run.json.
PACKAGES = ("irt-jax", "jax", "jaxlib", "numpyro", "blackjax", "numpy", "scipy", "pyarrow", "xarray", "h5netcdf")


class Told(NamedTuple):
    """What is known before fitting.

    Attributes:
        model: the response model.
        coding: each item's own model.
        responses: of all items.
        anchors: among the items.
        options: of the calibration.
        notes: for the user.
        stopwatch: of the run.
        free: whether mean and SD of the population were estimated.
        scaled: whether only its SD was.
        learned: whether the free items' priors were.
    """

    model: Model
    coding: Coding
    responses: Responses
    anchors: Anchors | None
    options: Options
    notes: list[str]
    stopwatch: Stopwatch
    free: bool
    scaled: bool
    learned: bool

    @property
    def is_anchor(self) -> Bool[np.ndarray, " item"]:
        """Which items are anchors."""
        mask = np.zeros(self.responses.n_items, bool)
        if self.anchors is not None:
            mask[self.anchors.item] = True
        return mask


def fit_of_draws(told: Told, sampled: Sampled) -> Fit:
    """Summaries, verdict and run.json from draws.

    Args:
        told: data, model and options.
        sampled: draws and abilities.
    """
    draws, responses = sampled.draws, told.responses
    shared = [name for name in (*GROUP_DRAWS, *LEARNED_DRAWS) if name in draws.values]
    sampled_abilities = ["theta"] if told.options.abilities == "joint" else []
    statistics = {name: summary(draws.values[name]) for name in [*told.model.parameters, *sampled_abilities, *shared]}
    items = items_table(
        draws.values,
        statistics,
        told.model.parameters,
        responses,
        coding=told.coding,
        is_anchor=told.is_anchor,
        interval=told.options.interval,
    )
    values = {name: draws.values[name].mean((0, 1)) for name in told.model.parameters}
    population = _population(draws.values)
    persons = persons_table(sampled.abilities, responses)
    at_means = np.array([population["mean"]]), np.array([population["sd"]])
    run = _run(told, persons, sampled.problem.log_likelihood(values, at_means), population, draws.device)
    run["priors"] = _learned(draws.values)
    verdict = _judge(statistics, sampled, told)
    run["diagnostics"] = verdict.as_dict()
    notes = [*told.notes, *sampled.notes]
    run["notes"] = notes
    attributes = {"inference_library": "irt_jax", "inference_library_version": run["versions"]["irt-jax"]}
    tree = posterior_tree(draws.values, draws.stats, responses, attributes)
    return Fit(items, persons, tree, verdict, run, tuple(notes), told.stopwatch)


def fit_of_estimates(
    told: Told, estimated: Estimated, keep: Bool[np.ndarray, " item"], reasons: list[str | None]
) -> Fit:
    """Tables, verdict and run.json from point estimates; there are no draws.

    Args:
        told: data, model and options.
        estimated: of the items in the likelihood.
        keep: which items these are.
        reasons: why an item has no estimate, or None; of all items.
    """
    interval = told.options.interval
    items = estimates_table(
        estimated,
        told.responses,
        keep,
        reasons,
        coding=told.coding,
        is_anchor=told.is_anchor,
        interval=interval,
    )
    verdict = judge_estimates(
        converged=estimated.converged,
        not_estimated=sum(reason is not None for reason in reasons),
        quadrature_error=estimated.quadrature_error,
        relative_error=estimated.relative_error,
    )
    mean, sd = estimated.population
    population = {"mean": float(mean[0]), "sd": float(sd[0]), "free": told.free}
    persons = persons_table(estimated.abilities, told.responses)
    run = _run(told, persons, estimated.log_likelihood, population, estimated.device)
    run["newton_steps"] = estimated.steps
    run["standard_errors"] = {
        "method": "observed information, in full"
        if estimated.relative_error == 0
        else "observed information by blocks",
        "relative_error": estimated.relative_error,
    }
    run["diagnostics"] = verdict.as_dict()
    run["notes"] = told.notes
    return Fit(items, persons, xr.DataTree(), verdict, run, tuple(told.notes), told.stopwatch)


def _run(
    told: Told,
    persons: pa.Table,
    log_likelihood: float,
    population: dict[str, Any],
    device: str,
) -> dict[str, Any]:
    responses = told.responses
    return {
        "options": told.options.as_dict(),
        "seed": told.options.seed,
        "data_hash": responses.data_hash,
        "versions": package_versions(),
        "device": device,
        "counts": {
            "persons": responses.n_persons,
            "items": responses.n_items,
            "responses": responses.n_responses,
            "anchors": int(told.is_anchor.sum()),
            "not_calibrated": int(np.sum(~responses.calibrated)),
            "dropped": responses.dropped,
        },
        "reliability": reliability(persons),
        "log_likelihood": log_likelihood,
        "population": population,
    }


def _population(values: dict[str, np.ndarray]) -> dict[str, Any]:
    """Posterior means and SDs of the population's mean and SD, as far as they were estimated."""
    found: dict[str, Any] = {"mean": 0.0, "sd": 1.0, "free": "population_sd" in values}
    for name in ("mean", "sd"):
        if f"population_{name}" in values:
            draws = values[f"population_{name}"]
            found |= {name: float(draws.mean()), f"{name}_sd": float(draws.std())}
    return found


def _learned(values: dict[str, np.ndarray]) -> dict[str, Any]:
    """Posterior means and SDs of learned priors."""
    names = [name for name in LEARNED_DRAWS if name in values]
    return {name: {"mean": float(values[name].mean()), "sd": float(values[name].std())} for name in names}


def _judge(statistics: dict[str, Summary], sampled: Sampled, told: Told) -> Verdict:
    stats = sampled.draws.stats
    statistics, labels = _own(statistics, told)
    nuts = told.options.method == "nuts"
    return judge(
        statistics,
        labels,
        n_chains=int(stats["lp"].shape[0]),
        divergences=int(stats["diverging"].sum()),
        energy=stats["energy"],
        tree_depth=np.ceil(np.log2(stats["n_steps"] + 1)) if nuts else None,
        max_tree_depth=told.options.max_tree_depth if nuts else None,
        quadrature_error=sampled.quadrature_error,
    )


def _own(statistics: dict[str, Summary], told: Told) -> tuple[dict[str, Summary], dict[str, list[Any]]]:
    """What was estimated, with labels: without what an item's model does not have."""
    items = told.responses.item_ids.to_pylist()
    labels: dict[str, list[Any]] = {"theta": told.responses.person_ids.to_pylist()}
    kept = dict(statistics)
    for name in told.model.parameters:
        own = told.coding.estimates(name, len(items))
        if own.all() and own.ndim == 1:
            labels[name] = items
        elif not own.any():
            del kept[name]
        else:
            kept[name] = Summary(*(part[own] for part in statistics[name]))
            place = np.argwhere(own).tolist()
            labels[name] = [", ".join([str(items[i]), *(str(k + 1) for k in step)]) for i, *step in place]
    return kept, labels


@cache
def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions
