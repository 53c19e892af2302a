"""From draws or estimates to a `Fit`: tables, verdict and the content of run.json."""

import dataclasses
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xarray as xr
from jaxtyping import Bool

from irt_jax.checks.concerns import Concerns, find_concerns
from irt_jax.checks.dependence import ALIKE
from irt_jax.checks.prior_conflict import prior_conflicts, without_priors
from irt_jax.checks.slope_score import ItemFit, item_fit, of_all_items
from irt_jax.contract.names import GROUP_DRAWS, ITEM, LEARNED_DRAWS
from irt_jax.diagnostics import Summary, Verdict, judge, judge_estimates, summary
from irt_jax.errors import first_few
from irt_jax.inference.location import unlocated
from irt_jax.inference.point_estimate import Estimated
from irt_jax.inference.sample import Sampled, other_mode
from irt_jax.plan import Plan
from irt_jax.plan.keyed import direction
from irt_jax.results.anchor_table import anchors_table, contradictions
from irt_jax.results.fit import Fit
from irt_jax.results.posterior import posterior_tree, reliability
from irt_jax.results.tables import estimates_table, items_table, persons_table
from irt_jax.runtime.stopwatch import Stopwatch

#: Packages whose versions stand in run.json.
PACKAGES = ("irt-jax", "jax", "jaxlib", "numpyro", "blackjax", "numpy", "scipy", "pyarrow", "xarray", "h5netcdf")


def fit_of_draws(plan: Plan, sampled: Sampled, stopwatch: Stopwatch) -> Fit:
    """Summaries, verdict and run.json from draws.

    Args:
        plan: of the calibration.
        sampled: draws and abilities.
        stopwatch: of the run.
    """
    draws, responses = sampled.draws, plan.responses
    shared = [name for name in (*GROUP_DRAWS, *LEARNED_DRAWS) if name in draws.values]
    sampled_abilities = ["theta"] if plan.options.abilities == "joint" else []
    statistics = {name: summary(draws.values[name]) for name in [*plan.model.parameters, *sampled_abilities, *shared]}
    values = {name: draws.values[name].mean((0, 1)) for name in plan.model.parameters}
    mean, sd = (part.reshape(-1, responses.n_groups) for part in sampled.problem.population(draws.values))
    population = mean.mean(0), sd.mean(0)
    fit = item_fit(sampled.problem, values, population, responses, plan.coding.scores(responses.n_items))
    items = items_table(
        draws.values,
        statistics,
        plan.model.parameters,
        responses,
        coding=plan.coding,
        is_anchor=plan.is_anchor,
        interval=plan.options.interval,
        fits=_fits(plan, fit),
    )
    persons = persons_table(sampled.abilities, responses)
    log_likelihood = sampled.problem.log_likelihood(values, population)
    run = _run(plan, persons, log_likelihood, _population(plan, mean, sd), draws.device)
    run["priors"] = _learned(draws.values)
    run |= direction(plan.coding, values)
    free = sampled.free or _free_of_draws(plan, draws.values)
    run["prior_conflicts"] = _conflicts(plan, free, fit)
    concerns = find_concerns(plan, fit, run["prior_conflicts"], sampled.abilities)
    verdict, run["linking"] = _with_concerns(_judge(statistics, sampled, plan), concerns), concerns.linking
    run["diagnostics"] = verdict.as_dict()
    anchored, of_anchors = _anchors(plan, items, sampled.free)
    notes = [*plan.notes, *sampled.notes, *_released(items), *unlocated(items), *of_anchors]
    run["notes"] = notes
    attributes = {"inference_library": "irt_jax", "inference_library_version": run["versions"]["irt-jax"]}
    tree = posterior_tree(draws.values, draws.stats, responses, attributes)
    return Fit(items, persons, tree, verdict, run, tuple(notes), stopwatch, anchored)


