"""The arithmetic behind R-hat and effective sample size, on one block of parameters at a time.

Arrays of a block have the shape (block, chain, draw), where `block` counts parameters; after each chain is
cut in two, (block, part, half). Everything is float64, and without a loop over parameters.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import fft, special

from irt_jax.runtime.machine import available_cores

Draws = Float[np.ndarray, "chain draw *parameter"]
Block = Float[np.ndarray, "block chain draw"]
Parts = Float[np.ndarray, "block part half"]
Rows = Float[np.ndarray, "block value"]
Column = Float[np.ndarray, " block"]

#: Numbers per block array, of which about 16 are alive at once: 2 MB each keeps them near the cache.
BLOCK_VALUES = 250_000
MIN_DRAWS = 4


class Ranking(NamedTuple):
    """Normal scores of half chains, with the sorted draws and where each came from."""

    scores: Parts
    ordered: Rows
    order: Int[np.ndarray, "block value"]


def over_blocks(statistic: Callable[[Block], np.ndarray], draws: Draws, n_statistics: int = 1) -> list[np.ndarray]:
    """Apply a function to blocks of parameters and put its values together.

    The blocks go over a thread a core: sorting and the Fourier transforms, which are most of it, let others run.

    Args:
        statistic: from draws (block, chain, draw) to values (block,) or (n_statistics, block).
        draws: shape `(chain, draw, *parameter)`.
        n_statistics: how many values the function returns for a parameter.

    Returns:
        One float64 array of shape `(*parameter)` for each statistic; NaN where draws are not finite or too few.
    """
    draws = np.asarray(draws)
    if draws.ndim < 2:
        raise ValueError(f"Draws need the shape (chain, draw, *parameter); found {draws.shape}.")
    n_chains, n_draws, *shape = draws.shape
    n_parameters = prod(shape)
    values = np.full((n_statistics, n_parameters), np.nan)
    if n_chains > 0 and n_draws >= MIN_DRAWS:
        rows = draws.reshape(n_chains * n_draws, n_parameters)
        step = max(1, BLOCK_VALUES // len(rows))

        def of_columns(start: int) -> None:
            block = np.array(rows[:, start : start + step].T, dtype=np.float64, order="C")
            finite = np.isfinite(block).all(axis=1)
            block[~finite] = 0
            with np.errstate(divide="ignore", invalid="ignore"):
                found = statistic(block.reshape(-1, n_chains, n_draws))
            values[:, start : start + step] = np.where(finite, found, np.nan)

        _on_threads(of_columns, range(0, n_parameters, step))
    return [value.reshape(shape) for value in values]


def _on_threads(work: Callable[[int], None], starts: range) -> None:
    """Do some work for every start; whatever interrupts it waits for no more than what has begun."""
    if len(starts) < 2:
        for start in starts:
            work(start)
        return
    pool = ThreadPoolExecutor(min(available_cores(), len(starts)))
    try:
        for _ in pool.map(work, starts):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def split(block: Block) -> Parts:
    """Cut each chain into its first and second half; the middle draw of an odd number is left out."""
    half = block.shape[2] // 2
    return np.concatenate((block[:, :, :half], block[:, :, -half:]), axis=1)


def sort_draws(block: Block) -> Rows:
    """Sort all draws of each parameter, whatever their chain."""
    return np.sort(block.reshape(len(block), -1), axis=1)


def centre(block: Block) -> Block:
    """Subtract the mean over all draws; exactly zero for constant draws, however the mean is rounded."""
    mean = block.mean(axis=(1, 2)).clip(block.min(axis=(1, 2)), block.max(axis=(1, 2)))
    return block - mean[:, None, None]


def sd(block: Block) -> Column:
    """Standard deviation over all draws of each parameter; exactly zero for constant draws."""
    centred = centre(block).reshape(len(block), -1)
    return np.sqrt(np.einsum("bv,bv->b", centred, centred) / (centred.shape[1] - 1))


def rank(parts: Parts) -> Ranking:
    """Sort the draws of each parameter and replace them by the normal scores of their ranks."""
    rows = parts.reshape(len(parts), -1)
    order = np.argsort(rows, axis=1)
    ordered = np.take_along_axis(rows, order, axis=1)
    scores = np.empty_like(rows)
    np.put_along_axis(scores, order, _normal_scores(ordered), axis=1)
    return Ranking(scores.reshape(parts.shape), ordered, order)


def _normal_scores(ordered: Rows) -> Rows:
    """Normal scores of sorted values by their average ranks, with Blom's offset of 3/8."""
    n_values = ordered.shape[1]
    # Average ranks are whole or half numbers, so that a table of 2n - 1 scores holds all of them.
    table = special.ndtri((np.arange(2, 2 * n_values + 1) / 2 - 3 / 8) / (n_values + 1 / 4))
    is_new = ordered[:, 1:] != ordered[:, :-1]
    if is_new.all():
        return np.broadcast_to(table[::2], ordered.shape)
    first, last = _tie_bounds(is_new)
    return table[first + last]


