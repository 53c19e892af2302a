"""From coded responses to draws and abilities: the joint posterior, or the marginal one."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool

from irt_jax.abilities import Marginals, Populations, draw_abilities, marginals, mean_posterior, summarise_abilities
from irt_jax.contract.sampler_settings import Draws, Progress, ProgressCallback, Settings
from irt_jax.data import Responses
from irt_jax.inference.direction import upright
from irt_jax.inference.laplace.hessian import spread, with_directions
from irt_jax.inference.laplace.metric import Metric
from irt_jax.inference.laplace.whitened import whitened_target
from irt_jax.inference.marginal_posterior import Problem, pose
from irt_jax.inference.mode import QUADRATURE_LIMIT, grid_errors, locate_best
from irt_jax.inference.prior_free import without_own_priors
from irt_jax.inference.samplers.checkpoint import Checkpoint
from irt_jax.likelihood.joint import JointData, joint_target
from irt_jax.likelihood.log_density import Target
from irt_jax.likelihood.quadrature import refined
from irt_jax.models.model import Model
from irt_jax.models.population import Population
from irt_jax.runtime.compilation import compilation_apart
from irt_jax.runtime.devices import prepare_devices
from irt_jax.runtime.stopwatch import Stopwatch

#: Draws, besides the mode, at which the finished run's grid is checked.
CHECKED_DRAWS = 4
#: Where the grid is too coarse there, draws are drawn again on a finer one, so often at most: with few responses the
#: posterior may reach where the normal approximation at the mode, which chose the grid, does not.
FINER_AFTER_DRAWS = 2
#: Abilities are averaged over all draws up to this many persons times nodes times draws, about a second on two cores,
#: and over at least this many draws, evenly spaced: the items move an ability's mean by a small part of its SD, so that
#: a thousand draws leave less than a hundredth of an SD.
AVERAGED, AVERAGED_DRAWS = 2e8, 1000
#: Another mode is not worth a word if its log density is lower by more: a thousandth of the mass.
FAR_AHEAD = 7.0


class Sampled(NamedTuple):
    """What either posterior gives.

    Attributes:
        draws: item parameters (and theta, where it was sampled or kept), statistics, timings, device.
        abilities: of every person.
        problem: the marginal posterior with a grid that fits.
        quadrature_error: in posterior SDs; None where nothing was integrated.
        notes: what was left out, one sentence each.
        free: estimates without the items' own priors, see `own_prior`; empty where no mode was looked for.
    """

    draws: Draws
    abilities: Marginals
    problem: Problem
    quadrature_error: float | None
    notes: tuple[str, ...] = ()
    free: Mapping[str, np.ndarray] = MappingProxyType({})


class Run(NamedTuple):
    """Options and helpers of a run, besides the data and the model.

    Attributes:
        method: name of the sampler.
        settings: of the sampler.
        seed: of every random number.
        interval: probability mass of the intervals.
        ability_values: persons times draws up to which draws of the abilities are kept.
        progress: called as the run goes on.
        checkpoint: keeps what was drawn.
        stopwatch: takes the stages' seconds.
        alone: items whose estimates without their own priors are wanted exactly; None where none are wanted at all.
    """

    method: str
    settings: Settings
    seed: int
    interval: float
    ability_values: int
    progress: ProgressCallback | None
    checkpoint: Checkpoint | None
    stopwatch: Stopwatch
    alone: Bool[np.ndarray, " item"] | None = None


def sample_joint(model: Model, responses: Responses, priors: Any, population: Population, run: Run) -> Sampled:
    """Sample abilities beside the items.

    Args:
        model: the response model.
        responses: coded responses.
        priors: the model's priors, arrays over items.
        population: of the persons.
        run: options and helpers.
    """
    data = JointData.of(responses, priors, population)
    draws = _drawn(joint_target(model), data, run)
    draws = draws._replace(values=model.align(draws.values, priors))
    with run.stopwatch.measure("summarise"):
        abilities = marginals(draws.values["theta"], run.interval)
        problem = pose(model, responses, priors, population)
        means = {name: value.mean((0, 1)) for name, value in draws.values.items()}
        problem = problem.fitted({name: means[name] for name in model.parameters}, problem.population(means))
    return Sampled(draws, abilities, problem, None)


def sample_marginal(model: Model, responses: Responses, priors: Any, population: Population, run: Run) -> Sampled:
    """Integrate abilities out, sample the items around the mode, then the abilities given the items.

    Args:
        model: the response model.
        responses: coded responses.
        priors: the model's priors, arrays over items.
        population: of the persons.
        run: options and helpers.

    Raises:
        ConvergenceError: no mode, or no grid that is fine enough.
    """
    prepare_devices(run.settings.devices)
    with compilation_apart(run.stopwatch, "mode"):
        if run.progress:
            run.progress(Progress("mode", 0, 1))
        problem = pose(model, responses, priors, population)
        start = {**model.start(responses.item, responses.response, priors), **population.start()}
        problem, mode, error, ahead, _ = upright(locate_best(problem, start))
        metric = with_directions(problem.functions, problem.data, mode.metric, problem.shapes)
        if run.progress:
            run.progress(Progress("mode", 1, 1))

    begun = {} if run.checkpoint is None else run.checkpoint.about
    problem = problem.on_grid(begun["nodes"]) if "nodes" in begun else problem
    for finer in range(int(begun.get("finer", 0)), FINER_AFTER_DRAWS + 1):
        draws = _drawn(whitened_target(problem.target, problem.shapes), (problem.data, metric), run)
        with compilation_apart(run.stopwatch, "summarise"):
            between, beyond = _errors_at_draws(problem, metric, draws)
        if max(between, beyond) < QUADRATURE_LIMIT or finer == FINER_AFTER_DRAWS:
            break
        nodes = np.asarray(problem.data.nodes)
        lacks = {"between": between >= QUADRATURE_LIMIT / 2, "beyond": beyond >= QUADRATURE_LIMIT / 2}
        wanted = refined(nodes, **lacks)
        problem = problem.on_grid(wanted, problem.report(metric.centre))
        if run.checkpoint is not None:
            run.checkpoint.resume = False  # what it holds is of the coarser grid
            run.checkpoint.about = {"nodes": np.asarray(wanted), "finer": np.array(finer + 1)}
    draws = draws._replace(values=model.align(draws.values, priors))
    with compilation_apart(run.stopwatch, "summarise"):
        error = max(error, between, beyond)
        draws, abilities, notes = _abilities(problem, draws, run)
    with compilation_apart(run.stopwatch, "anchors"):
        free = {} if run.alone is None else without_own_priors(problem, metric, responses, run.alone)
    return Sampled(draws, abilities, problem, error, (*notes, *other_mode(ahead)), free)


def other_mode(ahead: float | None) -> tuple[str, ...]:
    """A sentence on another mode of the posterior, if there is one that counts.

    Args:
        ahead: see `Located`.
    """
    if ahead is None or ahead > FAR_AHEAD:
        return ()
    return (
        f"The posterior has another mode, whose log density is lower by {ahead:.2g}: another set of anchors may have "
        "drifted. Draws and estimates are around the higher one.",
    )


def _drawn(target: Target, data: Any, run: Run) -> Draws:
    draws = _engine(run.method)(target, data, run.settings, run.seed, progress=run.progress, checkpoint=run.checkpoint)
    for stage, seconds in draws.timings.items():
        run.stopwatch.add(stage.removesuffix("_s"), seconds)
    return draws


def _engine(method: str) -> Callable[..., Draws]:
    """A sampler by the name that users type; BlackJAX starts JAX when it is imported, so that comes late."""
    if method == "hmc":
        from irt_jax.inference.samplers.hmc import hmc

        return hmc
    from irt_jax.inference.samplers.nuts import nuts

    return nuts


def _abilities(problem: Problem, draws: Draws, run: Run) -> tuple[Draws, Marginals, tuple[str, ...]]:
    """Summaries over the draws, and the draws of the abilities themselves where they are not too many."""
    n_chains, n_draws = draws.stats["lp"].shape
    mean, sd = problem.population(draws.values)
    flat = {name: draws.values[name].reshape(-1, *draws.values[name].shape[2:]) for name in problem.model.parameters}
    populations = Populations(mean.reshape(-1, mean.shape[-1]), sd.reshape(-1, sd.shape[-1]))
    data = problem.for_abilities()
    wanted = max(AVERAGED_DRAWS, int(AVERAGED / (len(problem.place) * len(data.nodes))))
    chosen = np.unique(np.linspace(0, n_chains * n_draws - 1, wanted).astype(int))
    some = {name: value[chosen] for name, value in flat.items()}
    posterior = mean_posterior(problem.model, some, Populations(*(p[chosen] for p in populations)), data)
    posterior = posterior.reshape(-1, len(data.nodes))
    abilities = summarise_abilities(posterior, problem.place, data.nodes, run.interval)
    n_values = n_chains * n_draws * len(problem.place)
    if n_values > run.ability_values:
        note = (
            f"posterior.nc has no draws of the abilities, {n_values:,} of them: --ability-values allows "
            f"{run.ability_values:,}."
        )
        return draws, abilities, (note,)
    key = jax.random.fold_in(jax.random.key(run.seed), 1)
    theta = draw_abilities(problem.model, flat, populations, data, problem.place, key)
    values = {**draws.values, "theta": theta.reshape(n_chains, n_draws, -1)}
    return draws._replace(values=values), abilities, ()


def _errors_at_draws(problem: Problem, metric: Metric, draws: Draws) -> tuple[float, float]:
    """See `grid_errors`."""
    with jax.enable_x64(True):
        chosen = draws.last["z"][:CHECKED_DRAWS]
        vectors = [np.asarray(metric.centre) + np.asarray(spread(metric, point)) for point in chosen]
    return grid_errors(problem, metric, vectors)
