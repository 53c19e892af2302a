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
from irt_jax.engines.climb import DECREMENT, REFRESH, Mode, climb
from irt_jax.engines.laplace import compiled, precondition, spread
from irt_jax.engines.metric import Metric
from irt_jax.engines.packing import Shapes, unpack
from irt_jax.engines.profile import climb_profile
from irt_jax.engines.target import Position, Target
from irt_jax.errors import ConvergenceError
from irt_jax.likelihood.blocks import person_blocks
from irt_jax.likelihood.grid import (
    REACH,
    REACH_FREE,
    covered,
    even_nodes,
    fine_enough,
    first_nodes,
    fitting_nodes,
    nodes_of_abilities,
    refined,
    shifted,
)
from irt_jax.likelihood.kernel import marginal_log_likelihood, posterior_over_nodes
from irt_jax.likelihood.marginal import MarginalData, item_table, marginal_shapes, marginal_target, node_log_weight
from irt_jax.models.model import Model, Parameters
from irt_jax.models.population import Population
from irt_jax.names import PER_CATEGORY

#: The quadrature error, in posterior SDs, below which a grid is good enough.
QUADRATURE_LIMIT = 0.01
#: Grids tried before giving up.
MAX_GRIDS = 12
#: A grid this many times finer than needed is replaced, since every later gradient would pay for it.
TOO_FINE = 1.6
#: The grid must do at the mode, and is refined up to this many times until it does at this many places around it, as
#: far from the mode as draws are; a normal approximation may put some of them where no draw goes.
FINER_FOR_DRAWS, CHECKED = 2, 4
#: Places that tell how far a free population's SD gets.
PLACES = 32


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

    def log_likelihood(self, items: Parameters, population: Any) -> float:
        """Marginal log-likelihood of all responses, in float64 on the finer grid.

        Args:
            items: the model's parameters, first axis items.
            population: mean and SD of the groups, each (group,).
        """
        with jax.enable_x64(True):
            return float(_log_likelihood(self.model, items, population, self.for_abilities()))

    def fitted(self, items: Parameters, population: Any) -> "Problem":
        """The same with a grid that fits the persons' posteriors at given parameters.

        Args:
            items: the model's parameters, first axis items.
            population: mean and SD of the groups, each (group,).
        """
        problem = self
        for _ in range(MAX_GRIDS):
            wanted, nodes = problem.wanted_nodes(items, population), np.asarray(problem.data.nodes)
            if fine_enough(nodes, wanted) and covered(nodes, wanted):
                break
            problem = problem.on_grid(wanted)
        return problem

    def on_grid(self, nodes: Float[np.ndarray, " node"]) -> "Problem":
        """The same on another grid."""
        with jax.enable_x64(True):
            return self._replace(data=self.data._replace(nodes=jnp.asarray(nodes)))

    def wanted_nodes(self, items: Parameters, population: Any) -> Float[np.ndarray, " node"]:
        """The grid that fits the persons' posteriors, as far as the present one can show them.

        Args:
            items: the model's parameters, first axis items.
            population: mean and SD of the groups, each (group,).
        """
        reach = REACH_FREE if self.shapes.n_shared else REACH
        with jax.enable_x64(True):
            table, posterior = _at_mode(self.model, items, population, self.data)
        posterior = np.asarray(posterior, np.float64).reshape(-1, posterior.shape[-1])[np.unique(self.place)]
        return fitting_nodes(posterior, np.asarray(table), np.asarray(self.data.nodes), reach)

    def population(self, values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and SD of the groups, each (*draw, group), from reported quantities or the given ones."""
        name = self.model.parameters[0]
        draws = values[name].shape[: -2 if name in PER_CATEGORY else -1]

        def found(part: str) -> np.ndarray:
            if f"population_{part}" in values:
                return values[f"population_{part}"]
            known = np.asarray(getattr(self.data.population, part))
            return np.broadcast_to(known, (*draws, len(known)))

        return found("mean"), found("sd")


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


def locate(problem: Problem, start: Position, *, strict: bool = True, flat: bool = False) -> Located:
    """Find the mode, fit the grid to the posteriors there, until nothing changes.

    Args:
        problem: from `pose`.
        start: where to begin.
        strict: refuse a climb that does not end.
        flat: climb the density of all parameters together, as maximum likelihood has it; otherwise what is shared
            climbs with the items integrated out.

    Raises:
        ConvergenceError: no mode, or no grid that is fine enough.
    """
    position, finer, mode, by_profile = start, 0, None, bool(problem.shapes.n_shared) and not flat
    for grid in range(MAX_GRIDS):
        if by_profile:
            mode = climb_profile(problem.target, problem.data, position, problem.shapes, mode and mode.metric)
        else:
            enough = DECREMENT if grid else REFRESH  # the first grid is a guess
            mode = climb(problem.target, problem.data, position, problem.shapes, enough=enough)
        if strict and not mode.converged:
            raise ConvergenceError(
                f"No mode of the posterior was found in {mode.steps} Newton steps.",
                "Check the anchors and the priors for contradictions, or sample with --abilities joint.",
            )
        position = problem.position(mode)
        places = _around(problem, mode.metric)
        wanted = _wanted_nodes(problem, [mode.metric.centre, *places[: 2 if problem.shapes.n_shared else 0]])
        nodes = np.asarray(problem.data.nodes)
        too_fine = wanted[1] - wanted[0] > TOO_FINE * (nodes[1] - nodes[0])
        fits = fine_enough(nodes, wanted) and (finer or (covered(nodes, wanted) and not too_fine))
        if fits and not grid and not by_profile:
            continue  # the first climb was a rough one
        if fits:
            error = grid_errors(problem, mode.metric, [mode.metric.centre])
            around = grid_errors(problem, mode.metric, places) if finer < FINER_FOR_DRAWS else error
            between, beyond = (max(pair) >= QUADRATURE_LIMIT / 2 for pair in zip(error, around, strict=True))
            if not (between or beyond):
                return Located(problem, mode, max(error))
            wanted, finer = refined(nodes, between=between, beyond=beyond), finer + 1
        problem = problem.on_grid(wanted)
    raise ConvergenceError(
        f"No grid of abilities was fine enough: with {len(problem.data.nodes)} nodes the quadrature error is still too "
        "large.",
        "Use --abilities joint, and look for items with extreme discriminations.",
    )


def _around(problem: Problem, metric: Metric) -> list[Array]:
    """Places as far from the mode as draws go; a free population's smallest and largest SDs come first."""
    count = PLACES if problem.shapes.n_shared else CHECKED
    with jax.enable_x64(True):
        normal = jax.random.normal(jax.random.key(0), (count, metric.centre.size), metric.centre.dtype)
        places = [metric.centre + spread(metric, z) for z in normal]
    if not problem.shapes.n_shared:
        return places
    order = np.argsort([problem.population(problem.report(vector))[1].max() for vector in places])
    return [places[i] for i in order[[0, -1, 1, -2]]]


def _wanted_nodes(problem: Problem, places: Sequence[Float[AnyArray, " coordinate"]]) -> Float[np.ndarray, " node"]:
    """The grid that fits at all of some places."""
    grids = []
    for vector in places:
        values = problem.report(vector)
        items = {name: values[name] for name in problem.model.parameters}
        grids.append(problem.wanted_nodes(items, problem.population(values)))
    if len(grids) == 1:
        return grids[0]
    spacing = min(grid[1] - grid[0] for grid in grids)
    return even_nodes(min(grid[0] for grid in grids), max(grid[-1] for grid in grids), spacing)


@partial(jax.jit, static_argnums=0)
def _at_mode(model: Model, items: Parameters, population: Any, data: MarginalData) -> tuple[Array, Array]:
    """Table and posterior over the nodes."""
    table = item_table(model, {**items, **model.constants(data.priors)}, data.nodes)
    return table, posterior_over_nodes(table, node_log_weight(data.nodes, *population), data.blocks)


@partial(jax.jit, static_argnums=0)
def _log_likelihood(model: Model, items: Parameters, population: Any, data: MarginalData) -> Array:
    items = {name: jnp.asarray(value, jnp.float64) for name, value in items.items()}
    table = item_table(model, {**items, **model.constants(data.priors)}, data.nodes)
    return marginal_log_likelihood(table, node_log_weight(data.nodes, *population), data.blocks)


def quadrature_error(problem: Problem, metric: Metric, vectors: Sequence[Float[AnyArray, " coordinate"]]) -> float:
    """How far a finer and a wider grid would move the estimates, in posterior standard deviations: the largest.

    Args:
        problem: with the grid in use.
        metric: around the mode.
        vectors: where to look, packed: the mode and some draws.
    """
    return max(grid_errors(problem, metric, vectors))


def grid_errors(
    problem: Problem, metric: Metric, vectors: Sequence[Float[AnyArray, " coordinate"]]
) -> tuple[float, float]:
    """What is lost between the nodes and beyond the ends of the grid, in posterior standard deviations.

    The step that Newton's method would take for the difference of the gradients on the grid and on `shifted` ones;
    half of it for the grid that lies between the nodes, since the two together are the finer grid.

    Args:
        problem: with the grid in use.
        metric: around the mode.
        vectors: where to look, packed.
    """
    functions = compiled(problem.target, problem.shapes)
    with jax.enable_x64(True):
        sd = np.asarray(metric.deviations())
        shifts = []
        for vector in map(jnp.asarray, vectors):
            _, gradient = functions.value_and_gradient(vector, problem.data)
            for nodes in shifted(problem.data.nodes):
                _, other = functions.value_and_gradient(vector, problem.data._replace(nodes=nodes))
                shifts.append(np.abs(np.asarray(precondition(metric, other - gradient)) / sd).max())
    between, *beyond = np.max(np.reshape(shifts, (len(vectors), -1)), axis=0)
    return float(between) / 2, float(max(beyond))
