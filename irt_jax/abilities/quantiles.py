"""Quantiles of a density whose logarithm is known at evenly spaced nodes.

The trapezoidal rule over all nodes is far more accurate than its partial sums, so the nodes alone do not give
quantiles. The logarithm is close to a quadratic between them: a quintic spline carries it to points four times as
dense (a fixed linear map of the values at the nodes, hence one matrix product), Simpson's rule gives the probability
of every pair of those intervals, and within a pair the density is the quadratic through its three points.

With nodes .9 standard deviations apart, or 1.43 over the steepest slope, the quantiles from 2.5 % to 97.5 % are
within 3e-4 standard deviations of fine quadrature for normal densities, extreme records and one response to an item of
slope 5; means and standard deviations of draws within 2e-4.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import make_interp_spline

from irt_jax.runtime.arrays import AnyArray

#: Intervals between two nodes; even, for Simpson's rule.
FINER = 4
#: Newton steps within a pair of intervals; the last one moves no quantile from .1 % to 99.9 % by 1e-5 of its width.
NEWTON_STEPS = 4
#: Densities whose finer points are held at once.
CHUNK = 4096


@jax.jit
def grid_quantiles(
    log_density: Float[AnyArray, "place node"],
    nodes: Float[AnyArray, " node"],
    probability: Float[AnyArray, "quantile place"],
) -> Float[Array, "quantile place"]:
    """Quantiles of every density, in float32; uniform probabilities give exact draws.

    Args:
        log_density: logarithm of each density at the nodes, up to a constant of its own.
        nodes: evenly spaced, at least six; the densities vanish beyond them.
        probability: between 0 and 1, each density its own.
    """
    count = len(log_density)
    chunks = -(-count // CHUNK)
    size = -(-count // chunks)
    pad = chunks * size - count
    densities = jnp.pad(jnp.asarray(log_density, jnp.float32), ((0, pad), (0, 0))).reshape(chunks, size, -1)
    wanted = jnp.pad(jnp.asarray(probability, jnp.float32), ((0, 0), (0, pad)), constant_values=0.5)
    wanted = jnp.moveaxis(wanted.reshape(-1, chunks, size), 1, 0)
    pairs = jax.lax.map(lambda chunk: _pair_quantiles(*chunk), (densities, wanted))
    pairs = jnp.moveaxis(pairs, 0, 1).reshape(-1, chunks * size)[:, :count]
    first, last = jnp.asarray(nodes[0], jnp.float32), jnp.asarray(nodes[-1], jnp.float32)
    return first + (last - first) * (2 / (FINER * (len(nodes) - 1))) * pairs


def spline_matrix(n_nodes: int) -> Float[np.ndarray, "point node"]:
    """Values at the nodes to values of their quintic spline at all finer points.

    Args:
        n_nodes: evenly spaced.
    """
    points = np.arange(FINER * (n_nodes - 1) + 1) / FINER
    return make_interp_spline(np.arange(n_nodes), np.eye(n_nodes), k=5)(points).astype(np.float32)


def _pair_quantiles(log_density: Array, probability: Array) -> Array:
    """Quantiles in units of pairs of intervals from the first node, (quantile, place)."""
    centred = log_density - log_density.max(axis=1, keepdims=True)
    spline = jnp.asarray(spline_matrix(log_density.shape[1]))
    density = jnp.exp(jax.lax.dot_general(spline, centred, (((1,), (1,)), ((), ()))))
    start, middle, end = density[:-2:2], density[1::2], density[2::2]
    mass = start + 4 * middle + end
    # One after the other: the sums then never fall, and no draw can land beyond the density by rounding.
    total, before = jax.lax.scan(lambda sum_, own: (sum_ + own, sum_), jnp.zeros_like(mass[0]), mass)

    def invert(wanted: Array) -> Array:
        target = wanted * total
        pair = jnp.maximum((before < target).sum(axis=0) - 1, 0)
        own = lambda array: jnp.take_along_axis(array, pair[None], axis=0)[0]  # noqa: E731
        return pair + _within(own(start), own(middle), own(end), (target - own(before)) / 6)

    return jax.lax.map(invert, probability)


def _within(start: Array, middle: Array, end: Array, mass: Array) -> Array:
    """Where the integral of the quadratic through three points at 0, 1/2 and 1 reaches a mass."""
    slope, curve = 4 * middle - 3 * start - end, 2 * (start + end) - 4 * middle
    at = jnp.clip(6 * mass / (start + 4 * middle + end), 0, 1)
    for _ in range(NEWTON_STEPS):
        integral = at * (start + at * (slope / 2 + at * curve / 3))
        density = jnp.maximum(start + at * (slope + at * curve), jnp.finfo(at.dtype).tiny)
        at = jnp.clip(at - (integral - mass) / density, 0, 1)
    return at
