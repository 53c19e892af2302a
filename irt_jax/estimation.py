"""Point estimates of the marginal model: maximum likelihood or the posterior's mode, with standard errors.

Standard errors are square roots of the diagonal of the inverse observed information; those of a, b and log a follow by
the delta method, and intervals are Wald's. Source: Louis (1982), JRSS B 44; Pritikin (2017), Journal of Educational
and Behavioral Statistics 42, for the observed information in item response models.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from irt_jax.abilities import Marginals, Populations, mean_posterior, summarise_abilities
from irt_jax.compiling import compilation_apart
from irt_jax.data import Responses
from irt_jax.engines.covariance import covariance
from irt_jax.engines.devices import prepare_devices
from irt_jax.engines.laplace import with_directions
from irt_jax.engines.packing import Shapes, unpack
from irt_jax.engines.target import Target
from irt_jax.likelihood.marginal import MarginalData
from irt_jax.mode import Problem, locate, pose
from irt_jax.models.model import Model
from irt_jax.models.population import Population
from irt_jax.timing import Stopwatch

#: What is reported of each item, where the model has it.
REPORTED = ("a", "b", "log_a", "c", "d", "thresholds", "slopes", "intercepts")
#: A discrimination beyond this, on a population of SD 1, is no estimate: the likelihood grows without end.
LARGEST_SLOPE = 25.0


class Estimated(NamedTuple):
    """Point estimates.

    Attributes:
        values: by name, each (item,).
        covariance: of the reported parameters, (item, column, column).
        columns: which columns each of them has: one, or one a category but the first.
        population: mean and SD, each (group,).
        abilities: EAP, SD and interval of every person, given the estimates.
        log_likelihood: marginal, at the estimates.
        reason: why an item has no estimate, or None; one an item.
        quadrature_error: in standard errors.
        relative_error: of the standard errors.
        converged: whether the climb ended at a maximum.
        steps: Newton steps.
        device: in words.
    """

    values: dict[str, np.ndarray]
    covariance: Float[np.ndarray, "item column column"]
    columns: dict[str, np.ndarray]
    population: tuple[np.ndarray, np.ndarray]
    abilities: Marginals
    log_likelihood: float
    reason: list[str | None]
    quadrature_error: float
    relative_error: float
    converged: bool
    steps: int
    device: str


def estimate(
    model: Model,
    responses: Responses,
    priors: Any,
    population: Population,
    interval: float,
    stopwatch: Stopwatch,
    *,
    flat: bool = False,
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

    Raises:
        ConvergenceError: no grid that is fine enough.
    """
    prepare_devices()
    with compilation_apart(stopwatch, "mode"):
        problem = pose(model, responses, priors, population)
        start = {**model.start(responses.item, responses.response, priors), **population.start()}
        problem, mode, error = locate(problem, start, strict=False, flat=flat)
    with compilation_apart(stopwatch, "information"):
        metric = with_directions(problem.target, problem.data, mode.metric, problem.shapes)
        own = covariance(problem.target, problem.data, metric, problem.shapes, together=flat)
        values = problem.report(metric.centre)
        names = tuple(name for name in REPORTED if name in values)
        widths = [int(np.prod(values[name].shape[1:])) for name in names]
        slopes = _slopes(problem, names, metric.centre)
        reported = np.einsum("nik,ikl,mil->inm", slopes, own.blocks, slopes)
    with compilation_apart(stopwatch, "summarise"):
        abilities = _abilities(problem, values, interval)
        items = {name: values[name] for name in problem.model.parameters}
        log_likelihood = problem.log_likelihood(items, problem.population(values))
    reason = _reasons(values["a" if "a" in values else "slopes"], own.blocks)
    device = jax.devices()[0]
    return Estimated(
        {name: values[name] for name in (*names, *problem.model.parameters)},
        reported,
        {name: np.arange(end - width, end) for name, width, end in zip(names, widths, np.cumsum(widths), strict=True)},
        problem.population(values),
        abilities,
        log_likelihood,
        reason,
        error,
        own.relative_error,
        mode.converged or any(reason),
        mode.steps,
        f"1 x {device.device_kind} ({device.platform})",
    )


def _abilities(problem: Problem, values: dict[str, np.ndarray], interval: float) -> Marginals:
    items = {name: values[name][None] for name in problem.model.parameters}
    populations = Populations(*(part[None] for part in problem.population(values)))
    data = problem.for_abilities()
    posterior = np.asarray(mean_posterior(problem.model, items, populations, data))
    return summarise_abilities(posterior.reshape(-1, len(data.nodes)), problem.place, data.nodes, interval)


def _slopes(problem: Problem, names: tuple[str, ...], centre: Array) -> Float[np.ndarray, "column item own"]:
    """Derivatives of the reported parameters by each item's own and by the shared coordinates."""
    with jax.enable_x64(True):
        found = _derivatives(problem.target, problem.shapes, names, centre, problem.data)
    return np.asarray(found)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _derivatives(
    target: Target, shapes: Shapes, names: tuple[str, ...], centre: Array, data: MarginalData
) -> Float[Array, "column item own"]:
    n, p = shapes.n_blocks, shapes.block_size

    def reported(x: Array) -> Array:
        values = target.report(unpack(x, shapes), data)
        return jnp.concatenate([values[name].reshape(n, -1).T for name in names])

    own = jnp.pad(jnp.tile(jnp.eye(p), (1, n)), ((0, 0), (0, shapes.n_shared)))
    shared = jnp.eye(shapes.n_shared, shapes.size, n * p)
    units = jnp.concatenate([own, shared])
    columns = [jax.jvp(reported, (centre,), (unit,))[1] for unit in units]
    return jnp.stack(columns, axis=-1)


def _reasons(a: np.ndarray, blocks: np.ndarray) -> list[str | None]:
    endless = (np.abs(a) > LARGEST_SLOPE).reshape(len(a), -1).any(1)
    unusable = ~(np.diagonal(blocks, axis1=1, axis2=2) > 0).all(1)
    text = "the likelihood has no maximum: the discrimination or an asymptote's log odds grow without end"
    return [text if bad else None for bad in endless | unusable]


def estimable(responses: Responses, has: Bool[np.ndarray, "item category"]) -> Bool[np.ndarray, " item"]:
    """Items with responses in all of their categories: the others have no maximum of the likelihood.

    Args:
        responses: coded responses.
        has: which categories each item has, at least two.
    """
    seen = np.zeros(has.shape, bool)
    seen[responses.item, responses.response] = True
    return np.logical_not((has & ~seen).any(1))
