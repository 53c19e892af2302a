"""A marginal posterior, ready for the engines, and what can be asked of it."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
from jaxtyping import Array, Bool, Float

from irt_jax.contract.names import PER_CATEGORY
from irt_jax.data import Responses
from irt_jax.errors import ConvergenceError
from irt_jax.inference.laplace.frozen import frozen
from irt_jax.inference.laplace.hessian import Functions, compiled
from irt_jax.inference.laplace.newton import Mode
from irt_jax.likelihood.flatten import Shapes, unpack
from irt_jax.likelihood.grid_limit import MOST_NODES, most_nodes, too_many_nodes
from irt_jax.likelihood.kernel import marginal_log_likelihood, posterior_over_nodes
from irt_jax.likelihood.log_density import Position, Target
from irt_jax.likelihood.marginal import MarginalData, item_table, marginal_shapes, marginal_target, node_log_weight
from irt_jax.likelihood.person_blocks import person_blocks
from irt_jax.likelihood.quadrature import (
    REACH,
    REACH_FREE,
    covered,
    fine_enough,
    first_nodes,
    fitting_nodes,
    nodes_of_abilities,
    rounded,
)
from irt_jax.models.model import Model, Parameters
from irt_jax.models.population import Population
from irt_jax.runtime.arrays import AnyArray

#: Grids tried before giving up.
MAX_GRIDS = 12
#: A program for another number of nodes takes seconds to compile. With fewer responses than the first number that is
#: more than a few nodes cost: their numbers are then 12, 16, 24, 32, 48 and so on, 2 a doubling instead of 4, and a
#: grid is replaced by one of as many nodes, unless that is this many times as many as wanted. The first grid, which is
#: a guess, then has so many times as many nodes as it needs, so that most runs stay with their number.
FEW_RESPONSES, FEW_STEPS, STEPS, WASTEFUL, GENEROUS = 50_000, 2, 4, 2.1, 1.4
#: With fewer than so many responses a climb takes next to no time beside compiling: numbers of nodes are then powers of
#: two, the first is this one, and it is kept where a quarter of them would do.
VERY_FEW_RESPONSES, VERY_FEW_STEPS, VERY_FEW_NODES, VERY_WASTEFUL = 5_000, 1, 64, 4.2


class Problem(NamedTuple):
    """A marginal posterior, ready for the engines.

    Attributes:
        model: the response model.
        target: the posterior.
        data: responses, grid, population and priors.
        shapes: of the positions.
        place: where each person's posterior stands in the blocks.
        steps: numbers of nodes per doubling that grids may have.
        item_ids: for messages.
        most_nodes: that a grid may have.
        frozen: coordinates that stay where they are; None where all move.
    """

    model: Model
    target: Target
    data: MarginalData
    shapes: Shapes
    place: np.ndarray
    steps: int = STEPS
    item_ids: pa.Array | None = None
    most_nodes: int = MOST_NODES
    frozen: Bool[np.ndarray, " coordinate"] | None = None

    @property
    def few(self) -> bool:
        """Whether compiling takes longer than some more nodes do."""
        return self.steps <= FEW_STEPS

    @property
    def functions(self) -> Functions:
        """Compiled functions of packed positions."""
        functions = compiled(self.target, self.shapes)
        return functions if self.frozen is None else frozen(functions, self.frozen, self.shapes)

    def report(self, vector: Float[AnyArray, " coordinate"]) -> dict[str, np.ndarray]:
        """Named quantities at a packed position, on their natural scales."""
        with jax.enable_x64(True):
            values = _report(self.target, self.shapes, jnp.asarray(vector), self.data)
        return {name: np.asarray(value) for name, value in values.items()}

    def position(self, mode: Mode) -> Position:
        """Where a climb ended, by name."""
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, _unpack(mode.metric.centre, self.shapes))

    def with_priors(self, priors: Any) -> "Problem":
        """The same with other priors of the same shapes."""
        with jax.enable_x64(True):
            return self._replace(data=self.data._replace(priors=jax.tree.map(jnp.asarray, priors)))

    def log_density(self, vector: Float[AnyArray, " coordinate"]) -> Array:
        """Log density at a packed position, up to a constant."""
        with jax.enable_x64(True):
            return self.functions.value_and_gradient(jnp.asarray(vector), self.data)[0]

    def for_abilities(self) -> MarginalData:
        """The data with the finer grid that quantiles of abilities need."""
        return self.data._replace(nodes=rounded(nodes_of_abilities(self.data.nodes), self.steps))

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
            problem = problem.on_grid(wanted, items)
        return problem

    def on_grid(self, nodes: Float[np.ndarray, " node"], items: Parameters | None = None) -> "Problem":
        """The same on another grid from the first to the last of these nodes, with as many or a few more.

        Args:
            nodes: of the grid.
            items: the model's parameters, which tell who is to blame for too many nodes.

        Raises:
            ConvergenceError: more nodes than a grid may have.
        """
        found, before = rounded(nodes, self.steps), len(self.data.nodes)
        if len(found) > self.most_nodes:
            raise too_many_nodes(len(found), self.most_nodes, *self._steepest(items))
        wasteful = VERY_WASTEFUL if self.steps == VERY_FEW_STEPS else WASTEFUL
        if self.few and len(found) < before < wasteful * len(found):
            found = np.linspace(nodes[0], nodes[-1], before)
        with jax.enable_x64(True):
            return self._replace(data=self.data._replace(nodes=jnp.asarray(found)))

    def for_climbs(self, n_responses: int) -> "Problem":
        """The same with fewer numbers of nodes that grids may have, where there are hardly any responses.

        Args:
            n_responses: how many there are.
        """
        nodes = np.asarray(self.data.nodes)
        if n_responses >= VERY_FEW_RESPONSES or len(nodes) > VERY_FEW_NODES:
            return self
        nodes = np.linspace(nodes[0], nodes[-1], VERY_FEW_NODES)
        return self._replace(steps=VERY_FEW_STEPS).on_grid(nodes)

    def _steepest(self, items: Parameters | None) -> tuple[float, list[Any]]:
        """The largest change of a log-probability with ability, and the items whose own is at least half of it."""
        if items is None or self.item_ids is None:
            return 0.0, []
        nodes = self.data.nodes
        with jax.enable_x64(True):
            table = np.asarray(item_table(self.model, {**items, **self.model.constants(self.data.priors)}, nodes))
        change = np.abs(np.diff(table, axis=1)).max(1).reshape(-1, self.model.n_categories).max(1)
        slope = change / float(nodes[1] - nodes[0])
        steep = np.argsort(-slope)[: int((slope >= slope.max() / 2).sum())]
        return float(slope.max()), self.item_ids.take(pa.array(steep)).to_pylist()

    def wanted_nodes(self, items: Parameters, population: Any) -> Float[np.ndarray, " node"]:
        """The grid that fits the persons' posteriors, as far as the present one can show them.

        Args:
            items: the model's parameters, first axis items.
            population: mean and SD of the groups, each (group,).

        Raises:
            ConvergenceError: probabilities that are not finite.
        """
        reach = REACH_FREE if self.shapes.n_shared else REACH
        table, posterior = self.over_nodes(items, population)
        posterior = np.asarray(posterior, np.float64)[np.unique(self.place)]
        if not (np.isfinite(posterior).all() and np.isfinite(np.asarray(table)).all()):
            raise ConvergenceError(
                "The likelihood is not finite: parameters have grown beyond all numbers.",
                "Use proper --priors, such as mission.",
            )
        return fitting_nodes(posterior, np.asarray(table), np.asarray(self.data.nodes), reach)

    def over_nodes(
        self, items: Parameters, population: Any
    ) -> tuple[Float[Array, "row node"], Float[Array, "place node"]]:
        """The table, and each pattern's posterior over the nodes; `place` says which is whose.

        Args:
            items: the model's parameters, first axis items.
            population: mean and SD of the groups, each (group,).
        """
        with jax.enable_x64(True):
            table, posterior = _at_mode(self.model, items, population, self.data)
            return table, posterior.reshape(-1, posterior.shape[-1])

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


def pose(model: Model, responses: Responses, priors: Any, population: Population) -> Problem:
    """Lay out the responses and choose a first grid.

    Args:
        model: the response model.
        responses: coded responses.
        priors: the model's priors.
        population: of the persons.
    """
    row = model.n_categories * responses.item + responses.response
    n_rows = model.n_categories * responses.n_items
    blocks, place = person_blocks(responses.person, row, responses.n_persons, n_rows, group=responses.group_code)
    nodes, steps = first_nodes(int(responses.person_counts.max())), STEPS
    if len(responses.item) < FEW_RESPONSES:
        steps = FEW_STEPS
        nodes = rounded(np.linspace(nodes[0], nodes[-1], int(GENEROUS * len(nodes))), steps)
    data = MarginalData(blocks, nodes, population, priors)
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, data)
        shapes = marginal_shapes(model, data)
    most = max(len(nodes), most_nodes(int(place.max(initial=0)) + 1, n_rows))
    return Problem(model, marginal_target(model), data, shapes, place, steps, responses.item_ids, most)


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
