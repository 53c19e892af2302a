"""A metric at the mode of a log density, from Hessian-vector products.

The metric has a dense block for every item, in closed form where the target knows it and found by probing the Hessian
with random signs otherwise, a border for what all items share, and a few global directions on top, found by Lanczos
iterations on what the arrow leaves over. Its cost is linear in the number of blocks. At the mode of an item response
posterior it leaves eigenvalues close to one (Golub & Van Loan 2013, ch. 10, for Lanczos; Bekas, Kokiopoulou & Saad
2007 for the probing).
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.inference.laplace.metric import Metric, arrow
from irt_jax.likelihood.flatten import Shapes, split, unpack
from irt_jax.likelihood.log_density import Target
from irt_jax.runtime.arrays import AnyArray

#: Random sign vectors per parameter of a block: the blocks' error shrinks with its square root.
PROBES = 24
#: Lanczos iterations, how many directions are kept, and the band around one within which a direction is left alone.
LANCZOS_STEPS = 16
DIRECTIONS = 6
BAND = (0.8, 1.25)


class Functions(NamedTuple):
    """Compiled functions of a target on packed positions; few, because compiling takes longer than running.

    Attributes:
        value_and_gradient: `(x, data)`.
        hessian_times: `(x, v, data)`: the negative Hessian times a vector.
        blocks: `(x, data)`: diagonal blocks of the negative Hessian.
        rows_of_hessian: `(x, V, data)`: the negative Hessian times each row of V, side by side.
    """

    value_and_gradient: Callable[..., Any]
    hessian_times: Callable[..., Array]
    blocks: Callable[..., Array]
    rows_of_hessian: Callable[..., Array]


def with_directions(functions: Functions, data: Any, metric: Metric, shapes: Shapes) -> Metric:
    """Add the global directions that an arrow leaves far from one.

    Args:
        functions: of the posterior.
        data: its data.
        metric: an arrow around the mode.
        shapes: of the position.
    """
    with jax.enable_x64(True):
        basis, diagonal, off_diagonal = _lanczos(whitened_hessian_times(functions, data, metric, shapes), shapes.size)
        tridiagonal = np.diag(diagonal) + np.diag(off_diagonal[:-1], 1) + np.diag(off_diagonal[:-1], -1)
        values, vectors = np.linalg.eigh(tridiagonal)
        residual = np.abs(off_diagonal[-1] * vectors[-1])
        usable = ((values < BAND[0]) | (values > BAND[1])) & (values > 0) & (residual < 0.1 * values)
        distance = np.where(usable, np.abs(np.log(np.maximum(values, 1e-300))), -1.0)
        chosen = np.argsort(-distance)[: min(DIRECTIONS, usable.sum())]
        directions, scales = np.zeros(metric.directions.shape), np.ones(metric.scales.shape)
        directions[:, : len(chosen)], _ = np.linalg.qr(basis.T @ vectors[:, chosen])
        scales[: len(chosen)] = 1.0 / np.sqrt(values[chosen])
        return metric._replace(directions=jnp.asarray(directions), scales=jnp.asarray(scales))


def whitened_hessian_times(
    functions: Functions, data: Any, metric: Metric, shapes: Shapes
) -> Callable[[np.ndarray], np.ndarray]:
    """The blocks' negative Hessian at the metric's centre in its coordinates, as a function of a vector.

    Given the shared parameters: their own coordinates come back as they are.

    Args:
        functions: of the posterior.
        data: its data.
        metric: around the mode.
        shapes: of the position.
    """
    edge = shapes.n_blocks * shapes.block_size

    def times(z: np.ndarray) -> np.ndarray:
        own = np.concatenate([z[:edge], np.zeros(shapes.n_shared)])
        image = np.asarray(_gather(metric, functions.hessian_times(metric.centre, spread(metric, own), data)))
        return np.concatenate([image[:edge], z[edge:]])

    return times


def _lanczos(times: Callable[[np.ndarray], np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An orthonormal basis, and the tridiagonal matrix that a symmetric one is in it."""
    steps = min(LANCZOS_STEPS, size)
    basis, diagonal, off_diagonal = np.zeros((steps + 1, size)), np.zeros(steps), np.zeros(steps)
    first = np.random.default_rng(1).normal(size=size)
    basis[0] = first / np.linalg.norm(first)
    for k in range(steps):
        new = times(basis[k])
        diagonal[k] = new @ basis[k]
        for _ in range(2):  # orthogonal to all earlier ones, twice is enough
            new = new - basis.T @ (basis @ new)
        off_diagonal[k] = np.linalg.norm(new)
        if off_diagonal[k] > 1e-10:
            basis[k + 1] = new / off_diagonal[k]
    return basis[:-1], diagonal, off_diagonal