def fit_of_estimates(
    plan: Plan,
    estimated: Estimated,
    keep: Bool[np.ndarray, " item"],
    reasons: list[str | None],
    stopwatch: Stopwatch,
) -> Fit:
    """Tables, verdict and run.json from point estimates; there are no draws.

    Args:
        plan: of the calibration.
        estimated: of the items in the likelihood.
        keep: which items these are.
        reasons: why an item has no estimate, or None; of all items.
        stopwatch: of the run.
    """
    interval = plan.options.interval
    part = plan.of_items(keep)
    scores = part.coding.scores(part.responses.n_items)
    fit = item_fit(estimated.problem, estimated.curves, estimated.population, part.responses, scores)
    fit = of_all_items(fit, keep)
    items = estimates_table(
        estimated,
        plan.responses,
        keep,
        reasons,
        coding=plan.coding,
        is_anchor=plan.is_anchor,
        interval=interval,
        fits=_fits(plan, fit),
    )
    verdict = judge_estimates(
        converged=estimated.converged,
        not_estimated=sum(reason is not None for reason in reasons),
        quadrature_error=estimated.quadrature_error,
        relative_error=estimated.relative_error,
        steepest=float(np.abs(estimated.values.get("a", np.inf)).max()),
    )
    population = _population(plan, *(part[None] for part in estimated.population))
    everywhere = {name: _spread(values, keep) for name, values in estimated.free.items()}
    persons = persons_table(estimated.abilities, plan.responses)
    run = _run(plan, persons, estimated.log_likelihood, population, estimated.device)
    run["prior_conflicts"] = _conflicts(plan, everywhere, fit)
    concerns = find_concerns(plan, fit, run["prior_conflicts"], estimated.abilities, keep)
    verdict, run["linking"] = _with_concerns(verdict, concerns), concerns.linking
    run["priors"] = estimated.priors
    run["newton_steps"] = estimated.steps
    run |= direction(plan.coding.of_items(keep), estimated.values)
    run["standard_errors"] = {
        "method": "observed information, in full"
        if estimated.relative_error == 0
        else "observed information by blocks",
        "relative_error": estimated.relative_error,
    }
    run["diagnostics"] = verdict.as_dict()
    anchored, of_anchors = _anchors(plan, items, everywhere)
    notes = [*plan.notes, *other_mode(estimated.ahead), *_released(items), *unlocated(items), *of_anchors]
    run["notes"] = notes
    return Fit(items, persons, xr.DataTree(), verdict, run, tuple(notes), stopwatch, anchored)


def _run(
    plan: Plan,
    persons: pa.Table,
    log_likelihood: float,
    population: dict[str, Any],
    device: str,
) -> dict[str, Any]:
    responses = plan.responses
    return {
        "options": plan.options.as_dict(),
        "seed": plan.options.seed,
        "data_hash": responses.data_hash,
        "versions": package_versions(),
        "device": device,
        "counts": {
            "persons": responses.n_persons,
            "items": responses.n_items,
            "responses": responses.n_responses,
            "anchors": int(plan.is_anchor.sum()),
            "not_calibrated": int(np.sum(~responses.calibrated)),
            "dropped": responses.dropped,
        },
        "reliability": reliability(persons),
        "log_likelihood": log_likelihood,
        "population": population,
    }


def _population(plan: Plan, mean: np.ndarray, sd: np.ndarray) -> dict[str, Any]:
    """Mean and SD of all persons' population, and of every group, with posterior SDs of what was learned.

    Args:
        plan: of the calibration.
        mean: draws of the groups' means, (draw, group); one row for estimates.
        sd: of their SDs.
    """
    responses, known = plan.responses, plan.population
    share = np.bincount(responses.group_code, minlength=responses.n_groups) / responses.n_persons
    of_all = (mean @ share, np.sqrt((sd**2 + mean**2) @ share - (mean @ share) ** 2))

    def described(of_mean: np.ndarray, of_sd: np.ndarray, learned: tuple[bool, bool]) -> dict[str, float]:
        found = {"mean": float(of_mean.mean()), "sd": float(of_sd.mean())}
        for name, draws, is_learned in (("mean_sd", of_mean, learned[0]), ("sd_sd", of_sd, learned[1])):
            if is_learned and len(draws) > 1:
                found[name] = float(draws.std())
        return found

    found: dict[str, Any] = described(*of_all, (len(known.free_mean) > 0, len(known.free_sd) > 0))
    found["free"] = len(known.free_sd) > 0
    if responses.n_groups > 1:
        names = responses.group_names
        learned = [(g in known.free_mean, g in known.free_sd) for g in range(len(names))]
        found["groups"] = {name: described(mean[:, g], sd[:, g], learned[g]) for g, name in enumerate(names)}
    return found


