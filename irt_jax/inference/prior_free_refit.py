"""The exact estimate without an item's own prior: another climb, for items that own_prior finds far from theirs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.inference.laplace.hessian import Functions, compiled, with_directions
from irt_jax.inference.laplace.marginal_mode import climb_profile
from irt_jax.inference.laplace.metric import Metric
from irt_jax.inference.laplace.newton import climb
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.likelihood.flatten import unpack
from irt_jax.likelihood.log_density import Target
from irt_jax.runtime.arrays import AnyArray


def functions_without(problem: Problem, prior: Target, centre: Float[Array, " coordinate"], item: int) -> Functions:
    """The posterior without the own prior of one item: that prior is taken at a centre, where it is a constant.

    Sums of the posterior's compiled functions and of the prior's, so that hardly anything is compiled.

    Args:
        problem: the posterior.
        prior: of its model, as a log density.
        centre: packed.
        item: which.
    """
    whole, own, p = problem.functions, compiled(prior, problem.shapes), problem.shapes.block_size
    mine = slice(item * p, (item + 1) * p)

    def held(x: AnyArray) -> Array:
        return jnp.asarray(x).at[mine].set(centre[mine])

    def others(vector: AnyArray) -> Array:
        return jnp.asarray(vector).at[mine].set(0.0)

    def value_and_gradient(x: AnyArray, data: Any) -> tuple[Array, Array]:
        value, gradient = whole.value_and_gradient(x, data)
        with_own, slope = own.value_and_gradient(x, data)
        without, slope_without = own.value_and_gradient(held(x), data)
        return value - with_own + without, gradient - slope + others(slope_without)

    def hessian_times(x: AnyArray, v: AnyArray, data: Any) -> Array:
        without = others(own.hessian_times(held(x), others(v), data))
        return whole.hessian_times(x, v, data) - own.hessian_times(x, v, data) + without

    def blocks(x: AnyArray, data: Any) -> Array:
        return whole.blocks(x, data).at[item].add(-own.blocks(x, data)[item])

    def rows_of_hessian(x: AnyArray, v: AnyArray, data: Any) -> Array:
        return jnp.stack([hessian_times(x, row, data) for row in v])

    return Functions(value_and_gradient, hessian_times, blocks, rows_of_hessian)


def refit(
    problem: Problem, prior: Target, metric: Metric, item: int, move: Float[np.ndarray, " own"]
) -> tuple[Float[np.ndarray, " own"], Float[np.ndarray, "own own"]] | None:
    """Climb without an item's own prior; its move from the mode and the covariance there, None where that ends nowhere.

    Args:
        problem: the posterior.
        prior: of its model, as a log density.
        metric: around its mode.
        item: which.
        move: where to begin, from the mode.
    """
    shapes, data, p = problem.shapes, problem.data, problem.shapes.block_size
    own = slice(item * p, (item + 1) * p)
    with jax.enable_x64(True):
        functions = functions_without(problem, prior, jnp.asarray(metric.centre), item)
        start = jax.tree.map(np.asarray, unpack(metric.centre.at[own].add(move), shapes))
        if shapes.n_shared:
            mode = climb_profile(functions, data, start, shapes, metric)
        else:
            mode = climb(functions, data, start, shapes)
        if not mode.converged:
            return None
        covariance = np.asarray(with_directions(functions, data, mode.metric, shapes).covariance()[item, :p, :p])
        return np.asarray(mode.metric.centre - metric.centre)[own], covariance
