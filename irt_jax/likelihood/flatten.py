"""Positions as one vector: what belongs to a block (an item's parameters) first, then what all blocks share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from irt_jax.likelihood.log_density import Position

#: Names and shapes of a position's arrays, in the order of the names.
Named = tuple[tuple[str, tuple[int, ...]], ...]


class Shapes(NamedTuple):
    """How a position is cut up.

    Attributes:
        blocks: arrays whose first axis is the block; the rest of them are the block's parameters.
        shared: arrays that no block owns, such as a population's mean.
    """

    blocks: Named
    shared: Named = ()

    @property
    def n_blocks(self) -> int:
        """How many blocks there are."""
        return self.blocks[0][1][0]

    @property
    def block_size(self) -> int:
        """How many parameters a block has."""
        return sum(int(np.prod(shape[1:])) for _, shape in self.blocks)

    @property
    def n_shared(self) -> int:
        """How many numbers no block owns."""
        return sum(int(np.prod(shape)) for _, shape in self.shared)

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self.n_blocks * self.block_size + self.n_shared


def shapes_of(blocks: Position, shared: Position | None = None) -> Shapes:
    """Shapes of positions.

    Args:
        blocks: arrays whose first axis is the block.
        shared: arrays that no block owns.
    """
    named = [tuple((name, tuple(np.shape(part[name]))) for name in sorted(part)) for part in (blocks, shared or {})]
    return Shapes(*named)


def pack(position: Position, shapes: Shapes) -> Float[Array, " coordinate"]:
    """Put a position into one vector: block by block, then what is shared.

    Args:
        position: arrays by name.
        shapes: their shapes.
    """
    rows = [jnp.reshape(position[name], (shapes.n_blocks, -1)) for name, _ in shapes.blocks]
    shared = [jnp.ravel(position[name]) for name, _ in shapes.shared]
    return jnp.concatenate([jnp.concatenate(rows, axis=1).ravel(), *shared])


def unpack(vector: Float[Array, " coordinate"], shapes: Shapes) -> Position:
    """The inverse of `pack`.

    Args:
        vector: from `pack`.
        shapes: of the position.
    """
    own, shared = split(vector, shapes)
    widths = [int(np.prod(shape[1:])) for _, shape in shapes.blocks]
    columns = jnp.split(own, np.cumsum(widths)[:-1].tolist(), axis=1)
    parts = jnp.split(shared, np.cumsum([int(np.prod(shape)) for _, shape in shapes.shared])[:-1].tolist())
    pairs = [*zip(shapes.blocks, columns, strict=True), *zip(shapes.shared, parts, strict=False)]
    return {name: part.reshape(shape) for (name, shape), part in pairs}


def split(
    vector: Float[Array, " coordinate"], shapes: Shapes
) -> tuple[Float[Array, "block parameter"], Float[Array, " shared"]]:
    """A vector's blocks, one a row, and what is shared.

    Args:
        vector: from `pack`.
        shapes: of the position.
    """
    edge = shapes.n_blocks * shapes.block_size
    return vector[:edge].reshape(shapes.n_blocks, shapes.block_size), vector[edge:]


def parameter_columns(shapes: Shapes, dtype: Any) -> Float[Array, "parameter coordinate"]:
    """One direction per parameter of a block: that parameter of every block at once.

    Args:
        shapes: of the positions.
        dtype: of the directions.
    """
    unit = jnp.tile(jnp.eye(shapes.block_size, dtype=dtype)[:, None, :], (1, shapes.n_blocks, 1))
    return jnp.pad(unit.reshape(shapes.block_size, -1), ((0, 0), (0, shapes.n_shared)))


def separable_blocks(
    function: Callable[[Array], Array], x: Array, shapes: Shapes
) -> Float[Array, "block parameter parameter"]:
    """Diagonal blocks of the negative Hessian of a function no term of which has parameters of two blocks.

    Args:
        function: of a packed position.
        x: where.
        shapes: of the position.
    """
    times = lambda unit: jax.jvp(jax.grad(function), (x,), (unit,))[1]  # noqa: E731
    columns = jax.lax.map(lambda unit: split(times(unit), shapes)[0], parameter_columns(shapes, x.dtype))
    return -jnp.moveaxis(columns, 0, -1)
