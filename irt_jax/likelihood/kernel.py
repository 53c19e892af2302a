"""The marginal likelihood of any table model, with its derivatives, for all chains at once.

    L[u, q]  = sum over person u's responses of table[code, q]
    ll[u]    = log sum_q exp(L[u, q] + log_weight[group[u], q])
    W[u, q]  = exp(L[u, q] + log_weight[group[u], q] - ll[u])          the posterior over the nodes
    d/dtable = sum over persons with that code of W                    the expected counts of the E-step

The gradient is therefore another gather, of W instead of the table (Bock & Aitkin 1981, Psychometrika 46;
the identity is Fisher's, Louis 1982). Chains lie beside the nodes in the last axis, so that one gather moves the rows
of all chains. Table and gathers have the table's precision; the sum over persons is in float64 where that is enabled.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from irt_jax.likelihood.gather import DenseLayout, GatherLayout, TransposedLayout, gather_sum
from irt_jax.runtime.arrays import AnyArray

#: On a CPU, chains whose tables take more bytes are evaluated one by one. Nanoseconds per response and chain, 32 nodes,
#: 2 cores, together and one by one: 4.4 and 5.3 for 8 chains x 1,000 rows (1 MB), 5.9 and 5.5 for 4 x 4,000 (2 MB),
#: 9.6 and 5.8 for 4 x 10,000 (5 MB).
TABLES_BYTES = 2**20
#: Stands for the logarithm of nothing, and for what is no number: finite, and lower than any log-likelihood.
LEAST = -1e30


class PersonBlocks(NamedTuple):
    """Persons and their responses, cut into blocks of equal shapes; the first axis of every array is the block.

    Attributes:
        to_person: table rows of each person of the block: lists, or a matrix.
        lists_to_row: lists of the block's persons for each table row; empty where `to_person` is a matrix.
        weight: how many persons each row stands for (equal patterns are one); 0 for padding, (block, person).
        group: the population that the person belongs to, (block, person).
    """

    to_person: GatherLayout | DenseLayout
    lists_to_row: GatherLayout | tuple[()]
    weight: Float[AnyArray, "block person"]
    group: Int[AnyArray, "block person"]

    @property
    def to_row(self) -> GatherLayout | TransposedLayout:
        """The block's persons for each table row."""
        if isinstance(self.to_person, DenseLayout):
            return TransposedLayout(self.to_person.matrix)
        return GatherLayout(*self.lists_to_row)


class Marginal(NamedTuple):
    """Value and derivatives, first axis chains.

    Attributes:
        total: weighted sum of the persons' log-likelihoods, in the widest float type.
        rows: expected count of every table row at every node: the gradient by the table.
        nodes: expected number of persons at every node: the gradient by log_weight.
    """

    total: Float[Array, " chain"]
    rows: Float[Array, "chain row node"]
    nodes: Float[Array, "chain group node"]


def marginal_log_likelihood(
    table: Float[AnyArray, "row node"], log_weight: Float[AnyArray, "group node"], blocks: PersonBlocks
) -> Float[Array, ""]:
    """Weighted sum of the persons' log-likelihoods with the ability integrated out.

    Differentiable once in reverse, and forward over that (Hessian-vector products); `vmap` over tables and weights
    runs all of them in one pass.

    Args:
        table: log-probability of each item's categories at the nodes.
        log_weight: log of the ability's density times the spacing of the nodes, by group.
        blocks: the responses.
    """
    return _total(jnp.asarray(table), jnp.asarray(log_weight), blocks)


def posterior_over_nodes(
    table: Float[AnyArray, "row node"], log_weight: Float[AnyArray, "group node"], blocks: PersonBlocks
) -> Float[Array, "block person node"]:
    """Posterior probability of every node for every person of the blocks, without derivatives.

    Args:
        table: see `marginal_log_likelihood`.
        log_weight: see `marginal_log_likelihood`.
        blocks: the responses.
    """
    one = partial(block_posterior, jnp.asarray(table), jnp.asarray(log_weight))
    return jax.lax.map(one, jax.tree.map(jnp.asarray, blocks))


def block_posterior(
    table: Float[Array, "row node"], log_weight: Float[Array, "group node"], block: PersonBlocks
) -> Float[Array, "person node"]:
    """The same for one block, whose arrays have no axis of blocks.

    Args:
        table: see `marginal_log_likelihood`.
        log_weight: see `marginal_log_likelihood`.
        block: the responses.
    """
    log_terms = gather_sum(table, block.to_person, block.weight.shape[0])
    return jax.nn.softmax(log_terms + log_weight[block.group], axis=-1)


def _beside(array: Float[Array, "chain row node"]) -> Float[Array, "row column"]:
    return jnp.moveaxis(array, 0, 1).reshape(array.shape[1], -1)


