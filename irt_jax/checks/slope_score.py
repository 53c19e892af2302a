"""How responses follow ability, beside what the model says: by the ability that each person's other responses tell.

With R the posterior of a person's ability given all responses but one, t its mean, e and v the mean and variance of
that response's score under R, and m the mean of t over the item's responses,

    z = sum of (y - e) (t - m) / sqrt(sum of v (t - m)^2)

has mean 0 and a variance of 1 at most where the model holds (the parameters have been estimated). It is far below zero
where the item discriminates less than a prior or the model lets it: a wrong key does, since log a cannot be negative.
Unlike the item-rest correlation it holds in adaptive tests, where everybody has about half of their items right. The
correlation of y and t is the same without the model of the item itself.

Source: a score test of the slope; Glas (1999), Psychometrika 64, for such tests of item fit.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from irt_jax.checks.dependence import Pair, dependent_pairs
from irt_jax.data import Responses
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.inference.response_chunks import response_chunks
from irt_jax.models.model import Parameters

#: Log-probabilities below this count as this.
SMALLEST = -60.0


class Association(NamedTuple):
    """How the responses of all items go with the abilities by the persons' other responses, summed over responses.

    Attributes:
        observed: sum of (y - mean of the item) (t - m).
        expected: what the model says of it.
        sd: of the observed sum, were the items independent: a pair of a person's responses counts twice in it.
    """

    observed: float
    expected: float
    sd: float


class ItemFit(NamedTuple):
    """Of every item.

    Attributes:
        correlation: of responses and the abilities by the persons' other responses; NaN where either is constant.
        z: how responses follow ability beside what the model says, in standard errors; NaN likewise.
        association: of all items together; None where it was not asked for.
        pairs: items that go together beyond the model, see `irt_jax.checks.dependence`.
    """

    correlation: Float[np.ndarray, " item"]
    z: Float[np.ndarray, " item"]
    association: Association | None = None
    pairs: tuple[Pair, ...] = ()


def item_fit(
    problem: Problem,
    items: Parameters,
    population: Any,
    responses: Responses,
    scores: Float[np.ndarray, "item category"] | None = None,
) -> ItemFit:
    """Hold every response against the person's others.

    Args:
        problem: the posterior, with a grid that fits.
        items: the model's parameters, first axis items.
        population: mean and SD of the groups, each (group,).
        responses: of these items.
        scores: of each item's categories, NaN where they say nothing; their numbers when None.
    """
    n_categories = problem.model.n_categories
    if scores is None:
        scores = np.tile(np.arange(n_categories, dtype=float), (responses.n_items, 1))
    chunks = response_chunks(problem, responses, np.ones(responses.n_items, bool))
    known = (*problem.over_nodes(items, population), problem.data.nodes)
    with jax.enable_x64(True):
        sums = _sums(n_categories, *known, *chunks, np.nan_to_num(scores))
    n, t, tt, y, yy, yt, rest, rest_t, v, v_t, v_tt = np.asarray(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = t / n
        variance = v_tt - 2.0 * mean * v_t + mean**2 * v
        z = (rest_t - mean * rest) / np.sqrt(np.maximum(variance, 0.0))
        correlation = (yt - y * mean) / np.sqrt(np.maximum(yy - y**2 / n, 0.0) * np.maximum(tt - t * mean, 0.0))
    varies = (tt - t * mean > 1e-6 * n) & (yy - y**2 / n > 1e-6 * n)
    counted = n > 0
    observed, apart = yt[counted] - (y * t / np.maximum(n, 1))[counted], (rest_t - t / np.maximum(n, 1) * rest)[counted]
    spread = ((yy - y**2 / np.maximum(n, 1)) / np.maximum(n, 1) * (tt - t**2 / np.maximum(n, 1)))[counted]
    together = Association(observed.sum(), (observed - apart).sum(), float(np.sqrt(2.0 * spread.clip(0.0).sum())))
    z = np.where(varies, z, np.nan)
    pairs = dependent_pairs(problem, items, population, responses, z)
    return ItemFit(np.where(varies, correlation, np.nan), z, together, pairs)


def of_all_items(fit: ItemFit, keep: Bool[np.ndarray, " item"]) -> ItemFit:
    """The same of all items; NaN for those that were left out.

    Args:
        fit: of the items that were kept.
        keep: which these are.
    """
    place = np.flatnonzero(keep)
    pairs = tuple(pair._replace(first=int(place[pair.first]), second=int(place[pair.second])) for pair in fit.pairs)
    correlation, z = np.full((2, len(keep)), np.nan)
    correlation[keep], z[keep] = fit.correlation, fit.z
    return ItemFit(correlation, z, fit.association, pairs)


@partial(jax.jit, static_argnums=0)
def _sums(
    n_categories: int,
    table: Float[Array, "row node"],
    posterior: Float[Array, "person node"],
    nodes: Float[Array, " node"],
    person: Int[Array, "chunk response"],
    row: Int[Array, "chunk response"],
    weight: Float[Array, "chunk response"],
    scores: Float[Array, "item category"],
) -> Float[Array, "sum item"]:
    table, posterior, nodes = (array.astype(jnp.float32) for array in (table, posterior, nodes))
    scores = scores.astype(table.dtype)
    of_items = jnp.exp(table.reshape(-1, n_categories, len(nodes)))
    expected = jnp.stack([jnp.einsum("ick,ic->ik", of_items, power) for power in (scores, scores**2)], axis=1)

    def add(total: Array, chunk: tuple[Array, Array, Array]) -> tuple[Array, None]:
        whose, which, counted = chunk
        item = which // n_categories
        y = scores[item, which % n_categories]
        others = posterior[whose] * jnp.exp(-jnp.maximum(table[which], SMALLEST))
        others = others / others.sum(1, keepdims=True)
        t, of_item = others @ nodes, expected[item]
        e, second = jnp.einsum("rk,rmk->mr", others, of_item)
        v, one, rest = second - e**2, jnp.ones_like(t), y - e
        parts = counted * jnp.stack([one, t, t**2, y, y**2, y * t, rest, rest * t, v, v * t, v * t**2])
        summed = jax.ops.segment_sum(parts.T, item, len(expected))
        return total + summed.T.astype(total.dtype), None

    nothing = jnp.zeros((11, len(expected)), jnp.float64)
    return jax.lax.scan(add, nothing, (person, row, weight))[0]
