"""Each item's own likelihood, the persons' abilities known as far as all responses say at a given place.

With W a person's posterior over the nodes and T the table at that place x, an item that moves by y has

    l_i(y) = sum over responses to i of log sum over nodes W exp(T(x + y) - T(x))

A person who answered an item twice counts as two.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from irt_jax.data import Responses
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.inference.response_chunks import response_chunks
from irt_jax.likelihood.flatten import Shapes, unpack
from irt_jax.likelihood.log_density import Target
from irt_jax.likelihood.marginal import MarginalData, item_table
from irt_jax.models.model import Model
from irt_jax.runtime.arrays import AnyArray


class OwnLikelihood:
    """The items' own likelihoods as functions of how far their parameters have moved from a place.

    Args:
        problem: the posterior.
        centre: that place, packed.
        responses: of all items.
        which: items whose likelihood is wanted; that of the others is constant.
    """

    def __init__(
        self,
        problem: Problem,
        centre: Float[AnyArray, " coordinate"],
        responses: Responses,
        which: Bool[np.ndarray, " item"],
    ) -> None:
        self.problem, self.centre, self.which = problem, jnp.asarray(centre), which
        self.person, self.row, self.weight = response_chunks(problem, responses, which)
        values = problem.report(centre)
        items = {name: values[name] for name in problem.model.parameters}
        _, posterior = problem.over_nodes(items, problem.population(values))
        self.posterior = posterior.astype(jnp.float32)

    def derivatives(
        self, move: Float[np.ndarray, "item own"]
    ) -> tuple[Float[np.ndarray, "item own"], Float[np.ndarray, "item own own"]]:
        """Gradient and negative Hessian of every item's own likelihood.

        Args:
            move: of every item's sampled parameters.
        """
        problem = self.problem
        with jax.enable_x64(True):
            arrays = (jnp.asarray(move), self.centre, problem.data, self.posterior, self.person, self.row, self.weight)
            slope, hessian = _derivatives(problem.model, problem.target, problem.shapes, *arrays)
        hessian = np.moveaxis(np.asarray(hessian), 0, -1)
        return np.asarray(slope), -(hessian + np.swapaxes(hessian, 1, 2)) / 2


@partial(jax.jit, static_argnums=(0, 1, 2))
def _derivatives(
    model: Model,
    target: Target,
    shapes: Shapes,
    move: Array,
    centre: Array,
    data: MarginalData,
    posterior: Float[Array, "person node"],
    person: Int[Array, "chunk response"],
    row: Int[Array, "chunk response"],
    weight: Float[Array, "chunk response"],
) -> tuple[Float[Array, "item own"], Float[Array, "own item own"]]:
    def table(own: Array) -> Array:
        values = target.report(unpack(centre.at[: own.size].add(own.ravel()), shapes), data)
        items = {name: values[name] for name in model.parameters} | dict(model.constants(data.priors))
        return item_table(model, items, data.nodes).astype(jnp.float32)

    before = table(jnp.zeros_like(move))

    @jax.checkpoint
    def of_chunk(change: Array, chunk: tuple[Array, Array, Array]) -> Array:
        whose, which, counted = chunk
        return counted @ jnp.log((posterior[whose] * jnp.exp(change[which])).sum(1))

    def of_all(own: Array) -> Array:
        change = table(own) - before
        add = lambda total, chunk: (total + of_chunk(change, chunk), None)  # noqa: E731
        return jax.lax.scan(add, jnp.zeros((), jnp.float32), (person, row, weight))[0].astype(own.dtype)

    units = jnp.broadcast_to(jnp.eye(shapes.block_size)[:, None], (shapes.block_size, *move.shape))
    slopes, hessian = jax.lax.map(lambda unit: jax.jvp(jax.grad(of_all), (move,), (unit,)), units)
    return slopes[0], hessian
