"""From coded responses to draws and abilities: the joint posterior, or the marginal one."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from irt_jax.abilities import Abilities, mean_posterior, summarise_abilities
from irt_jax.data import Responses
from irt_jax.engines.checkpoint import Checkpoint
from irt_jax.engines.devices import prepare_devices
from irt_jax.engines.laplace import Metric, find_mode, position_shapes, unpack, whitened_target
from irt_jax.engines.nuts import nuts
from irt_jax.engines.settings import Draws, Progress, ProgressCallback, Settings
from irt_jax.engines.target import Position, Target
from irt_jax.errors import ConvergenceError
from irt_jax.likelihood.blocks import person_blocks
from irt_jax.likelihood.grid import FIRST_NODES, fitting_nodes, quadrature_error, refined
from irt_jax.likelihood.joint import JointData, joint_target
from irt_jax.likelihood.kernel import posterior_over_nodes
from irt_jax.likelihood.marginal import MarginalData, item_table, marginal_target, node_log_weight
from irt_jax.models.model import Model
from irt_jax.posterior import marginals
from irt_jax.timing import Stopwatch

#: The quadrature error, in posterior SDs, below which a grid is good enough.
QUADRATURE_LIMIT = 0.01
#: Grids tried before giving up.
MAX_GRIDS = 12
#: Draws, besides the mode, at which the finished run's grid is checked.
CHECKED_DRAWS = 4


class Sampled(NamedTuple):
    """What either posterior gives.

    Attributes:
        draws: item parameters (and theta, where it was sampled), statistics, timings, device.
        abilities: of every person.
        quadrature_error: in posterior SDs; None where nothing was integrated.
    """

    draws: Draws
    abilities: Abilities
    quadrature_error: float | None


class Run(NamedTuple):
    """What a run is told besides the data and the model.

    Attributes:
        settings: of the sampler.
        seed: of every random number.
        interval: probability mass of the intervals.
        progress: called as the run goes on.
        checkpoint: keeps what was drawn.
        stopwatch: takes the stages' seconds.
    """

    settings: Settings
    seed: int
    interval: float
    progress: ProgressCallback | None
    checkpoint: Checkpoint | None
    stopwatch: Stopwatch


def sample_joint(model: Model, responses: Responses, priors: Any, run: Run) -> Sampled:
    """Sample abilities beside the items.

    Args:
        model: the response model.
        responses: coded responses.
        priors: the model's priors, arrays over items.
        run: options and helpers.
    """
    data = joint_data(responses, priors)
    draws = _nuts(joint_target(model), data, run)
    theta = draws.values["theta"]
    with run.stopwatch.measure("summarise"):
        abilities = Abilities(*marginals(theta, run.interval))
    return Sampled(draws, abilities, None)


def joint_data(responses: Responses, priors: Any) -> JointData:
    """Arrays of the joint model; abilities are N(0, 1)."""
    return JointData(
        person=responses.person,
        item=responses.item,
        response=responses.response,
        ability_mean=np.zeros(responses.n_persons),
        ability_sd=np.ones(responses.n_persons),
        priors=priors,
    )


def sample_marginal(model: Model, responses: Responses, priors: Any, run: Run) -> Sampled:
    """Integrate abilities out, sample the items around the mode, then average the abilities over the draws.

    Args:
        model: the response model.
        responses: coded responses.
        priors: the model's priors, arrays over items.
        run: options and helpers.

    Raises:
        ConvergenceError: no mode, or no grid that is fine enough.
    """
    prepare_devices(run.settings.devices)
    target = marginal_target(model)
    start = model.start(responses.item, responses.response, priors)
    with run.stopwatch.measure("mode"), jax.enable_x64(True):
        if run.progress:
            run.progress(Progress("mode", 0, 1))
        row = model.n_categories * responses.item + responses.response
        blocks, place = person_blocks(
            responses.person, row, responses.n_persons, model.n_categories * responses.n_items
        )
        data = MarginalData(blocks, FIRST_NODES, np.zeros(1), np.ones(1), priors)
        data, metric, error = _fit_grid(model, target, jax.tree.map(jnp.asarray, data), start)
        if run.progress:
            run.progress(Progress("mode", 1, 1))

    draws = _nuts(whitened_target(target, position_shapes(start)), (data, metric), run)
    with run.stopwatch.measure("summarise"), jax.enable_x64(True):
        items = {name: draws.values[name].reshape(-1, responses.n_items) for name in model.parameters}
        posterior = np.asarray(mean_posterior(model, items, data))
        abilities = summarise_abilities(posterior.reshape(-1, posterior.shape[-1]), place, data.nodes, run.interval)
        error = max(error, _error_at_draws(target, data, metric, start, draws))
    return Sampled(draws, abilities, error)


def _nuts(target: Target, data: Any, run: Run) -> Draws:
    draws = nuts(target, data, run.settings, run.seed, progress=run.progress, checkpoint=run.checkpoint)
    for stage, seconds in draws.timings.items():
        run.stopwatch.add(stage.removesuffix("_s"), seconds)
    return draws


def _fit_grid(model: Model, target: Target, data: MarginalData, start: Position) -> tuple[MarginalData, Metric, float]:
    """Find the mode, fit the grid to the posteriors there, and again until a finer grid changes nothing."""
    position = start
    for _ in range(MAX_GRIDS):
        metric = find_mode(target, data, position)
        position = unpack(metric.centre, start)
        items = target.report(position, data)
        table = item_table(model, {name: items[name] for name in model.parameters}, data.nodes)
        log_weight = node_log_weight(data.nodes, data.ability_mean, data.ability_sd)
        posterior = np.asarray(posterior_over_nodes(table, log_weight, data.blocks)).reshape(-1, table.shape[1])
        wanted = jnp.asarray(fitting_nodes(posterior, np.asarray(table), np.asarray(data.nodes)))
        spacing = data.nodes[1] - data.nodes[0]
        if wanted[1] - wanted[0] >= 0.95 * spacing:
            error = quadrature_error(target, data, _finer(data), metric, [position])
            if error < QUADRATURE_LIMIT / 2:
                return data, metric, error
            wanted = jnp.asarray(refined(np.asarray(data.nodes)))
        data = data._replace(nodes=wanted)
    raise ConvergenceError(
        f"No grid of abilities was fine enough: with {len(data.nodes)} nodes the quadrature error is still too large.",
        "Use --abilities joint, and look for items with extreme discriminations.",
    )


def _finer(data: MarginalData) -> MarginalData:
    return data._replace(nodes=jnp.asarray(refined(np.asarray(data.nodes))))


def _error_at_draws(target: Target, data: MarginalData, metric: Metric, like: Position, draws: Draws) -> float:
    z = draws.values["z"].reshape(-1, draws.values["z"].shape[-1])
    chosen = z[np.linspace(0, len(z) - 1, CHECKED_DRAWS).astype(int)]
    positions = [unpack(metric.centre + metric.spread(jnp.asarray(point)), like) for point in chosen]
    return quadrature_error(target, data, _finer(data), metric, positions)
