"""Observed information of each item in closed form.

For a marginal likelihood the negative Hessian is the complete-data information minus the missing one (Louis 1982, JRSS
B 44): with W a person's posterior over the nodes and s the derivative of the log-probability of the response,

    block of item i = - d2/dx2 [ sum N table(x) + log prior(x) ] - sum over responses ( E_W[s s'] - E_W[s] E_W[s]' )

where N, the expected counts, is held fixed. Both expectations over all responses come from N and the table; only the
products of the means need the responses, one pass of gathers. A person who answered an item twice counts as two.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy

from irt_jax.likelihood.flatten import Shapes, pack, parameter_columns, separable_blocks, unpack
from irt_jax.likelihood.gather import gather_sum, pair_products
from irt_jax.likelihood.kernel import PersonBlocks, block_posterior
from irt_jax.likelihood.log_density import Position


def item_information(
    statements: Any, shapes: Shapes, blocks: PersonBlocks, n_categories: int, position: Position
) -> Float[Array, "item parameter parameter"]:
    """Diagonal blocks of the negative Hessian of the marginal log posterior, one per item.

    Args:
        statements: a NumPyro model without arguments that samples everything and returns the table and the log weights
            of the nodes.
        shapes: of the positions.
        blocks: the responses.
        n_categories: rows of the table that each item has.
        position: on the unconstrained scales.
    """

    def parts(x: Array) -> tuple[Array, Array]:
        latent = constrain_fn(statements, (), {}, unpack(x, shapes))
        with handlers.substitute(data=latent), handlers.seed(rng_seed=0):
            return statements()

    def log_prior(x: Array) -> Array:
        return -potential_energy(statements, (), {}, unpack(x, shapes))

    x = pack(position, shapes)
    units = parameter_columns(shapes, x.dtype)
    tables, scores = jax.lax.map(lambda unit: jax.jvp(lambda at: parts(at)[0], (x,), (unit,)), units)
    table, log_weight, scores = tables[0], parts(x)[1], jnp.moveaxis(scores, 0, 1)
    single = partial(jnp.asarray, dtype=jnp.float32)
    counts, products = _expected(single(table), single(log_weight), single(scores), blocks)

    def complete(at: Array) -> Array:
        return (counts * parts(at)[0]).sum() + log_prior(at)

    squares = jnp.einsum("rq,rkq,rlq->rkl", counts, scores, scores)
    missing = (squares - products).reshape(shapes.n_blocks, n_categories, *products.shape[1:]).sum(1)
    found = separable_blocks(complete, x, shapes) - missing
    return (found + jnp.swapaxes(found, 1, 2)) / 2


def _expected(
    table: Float[Array, "row node"],
    log_weight: Float[Array, "group node"],
    scores: Float[Array, "row parameter node"],
    blocks: PersonBlocks,
) -> tuple[Float[Array, "row node"], Float[Array, "row parameter parameter"]]:
    """Expected counts, and the sum over responses of the products of their expected scores."""
    n_rows = len(table)

    def add(sums: Any, block: PersonBlocks) -> tuple[Any, None]:
        posterior = block_posterior(table, log_weight, block)
        weight = jnp.asarray(block.weight, posterior.dtype)[:, None]
        counts = gather_sum(weight * posterior, block.to_row, n_rows)
        products = pair_products(jnp.sqrt(weight) * posterior, scores, block.to_row, n_rows)
        return (sums[0] + counts, sums[1] + products), None

    wide = jnp.result_type(float)
    start = (jnp.zeros(table.shape, wide), jnp.zeros((n_rows, scores.shape[1], scores.shape[1]), wide))
    return jax.lax.scan(add, start, jax.tree.map(jnp.asarray, blocks))[0]
