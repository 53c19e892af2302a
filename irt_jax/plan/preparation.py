"""Responses and anchors, read, checked and coded, and each item's model."""

import numpy as np
import pyarrow as pa

from irt_jax.contract.options import Options
from irt_jax.contract.prior_settings import PriorSettings
from irt_jax.data import Anchors, Responses, align_anchors, encode, read_anchors, read_responses
from irt_jax.data.categories import advice_for_two, refuse_doubtful
from irt_jax.data.item_models import read_item_models
from irt_jax.data.read import Source
from irt_jax.data.split import split_by_group
from irt_jax.errors import InputError, UsageError, first_few
from irt_jax.models import MODELS, ItemModel, models_named
from irt_jax.models.bank import Coding, code_items
from irt_jax.models.population import Population, learned_population, standard_population
from irt_jax.plan.anchor_models import refuse_other_models


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
    if options.by_group:
        responses = split_by_group(responses, options.by_group, options.min_responses)
    _refuse_weights(responses)
    aligned = None if anchors is None else align_anchors(responses, read_anchors(anchors))
    return responses, aligned, _notes(responses, aligned)


def code_models(responses: Responses, options: Options, anchors: Anchors | None) -> Coding:
    """Each item's model and number of categories.

    That is one more than its largest response, or than an anchor's thresholds, or what the file of models says.

    Args:
        responses: the data.
        options: with the model.
        anchors: among the items.

    Raises:
        InputError: see `read_item_models`; names of models that there are not; categories that an item's model does not
            have; anchors that its model cannot use.
    """
    code, count = np.zeros(responses.n_items, np.int32), np.full(responses.n_items, 2)
    given = np.zeros(responses.n_items, np.int64)
    if isinstance(options.model, ItemModel):
        models = [options.model]
    elif options.model in MODELS:
        models = [MODELS[options.model]]
    else:
        names, code, given = read_item_models(options.model, responses)
        count = np.maximum(count, given)
        models = models_named(names, repr(options.model))
    polytomous = np.array([model.polytomous for model in models])[code]
    if anchors is not None:
        count[anchors.item] = np.maximum(count[anchors.item], np.isfinite(anchors.thresholds).sum(1) + 1)
    refuse_doubtful(responses, polytomous, np.where(count > 2, count, given))
    np.maximum.at(count, responses.item, responses.response + 1)
    coding = code_items(models, code, np.where(polytomous, count, 2))
    _refuse_categories(responses, coding)
    if anchors is None:
        return coding
    if options.anchor_mode == "fixed":
        coding = coding._replace(fixed=np.isin(np.arange(responses.n_items), anchors.item))
    _refuse_anchors(responses, coding, anchors)
    refuse_other_models(responses, coding, anchors)
    return coding


def _refuse_anchors(responses: Responses, coding: Coding, anchors: Anchors) -> None:
    """Anchors of nominal items, which a and b say nothing of; and fixed ones of which a parameter is not given."""
    n_items, item = responses.n_items, anchors.item
    of_anchors = lambda mask: np.broadcast_to(mask, n_items)[item]  # noqa: E731
    several = coding.has(n_items).sum(1)[item] > 2
    lacks = {
        "no a and b, as nominal items have none": of_anchors(coding.owns("slopes")),
    }
    if coding.fixed is not None:
        given = np.isfinite(anchors.thresholds).sum(1) == coding.has(n_items).sum(1)[item] - 1
        lacks |= {
            "no thresholds": of_anchors(coding.owns("thresholds")) & several & ~given,
            "no c": of_anchors(coding.owns("c")) & ~((anchors.c > 0) & (anchors.c < 1)),
            "no d": of_anchors(coding.owns("d")) & ~((anchors.d > 0) & (anchors.d < 1)),
            "an a that their model does not have": of_anchors(coding.slope("common"))
            | (of_anchors(coding.slope("one")) & ~np.isclose(anchors.a, 1.0)),
        }
    for what, bad in lacks.items():
        if bad.any():
            ids = responses.item_ids.take(pa.array(item[bad][:5])).to_pylist()
            shown = first_few(ids, total=int(bad.sum()))
            raise InputError(
                f"Expected anchors with all parameters of their models, found {what}: {shown}.",
                "Leave these anchors out, or add what is missing; --anchor-mode soft needs a and b only.",
            )


