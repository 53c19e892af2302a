"""What a calibration fits, resolved before anything is fitted: coded data, model, anchors, population, priors."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from irt_jax.contract.options import PRIORS, Options
from irt_jax.contract.prior_settings import PriorSettings, read_prior_settings
from irt_jax.data import Anchors, Responses
from irt_jax.data.read import Source
from irt_jax.errors import UsageError
from irt_jax.likelihood.joint import JointData
from irt_jax.models import Model, bank_model, flat_model
from irt_jax.models.bank import Coding
from irt_jax.models.population import Population
from irt_jax.models.priors import B_POWER, item_priors, linear_priors, no_priors
from irt_jax.plan.item_rest import ItemRest, item_rest
from irt_jax.plan.keyed import with_key
from irt_jax.plan.preparation import choose_population, code_models, prepare, unused_categories

#: With fewer free items than these, `auto` does not learn their priors: they say little about a mean and an SD, and
#: are too few to outvote the anchors.
FREE_ITEMS = 10


class Plan(NamedTuple):
    """What is fitted, and under which options.

    Attributes:
        model: item response model of the bank.
        coding: each item's own model and number of categories.
        responses: coded, of all items.
        anchors: previous estimates of items of the data; None where there are none.
        options: as they were given.
        notes: sentences for the user on what was read and resolved.
        population: distribution of the abilities, by group, with what is learned of it.
        learned: whether means and SDs of the free items' log a and b are estimated.
        settings: numbers of the priors.
        item_rest: correlation of each item with the rest of the responses.
    """

    model: Model
    coding: Coding
    responses: Responses
    anchors: Anchors | None
    options: Options
    notes: tuple[str, ...]
    population: Population
    learned: bool
    settings: PriorSettings
    item_rest: ItemRest

    @property
    def is_anchor(self) -> Bool[np.ndarray, " item"]:
        """Which items are anchors."""
        mask = np.zeros(self.responses.n_items, bool)
        if self.anchors is not None:
            mask[self.anchors.item] = True
        return mask

    @property
    def exact_without_prior(self) -> Bool[np.ndarray, " item"] | None:
        """Items whose estimates without their own priors are wanted exactly: anchors; None where none are wanted."""
        given = not self.learned and self.options.sign != "free" and self.options.priors != "flat"
        return self.is_anchor if given or self.anchors is not None else None

    def of_items(self, keep: Bool[np.ndarray, " item"]) -> "Plan":
        """The plan for some of the items; persons stay, without a response if need be.

        Args:
            keep: items that stay.
        """
        if keep.all():
            return self
        responses = self.responses
        used, code = keep[responses.item], np.cumsum(keep) - 1
        part = dataclasses.replace(
            responses,
            person=responses.person[used],
            item=code[responses.item[used]].astype(np.int32),
            response=responses.response[used],
            item_ids=responses.item_ids.filter(pa.array(keep)),
            calibrated=responses.calibrated[keep],
            item_group=None if responses.item_group is None else responses.item_group[keep],
        )
        return self._replace(responses=part, coding=self.coding.of_items(keep))


def plan_calibration(responses: Source | Responses, anchors: Source | None, options: Options) -> Plan:
    """Resolve what a calibration of some responses fits.

    Args:
        responses: what `read_responses` or `encode` gives, or anything that `read_responses` takes.
        anchors: what `read_anchors` gives, or anything that it takes.
        options: of the calibration.

    Raises:
        UsageError: a scale that nothing fixes, or anchors where nothing can use them.
        InputError: data that are not what the contract asks for.
    """
    return plan_coded(*prepare(responses, anchors, options), options)


def plan_coded(responses: Responses, anchors: Anchors | None, notes: list[str], options: Options) -> Plan:
    """Resolve what a calibration of coded responses fits.

    Args:
        responses: coded.
        anchors: among their items.
        notes: sentences for the user on how they were read.
        options: of the calibration.

    Raises:
        UsageError: a scale that nothing fixes, or anchors where nothing can use them.
        InputError: categories that an item's model does not have, or a key that fits no item.
    """
    anchored = anchors is not None and len(anchors.item) > 0
    coding, of_key = with_key(code_models(responses, options, anchors), responses, options)
    settings = _settings(options)
    population = choose_population(responses, coding, options, settings, anchored=anchored)
    n_free = responses.n_items - (len(anchors.item) if anchored and anchors is not None else 0)
    asked = options.priors == "hierarchical" or bool(settings.learned)
    by_itself = anchored and (options.priors == "auto" or (options.priors not in PRIORS and settings.learned is None))
    learned = n_free >= (2 if asked else FREE_ITEMS) and (asked or by_itself)
    if anchored:
        _refuse_anchors_without_prior(options)
    linear = options.priors == "flat" or options.sign == "free"
    return Plan(
        model=(flat_model if linear else bank_model)(coding.bank),
        coding=coding,
        responses=responses,
        anchors=anchors if anchored else None,
        options=options,
        notes=(*notes, *unused_categories(responses, coding), *of_key),
        population=population,
        learned=learned,
        settings=settings,
        item_rest=item_rest(responses, coding.scores(responses.n_items)),
    )


def _settings(options: Options) -> PriorSettings:
    """Numbers of the priors: of a TOML file, and of the options, which count more."""
    settings = read_prior_settings(options.priors) if options.priors not in PRIORS else PriorSettings()
    if options.a_prior_sd is not None:
        settings = settings._replace(log_a_sd=options.a_prior_sd)
    if options.b_prior_sd is not None:
        settings = settings._replace(b_sd=options.b_prior_sd)
    return settings


def _refuse_anchors_without_prior(options: Options) -> None:
    if options.sign == "free":
        raise UsageError(
            "--sign free has priors of slopes and intercepts, and anchors are priors of log a and b.",
            "Leave --anchors out, or use --sign positive.",
        )
    if options.priors == "flat":
        raise UsageError(
            "--priors flat is maximum likelihood without any prior, and anchors are priors.",
            "Leave --anchors out, or use --priors mission or hierarchical.",
        )


def plan_priors(plan: Plan, *, joint: bool = False) -> Any:
    """Priors of the items, as the plan's model takes them.

    Args:
        plan: of the calibration.
        joint: for abilities that are sampled beside the items.
    """
    options, responses = plan.options, plan.responses
    if options.priors == "flat":
        return no_priors(responses.n_items, plan.coding)
    if options.sign == "free":
        return linear_priors(responses.n_items, plan.coding, plan.settings)
    power = B_POWER if options.method != "mml" else 0.0  # a mode is that of log a and b, by the same programs
    return item_priors(
        responses.n_items,
        plan.anchors,
        counts=responses.item_counts if plan.learned else None,
        coding=plan.coding,
        robust=options.anchor_mode == "robust",
        settings=plan.settings,
        b_power=None if joint else power,
    )


def joint_data(responses: Responses, anchors: Anchors | None, options: Options) -> JointData:
    """Arrays of the joint log density of abilities and items.

    Args:
        responses: coded.
        anchors: among their items.
        options: of the calibration.
    """
    plan = plan_coded(responses, anchors, [], options)
    return JointData.of(responses, plan_priors(plan, joint=True), plan.population)
