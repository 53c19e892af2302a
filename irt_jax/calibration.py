"""The main verb: responses in, posterior or estimates out."""

import hashlib
import os
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

from irt_jax.contract.options import Options, make_options
from irt_jax.contract.sampler_settings import ProgressCallback, Settings
from irt_jax.data import Responses
from irt_jax.data.read import Source
from irt_jax.errors import CalibrationWarning, ConvergenceError, InputError
from irt_jax.inference.point_estimate import estimable, estimate
from irt_jax.inference.sample import Run, sample_joint, sample_marginal
from irt_jax.inference.samplers.checkpoint import Checkpoint
from irt_jax.plan import Plan, plan_calibration, plan_priors
from irt_jax.results.assemble import fit_of_draws, fit_of_estimates, package_versions
from irt_jax.results.fit import Fit
from irt_jax.runtime.memory import refuse_draws
from irt_jax.runtime.programs import free_programs
from irt_jax.runtime.stopwatch import Stopwatch

#: How abilities are dealt with, by the name that users type.
SAMPLERS = {"joint": sample_joint, "marginal": sample_marginal}
#: Why an item has no maximum likelihood estimate.
ONE_CATEGORY = "all responses are in one category: the likelihood has no maximum"
EMPTY_CATEGORY = "a category has no response: the likelihood has no maximum"


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
        **options: see `Options`: `model="2pl"`, `method="hmc"`, `seed=0`, ...

    Returns:
        Tables, draws, verdict and everything that run.json says. A posterior whose verdict is not ok
        is returned all the same: look at `diagnostics`.

    Raises:
        UsageError: an option that is not available, or more draws than the memory holds.
        InputError: data that are not what the contract asks for.
        ConvergenceError: the sampler cannot start.
        Interrupted: a signal ended the run, and the checkpoint holds what was drawn.
    """
    chosen = make_options(**options)
    free_programs()
    watch = stopwatch or Stopwatch()
    with watch.measure("read"):
        plan = plan_calibration(responses, anchors, chosen)
    _warn(plan.notes)
    if chosen.method == "mml":
        return _estimated(plan, watch)
    _refuse_size(plan)
    priors = plan_priors(plan, joint=chosen.abilities == "joint")
    keeper = None
    if checkpoint is not None:
        fingerprint = _fingerprint(plan, (priors, plan.population))
        keeper = Checkpoint(Path(checkpoint), fingerprint, resume=resume, stopwatch=watch)
    run = Run(
        method=str(chosen.method),
        settings=_settings(chosen),
        seed=chosen.seed,
        interval=chosen.interval,
        ability_values=chosen.ability_values,
        progress=progress,
        checkpoint=keeper,
        stopwatch=watch,
        alone=plan.exact_without_prior,
    )
    sampled = SAMPLERS[chosen.abilities](plan.model, plan.responses, priors, plan.population, run)
    _warn(sampled.notes)
    with watch.measure("summarise"):
        return fit_of_draws(plan, sampled, watch)


def check(responses: Responses, anchors: Source | None, options: Options) -> None:
    """Refuse what `calibrate` would refuse, before anything is fitted.

    Args:
        responses: what `encode` gives.
        anchors: see `calibrate`.
        options: of the calibration.

    Raises:
        IrtError: as `calibrate`.
    """
    plan = plan_calibration(responses, anchors, options)
    if options.method != "mml":
        _refuse_size(plan)


def _warn(notes: tuple[str, ...]) -> None:
    for note in notes:
        warnings.warn(note, CalibrationWarning, stacklevel=3)


def _settings(options: Options) -> Settings:
    return Settings(
        chains=int(options.chains or 1),
        warmup=int(options.warmup or 0),
        draws=int(options.draws or 0),
        target_accept=float(options.target_accept or 0.0),
        max_tree_depth=options.max_tree_depth,
        devices=options.devices,
    )


def _refuse_size(plan: Plan) -> None:
    """Refuse chains and draws that the memory does not hold."""
    options, persons = plan.options, plan.responses.n_persons
    kept = 2**63 if options.abilities == "joint" else options.ability_values
    parameters = int(plan.coding.has(plan.responses.n_items).sum())
    refuse_draws(int(options.chains or 1), int(options.draws or 0), persons, parameters, kept)


def _estimated(plan: Plan, watch: Stopwatch) -> Fit:
    """Point estimates; items that have none by the look of their responses are left out of the likelihood."""
    n_items, flat = plan.responses.n_items, plan.options.priors == "flat"
    keep = estimable(plan.responses, plan.coding.has(n_items)) if flat else np.ones(n_items, bool)
    if not keep.any():
        raise InputError(
            "Expected responses in all categories for at least one item, found none.", "Use --priors mission."
        )
    part = plan.of_items(keep)
    found = estimate(
        *(part.model, part.responses, plan_priors(part), part.population),
        *(plan.options.interval, watch),
        flat=flat,
        alone=part.exact_without_prior,
    )
    if flat and all(reason is not None for reason in found.reason):
        raise ConvergenceError(f"No item has an estimate: {found.reason[0]}.", "Use proper --priors, such as mission.")
    several = plan.coding.has(n_items).sum(1) > 2
    reasons: list[str | None] = np.where(several, EMPTY_CATEGORY, ONE_CATEGORY).tolist()
    for item, reason in zip(np.flatnonzero(keep), found.reason, strict=True):
        reasons[item] = reason
    with watch.measure("summarise"):
        return fit_of_estimates(plan, found, keep, reasons, watch)


def _fingerprint(plan: Plan, priors: Any) -> dict[str, Any]:
    """What must be equal for a checkpoint to be gone on from."""
    digest = hashlib.sha256()
    for array in jax.tree.leaves(priors):
        digest.update(np.ascontiguousarray(array).tobytes())
    versions = package_versions()
    return {
        **plan.options.as_dict(),
        "models": [model.name for model in plan.coding.bank.models],
        "data": plan.responses.data_hash,
        "anchors": digest.hexdigest(),
        **{name: versions[name] for name in ("irt-jax", "jax", "numpyro", "blackjax")},
    }