def _spread(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Values of the items in the likelihood, NaN for the others."""
    found = np.full(len(keep), np.nan)
    found[keep] = values
    return found


def _fits(plan: Plan, fit: ItemFit) -> dict[str, np.ndarray]:
    """Columns of items.parquet on how an item's responses go with the others."""
    return {"item_rest": plan.item_rest.correlation, "item_ability": fit.correlation, "item_fit": fit.z}


def _with_concerns(verdict: Verdict, concerns: Concerns) -> Verdict:
    """The verdict with what the data cannot tell, and with what is worth knowing of them."""
    problems = [*verdict.problems, *concerns.problems]
    return dataclasses.replace(
        verdict, ok=not problems, problems=problems, warnings=[*verdict.warnings, *concerns.warnings]
    )


def _conflicts(plan: Plan, free: Mapping[str, np.ndarray], fit: ItemFit) -> list[str]:
    """How the free items contradict a given prior; duplicates bend all slopes, and are told first."""
    if plan.learned or plan.options.sign == "free" or not free:
        return []
    if any(pair.correlation > ALIKE for pair in fit.pairs):
        free = {name: values for name, values in free.items() if not name.startswith("log_a")}
    own = ~plan.is_anchor & plan.coding.estimates("log_a", len(plan.is_anchor))
    return prior_conflicts(free, own, plan.settings)


def _free_of_draws(plan: Plan, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Estimates without the items' own priors, from draws whose mode nobody looked for."""
    pooled = {name: values[name].reshape(-1, plan.responses.n_items) for name in ("log_a", "b") if name in values}
    summaries = {name: (draws.mean(0), draws.std(0)) for name, draws in pooled.items()}
    return without_priors(summaries, plan.settings)


def _anchors(plan: Plan, items: pa.Table, free: Mapping[str, np.ndarray]) -> tuple[pa.Table | None, list[str]]:
    """The anchors' table, and what there is to say of them."""
    if plan.anchors is None:
        return None, []
    table = anchors_table(items, plan.anchors, free)
    return table, contradictions(table, robust=plan.options.anchor_mode == "robust")


def _released(items: pa.Table) -> list[str]:
    """Anchors that have more likely drifted than not, one sentence."""
    gone = items.filter(pc.greater(items["p_released"], 0.5))
    if not gone.num_rows:
        return []
    pairs = zip(gone[ITEM].slice(0, 5).to_pylist(), gone["p_released"].slice(0, 5).to_pylist(), strict=True)
    shown = first_few([f"{name} ({probability:.2f})" for name, probability in pairs], total=gone.num_rows)
    return [f"{gone.num_rows:,} anchors have released themselves, with probability: {shown}."]


def _learned(values: dict[str, np.ndarray]) -> dict[str, Any]:
    """Posterior means and SDs of learned priors."""
    names = [name for name in LEARNED_DRAWS if name in values]
    return {name: {"mean": float(values[name].mean()), "sd": float(values[name].std())} for name in names}


def _judge(statistics: dict[str, Summary], sampled: Sampled, plan: Plan) -> Verdict:
    stats = sampled.draws.stats
    statistics, labels = _own(statistics, plan)
    nuts = plan.options.method == "nuts"
    return judge(
        statistics,
        labels,
        n_chains=int(stats["lp"].shape[0]),
        divergences=int(stats["diverging"].sum()),
        energy=stats["energy"],
        tree_depth=np.ceil(np.log2(stats["n_steps"] + 1)) if nuts else None,
        max_tree_depth=plan.options.max_tree_depth if nuts else None,
        quadrature_error=sampled.quadrature_error,
        target_accept=plan.options.target_accept,
    )


def _own(statistics: dict[str, Summary], plan: Plan) -> tuple[dict[str, Summary], dict[str, list[Any]]]:
    """What was estimated, with labels: without what an item's model does not have."""
    items = plan.responses.item_labels
    labels: dict[str, list[Any]] = {"theta": plan.responses.person_ids.to_pylist()}
    kept = dict(statistics)
    if plan.responses.n_groups > 1:
        groups = plan.responses.group_names
        for name, free in (("population_mean", plan.population.free_mean), ("population_sd", plan.population.free_sd)):
            if name in kept:
                kept[name] = Summary(*(part[free] for part in statistics[name]))
                labels[name] = [groups[group] for group in free]
    for name in plan.model.parameters:
        own = plan.coding.estimates(name, len(items))
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