def choose_population(
    responses: Responses, coding: Coding, options: Options, settings: PriorSettings, *, anchored: bool
) -> Population:
    """Which means and SDs are learned; with several groups and no anchors all but those of the reference group.

    Args:
        responses: the data, with the groups.
        coding: each item's model.
        options: with the population and the reference group.
        settings: numbers of the priors.
        anchored: whether there are anchors, which fix the scale.

    Raises:
        UsageError: a scale that nothing fixes, or a reference group that there is not.
    """
    n_groups, reference = responses.n_groups, reference_group(responses, options)
    if options.population == "fixed" or (options.population == "auto" and not anchored and n_groups == 1):
        known = np.zeros(n_groups, bool)
    else:
        known = np.arange(n_groups) != reference if not anchored else np.ones(n_groups, bool)
    scaled = known | (bool(coding.slope("one").any()) and options.population != "fixed")
    if options.population == "free" and not scaled.any():
        raise UsageError(
            "--population free needs anchors or groups: without them nothing fixes the scale of the abilities.",
            "Give --anchors, or use --population fixed.",
        )
    if not scaled.any():
        return standard_population(n_groups)
    return learned_population(known, scaled, settings, flat=options.priors == "flat")


def reference_group(responses: Responses, options: Options) -> int:
    """Code of the group whose mean is 0 and SD is 1 where there are no anchors: the first, unless an option names one.

    Args:
        responses: the data, with the groups.
        options: with the reference group.

    Raises:
        UsageError: a group that there is not.
    """
    if options.reference_group is None or responses.group_ids is None:
        return 0
    names = responses.group_names
    if options.reference_group not in names:
        shown = first_few(names, total=len(names))
        raise UsageError(f"--reference-group {options.reference_group!r} is not among the groups: {shown}.")
    return names.index(options.reference_group)


def _refuse_categories(responses: Responses, coding: Coding) -> None:
    has = coding.has(responses.n_items).sum(1)
    outside = responses.response >= has[responses.item]
    if outside.any():
        items = np.unique(responses.item[outside])
        ids = first_few(responses.item_ids.take(pa.array(items[:5])).to_pylist(), total=len(items))
        raise InputError(
            f"Expected responses 0 and 1 in items of two categories, found {responses.response[outside].max()} as the "
            f"largest, in items {ids}.",
            advice_for_two(responses, has == 2),
        )


def unused_categories(responses: Responses, coding: Coding) -> list[str]:
    """Categories below an item's highest that nobody has, one sentence.

    Args:
        responses: the data.
        coding: each item's number of categories.
    """
    has = coding.has(responses.n_items)
    code = responses.item.astype(np.int64) * has.shape[1] + responses.response
    seen = np.bincount(code, minlength=has.size).reshape(has.shape) > 0
    empty = has & ~seen & (has.sum(1) > 2)[:, None]
    items = np.flatnonzero(empty.any(1))
    if not len(items):
        return []
    first = items[:5]
    ids = responses.item_ids.take(pa.array(first)).to_pylist()
    lacking = [", ".join(map(str, np.flatnonzero(row))) for row in empty[first]]
    shown = first_few([f"{name} ({numbers})" for name, numbers in zip(ids, lacking, strict=True)], total=len(items))
    of_nobody = np.flatnonzero(~seen[has.sum(1) > 2].any(0) & seen[:, ::-1].cumsum(1)[:, ::-1].any(0))
    of_nobody, advice = of_nobody[of_nobody > 0], ""
    if len(of_nobody):
        above = np.flatnonzero(seen.any(0))
        codes = ",".join(map(str, above[above > of_nobody[-1]]))
        advice = (
            f" No item has {', '.join(map(str, of_nobody))}: if {codes} means missing, say so with --missing {codes}; "
            "otherwise recode to consecutive numbers."
        )
    return [
        f"{len(items):,} items have categories without responses: {shown}. They keep their numbers; what the data do "
        f"not say about their thresholds follows the prior.{advice}"
    ]


def _refuse_weights(responses: Responses) -> None:
    if responses.weight is not None and not np.all(responses.weight == 1.0):
        raise InputError(
            f"Expected no person weights: abilities that are sampled one by one cannot carry them, found "
            f"weights from {responses.weight.min():g} to {responses.weight.max():g}.",
            "Leave the column weight out, or repeat each person as often as the weight says.",
        )


def _notes(responses: Responses, anchors: Anchors | None) -> list[str]:
    dropped = [f"{n:,} {name.replace('_', ' ')}" for name, n in responses.dropped.items() if n]
    notes = [*responses.notes, *([f"Left out: {', '.join(dropped)}."] if dropped else [])]
    if responses.lost is not None:
        shown = first_few(responses.lost.slice(0, 5).to_pylist(), total=len(responses.lost))
        notes.append(f"{len(responses.lost):,} persons have no response that counts and are left out: {shown}.")
    rare = int(np.sum(~responses.calibrated))
    if rare:
        notes.append(f"{rare:,} items have fewer than --min-responses and are reported as not calibrated.")
    if anchors is not None and anchors.missing:
        notes.append(f"{len(anchors.missing):,} anchors are not in the data: {first_few(anchors.missing)}.")
    return notes
