"""Ability estimates of persons, given the items: modes of the likelihood, weighted or with a prior.

MAP is the mode of likelihood times normal prior. WLE solves

    sum of P' / P over the responses + J / (2 I) = 0,   J = sum over items and categories of P' P'' / P

(Warm 1989, Psychometrika 54; Samejima 1998, for any number of categories), the likelihood's mode without its bias of
order 1 / n. It is the mode under Jeffreys' prior for one and two parameters alone. All is in float64.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from irt_jax.likelihood.gather import DenseLayout
from irt_jax.likelihood.kernel import PersonBlocks
from irt_jax.models.bank import Bank
from irt_jax.models.model import Parameters
from irt_jax.scoring.information import Derivatives, derivatives

#: Steps end when no person moves further than this.
EXACT = 1e-9
#: No step is longer.
LONGEST = 1.0
MAX_STEPS = 200
#: Abilities beyond this, in SDs of the population from its mean, are not looked for; WLE, which has no prior, is looked
#: for as far under a narrow population as under N(mean, 1).
FARTHEST = 30.0


class Sums(NamedTuple):
    """Of one block's persons at their abilities.

    Attributes:
        score: derivative of the log-likelihood.
        curvature: negative second derivative.
        information: expected curvature, of the items that were answered.
        bias: J of the same items.
    """

    score: Float[Array, " person"]
    curvature: Float[Array, " person"]
    information: Float[Array, " person"]
    bias: Float[Array, " person"]


def block_sums(bank: Bank, items: Parameters, block: PersonBlocks, ability: Float[Array, " person"]) -> Sums:
    """Sums over every person's responses at abilities of their own.

    Args:
        bank: of the items.
        items: parameters and constants, first axis items.
        block: one block, without the first axis.
        ability: of the block's persons.
    """
    k = bank.n_categories
    if isinstance(block.to_person, DenseLayout):
        counts = jnp.reshape(block.to_person.matrix, (len(ability), -1, k)).astype(ability.dtype)
        values = {name: value[None] for name, value in items.items()}
        at = jnp.broadcast_to(ability[:, None], counts.shape[:2])
        return _sums(derivatives(bank, values, at), counts, counts.sum(-1))
    row, target = map(jnp.asarray, block.to_person)
    n_rows = k * len(next(iter(items.values())))
    known = row < n_rows
    item, category = jnp.where(known, row, 0) // k, jnp.where(known, row, 0) % k
    values = {name: value[item] for name, value in items.items()}
    at = jnp.broadcast_to(ability[target][:, None], row.shape)
    chosen = (category[..., None] == jnp.arange(k)) & known[..., None]
    of_lists = _sums(derivatives(bank, values, at), chosen.astype(ability.dtype), known.astype(ability.dtype))
    return Sums(*(jax.ops.segment_sum(part, target, len(ability), indices_are_sorted=True) for part in of_lists))


def _sums(
    found: Derivatives, counts: Float[Array, "list place category"], answered: Float[Array, "list place"]
) -> Sums:
    p = jnp.exp(found.log_p)
    usable = counts > 0  # an item's missing categories have no derivatives worth adding
    score = jnp.where(usable, counts * found.first, 0.0).sum((1, 2))
    curvature = -jnp.where(usable, counts * found.second, 0.0).sum((1, 2))
    information = (answered * (p * found.first**2).sum(-1)).sum(1)
    bias = (answered * (p * found.first * (found.second + found.first**2)).sum(-1)).sum(1)
    return Sums(score, curvature, information, bias)


class Modes(NamedTuple):
    """Of all persons, (block, person); NaN where the steps did not end.

    Attributes:
        map: mode of the posterior.
        map_se: from the curvature there.
        wle: Warm's estimate.
        wle_se: from the information there.
    """

    map: Float[Array, "block person"]
    map_se: Float[Array, "block person"]
    wle: Float[Array, "block person"]
    wle_se: Float[Array, "block person"]


@partial(jax.jit, static_argnums=0)
def modes(
    bank: Bank,
    items: Parameters,
    blocks: PersonBlocks,
    start: Float[Array, "block person"],
    mean: Float[Array, "block person"],
    sd: Float[Array, "block person"],
) -> Modes:
    """MAP and WLE of every person.

    Args:
        bank: of the items.
        items: parameters and constants, first axis items.
        blocks: the responses.
        start: where to begin, such as the node where the posterior is largest.
        mean: of each one's normal prior of MAP.
        sd: of it.
    """

    def of_block(part: tuple[PersonBlocks, Array, Array, Array]) -> Modes:
        block, first, mean, sd = part
        sums = partial(block_sums, bank, items, block)

        def posterior(at: Array) -> tuple[Array, Array]:
            found = sums(at)
            slope = found.score - (at - mean) / sd**2
            fisher = found.information + 1.0 / sd**2
            newton = found.curvature + 1.0 / sd**2
            return slope / jnp.where(newton > 0.2 * fisher, newton, fisher), 1.0 / jnp.sqrt(newton)

        def weighted(at: Array) -> tuple[Array, Array]:
            found = sums(at)
            information = jnp.maximum(found.information, 1e-12)
            return (found.score + found.bias / (2.0 * information)) / information, 1.0 / jnp.sqrt(information)

        return Modes(*_climb(posterior, first, mean, sd), *_climb(weighted, first, mean, jnp.maximum(sd, 1.0)))

    return jax.lax.map(of_block, (blocks, start, mean, sd))


def _climb(step: Any, start: Array, mean: Array, sd: Array) -> tuple[Array, Array]:
    """Add limited steps until all are small; a person whose steps change sign takes half of them."""

    def unfinished(state: tuple[Array, Array, Array, Array]) -> Array:
        _, last, _, count = state
        return (jnp.abs(last).max() > EXACT) & (count < MAX_STEPS)

    def again(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        at, last, share, count = state
        move = jnp.clip(step(at)[0], -LONGEST, LONGEST)
        share = jnp.where(move * last < -0.5 * last**2, jnp.maximum(0.5 * share, 0.05), jnp.minimum(1.0, 1.2 * share))
        move = share * move
        reached = jnp.clip(at + move, mean - FARTHEST * sd, mean + FARTHEST * sd)
        return reached, reached - at, share, count + 1

    one = jnp.ones_like(start)
    at, last, _, _ = jax.lax.while_loop(unfinished, again, (start, one, one, jnp.zeros((), jnp.int32)))
    done = jnp.abs(last) <= 1e3 * EXACT
    return jnp.where(done, at, jnp.nan), jnp.where(done, step(at)[1], jnp.nan)
