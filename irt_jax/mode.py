"""Stage 0 of every marginal method: the mode, a metric around it, and a grid that is fine enough there."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.arrays import AnyArray
from irt_jax.data import Responses
from irt_jax.engines.laplace import Mode, climb, compiled, precondition, spread
from irt_jax.engines.metric import Metric
from irt_jax.engines.packing import Shapes, unpack
from irt_jax.engines.profile import climb_profile
from irt_jax.engines.target import Position, Target
from irt_jax.errors import ConvergenceError
from irt_jax.likelihood.blocks import person_blocks
from irt_jax.likelihood.grid import first_nodes, fitting_nodes, nodes_of_abilities, refined, shifted
from irt_jax.likelihood.kernel import posterior_over_nodes
from irt_jax.likelihood.marginal import MarginalData, item_table, marginal_shapes, marginal_target, node_log_weight
from irt_jax.models.model import Model, Parameters
from irt_jax.models.population import Population

#: The quadrature error, in posterior SDs, below which a grid is good enough.
QUADRATURE_LIMIT = 0.01
#: Grids tried before giving up.
MAX_GRIDS = 12
#: A grid this many times finer than needed is replaced, since every later gradient would pay for it.
TOO_FINE = 1.6
#: The grid must do at the mode, and is refined up to this many times until it does at this many places around it, as
#: far from the mode as draws are; a normal approximation may put some of them where no draw goes.
FINER_FOR_DRAWS, CHECKED = 2, 4


class Problem(NamedTuple):
    """A marginal posterior, ready for the engines.

    Attributes:
        model: the response model.
        target: the posterior.
        data: responses, grid, population and priors.
        shapes: of the positions.
        place: where each person's posterior stands in the blocks.
    """

    model: Model
    target: Target
    data: MarginalData
    shapes: Shapes
    place: np.ndarray

    def report(self, vector: Float[AnyArray, " coordinate"]) -> dict[str, np.ndarray]:
        """Named quantities at a packed position, on their natural scales."""
        with jax.enable_x64(True):
            values = _report(self.target, self.shapes, jnp.asarray(vector), self.data)
        return {name: np.asarray(value) for name, value in values.items()}

    def position(self, mode: Mode) -> Position:
        """Where a climb ended, by name."""
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, _unpack(mode.metric.centre, self.shapes))

    def for_abilities(self) -> MarginalData:
        """The data with the finer grid that quantiles of abilities need."""
        return self.data._replace(nodes=nodes_of_abilities(self.data.nodes))

    def population(self, values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and SD of the groups, each (*draw, group), from reported quantities or the given ones."""
        if "population_mean" in values:
            return values["population_mean"], values["population_sd"]
        draws = values[self.model.parameters[0]].shape[:-1]
        mean, sd = (np.asarray(part) for part in self.data.population.sample())
        return np.broadcast_to(mean, (*draws, len(mean))), np.broadcast_to(sd, (*draws, len(sd)))


_unpack = jax.jit(unpack, static_argnums=1)


@partial(jax.jit, static_argnums=(0, 1))
def _report(target: Target, shapes: Shapes, vector: Float[Array, " coordinate"], data: Any) -> dict[str, AnyArray]:
    return target.report(unpack(vector, shapes), data)


class Located(NamedTuple):
    """A mode on a grid that is fine enough.

    Attributes:
        problem: the posterior, with that grid.
        mode: where the climb ended.
        quadrature_error: how far a finer grid would move the mode, in posterior SDs.
    """

    problem: Problem
    mode: Mode
    quadrature_error: float


def pose(model: Model, responses: Responses, priors: Any, population: Population) -> Problem:
    """Lay out the responses and choose a first grid.

    Args:
        model: the response model.
        responses: coded responses.
        priors: the model's priors.
        population: of the persons.
    """
    row = model.n_categories * responses.item + responses.response
    blocks, place = person_blocks(responses.person, row, responses.n_persons, model.n_categories * responses.n_items)
    nodes = first_nodes(int(responses.person_counts.max()))
    data = MarginalData(blocks, nodes, population, priors)
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, data)
        return Problem(model, marginal_target(model), data, marginal_shapes(model, data), place)


