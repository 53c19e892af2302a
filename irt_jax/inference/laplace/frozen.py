"""Functions of a target some of whose coordinates stay where they are."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from irt_jax.inference.laplace.hessian import Functions
from irt_jax.likelihood.flatten import Shapes
from irt_jax.runtime.arrays import AnyArray


def frozen(functions: Functions, held: Bool[np.ndarray, " coordinate"], shapes: Shapes) -> Functions:
    """The same functions with no slope along some coordinates, and a curvature of one by themselves.

    A climb then leaves them where it began, exactly, and nothing is compiled anew.

    Args:
        functions: of the target.
        held: which coordinates.
        shapes: of its positions.
    """
    own = held[: shapes.n_blocks * shapes.block_size].reshape(shapes.n_blocks, shapes.block_size)
    either = own[:, :, None] | own[:, None, :]
    unit = own[:, :, None] * np.eye(shapes.block_size)

    def value_and_gradient(x: AnyArray, data: Any) -> tuple[Any, Float[np.ndarray, " coordinate"]]:
        value, gradient = functions.value_and_gradient(x, data)
        return value, np.where(held, 0.0, np.asarray(gradient))

    def hessian_times(x: AnyArray, v: AnyArray, data: Any) -> Array:
        v = np.asarray(v)
        return jnp.where(held, v, np.asarray(functions.hessian_times(x, np.where(held, 0.0, v), data)))

    def blocks(x: AnyArray, data: Any) -> Array:
        return jnp.where(either, unit, np.asarray(functions.blocks(x, data)))

    def rows_of_hessian(x: AnyArray, v: AnyArray, data: Any) -> Array:
        v = np.asarray(v)
        return jnp.where(held, v, np.asarray(functions.rows_of_hessian(x, np.where(held, 0.0, v), data)))

    return Functions(value_and_gradient, hessian_times, blocks, rows_of_hessian)