@jax.jit
def spread(metric: Metric, z: Array) -> Array:
    """Whitened coordinates as a displacement from the centre."""
    return metric.spread(z)


@jax.jit
def _gather(metric: Metric, gradient: Array) -> Array:
    return metric.gather(gradient)


@jax.jit
def precondition(metric: Metric, gradient: Array) -> Array:
    """The covariance times a gradient."""
    return metric.spread(metric.gather(gradient))


def conditional(functions: Functions, x: AnyArray, data: Any, shapes: Shapes) -> Metric:
    """The metric of the blocks alone, given the shared parameters, which it does not move.

    Args:
        functions: of the target.
        x: where.
        data: of the target.
        shapes: of the position.
    """
    nothing = jnp.zeros((shapes.n_shared, shapes.size))
    metric = arrow(x, functions.blocks(x, data), nothing, min(DIRECTIONS, shapes.size))
    return metric._replace(shared_root=jnp.zeros_like(metric.shared_root))


def unconditional(functions: Functions, x: AnyArray, data: Any, shapes: Shapes) -> Metric:
    """The metric of blocks and shared parameters together, an arrow.

    Args:
        functions: of the target.
        x: where.
        data: of the target.
        shapes: of the position.
    """
    edge = shapes.n_blocks * shapes.block_size
    units = np.eye(shapes.n_shared, shapes.size, edge)
    rows = [functions.hessian_times(x, unit, data) for unit in units]
    border = jnp.stack(rows) if rows else jnp.zeros((0, shapes.size))
    return arrow(x, functions.blocks(x, data), border, min(DIRECTIONS, shapes.size))


@cache
def compiled(target: Target, shapes: Shapes) -> Functions:
    """The functions that climbing and whitening need.

    Args:
        target: the posterior; the same object gives the same functions, so that nothing compiles twice.
        shapes: of its positions.
    """

    def value(x: Array, data: Any) -> Array:
        return target.log_density(unpack(x, shapes), data)

    def hessian_times(x: Array, v: Array, data: Any) -> Array:
        """The negative Hessian times a vector."""
        return -jax.jvp(lambda at: jax.grad(value)(at, data), (x,), (v,))[1]

    def blocks(x: Array, data: Any) -> Array:
        if target.curvature is not None:
            return target.curvature(unpack(x, shapes), data)
        return _probed_blocks(lambda v: hessian_times(x, v, data), shapes.n_blocks, shapes.block_size, shapes)

    def rows_of_hessian(x: Array, v: Array, data: Any) -> Array:
        return jax.vmap(lambda row: hessian_times(x, row, data))(v)

    return Functions(
        jax.jit(jax.value_and_grad(value)), jax.jit(hessian_times), jax.jit(blocks), jax.jit(rows_of_hessian)
    )


def _probed_blocks(times: Callable[[Array], Array], n: int, p: int, shapes: Shapes) -> Float[Array, "block p p"]:
    """Diagonal blocks of a matrix, seen through random signs: what lies outside them averages out."""
    signs = jax.random.rademacher(jax.random.key(0), (PROBES, n), jnp.result_type(float))

    def probe(parameter: Array) -> Array:
        def one(sign: Array) -> Array:
            v = jnp.zeros((n, p), sign.dtype).at[:, parameter].set(sign)
            image = times(jnp.concatenate([v.ravel(), jnp.zeros(shapes.n_shared, sign.dtype)]))
            return sign[:, None] * split(image, shapes)[0]

        return jax.lax.map(one, signs).mean(0)

    found = jnp.moveaxis(jax.lax.map(probe, jnp.arange(p)), 0, -1)
    return (found + jnp.swapaxes(found, 1, 2)) / 2
