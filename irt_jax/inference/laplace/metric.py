"""A whitening of the space around a mode: linear in the number of blocks, close to the full covariance.

The precision is taken as an arrow: a dense block for each item, and a border that couples all items to the few shared
parameters. The arrow is factored exactly; on top of it lie a few global directions that it leaves far from one.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Metric(NamedTuple):
    """A linear map A from whitened coordinates: position = centre + A (z + V (s - 1) V' z).

    Attributes:
        centre: the mode.
        root: B with B B' the inverse of each block of the precision.
        coupling: how far each block's parameters fall when a shared parameter grows by one.
        shared_root: a root of the shared parameters' covariance.
        directions: V, orthonormal columns in the whitened space; columns of zeros count for nothing.
        scales: s, the standard deviation along each direction.
    """

    centre: Float[Array, " coordinate"]
    root: Float[Array, "block parameter parameter"]
    coupling: Float[Array, "shared block parameter"]
    shared_root: Float[Array, "shared shared"]
    directions: Float[Array, "coordinate direction"]
    scales: Float[Array, " direction"]

    def spread(self, z: Float[Array, " coordinate"]) -> Float[Array, " coordinate"]:
        """Turn whitened coordinates into a displacement from the centre."""
        return self._out(z + self.directions @ ((self.scales - 1.0) * (self.directions.T @ z)))

    def gather(self, gradient: Float[Array, " coordinate"]) -> Float[Array, " coordinate"]:
        """The transpose of `spread`: a gradient in whitened coordinates."""
        own, shared = self._split(gradient)
        z_own = jnp.einsum("bij,bi->bj", self.root, own)
        z_shared = self.shared_root.T @ (shared - jnp.einsum("sbi,bi->s", self.coupling, own))
        z = jnp.concatenate([z_own.ravel(), z_shared])
        return z + self.directions @ ((self.scales - 1.0) * (self.directions.T @ z))

    @jax.jit
    def covariance(self) -> Float[Array, "block own own"]:
        """Covariance of each block's parameters and the shared ones, which follow them."""
        lifted = self.lifted(self.directions.T)
        return self._roots() + jnp.einsum("d,dbi,dbj->bij", self.scales**2 - 1.0, lifted, lifted)

    @jax.jit
    def deviations(self) -> Float[Array, " coordinate"]:
        """Standard deviation of every coordinate."""
        variance = jnp.diagonal(self.covariance(), axis1=1, axis2=2)
        p = self.root.shape[1]
        return jnp.sqrt(jnp.concatenate([variance[:, :p].ravel(), variance[0, p:]]))

    def lifted(self, z: Float[Array, "direction coordinate"]) -> Float[Array, "direction block own"]:
        """What whitened vectors mean for each block's parameters and the shared ones, the arrow alone."""
        n, p = self.root.shape[:2]
        own, shared = z[:, : n * p].reshape(len(z), n, p), z[:, n * p :] @ self.shared_root.T
        own = jnp.einsum("bij,dbj->dbi", self.root, own) - jnp.einsum("ds,sbi->dbi", shared, self.coupling)
        return jnp.concatenate([own, jnp.broadcast_to(shared[:, None], (len(z), n, shared.shape[1]))], 2)

    def _roots(self) -> Float[Array, "block own own"]:
        """The arrow's covariance."""
        n, p = self.root.shape[:2]
        across = -jnp.einsum("sbi,st->bit", self.coupling, self.shared_root)
        below = jnp.broadcast_to(self.shared_root, (n, *self.shared_root.shape))
        corner = jnp.zeros((n, below.shape[1], p), below.dtype)
        rows = [jnp.concatenate([self.root, across], 2), jnp.concatenate([corner, below], 2)]
        whole = jnp.concatenate(rows, 1)
        return whole @ jnp.swapaxes(whole, 1, 2)

    def _out(self, z: Float[Array, " coordinate"]) -> Float[Array, " coordinate"]:
        own, shared = self._split(z)
        shared = self.shared_root @ shared
        own = jnp.einsum("bij,bj->bi", self.root, own) - jnp.einsum("s,sbi->bi", shared, self.coupling)
        return jnp.concatenate([own.ravel(), shared])

    def _split(self, vector: Float[Array, " coordinate"]) -> tuple[Array, Array]:
        n, p = self.root.shape[:2]
        return vector[: n * p].reshape(n, p), vector[n * p :]


@partial(jax.jit, static_argnames="n_directions")
def arrow(
    centre: Float[Array, " coordinate"],
    blocks: Float[Array, "block parameter parameter"],
    border: Float[Array, "shared coordinate"],
    n_directions: int,
) -> Metric:
    """The metric of a precision that is an arrow, without directions.

    Args:
        centre: the mode.
        blocks: diagonal blocks of the precision; where it is not positive definite, eigenvalues are taken by
            their size.
        border: rows of the precision that belong to the shared parameters.
        n_directions: how many directions to leave room for.
    """
    n, p = blocks.shape[:2]
    root = _inverse_root(blocks)
    own, corner = border[:, : n * p].reshape(-1, n, p), border[:, n * p :]
    coupling = jnp.einsum("bij,bkj,sbk->sbi", root, root, own)
    schur = corner - jnp.einsum("sbi,tbi->st", coupling, own)
    shared_root = _inverse_root((schur + schur.T)[None] / 2)[0]
    nothing = jnp.zeros((centre.size, n_directions), centre.dtype)
    return Metric(centre, root, coupling, shared_root, nothing, jnp.ones(n_directions, centre.dtype))


def _inverse_root(precision: Float[Array, "block parameter parameter"]) -> Float[Array, "block parameter parameter"]:
    """B with B B' = precision^-1, from the sizes of eigenvalues, held above a hundredth once each diagonal is one."""
    if precision.shape[-1] == 0:
        return precision
    diagonal = jnp.abs(jnp.diagonal(precision, axis1=1, axis2=2))
    scale = 1.0 / jnp.sqrt(jnp.maximum(diagonal, 1e-10))
    values, vectors = jnp.linalg.eigh(scale[:, :, None] * precision * scale[:, None, :])
    size = jnp.maximum(jnp.abs(values), 1e-2)
    return scale[:, :, None] * vectors / jnp.sqrt(size)[:, None, :]
