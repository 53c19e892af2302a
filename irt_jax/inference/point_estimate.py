"""Point estimates of the marginal model: maximum likelihood or the posterior's mode, with standard errors.

Standard errors are square roots of the diagonal of the inverse observed information; those of a, b and log a follow by
the delta method, and intervals are Wald's. Source: Louis (1982), JRSS B 44; Pritikin (2017), Journal of Educational
and Behavioral Statistics 42, for the observed information in item response models.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float

from irt_jax.abilities import Marginals, Populations, mean_posterior, summarise_abilities
from irt_jax.contract.names import LEARNED_DRAWS
from irt_jax.data import Responses
from irt_jax.inference.delta_method import shared_slopes, slopes
from irt_jax.inference.direction import upright
from irt_jax.inference.laplace.covariance import covariance
from irt_jax.inference.laplace.hessian import with_directions
from irt_jax.inference.marginal_posterior import Problem, pose
from irt_jax.inference.maximum import LARGEST_SLOPE, locate_maximum
from irt_jax.inference.mode import locate_best
from irt_jax.inference.prior_free import without_own_priors
from irt_jax.inference.reserved import Reserved, reservations
from irt_jax.inference.ridge import undetermined
from irt_jax.models.model import Model
from irt_jax.models.population import Population
from irt_jax.runtime.arrays import AnyArray
from irt_jax.runtime.compilation import compilation_apart
from irt_jax.runtime.devices import prepare_devices
from irt_jax.runtime.stopwatch import Stopwatch

#: What is reported of each item, where the model has it.
REPORTED = ("a", "b", "log_a", "c", "d", "intercept", "thresholds", "slopes", "intercepts")
#: Why an item has no estimate.
ENDLESS = (
    f"the likelihood has no maximum: the discrimination grows beyond {LARGEST_SLOPE:g}, without end; the other items' "
    "estimates are those without this one"
)
UNDETERMINED = "the responses do not determine its parameters: the likelihood is flat along a line"


class Estimated(NamedTuple):
    """Point estimates.

    Attributes:
        values: by name, each (item,).
        covariance: of the reported parameters, (item, column, column).
        columns: which columns each of them has: one, or one a category but the first.
        population: mean and SD, each (group,).
        abilities: EAP, SD and interval of every person, given the estimates.
        log_likelihood: marginal, at the estimates.
        problem: the posterior, on the grid of the estimates.
        curves: item parameters at the maximum, by name; no value at a boundary is rounded to it.
        reason: why an item has no estimate, or None; one an item.
        quadrature_error: in standard errors.
        relative_error: of the standard errors.
        converged: whether the climb ended at a maximum.
        steps: Newton steps.
        device: in words.
        ahead: see `Located`.
        free: estimates without the items' own priors, see `own_prior`; empty where there are no priors.
        reserved: what of them is not said.
        priors: learned priors by name, each with `mean`, the estimate, and `sd`, its standard error.
    """

    values: dict[str, np.ndarray]
    covariance: Float[np.ndarray, "item column column"]
    columns: dict[str, np.ndarray]
    population: tuple[np.ndarray, np.ndarray]
    abilities: Marginals
    log_likelihood: float
    problem: Problem
    curves: dict[str, np.ndarray]
    reason: list[str | None]
    quadrature_error: float
    relative_error: float
    converged: bool
    steps: int
    device: str
    ahead: float | None = None
    free: Mapping[str, np.ndarray] = MappingProxyType({})
    reserved: Reserved = Reserved()
    priors: Mapping[str, Any] = MappingProxyType({})


def estimate(
    model: Model,
    responses: Responses,
    priors: Any,
    population: Population,
    interval: float,
    stopwatch: Stopwatch,
    *,
    flat: bool = False,
    alone: Bool[np.ndarray, " item"] | None = None,
) -> Estimated:
    """Climb to the maximum and invert the information there.

    Args:
        model: the response model.
        responses: coded responses, of items that can be estimated.
        priors: the model's priors.
        population: of the persons.
        interval: probability mass of the abilities' intervals.
        stopwatch: takes the stages' seconds.
        flat: whether there are no priors, so that what is shared is estimated beside the items.
        alone: items whose estimates without their own priors are wanted exactly; None where none are wanted at all.

    Raises:
        ConvergenceError: no grid that is fine enough.
    """
    prepare_devices()
    with compilation_apart(stopwatch, "mode"):
        problem = pose(model, responses, priors, population)
        start = {**model.start(responses.item, responses.response, priors), **population.start()}
        if flat:
            problem = problem.for_climbs(len(responses.item))
        maximum = locate_maximum(problem, start) if flat else None
        located = maximum.located if maximum else locate_best(problem, start, strict=False)
        problem, mode, error, ahead, _ = upright(located, strict=False, flat=flat)
    with compilation_apart(stopwatch, "information"):
        metric = with_directions(problem.functions, problem.data, mode.metric, problem.shapes)
        own = covariance(problem.functions, problem.data, metric, problem.shapes, together=flat)
        values = problem.report(metric.centre)
        names = tuple(name for name in REPORTED if name in values)
        widths = [int(np.prod(values[name].shape[1:])) for name in names]
        ends = np.cumsum(widths)
        derivatives = slopes(problem, names, metric.centre)
        with np.errstate(invalid="ignore", over="ignore"):  # b of a slope of zero
            reported = np.einsum("nik,ikl,mil->inm", derivatives, own.blocks, derivatives)
    with compilation_apart(stopwatch, "information"):
        columns = {name: np.arange(end - width, end) for name, width, end in zip(names, widths, ends, strict=True)}
        variance = np.maximum(np.diagonal(reported, axis1=1, axis2=2), 0.0)
        errors = {name: np.sqrt(variance[:, place[0]]) for name, place in columns.items()}
        reserved = reservations(maximum, values, errors, interval)
    with compilation_apart(stopwatch, "anchors"):
        free = {} if alone is None else without_own_priors(problem, metric, responses, alone, own.blocks)
    with compilation_apart(stopwatch, "summarise"):
        abilities = _abilities(problem, values, interval)
        items = {name: values[name] for name in problem.model.parameters}
        log_likelihood = problem.log_likelihood(items, problem.population(values))
    endless = maximum.endless if maximum else np.zeros(responses.n_items, bool)
    log_likelihood -= _apart(responses, endless)
    for name, at in maximum.at_boundary.items() if maximum else ():
        values[name] = np.where(at, np.round(values[name]), values[name])
    information = partial(problem.functions.blocks, metric.centre, problem.data)
    reason = _reasons(endless, undetermined(problem.shapes, own.blocks, information))
    device = jax.devices()[0]
    return Estimated(
        {name: values[name] for name in (*names, *problem.model.parameters, "p_released") if name in values},
        reported,
        columns,
        problem.population(values),
        abilities,
        log_likelihood,
        problem,
        items,
        reason,
        error,
        own.relative_error,
        mode.converged,
        mode.steps,
        f"1 x {device.device_kind} ({device.platform})",
        ahead,
        free,
        reserved,
        _learned(problem, metric.centre, values, own.blocks),
    )


def _learned(
    problem: Problem, centre: AnyArray, values: dict[str, np.ndarray], blocks: Float[np.ndarray, "item own own"]
) -> dict[str, dict[str, float]]:
    """Estimates of learned priors, with standard errors by the delta method."""
    names = tuple(name for name in LEARNED_DRAWS if name in values)
    if not names:
        return {}
    p = problem.shapes.block_size
    derivatives, covariance = shared_slopes(problem, names, centre), blocks[0, p:, p:]
    errors = np.sqrt(np.einsum("nk,kl,nl->n", derivatives, covariance, derivatives))
    return {name: {"mean": float(values[name]), "sd": float(error)} for name, error in zip(names, errors, strict=True)}


def _abilities(problem: Problem, values: dict[str, np.ndarray], interval: float) -> Marginals:
    items = {name: values[name][None] for name in problem.model.parameters}
    populations = Populations(*(part[None] for part in problem.population(values)))
    data = problem.for_abilities()
    posterior = mean_posterior(problem.model, items, populations, data)
    return summarise_abilities(posterior.reshape(-1, len(data.nodes)), problem.place, data.nodes, interval)


def _apart(responses: Responses, items: Bool[np.ndarray, " item"]) -> float:
    """Log-likelihood of items whose responses do not depend on ability: by the shares of their categories."""
    if not items.any():
        return 0.0
    count = np.zeros((responses.n_items, int(responses.response.max()) + 1))
    np.add.at(count, (responses.item, responses.response), 1.0)
    count = count[items]
    share = count / count.sum(1, keepdims=True)
    return float((count * np.log(np.where(count > 0, share, 1.0))).sum())


def _reasons(endless: Bool[np.ndarray, " item"], flat: Bool[np.ndarray, " item"]) -> list[str | None]:
    return [ENDLESS if one else UNDETERMINED if other else None for one, other in zip(endless, flat, strict=True)]


def estimable(responses: Responses, has: Bool[np.ndarray, "item category"]) -> Bool[np.ndarray, " item"]:
    """Items with responses in all of their categories: the others have no maximum of the likelihood.

    Args:
        responses: coded responses.
        has: which categories each item has, at least two.
    """
    seen = np.zeros(has.shape, bool)
    seen[responses.item, responses.response] = True
    return np.logical_not((has & ~seen).any(1))
