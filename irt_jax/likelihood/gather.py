"""Sums over ragged lists as a few gathers of contiguous rows, or as one product with a matrix of zeros and ones.

`out[t] = sum of source[s] over the pairs (s, t)` is the whole of a table likelihood: once from rows of the table
to persons, once back from persons to rows of the table. Each target's list of sources is cut into lists of equal
width, padded with a row of zeros; the lists are summed by unrolled gathers, and the sums of one target's lists by a
sorted segment sum, which falls away where every target has one list. Where a good part of all pairs is there, a matrix
that counts them is faster.

Shapes are compiled in. They follow from the numbers of pairs and targets and lie on a coarse ladder, so that data sets
of one design share what was compiled.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from irt_jax.runtime.arrays import AnyArray

#: Widths that a list can have.
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 22, 24, 28, 32)
#: What one list costs beyond its gathers, in gathers. Half of it or twice as much was 2 to 27 % slower, measured with
#: 1e5 and 1e6 responses.
LIST_COST = 4.0
#: Targets get one list each where its width is at most this many times their mean number of sources.
ONE_LIST = 1.35


class GatherLayout(NamedTuple):
    """Lists of sources, and the target that each list belongs to.

    Attributes:
        source: rows of the source, (list, width); the row after the last one stands for nothing.
        target: ascending, (list,); every target has at least one list.
    """

    source: Int[AnyArray, "list width"]
    target: Int[AnyArray, " list"]


class DenseLayout(NamedTuple):
    """How often each pair comes.

    Attributes:
        matrix: counts, (target, source).
    """

    matrix: Float[AnyArray, "target source"]


class TransposedLayout(NamedTuple):
    """A `DenseLayout` used backwards, from its targets to its sources, without a second matrix.

    Attributes:
        matrix: counts, (source, target).
    """

    matrix: Float[AnyArray, "source target"]


Layout = GatherLayout | DenseLayout | TransposedLayout


def on_ladder(count: float | int, steps: int = 16, smallest: int = 16) -> int:
    """The next number on a geometric ladder.

    Args:
        count: what has to fit.
        steps: rungs per doubling: 16 add at most a sixteenth.
        smallest: distance of the lowest rungs.
    """
    octave = 2 ** max(0, int(np.ceil(np.log2(max(count, 1)))) - 1)
    rung = max(smallest, octave // steps)
    return rung * max(1, int(np.ceil(count / rung)))


def list_width(counts: Int[np.ndarray, "..."], mean: float) -> int:
    """The width of lists that needs little work: one list each where the targets are alike, else from the mean.

    Args:
        counts: sources of each target.
        mean: of the counts, the same for all data of one design.
    """
    longest = counts.max()
    enough = [width for width in WIDTHS if longest <= width <= ONE_LIST * mean]
    best = np.sqrt(LIST_COST * mean)
    return enough[0] if enough else min(WIDTHS, key=lambda width: abs(np.log(width / max(best, 1))))


def list_number(counts: Int[np.ndarray, "block target"], width: int, pairs: float | int) -> int:
    """How many lists every block gets: enough for remainders that are spread evenly, and three SDs more.

    Args:
        counts: sources of each target in each block.
        width: of a list.
        pairs: of a full block, which may have more persons than these.
    """
    needed, n_targets = int(_lists(counts, width).sum(1).max()), counts.shape[1]
    if needed == n_targets or len(np.unique(counts[counts > 0])) == 1:
        return needed
    return on_ladder(max(needed, pairs / width + n_targets / 2 + 3 * np.sqrt(n_targets / 12)))


def gather_layout(
    source: Int[np.ndarray, " pair"],
    target: Int[np.ndarray, " pair"],
    n_sources: int,
    n_targets: int,
    width: int,
    n_lists: int | None = None,
) -> GatherLayout:
    """Cut the pairs' lists.

    Args:
        source: row of the source of each pair.
        target: row of the result of each pair.
        n_sources: rows of the source.
        n_targets: rows of the result.
        width: of a list.
        n_lists: lists, with empty ones at the end; as many as needed when None.
    """
    counts = np.bincount(target, minlength=n_targets)
    lists = _lists(counts, width)
    first = np.cumsum(lists) - lists
    order = np.argsort(target, kind="stable")
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.full((n_lists or lists.sum(), width), n_sources, np.int32)
    rows[np.repeat(first, counts) + place // width, place % width] = source[order]
    targets = np.full(len(rows), n_targets - 1, np.int32)
    targets[: lists.sum()] = np.repeat(np.arange(n_targets, dtype=np.int32), lists)
    return GatherLayout(rows, targets)


def _lists(counts: np.ndarray, width: int) -> np.ndarray:
    return np.maximum(1, -(-counts // width))


@partial(jax.jit, static_argnums=2)
def gather_sum(source: Float[Array, "source column"], layout: Layout, n_targets: int) -> Float[Array, "target column"]:
    """Sum the sources of every target. Compiled as a part of what calls it; its many gathers are traced once a shape.

    Args:
        source: rows to be summed.
        layout: of the pairs.
        n_targets: rows of the result; when it equals the number of lists, each target has one.
    """
    if not isinstance(layout, GatherLayout):
        matrix = _to_targets(layout).astype(source.dtype)
        return jnp.matmul(matrix, source, precision=jax.lax.Precision.HIGHEST)
    padded = _with_nothing(source)

    def lists() -> Array:
        total = padded[layout.source[:, 0]]
        for column in range(1, layout.source.shape[1]):
            total = total + padded[layout.source[:, column]]
        return total

    shape = (len(layout.target), source.shape[1])
    total = _once(lists, layout, shape, source.dtype) if jax.default_backend() == "cpu" else lists()
    if len(layout.target) == n_targets:
        return total
    return jax.ops.segment_sum(total, layout.target, n_targets, indices_are_sorted=True)


def pair_products(
    source: Float[AnyArray, "source column"],
    weights: Float[AnyArray, "target parameter column"],
    layout: Layout,
    n_targets: int,
) -> Float[Array, "target parameter parameter"]:
    """Sum m m' over the pairs (s, t) of every target t, where m[k] = source[s] . weights[t, k].

    With posteriors over nodes as the source and scores at the nodes as weights, m is a person's expected score at one
    response: the squares of the missing information (Louis 1982, JRSS B 44). The sum is in the widest float type.

    Args:
        source: rows, such as the posterior of every person.
        weights: of every target, for each of its parameters.
        layout: of the pairs.
        n_targets: rows of the result.
    """
    source, weights = jnp.asarray(source), jnp.asarray(weights)
    wide = jnp.promote_types(source.dtype, jnp.result_type(float))
    if not isinstance(layout, GatherLayout):
        return _dense_products(source, weights, _to_targets(layout), wide)
    padded, own = _with_nothing(source), weights[layout.target]

    def add(total: Array, rows: Array) -> tuple[Array, None]:
        m = jnp.einsum("lq,lkq->lk", padded[rows], own, precision=jax.lax.Precision.HIGHEST).astype(wide)
        return total + m[:, :, None] * m[:, None, :], None

    start = jnp.zeros((len(layout.target), weights.shape[1], weights.shape[1]), wide)
    total, _ = jax.lax.scan(add, start, jnp.asarray(layout.source).T)
    return jax.ops.segment_sum(total, layout.target, n_targets, indices_are_sorted=True)


def _dense_products(source: Array, weights: Array, matrix: Array, wide: jnp.dtype) -> Array:
    """One product of matrices for each parameter, then sums over the sources for each pair of parameters."""
    m = jnp.einsum("tkq,sq->kts", weights, source, precision=jax.lax.Precision.HIGHEST)
    rows = [[(matrix * left * right).astype(wide).sum(1) for right in m] for left in m]
    return jnp.moveaxis(jnp.array(rows), 2, 0)


def _to_targets(layout: DenseLayout | TransposedLayout) -> Array:
    matrix = jax.lax.stop_gradient(jnp.asarray(layout.matrix))
    return matrix if isinstance(layout, DenseLayout) else matrix.T


def _with_nothing(source: Array) -> Array:
    return jnp.concatenate([source, jnp.zeros((1, source.shape[1]), source.dtype)])


def _once(function: Callable[[], Array], layout: GatherLayout, shape: tuple[int, ...], dtype: Any) -> Array:
    """Call a function in a loop of one iteration, so that its result is a buffer.

    XLA for CPU otherwise repeats the gathers in every operation that uses their sum: seven times slower, measured with
    jax 0.10.2. That the loop runs once is hidden from it behind the layout, whose entries are never negative.
    """
    nothing = jnp.minimum(layout.source[0, 0], 0)
    start = (nothing, jnp.zeros(shape, dtype))
    return jax.lax.while_loop(lambda state: state[0] < 1, lambda state: (state[0] + 1, function()), start)[1]
