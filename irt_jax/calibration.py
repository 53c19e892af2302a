"""The main verb: responses in, posterior out."""

import hashlib
import os
import platform
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from irt_jax.data import Anchors, Responses, align_anchors, encode, read_anchors, read_responses
from irt_jax.data.read import Source
from irt_jax.diagnostics import Summary, Verdict, judge, summary
from irt_jax.engines.checkpoint import Checkpoint
from irt_jax.engines.settings import ProgressCallback, Settings
from irt_jax.errors import CalibrationWarning, InputError, UsageError, first_few
from irt_jax.fit import Fit
from irt_jax.likelihood.adaptive import marginal_log_likelihood
from irt_jax.likelihood.joint import JointData
from irt_jax.models import MODELS, Model, TwoParameterPriors, item_priors
from irt_jax.options import Options
from irt_jax.posterior import items_table, persons_table, posterior_tree, reliability
from irt_jax.sampling import Run, Sampled, sample_joint, sample_marginal
from irt_jax.sampling import joint_data as arrays_of_joint
from irt_jax.timing import Stopwatch

#: How abilities are dealt with, by the name that users type.
SAMPLERS = {"joint": sample_joint, "marginal": sample_marginal}
#: Packages whose versions stand in run.json.
PACKAGES = ("irt-jax", "jax", "jaxlib", "numpyro", "numpy", "scipy", "pyarrow", "xarray", "h5netcdf")


def calibrate(
    responses: Source | Responses,
    anchors: Source | None = None,
    *,
    progress: ProgressCallback | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    stopwatch: Stopwatch | None = None,
    **options: Any,
) -> Fit:
    """Fit an item response model and return its posterior.

    Args:
        responses: what `read_responses` or `encode` gives, or anything that `read_responses` takes.
        anchors: what `read_anchors` gives, or anything that it takes: previous item parameters that
            fix the scale.
        progress: called after each block of iterations.
        checkpoint: a folder to keep finished blocks in, so that a killed run can go on; SIGINT and
            SIGTERM then end the run after the current block.
        resume: go on from the checkpoint.
        stopwatch: adds this run's stages to earlier ones.
        **options: see `Options`: `model="2pl"`, `seed=0`, `chains=4`, `draws=2000`, ...

    Returns:
        Tables, draws, verdict and everything that run.json says. A posterior whose verdict is not ok
        is returned all the same: look at `diagnostics`.

    Raises:
        UsageError: an option that is not available.
        InputError: data that are not what the contract asks for.
        ConvergenceError: the sampler cannot start.
        Interrupted: a signal ended the run, and the checkpoint holds what was drawn.
    """
    chosen = make_options(**options)
    watch = stopwatch or Stopwatch()
    with watch.measure("read"):
        coded, aligned, notes = prepare(responses, anchors, chosen)
    for note in notes:
        warnings.warn(note, CalibrationWarning, stacklevel=2)

    model = MODELS[chosen.model]
    priors = item_priors(coded.n_items, aligned, a_sd=chosen.a_prior_sd, b_sd=chosen.b_prior_sd)
    keeper = None
    if checkpoint is not None:
        keeper = Checkpoint(Path(checkpoint), _fingerprint(coded, priors, chosen), resume=resume)
    settings = Settings(
        chains=chosen.chains,
        warmup=chosen.warmup,
        draws=chosen.draws,
        target_accept=chosen.target_accept,
        max_tree_depth=chosen.max_tree_depth,
        devices=chosen.devices,
    )
    run = Run(settings, chosen.seed, chosen.interval, progress, keeper, watch)
    sampled = SAMPLERS[chosen.abilities](model, coded, priors, run)
    with watch.measure("summarise"):
        return _fit(model, coded, aligned, sampled, chosen, notes, watch)


def make_options(**options: Any) -> Options:
    """Options from keywords.

    Raises:
        UsageError: a keyword that is no option, or a value that is not available.
    """
    unknown = sorted(set(options) - set(Options.__dataclass_fields__))
    if unknown:
        known = ", ".join(Options.__dataclass_fields__)
        raise UsageError(f"Unknown options: {', '.join(unknown)}.", f"The options are {known}.")
    return Options(**options)


def prepare(
    responses: Source | Responses, anchors: Source | None, options: Options
) -> tuple[Responses, Anchors | None, list[str]]:
    """Read, check and code the data; say what was dropped or is not used.

    Returns:
        Coded responses, the anchors that are among their items, and notes for the user.

    Raises:
        InputError: see `read_responses`, `encode`, `read_anchors` and `align_anchors`; categories that
            the model does not have; weights that differ.
    """
    if not isinstance(responses, Responses):
        table = read_responses(responses)
        responses = encode(
            table,
            repeats=options.repeats,
            min_responses=options.min_responses,
            drop_rare=options.drop_rare,
        )
    _refuse_categories(responses, MODELS[options.model])
    _refuse_weights(responses)
    aligned = None if anchors is None else align_anchors(responses, read_anchors(anchors))
    return responses, aligned, _notes(responses, aligned)


def joint_data(responses: Responses, anchors: Anchors | None, options: Options) -> JointData:
    """Arrays of the joint model from coded responses, anchors and priors."""
    priors = item_priors(responses.n_items, anchors, a_sd=options.a_prior_sd, b_sd=options.b_prior_sd)
    return arrays_of_joint(responses, priors)