def _tie_bounds(is_new: Bool[np.ndarray, "block gap"]) -> tuple[np.ndarray, np.ndarray]:
    """Positions, from 0, of the first and the last value of the tie that each sorted value belongs to."""
    n_gaps = is_new.shape[1]
    first = np.zeros((len(is_new), n_gaps + 1), dtype=np.int64)
    last = np.full_like(first, n_gaps)
    first[:, 1:] = np.where(is_new, np.arange(1, n_gaps + 1), 0)
    last[:, :-1] = np.where(is_new, np.arange(n_gaps), n_gaps)
    return np.maximum.accumulate(first, axis=1), np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]


def ranked_rhat(ranking: Ranking) -> Column:
    """The larger R-hat of the normal scores of the draws and of their distances from the median.

    NaN where there is only one chain, as in ArviZ, and for constant draws.
    """
    if ranking.scores.shape[1] < 4:
        return np.full(len(ranking.scores), np.nan)
    middle = ranking.ordered.shape[1] // 2
    median = (ranking.ordered[:, middle - 1] + ranking.ordered[:, middle]) / 2
    distances = np.abs(ranking.ordered - median[:, None])
    # Distances of sorted draws fall, then rise: a stable sort merges the two runs in linear time.
    order = np.argsort(distances, axis=1, kind="stable")
    scores = _normal_scores(np.take_along_axis(distances, order, axis=1))
    folded = np.empty_like(distances)
    np.put_along_axis(folded, np.take_along_axis(ranking.order, order, axis=1), scores, axis=1)
    bulk_value, folded_value = (
        _variance_ratio(ranking.scores),
        _variance_ratio(folded.reshape(ranking.scores.shape)),
    )
    # A folded R-hat of NaN (two values, equally often) leaves the bulk one, as in ArviZ.
    return np.where(folded_value > bulk_value, folded_value, bulk_value)


def _variance_ratio(parts: Parts) -> Column:
    """R-hat without ranks: sqrt of the pooled over the within-chain variance (Gelman and Rubin 1992)."""
    length = parts.shape[2]
    within = parts.var(axis=2, ddof=1).mean(axis=1)
    between = length * parts.mean(axis=2).var(axis=1, ddof=1)
    return np.sqrt((between / within + length - 1) / length)


def indicator(block: Block, ordered: Rows, probability: float) -> Parts:
    """Half chains of the indicator (0 or 1) of the draws up to a quantile.

    The quantile is R's type 7, computed as in SciPy's `mquantiles`, rounding included: ArviZ 0.x counts ties
    at the quantile that way. NumPy's quantile (ArviZ 1.x) can differ in the last bit.
    """
    n_values = ordered.shape[1]
    position = n_values * probability + (1 - probability)
    lower = int(np.clip(np.floor(position), 1, n_values - 1))
    weight = np.clip(position - lower, 0, 1)
    quantile = (1 - weight) * ordered[:, lower - 1] + weight * ordered[:, lower]
    return split((block <= quantile[:, None, None]).astype(np.float64))


def autocorrelation_ess(parts: Parts) -> Column:
    """Effective sample size from the autocorrelations, pooled over half chains; their size if constant."""
    n_parts, length = parts.shape[1:]
    means = parts.mean(axis=2)
    padded = fft.next_fast_len(2 * length, real=True)
    spectrum = fft.rfft(parts - means[:, :, None], n=padded, axis=2)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=1)
    covariance = fft.irfft(power, n=padded, axis=1)[:, :length] / length
    within = covariance[:, :1] * (length / (length - 1))
    pooled = covariance[:, :1] + means.var(axis=1, ddof=1)[:, None]
    correlation = 1 - (within - covariance) / pooled
    correlation[:, 0] = 1
    time = np.maximum(_integrated_time(correlation), 1 / np.log10(n_parts * length))
    is_constant = parts.max(axis=(1, 2)) - parts.min(axis=(1, 2)) < np.finfo(np.float64).resolution
    return np.where(is_constant, n_parts * length, n_parts * length / time)


def _integrated_time(correlation: Rows) -> Column:
    """Integrated autocorrelation time, in draws, by Geyer's (1992) initial monotone sequence.

    Sums of neighbours (lags 0 and 1, 2 and 3, ...) are added up while they are positive, each at most as
    large as the one before; then one more even lag, if it is positive (Vehtari et al. 2021, section 3.2).
    """
    length = correlation.shape[1]
    n_pairs = max((length - 1) // 2, 1)
    even = correlation[:, : 2 * n_pairs : 2]
    pairs = even + correlation[:, 1 : 2 * n_pairs : 2]
    has_ended = ~(pairs > 0)
    has_ended[:, -1] = True
    end = has_ended.argmax(axis=1)
    is_before = np.arange(n_pairs) < end[:, None]
    total = np.where(is_before, np.minimum.accumulate(pairs, axis=1), 0).sum(axis=1)
    rows = np.arange(len(pairs))
    rest = np.where((pairs[rows, end] < 0) & (even[rows, end] <= 0), 0, even[rows, end])
    return 2 * total - 1 + rest
