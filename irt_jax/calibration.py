"""The main verb: responses in, posterior or estimates out."""

import dataclasses
import hashlib
import os
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from irt_jax.assemble import Told, fit_of_draws, fit_of_estimates, package_versions
from irt_jax.data import Anchors, Responses
from irt_jax.data.read import Source
from irt_jax.engines.checkpoint import Checkpoint
from irt_jax.engines.programs import free_programs
from irt_jax.engines.settings import ProgressCallback, Settings
from irt_jax.errors import CalibrationWarning, ConvergenceError, InputError, UsageError
from irt_jax.estimation import estimable, estimate
from irt_jax.fit import Fit
from irt_jax.item_rest import item_rest
from irt_jax.keyed import with_key
from irt_jax.likelihood.joint import JointData
from irt_jax.memory import refuse_draws
from irt_jax.models import bank_model, flat_model
from irt_jax.models.priors import B_POWER, item_priors, linear_priors, no_priors
from irt_jax.models.settings import PriorSettings, read_prior_settings
from irt_jax.options import PRIORS, Options
from irt_jax.preparation import choose_population, code_models, prepare, unused_categories
from irt_jax.sampling import Run, sample_joint, sample_marginal
from irt_jax.sampling import joint_data as arrays_of_joint
from irt_jax.timing import Stopwatch

#: How abilities are dealt with, by the name that users type.
SAMPLERS = {"joint": sample_joint, "marginal": sample_marginal}
#: With fewer free items than these, `auto` does not learn their priors: they say little about a mean and an SD, and
#: are too few to outvote the anchors.
FREE_ITEMS = 10
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
        coded, aligned, notes = prepare(responses, anchors, chosen)
        told = _told(coded, aligned, chosen, notes, watch)
    for note in told.notes:
        warnings.warn(note, CalibrationWarning, stacklevel=2)
    if chosen.method == "mml":
        return _estimated(told)
    _refuse_size(told)
    priors, population = _priors(told, joint=chosen.abilities == "joint"), told.population
    keeper = None
    if checkpoint is not None:
        keeper = Checkpoint(Path(checkpoint), _fingerprint(told, (priors, population)), resume=resume, stopwatch=watch)
    settings = Settings(
        chains=int(chosen.chains or 1),
        warmup=int(chosen.warmup or 0),
        draws=int(chosen.draws or 0),
        target_accept=float(chosen.target_accept or 0.0),
        max_tree_depth=chosen.max_tree_depth,
        devices=chosen.devices,
    )
    run = Run(
        method=str(chosen.method),
        settings=settings,
        seed=chosen.seed,
        interval=chosen.interval,
        ability_values=chosen.ability_values,
        progress=progress,
        checkpoint=keeper,
        stopwatch=watch,
        alone=_alone(told),
    )
    sampled = SAMPLERS[chosen.abilities](told.model, coded, priors, population, run)
    for note in sampled.notes:
        warnings.warn(note, CalibrationWarning, stacklevel=2)
    with watch.measure("summarise"):
        return fit_of_draws(told, sampled)


def check(responses: Responses, anchors: Source | None, options: Options) -> None:
    """Refuse what `calibrate` would refuse, before anything is fitted.

    Args:
        responses: what `encode` gives.
        anchors: see `calibrate`.
        options: of the calibration.

    Raises:
        IrtError: as `calibrate`.
    """
    told = _told(*prepare(responses, anchors, options)[:2], options, [], Stopwatch())
    if options.method != "mml":
        _refuse_size(told)


def _refuse_size(told: Told) -> None:
    """Refuse chains and draws that the memory does not hold."""
    options, persons = told.options, told.responses.n_persons
    kept = 2**63 if options.abilities == "joint" else options.ability_values
    parameters = int(told.coding.has(told.responses.n_items).sum())
    refuse_draws(int(options.chains or 1), int(options.draws or 0), persons, parameters, kept)


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


def joint_data(responses: Responses, anchors: Anchors | None, options: Options) -> JointData:
    """Arrays of the joint model from coded responses, anchors and options."""
    told = _told(responses, anchors, options, [], Stopwatch())
    return arrays_of_joint(responses, _priors(told, joint=True), told.population)


def _told(
    responses: Responses, anchors: Anchors | None, options: Options, notes: list[str], stopwatch: Stopwatch
) -> Told:
    """Resolve what is `auto`.

    Raises:
        UsageError: a scale that nothing fixes, or anchors where nothing can use them.
    """
    anchored = anchors is not None and len(anchors.item) > 0
    coding, of_key = with_key(code_models(responses, options, anchors), responses, options)
    settings = read_prior_settings(options.priors) if options.priors not in PRIORS else PriorSettings()
    if options.a_prior_sd is not None:
        settings = settings._replace(log_a_sd=options.a_prior_sd)
    if options.b_prior_sd is not None:
        settings = settings._replace(b_sd=options.b_prior_sd)
    population = choose_population(responses, coding, options, settings, anchored=anchored)
    n_free = responses.n_items - (len(anchors.item) if anchored and anchors is not None else 0)
    asked = options.priors == "hierarchical" or bool(settings.learned)
    by_itself = anchored and (options.priors == "auto" or (options.priors not in PRIORS and settings.learned is None))
    learned = n_free >= (2 if asked else FREE_ITEMS) and (asked or by_itself)
    linear = options.priors == "flat" or options.sign == "free"
    if options.sign == "free" and anchored:
        raise UsageError(
            "--sign free has priors of slopes and intercepts, and anchors are priors of log a and b.",
            "Leave --anchors out, or use --sign positive.",
        )
    if options.priors == "flat" and anchored:
        raise UsageError(
            "--priors flat is maximum likelihood without any prior, and anchors are priors.",
            "Leave --anchors out, or use --priors mission or hierarchical.",
        )
    model = (flat_model if linear else bank_model)(coding.bank)
    used = anchors if anchored else None
    notes = [*notes, *unused_categories(responses, coding), *of_key]
    rest = item_rest(responses, coding.scores(responses.n_items))
    return Told(model, coding, responses, used, options, notes, stopwatch, population, learned, settings, rest)


def _priors(told: Told, *, joint: bool = False) -> Any:
    options, responses = told.options, told.responses
    if options.priors == "flat":
        return no_priors(responses.n_items, told.coding)
    if options.sign == "free":
        return linear_priors(responses.n_items, told.coding, told.settings)
    power = B_POWER if options.method != "mml" else 0.0  # a mode is that of log a and b, by the same programs
    return item_priors(
        responses.n_items,
        told.anchors,
        counts=responses.item_counts if told.learned else None,
        coding=told.coding,
        robust=options.anchor_mode == "robust",
        settings=told.settings,
        b_power=None if joint else power,
    )


def _alone(told: Told) -> Bool[np.ndarray, " item"] | None:
    """Items whose estimates without their own priors are wanted exactly: anchors; None where nobody asks for any."""
    given = not told.learned and told.options.sign != "free" and told.options.priors != "flat"
    return told.is_anchor if given or told.anchors is not None else None


def _estimated(told: Told) -> Fit:
    """Point estimates; items that have none by the look of their responses are left out of the likelihood."""
    responses = told.responses
    keep = np.ones(responses.n_items, bool)
    if told.options.priors == "flat":
        keep = estimable(responses, told.coding.has(responses.n_items))
    if not keep.any():
        raise InputError(
            "Expected responses in all categories for at least one item, found none.", "Use --priors mission."
        )
    part = told._replace(responses=_of_items(responses, keep), coding=told.coding.of_items(keep))
    interval = told.options.interval
    flat = told.options.priors == "flat"
    alone = _alone(part)
    posed = (told.model, part.responses, _priors(part), told.population)
    scores = part.coding.scores(part.responses.n_items)
    found = estimate(*posed, interval, told.stopwatch, flat=flat, alone=alone, scores=scores)
    if flat and all(reason is not None for reason in found.reason):
        raise ConvergenceError(f"No item has an estimate: {found.reason[0]}.", "Use proper --priors, such as mission.")
    several = told.coding.has(responses.n_items).sum(1) > 2
    reasons: list[str | None] = np.where(several, EMPTY_CATEGORY, ONE_CATEGORY).tolist()
    for item, reason in zip(np.flatnonzero(keep), found.reason, strict=True):
        reasons[item] = reason
    with told.stopwatch.measure("summarise"):
        return fit_of_estimates(told, found, keep, reasons)


def _of_items(responses: Responses, keep: np.ndarray) -> Responses:
    """The responses to some items; persons stay, with no response if need be."""
    if keep.all():
        return responses
    used, code = keep[responses.item], np.cumsum(keep) - 1
    return dataclasses.replace(
        responses,
        person=responses.person[used],
        item=code[responses.item[used]].astype(np.int32),
        response=responses.response[used],
        item_ids=responses.item_ids.filter(pa.array(keep)),
        calibrated=responses.calibrated[keep],
    )


def _fingerprint(told: Told, priors: Any) -> dict[str, Any]:
    """What must be the same for a checkpoint to be gone on from."""
    digest = hashlib.sha256()
    for array in jax.tree.leaves(priors):
        digest.update(np.ascontiguousarray(array).tobytes())
    versions = package_versions()
    return {
        **told.options.as_dict(),
        "models": [model.name for model in told.coding.bank.models],
        "data": told.responses.data_hash,
        "anchors": digest.hexdigest(),
        **{name: versions[name] for name in ("irt-jax", "jax", "numpyro", "blackjax")},
    }