def _refuse_categories(responses: Responses, model: Model) -> None:
    outside = responses.response >= model.n_categories
    if outside.any():
        items = np.unique(responses.item[outside])
        ids = first_few(responses.item_ids.take(pa.array(items[:5])).to_pylist(), total=len(items))
        raise InputError(
            f"Expected responses 0 to {model.n_categories - 1} for the model {model.name}, found "
            f"{responses.response.max()} as the largest, in items {ids}.",
            "Recode these items to wrong (0) and right (1).",
        )


def _refuse_weights(responses: Responses) -> None:
    if responses.weight is not None and not np.all(responses.weight == 1.0):
        raise InputError(
            f"Expected no person weights: abilities that are sampled one by one cannot carry them, found "
            f"weights from {responses.weight.min():g} to {responses.weight.max():g}.",
            "Leave the column weight out, or repeat each person as often as the weight says.",
        )


def _notes(responses: Responses, anchors: Anchors | None) -> list[str]:
    dropped = [f"{n:,} {name.replace('_', ' ')}" for name, n in responses.dropped.items() if n]
    notes = [f"Left out: {', '.join(dropped)}."] if dropped else []
    if responses.group_ids is not None and len(responses.group_ids) > 1:
        notes.append(
            f"The {len(responses.group_ids)} groups share one population of abilities; "
            "the column is only carried to persons.parquet."
        )
    rare = int(np.sum(~responses.calibrated))
    if rare:
        notes.append(f"{rare:,} items have fewer than --min-responses and are reported as not calibrated.")
    if anchors is not None and anchors.missing:
        notes.append(f"{len(anchors.missing):,} anchors are not in the data: {first_few(anchors.missing)}.")
    return notes


def _fit(
    model: Model,
    responses: Responses,
    anchors: Anchors | None,
    sampled: Sampled,
    options: Options,
    notes: list[str],
    stopwatch: Stopwatch,
) -> Fit:
    """Summaries, verdict and run.json from the draws."""
    draws = sampled.draws
    judged = [*model.parameters, *(["theta"] if "theta" in draws.values else [])]
    statistics = {name: summary(draws.values[name]) for name in judged}
    is_anchor = np.zeros(responses.n_items, bool)
    if anchors is not None:
        is_anchor[anchors.item] = True
    items = items_table(
        draws.values,
        statistics,
        model.parameters,
        responses,
        model=model.name,
        is_anchor=is_anchor,
        interval=options.interval,
    )
    persons = persons_table(sampled.abilities, responses)
    verdict = _judge(statistics, sampled, responses, options)
    versions = package_versions()
    run = {
        "options": options.as_dict(),
        "seed": options.seed,
        "data_hash": responses.data_hash,
        "versions": versions,
        "device": draws.device,
        "counts": {
            "persons": responses.n_persons,
            "items": responses.n_items,
            "responses": responses.n_responses,
            "anchors": int(is_anchor.sum()),
            "not_calibrated": int(np.sum(~responses.calibrated)),
            "dropped": responses.dropped,
        },
        "diagnostics": verdict.as_dict(),
        "reliability": reliability(persons),
        "log_likelihood": _log_likelihood(model, items, persons, responses),
        "population": {"mean": 0.0, "sd": 1.0, "free": False},
        "notes": notes,
    }
    attributes = {"inference_library": "irt_jax", "inference_library_version": versions["irt-jax"]}
    tree = posterior_tree(draws.values, draws.stats, responses, attributes)
    return Fit(items, persons, tree, verdict, run, tuple(notes), stopwatch)


def _fingerprint(responses: Responses, priors: TwoParameterPriors, options: Options) -> dict[str, Any]:
    """What must be the same for a checkpoint to be gone on from."""
    digest = hashlib.sha256()
    for array in priors:
        digest.update(np.ascontiguousarray(array).data)
    versions = package_versions()
    return {
        **options.as_dict(),
        "data": responses.data_hash,
        "anchors": digest.hexdigest(),
        **{name: versions[name] for name in ("irt-jax", "jax", "numpyro")},
    }


def _judge(statistics: dict[str, Summary], sampled: Sampled, responses: Responses, options: Options) -> Verdict:
    items, stats = responses.item_ids.to_pylist(), sampled.draws.stats
    labels = dict.fromkeys(statistics, items) | {"theta": responses.person_ids.to_pylist()}
    return judge(
        statistics,
        labels,
        n_chains=options.chains,
        divergences=int(stats["diverging"].sum()),
        energy=stats["energy"],
        tree_depth=np.ceil(np.log2(stats["n_steps"] + 1)),
        max_tree_depth=options.max_tree_depth,
        quadrature_error=sampled.quadrature_error,
    )


def _log_likelihood(model: Model, items: pa.Table, persons: pa.Table, responses: Responses) -> float:
    """Marginal log-likelihood at the posterior means of the item parameters."""
    of_person = marginal_log_likelihood(
        model,
        {name: items[name].to_numpy() for name in model.parameters},
        person=responses.person,
        item=responses.item,
        response=responses.response,
        centre=persons["theta"].to_numpy(),
        spread=persons["theta_sd"].to_numpy(),
        ability_mean=np.zeros(responses.n_persons),
        ability_sd=np.ones(responses.n_persons),
    )
    return float(of_person.sum())


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions
