"""The mode of a log density and a metric there, from gradients and Hessian-vector products alone.

The metric has a dense block for every index of the positions' first axis (for items: a and b of one item), found by
probing the Hessian with random signs, and a few global directions on top, found by Lanczos iterations on what the
blocks leave over. Its cost is linear in the number of blocks. At the mode of an item response posterior it leaves
eigenvalues close to one (Nocedal & Wright 2006, ch. 7, for the Newton-CG steps; Golub & Van Loan 2013, ch. 10, for
Lanczos; Bekas, Kokiopoulou & Saad 2007 for the probing).
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.engines.target import Position, Target
from irt_jax.errors import ConvergenceError

#: Random sign vectors per parameter of a block: the blocks' error shrinks with its square root.
PROBES = 24
#: Lanczos iterations, and the band around one within which a direction is left alone.
LANCZOS_STEPS = 24
BAND = (0.8, 1.25)
#: Newton steps end when half of the squared Newton decrement, in units of log density, is below this.
DECREMENT = 1e-6
MAX_NEWTON = 50
MAX_CONJUGATE = 60


class Metric(NamedTuple):
    """A whitening of the space around the mode: position = centre + B (z + V (s - 1) V' z).

    Attributes:
        centre: the mode, (block, parameter).
        root: B, the inverse transposed Cholesky factor of each block of the precision.
        directions: V, orthonormal columns in the whitened space, (block * parameter, direction).
        scales: s, the standard deviation along each direction.
    """

    centre: Float[Array, "block parameter"]
    root: Float[Array, "block parameter parameter"]
    directions: Float[Array, "coordinate direction"]
    scales: Float[Array, " direction"]

    def spread(self, z: Float[Array, " coordinate"]) -> Float[Array, "block parameter"]:
        """Turn whitened coordinates into a displacement from the centre."""
        z = z + self.directions @ ((self.scales - 1.0) * (self.directions.T @ z))
        return jnp.einsum("bij,bj->bi", self.root, z.reshape(self.centre.shape))

    def gather(self, gradient: Float[Array, "block parameter"]) -> Float[Array, " coordinate"]:
        """The transpose of `spread`: a gradient in whitened coordinates."""
        z = jnp.einsum("bij,bi->bj", self.root, gradient).ravel()
        return z + self.directions @ ((self.scales - 1.0) * (self.directions.T @ z))

    def variance(self) -> Float[Array, "block parameter"]:
        """Diagonal of the covariance."""
        plain = jnp.einsum("bij,bij->bi", self.root, self.root)
        columns = self.directions.T.reshape(-1, *self.centre.shape)
        along = jnp.einsum("bij,dbj->dbi", self.root, columns)
        return plain + ((self.scales**2 - 1.0)[:, None, None] * along**2).sum(0)


def pack(position: Position) -> Float[Array, "block parameter"]:
    """Positions as a matrix: the leaves' first axis, and everything else, leaf after leaf in the order of names."""
    return jnp.concatenate([jnp.reshape(position[name], (len(position[name]), -1)) for name in sorted(position)], 1)


def unpack(matrix: Float[Array, "block parameter"], like: Position) -> Position:
    """The inverse of `pack`.

    Args:
        matrix: from `pack`.
        like: a position of the same shapes.
    """
    names = sorted(like)
    widths = [int(np.prod(like[name].shape[1:])) for name in names]
    parts = jnp.split(matrix, np.cumsum(widths)[:-1].tolist(), axis=1)
    return {name: part.reshape(like[name].shape) for name, part in zip(names, parts, strict=True)}


@cache
def whitened_target(target: Target, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Target:
    """The same posterior in the metric's coordinates; its data are `(data, metric)`.

    Chains start from normal draws twice as wide as the posterior.

    Args:
        target: the posterior.
        shapes: names and shapes of its positions, from `position_shapes`.
    """
    like: Position = {name: np.empty(shape) for name, shape in shapes}

    def place(position: Any, metric: Metric) -> Any:
        return unpack(metric.centre + metric.spread(position["z"]), like)

    def start(key: Array, data: Any) -> Position:
        return {"z": 2.0 * jax.random.normal(key, (data[1].centre.size,), data[1].centre.dtype)}

    return Target(
        lambda position, data: target.log_density(place(position, data[1]), data[0]),
        start,
        lambda position, data: {**target.report(place(position, data[1]), data[0]), "z": position["z"]},
        whitened=True,
    )


def position_shapes(position: Position) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Names and shapes of a position, in the order of names."""
    return tuple((name, tuple(position[name].shape)) for name in sorted(position))


class _Functions(NamedTuple):
    """Compiled functions of a target on packed positions."""

    value_and_gradient: Callable[..., Any]
    blocks: Callable[..., Any]
    solve: Callable[..., Any]
    lanczos: Callable[..., Any]


def find_mode(target: Target, data: Any, start: Position) -> Metric:
    """Climb to the mode by Newton steps, each solved by conjugate gradients in the blocks' metric, and whiten there.

    Args:
        target: the posterior.
        data: its data.
        start: where to begin.

    Raises:
        ConvergenceError: no mode within `MAX_NEWTON` steps, or no finite density at the start.
    """
    functions = _functions(target, position_shapes(start))
    with jax.enable_x64(True):
        x = pack({name: jnp.asarray(leaf, jnp.float64) for name, leaf in start.items()})
        value, gradient = functions.value_and_gradient(x, data)
        for step in range(MAX_NEWTON):
            if step % 4 == 0:
                root = functions.blocks(x, data)
            direction = functions.solve(x, gradient, root, data)
            decrement = float(jnp.vdot(direction, gradient))
            x, value, gradient = _line_search(functions, x, value, gradient, direction, data)
            if decrement / 2 < DECREMENT:
                root = functions.blocks(x, data)
                directions, scales = _outliers(functions, x, root, data)
                return Metric(x, root, directions, scales)
    raise ConvergenceError(
        f"No mode of the posterior was found in {MAX_NEWTON} Newton steps.",
        "Check the anchors and the priors for contradictions, or sample with --abilities joint.",
    )


def _line_search(
    functions: _Functions, x: Array, value: Array, gradient: Array, direction: Array, data: Any
) -> tuple[Array, Array, Array]:
    """Halve the step until the density grows; at the mode, rounding may leave nothing to grow."""
    length = 1.0
    while length > 1e-6:
        reached, slope = functions.value_and_gradient(x + length * direction, data)
        if bool(jnp.isfinite(reached)) and float(reached) >= float(value) - 1e-7 * abs(float(value)):
            return x + length * direction, reached, slope
        length /= 2
    return x, value, gradient


def _outliers(functions: _Functions, x: Array, root: Array, data: Any) -> tuple[Array, Array]:
    """Directions that the blocks leave far from one: Ritz vectors outside `BAND`, and their standard deviations."""
    basis, diagonal, off_diagonal = functions.lanczos(x, root, data)
    tridiagonal = np.diag(diagonal) + np.diag(off_diagonal[:-1], 1) + np.diag(off_diagonal[:-1], -1)
    values, vectors = np.linalg.eigh(tridiagonal)
    residual = np.abs(np.asarray(off_diagonal)[-1] * vectors[-1])
    chosen = ((values < BAND[0]) | (values > BAND[1])) & (values > 0) & (residual < 0.1 * values)
    directions, _ = np.linalg.qr(np.asarray(basis).T @ vectors[:, chosen])
    return jnp.asarray(directions), jnp.asarray(1.0 / np.sqrt(values[chosen]))


@cache
def _functions(target: Target, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> _Functions:
    like: Position = {name: np.empty(shape) for name, shape in shapes}

    def value(x: Array, data: Any) -> Array:
        return target.log_density(unpack(x, like), data)

    def hessian_times(x: Array, v: Array, data: Any) -> Array:
        """The negative Hessian times a matrix of the packed shape."""
        return -jax.jvp(lambda at: jax.grad(value)(at, data), (x,), (v,))[1]

    def blocks(x: Array, data: Any) -> Array:
        n, p = x.shape
        signs = jax.random.rademacher(jax.random.key(0), (PROBES, n), x.dtype)

        def probe(parameter: Array) -> Array:
            def one(sign: Array) -> Array:
                v = jnp.zeros((n, p), x.dtype).at[:, parameter].set(sign)
                return sign[:, None] * hessian_times(x, v, data)

            return jax.lax.map(one, signs).mean(0)

        found = jnp.moveaxis(jax.lax.map(probe, jnp.arange(p)), 0, -1)
        return _inverse_root((found + jnp.swapaxes(found, 1, 2)) / 2)

    def solve(x: Array, gradient: Array, root: Array, data: Any) -> Array:
        """Conjugate gradients for the Newton step, stopped where the curvature turns negative (Steihaug 1983)."""

        def precondition(v: Array) -> Array:
            return jnp.einsum("bij,bkj,bk->bi", root, root, v)

        def advance(state: Any) -> Any:
            k, step, residual, conditioned, along, _ = state
            image = hessian_times(x, along, data)
            curvature, size = jnp.vdot(along, image), jnp.vdot(residual, conditioned)
            usable = curvature > 0.0
            length = jnp.where(usable, size / jnp.where(usable, curvature, 1.0), jnp.where(k == 0, 1.0, 0.0))
            step, residual = step + length * along, residual - length * image
            conditioned = precondition(residual)
            left = jnp.vdot(residual, conditioned)
            return k + 1, step, residual, conditioned, conditioned + left / size * along, usable & (left > goal)

        first = precondition(gradient)
        goal = 1e-4 * jnp.vdot(gradient, first)
        state = (0, jnp.zeros_like(x), gradient, first, first, jnp.array(True))
        return jax.lax.while_loop(lambda state: (state[0] < MAX_CONJUGATE) & state[-1], advance, state)[1]

    def lanczos(x: Array, root: Array, data: Any) -> tuple[Array, Array, Array]:
        def whitened(z: Array) -> Array:
            v = jnp.einsum("bij,bj->bi", root, z.reshape(x.shape))
            return jnp.einsum("bij,bi->bj", root, hessian_times(x, v, data)).ravel()

        steps = min(LANCZOS_STEPS, x.size)
        first = jax.random.normal(jax.random.key(1), (x.size,), x.dtype)
        basis = jnp.zeros((steps + 1, x.size), x.dtype).at[0].set(first / jnp.linalg.norm(first))

        def step(k: Array, carry: Any) -> Any:
            basis, diagonal, off_diagonal = carry
            new = whitened(basis[k])
            diagonal = diagonal.at[k].set(jnp.vdot(new, basis[k]))
            for _ in range(2):  # orthogonal to all earlier ones, twice is enough
                new = new - basis.T @ (basis @ new)
            norm = jnp.linalg.norm(new)
            basis = basis.at[k + 1].set(new / jnp.where(norm > 1e-10, norm, jnp.inf))
            return basis, diagonal, off_diagonal.at[k].set(norm)

        empty = jnp.zeros(steps, x.dtype)
        basis, diagonal, off_diagonal = jax.lax.fori_loop(0, steps, step, (basis, empty, empty))
        return basis[:-1], diagonal, off_diagonal

    return _Functions(jax.jit(jax.value_and_grad(value)), jax.jit(blocks), jax.jit(solve), jax.jit(lanczos))


def _inverse_root(precision: Float[Array, "block parameter parameter"]) -> Float[Array, "block parameter parameter"]:
    """B with B B' = precision^-1, from the sizes of eigenvalues, held above a hundredth of their block's largest."""
    values, vectors = jnp.linalg.eigh(precision)
    size = jnp.abs(values)
    floor = jnp.maximum(1e-2 * size.max(-1, keepdims=True), 1e-10)
    return vectors / jnp.sqrt(jnp.maximum(size, floor))[:, None, :]
