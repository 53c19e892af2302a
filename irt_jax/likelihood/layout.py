"""Sums over ragged lists as a few gathers of contiguous rows.

`out[t] = sum of source[s] over the pairs (s, t)` is the whole of a table likelihood: once from rows of the table
to persons, once back from persons to rows of the table. Each target's list of sources is cut into lists of equal
width, padded with a row of zeros; the lists are summed by unrolled gathers, and the sums of one target's lists by a
sorted segment sum, which falls away where every target has one list.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from irt_jax.arrays import AnyArray

#: Widths of a list that are tried.
WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 32)
#: What one list costs beyond its gathers, in gathers: the segment sum reads and writes it once more.
LIST_COST = 2.5


class GatherLayout(NamedTuple):
    """Lists of sources, and the target that each list belongs to.

    Attributes:
        source: rows of the source, (list, width); the row after the last one stands for nothing.
        target: ascending, (list,); every target has at least one list.
    """

    source: Int[AnyArray, "list width"]
    target: Int[AnyArray, " list"]


def list_width(counts: Int[np.ndarray, " target"]) -> int:
    """The width of lists that needs the least work.

    Args:
        counts: sources of each target.
    """
    longest = counts.max(initial=0)
    return min(WIDTHS, key=lambda w: _lists(counts, w).sum() * (w + LIST_COST * (longest > w)))


def gather_layout(
    source: Int[np.ndarray, " pair"],
    target: Int[np.ndarray, " pair"],
    *,
    n_sources: int,
    n_targets: int,
    width: int | None = None,
) -> GatherLayout:
    """Cut the pairs' lists.

    Args:
        source: row of the source of each pair.
        target: row of the result of each pair.
        n_sources: rows of the source.
        n_targets: rows of the result.
        width: of a list; the best one when None.
    """
    counts = np.bincount(target, minlength=n_targets)
    width = width or list_width(counts)
    lists = _lists(counts, width)
    first = np.cumsum(lists) - lists
    order = np.argsort(target, kind="stable")
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.full((lists.sum(), width), n_sources, np.int32)
    rows[np.repeat(first, counts) + place // width, place % width] = source[order]
    return GatherLayout(rows, np.repeat(np.arange(n_targets, dtype=np.int32), lists))


def stack_layouts(layouts: Sequence[GatherLayout], n_sources: int) -> GatherLayout:
    """Put layouts of one width and the same targets on a first axis, padded with empty lists.

    Args:
        layouts: from `gather_layout`.
        n_sources: the row that stands for nothing.
    """
    most = max(len(layout.target) for layout in layouts)
    sources = [_lengthened(layout.source, most, n_sources) for layout in layouts]
    targets = [_lengthened(layout.target, most, int(layout.target[-1])) for layout in layouts]
    return GatherLayout(np.stack(sources), np.stack(targets))


def _lengthened(array: AnyArray, length: int, value: int) -> np.ndarray:
    pad = [(0, length - len(array))] + [(0, 0)] * (array.ndim - 1)
    return np.pad(array, pad, constant_values=value)


def _lists(counts: np.ndarray, width: int) -> np.ndarray:
    return np.maximum(1, -(-counts // width))


def gather_sum(
    source: Float[Array, "source column"], layout: GatherLayout, n_targets: int
) -> Float[Array, "target column"]:
    """Sum the sources of every target.

    Args:
        source: rows to be summed.
        layout: from `gather_layout`.
        n_targets: rows of the result; when it equals the number of lists, each target has one.
    """
    source = jnp.asarray(source)
    padded = jnp.concatenate([source, jnp.zeros((1, source.shape[1]), source.dtype)])

    def lists() -> Array:
        total = padded[layout.source[:, 0]]
        for column in range(1, layout.source.shape[1]):
            total = total + padded[layout.source[:, column]]
        return total

    total = _once(lists, layout) if jax.default_backend() == "cpu" else lists()
    if len(layout.target) == n_targets:
        return total
    return jax.ops.segment_sum(total, layout.target, n_targets, indices_are_sorted=True)


def pair_products(
    source: Float[AnyArray, "source column"],
    weights: Float[AnyArray, "target parameter column"],
    layout: GatherLayout,
    n_targets: int,
) -> Float[Array, "target parameter parameter"]:
    """Sum m m' over the pairs (s, t) of every target t, where m[k] = source[s] . weights[t, k].

    With posteriors over nodes as the source and scores at the nodes as weights, m is a person's expected score at one
    response: the squares of the missing information (Louis 1982, JRSS B 44). The sum is in the widest float type.

    Args:
        source: rows, such as the posterior of every person.
        weights: of every target, for each of its parameters.
        layout: from `gather_layout`.
        n_targets: rows of the result.
    """
    padded, own = _with_nothing(source), jnp.asarray(weights)[layout.target]
    wide = jnp.promote_types(source.dtype, jnp.result_type(float))

    def add(total: Array, rows: Array) -> tuple[Array, None]:
        m = (padded[rows][:, None, :] * own).sum(-1).astype(wide)
        return total + m[:, :, None] * m[:, None, :], None

    start = jnp.zeros((len(layout.target), weights.shape[1], weights.shape[1]), wide)
    total, _ = jax.lax.scan(add, start, jnp.asarray(layout.source).T)
    return jax.ops.segment_sum(total, layout.target, n_targets, indices_are_sorted=True)


def _with_nothing(source: AnyArray) -> Array:
    source = jnp.asarray(source)
    return jnp.concatenate([source, jnp.zeros((1, source.shape[1]), source.dtype)])


def _once(function: Callable[[], Array], layout: GatherLayout) -> Array:
    """Call a function in a loop of one iteration, so that its result is a buffer.

    XLA for CPU otherwise repeats the gathers in every operation that uses their sum: seven times slower, measured with
    jax 0.10.2. That the loop runs once is hidden from it behind the layout, whose entries are never negative.
    """
    shape = jax.eval_shape(function)
    nothing = jnp.minimum(jnp.asarray(layout.source)[0, 0], 0)
    start = (nothing, jnp.zeros(shape.shape, shape.dtype))
    return jax.lax.while_loop(lambda state: state[0] < 1, lambda state: (state[0] + 1, function()), start)[1]
