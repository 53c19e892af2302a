"""Derivatives of what is reported by what is sampled, for the delta method."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.inference.marginal_posterior import Problem
from irt_jax.likelihood.flatten import Shapes, unpack
from irt_jax.likelihood.log_density import Target
from irt_jax.likelihood.marginal import MarginalData
from irt_jax.runtime.arrays import AnyArray


def slopes(
    problem: Problem, names: tuple[str, ...], centre: Float[AnyArray, " coordinate"]
) -> Float[np.ndarray, "column item own"]:
    """Derivatives of reported parameters by each item's own and by the shared coordinates.

    Args:
        problem: the posterior.
        names: of the parameters, (item,) or (item, step); steps make columns of their own.
        centre: where.
    """
    with jax.enable_x64(True):
        found = _derivatives(problem.target, problem.shapes, names, jnp.asarray(centre), problem.data)
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


def shared_slopes(
    problem: Problem, names: tuple[str, ...], centre: Float[AnyArray, " coordinate"]
) -> Float[np.ndarray, "quantity shared"]:
    """Derivatives of reported numbers that all items share by the shared coordinates.

    Args:
        problem: the posterior.
        names: of the numbers.
        centre: where.
    """
    with jax.enable_x64(True):
        found = _shared_derivatives(problem.target, problem.shapes, names, jnp.asarray(centre), problem.data)
    return np.asarray(found)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _shared_derivatives(
    target: Target, shapes: Shapes, names: tuple[str, ...], centre: Array, data: MarginalData
) -> Float[Array, "quantity shared"]:
    def reported(x: Array) -> Array:
        values = target.report(unpack(x, shapes), data)
        return jnp.stack([jnp.reshape(values[name], ()) for name in names])

    units = jnp.eye(shapes.n_shared, shapes.size, shapes.n_blocks * shapes.block_size)
    return jnp.stack([jax.jvp(reported, (centre,), (unit,))[1] for unit in units], axis=-1)
