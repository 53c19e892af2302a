"""Persons whose posteriors are awkward, with their densities on a fine grid: an oracle by plain sums."""

from typing import NamedTuple

import numpy as np
from scipy.integrate import cumulative_simpson


class Record(NamedTuple):
    """One person's items and responses."""

    a: list[float]
    b: list[float]
    response: list[int]


SPREAD = list(np.linspace(-2, 2, 20))
RECORDS = {
    "one response": Record([1.0], [0.5], [1]),
    "one steep response": Record([5.0], [0.0], [1]),
    "one steep surprise": Record([5.0], [2.0], [1]),
    "two steep contradictions": Record([5.0, 5.0], [1.0, -1.0], [1, 0]),
    "all right": Record([1.0] * 20, SPREAD, [1] * 20),
    "all wrong": Record([1.5] * 20, SPREAD, [0] * 20),
    "steep and flat": Record([5.0] * 5 + [1.0] * 15, SPREAD, [1, 1, 0, 1, 0] + [1, 0, 1] * 5),
    "narrow": Record([1.5] * 300, list(np.linspace(-2, 2, 300)), [1] * 150 + [0] * 150),
}


def log_density(record: Record, ability: np.ndarray, mean: float = 0.0, sd: float = 1.0) -> np.ndarray:
    a, b = np.array(record.a)[:, None], np.array(record.b)[:, None]
    sign = np.where(np.array(record.response) == 1, -1.0, 1.0)[:, None]
    return -np.logaddexp(0, sign * a * (ability - b)).sum(0) - 0.5 * ((ability - mean) / sd) ** 2


class Exact(NamedTuple):
    """A density and its distribution function on a fine grid."""

    grid: np.ndarray
    density: np.ndarray
    below: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.density @ self.grid)

    @property
    def sd(self) -> float:
        return float(np.sqrt(self.density @ (self.grid - self.mean) ** 2))

    def quantiles(self, probability: np.ndarray) -> np.ndarray:
        rises = np.concatenate([[True], np.diff(self.below) > 0])
        return np.interp(probability, self.below[rises], self.grid[rises])


def exact(record: Record, mean: float = 0.0, sd: float = 1.0) -> Exact:
    grid = np.linspace(mean - 8 * sd, mean + 8 * sd, 40_001)
    log_p = log_density(record, grid, mean, sd)
    density = np.exp(log_p - log_p.max())
    density /= density.sum()
    below = cumulative_simpson(density, dx=1.0, initial=0)
    return Exact(grid, density, below / below[-1])


def widest_nodes(record: Record) -> np.ndarray:
    """The coarsest grid that the package chooses for this record alone."""
    wanted = exact(record)
    spacing = min(0.9 * wanted.sd, 1.43 / max(record.a))
    count = int(np.ceil(11 * wanted.sd / spacing)) + 1
    return wanted.mean + spacing * (np.arange(count) - (count - 1) / 2)