def locate(problem: Problem, start: Position, *, strict: bool = True) -> Located:
    """Find the mode, fit the grid to the posteriors there, until nothing changes.

    Args:
        problem: from `pose`.
        start: where to begin.
        strict: refuse a climb that does not end.

    Raises:
        ConvergenceError: no mode, or no grid that is fine enough.
    """
    position, finer, mode = start, 0, None
    for _ in range(MAX_GRIDS):
        if problem.shapes.n_shared:
            mode = climb_profile(problem.target, problem.data, position, problem.shapes, mode and mode.metric)
        else:
            mode = climb(problem.target, problem.data, position, problem.shapes)
        if strict and not mode.converged:
            raise ConvergenceError(
                f"No mode of the posterior was found in {mode.steps} Newton steps.",
                "Check the anchors and the priors for contradictions, or sample with --abilities joint.",
            )
        position = problem.position(mode)
        wanted = _wanted_nodes(problem, mode.metric)
        nodes = np.asarray(problem.data.nodes)
        present, needed = float(nodes[1] - nodes[0]), wanted[1] - wanted[0]
        covered = wanted[0] > nodes[0] - 3 * present and wanted[-1] < nodes[-1] + 3 * present
        if 0.95 * present <= needed and (finer or (covered and needed <= TOO_FINE * present)):
            error = quadrature_error(problem, mode.metric, [mode.metric.centre])
            around = 0.0 if finer >= FINER_FOR_DRAWS else quadrature_error(problem, mode.metric, _around(mode.metric))
            if max(error, around) < QUADRATURE_LIMIT / 2:
                return Located(problem, mode, error)
            wanted, finer = refined(nodes), finer + 1
        with jax.enable_x64(True):
            problem = problem._replace(data=problem.data._replace(nodes=jnp.asarray(wanted)))
    raise ConvergenceError(
        f"No grid of abilities was fine enough: with {len(problem.data.nodes)} nodes the quadrature error is still too "
        "large.",
        "Use --abilities joint, and look for items with extreme discriminations.",
    )


def _around(metric: Metric) -> list[Array]:
    """Places as far from the mode as draws go."""
    with jax.enable_x64(True):
        normal = jax.random.normal(jax.random.key(0), (CHECKED, metric.centre.size), metric.centre.dtype)
        return [metric.centre + spread(metric, z) for z in normal]


def _wanted_nodes(problem: Problem, metric: Metric) -> Float[np.ndarray, " node"]:
    values = problem.report(metric.centre)
    items = {name: values[name] for name in problem.model.parameters}
    with jax.enable_x64(True):
        table, posterior = _at_mode(problem.model, items, problem.population(values), problem.data)
    posterior = np.asarray(posterior, np.float64).reshape(-1, posterior.shape[-1])[np.unique(problem.place)]
    return fitting_nodes(posterior, np.asarray(table), np.asarray(problem.data.nodes), *_widths(problem, metric))


def _widths(problem: Problem, metric: Metric) -> tuple[float, float]:
    """How much narrower and wider than at the mode a free population gets, and with it the persons' posteriors."""
    if not problem.shapes.n_shared:
        return 1.0, 1.0
    _, at_mode = problem.population(problem.report(metric.centre))
    drawn = [problem.population(problem.report(vector))[1] / at_mode for vector in _around(metric)]
    return float(min(1.0, np.min(drawn)) ** 3), float(max(1.0, np.max(drawn)) ** 3)


@partial(jax.jit, static_argnums=0)
def _at_mode(model: Model, items: Parameters, population: Any, data: MarginalData) -> tuple[Array, Array]:
    """Table and posterior over the nodes."""
    table = item_table(model, items, data.nodes)
    return table, posterior_over_nodes(table, node_log_weight(data.nodes, *population), data.blocks)


def quadrature_error(problem: Problem, metric: Metric, vectors: Sequence[Float[AnyArray, " coordinate"]]) -> float:
    """How far a finer and a wider grid would move the estimates, in posterior standard deviations: the largest.

    The step that Newton's method would take for the difference of the gradients on the grid and on `shifted` ones;
    half of it for the grid that lies between the nodes, since the two together are the finer grid.

    Args:
        problem: with the grid in use.
        metric: around the mode.
        vectors: where to look, packed: the mode and some draws.
    """
    functions = compiled(problem.target, problem.shapes)
    with jax.enable_x64(True):
        sd = np.asarray(metric.deviations())
        shifts = []
        for vector in map(jnp.asarray, vectors):
            _, gradient = functions.value_and_gradient(vector, problem.data)
            for share, nodes in zip((0.5, 1.0, 1.0), shifted(problem.data.nodes), strict=True):
                _, other = functions.value_and_gradient(vector, problem.data._replace(nodes=nodes))
                step = precondition(metric, other - gradient)
                shifts.append(share * np.abs(np.asarray(step) / sd).max())
    return float(np.max(shifts))