@jax.custom_vjp
def _total(table: Array, log_weight: Array, blocks: PersonBlocks) -> Array:
    return _forward(table, log_weight, blocks)[0]


def _forward(table: Array, log_weight: Array, blocks: PersonBlocks) -> tuple[Array, tuple[Array, Array]]:
    found = _all_chains(table[None], log_weight[None], blocks)
    return found.total[0], (found.rows[0], found.nodes[0])


def _backward(saved: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array, None]:
    rows, nodes = saved
    return cotangent.astype(rows.dtype) * rows, cotangent.astype(nodes.dtype) * nodes, None


_total.defvjp(_forward, _backward)


def _native(table: Array, log_weight: Array, blocks: PersonBlocks) -> Marginal:
    """Value and derivatives of every chain, block of persons by block."""
    chains, _, n_nodes = table.shape
    if chains > 1 and jax.default_backend() == "cpu" and table.size * table.dtype.itemsize > TABLES_BYTES:
        found = jax.lax.map(lambda one: _native(one[0][None], one[1][None], blocks), (table, log_weight))
        return jax.tree.map(lambda leaf: leaf[:, 0], found)
    table, log_weight = (jnp.where(jnp.isnan(array), LEAST, array) for array in (table, log_weight))
    one = partial(_block, _beside(table), _beside(log_weight), chains)
    if blocks.weight.shape[0] == 1:
        total, rows, nodes = one(jax.tree.map(lambda array: array[0], blocks))
    else:
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(one, _first(blocks)))
        add = lambda sums, block: (jax.tree.map(jnp.add, sums, one(block)), None)  # noqa: E731
        (total, rows, nodes), _ = jax.lax.scan(add, zero, blocks)
    apart = [jnp.moveaxis(sums.reshape(-1, chains, n_nodes), 1, 0) for sums in (rows, nodes)]
    return Marginal(total, *apart)


_all_chains = jax.custom_batching.custom_vmap(_native)


@_all_chains.def_vmap
def _batched(
    size: int, batched: Sequence[Any], table: Array, log_weight: Array, blocks: PersonBlocks
) -> tuple[Marginal, Marginal]:
    """A batch of batches of chains is one longer batch of chains.

    Derivatives in several directions at one point batch the directions only; the plain function is then batched as
    it stands.
    """
    if not any(batched[:2]):
        found = _native(table, log_weight, blocks)
        return found, jax.tree.map(lambda _: False, found)
    arrays = [
        array if is_batched else jnp.broadcast_to(array, (size, *array.shape))
        for array, is_batched in zip((table, log_weight), batched[:2], strict=True)
    ]
    merged = [array.reshape(-1, *array.shape[2:]) for array in arrays]
    found = _all_chains(*merged, blocks)
    apart = jax.tree.map(lambda leaf: leaf.reshape(size, -1, *leaf.shape[1:]), found)
    return apart, jax.tree.map(lambda _: True, apart)


def _first(blocks: PersonBlocks) -> PersonBlocks:
    return jax.tree.map(lambda array: array[0], blocks)


def _block(
    table: Float[Array, "row column"],
    log_weight: Float[Array, "group column"],
    chains: int,
    block: PersonBlocks,
) -> tuple[Array, Array, Array]:
    """One block of persons: total by chain, counts by row and by group; columns are chains times nodes."""
    n_persons, n_nodes = block.weight.shape[0], table.shape[1] // chains
    log_terms = gather_sum(table, block.to_person, n_persons) + log_weight[block.group]
    own = _own_chain(chains, n_nodes, table.dtype)
    top = jax.lax.stop_gradient(log_terms.reshape(n_persons, chains, n_nodes).max(-1))
    top = jnp.maximum(top, LEAST)
    terms = jnp.exp(log_terms - _product(top, own.T))
    summed = jnp.maximum(_product(terms, own), jnp.finfo(table.dtype).tiny)
    wide = jnp.promote_types(table.dtype, jnp.result_type(float))
    weight = block.weight[:, None]
    total = (weight.astype(wide) * (top + jnp.log(summed)).astype(wide)).sum(0)
    posterior = terms * _product(weight.astype(table.dtype) / summed, own.T)
    rows = gather_sum(posterior, block.to_row, table.shape[0])
    nodes = jax.ops.segment_sum(posterior, block.group, log_weight.shape[0])
    return total, rows, nodes


def _own_chain(chains: int, n_nodes: int, dtype: Any) -> Float[Array, "column chain"]:
    """Ones where a column belongs to a chain: sums over nodes, and values spread over them, are products with it.

    On a CPU that takes less than half of the time of sums along a short axis, 1.2 ms and .5 for 5,000 persons x 4
    chains x 20 nodes. Every entry must be finite, for zero times infinity would reach from one chain into another.
    """
    return jnp.repeat(jnp.eye(chains, dtype=dtype), n_nodes, axis=0)


def _product(left: AnyArray, right: AnyArray) -> Array:
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)
