"""Rules on single parameters: which ones break them, how badly, and what to try.

Statistics of all parameters ("a", "b", "theta", ...) are laid end to end, `parameter` below; only those that
break a rule are ever named.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from irt_jax.diagnostics.statistics import Summary, rhat_null_quantile

RHAT_LIMIT = 1.01
MAX_OFFENDERS = 20
#: The lowest effective sample size at which the null of R-hat is taken, however low `ess_limit` is.
MIN_NULL_ESS = 100.0

BROKEN = (
    "{name} has no finite R-hat or ESS ({share}): its draws are NaN or infinite, or there are fewer than "
    "four in a chain; check the data for extreme values, set proper --priors, and use more --draws."
)
CONSTANT = (
    "{name} never moves ({share}): the sampler is stuck, or the parameter is fixed; try a longer --warmup "
    "and --target-accept 0.95."
)
DISAGREE = (
    "R-hat is {value:.3f} for {name} and above its limit of {limit:.3f} for {share}: the chains disagree; "
    "try a longer --warmup and more --draws, and another --seed to see whether there are several modes."
)
FEW = (
    "The {kind} ESS is {value:,.0f} for {name} and below {limit:,.0f} for {share}: raise --draws about "
    "{factor:,.1f}-fold, or --warmup if R-hat fails too."
)


class Table(NamedTuple):
    """The statistics of all parameters in one row, with what is needed to name an element of it."""

    names: list[str]
    shapes: list[tuple[int, ...]]
    labels: Mapping[str, Sequence[Any]]
    summary: Summary

    def label(self, index: int) -> str:
        """Name one parameter, such as "b[item_12]"."""
        ends = np.cumsum([prod(shape) for shape in self.shapes])
        which = int(np.searchsorted(ends, index, side="right"))
        name, shape = self.names[which], self.shapes[which]
        if not shape:
            return name
        within = index - ends[which] + prod(shape)
        first, *others = (int(position) for position in np.unravel_index(within, shape))
        row = self.labels[name][first] if name in self.labels else first
        return f"{name}[{', '.join(str(part) for part in (row, *others))}]"


class Failure(NamedTuple):
    """One rule on one statistic: which parameters break it, and how badly."""

    statistic: str
    fails: Bool[np.ndarray, " parameter"]
    values: Float[np.ndarray, " parameter"]
    limit: float
    badness: Float[np.ndarray, " parameter"]
    sentence: str


def flatten(statistics: Mapping[str, Summary], labels: Mapping[str, Sequence[Any]]) -> Table:
    """Lay the statistics of all parameters end to end, after a check of the labels' lengths."""
    if not statistics:
        raise ValueError("There is nothing to judge: no statistics were given.")
    shapes = [np.shape(summary.rhat) for summary in statistics.values()]
    for name, shape in zip(statistics, shapes, strict=True):
        if shape and name in labels and len(labels[name]) != shape[0]:
            raise ValueError(f"{name} has {shape[0]} rows but {len(labels[name])} labels.")
    columns = zip(*statistics.values(), strict=True)
    joined = (np.concatenate([np.ravel(part) for part in column]).astype(np.float64) for column in columns)
    return Table(list(statistics), shapes, labels, Summary(*joined))


def rhat_limit(statistics: Mapping[str, Summary], n_chains: int, ess_limit: float | int) -> float:
    """The larger of 1.01 and the null 99 % quantile of the largest R-hat over all parameters."""
    sizes = [np.ravel(np.fmin(summary.ess_bulk, summary.ess_tail)) for summary in statistics.values()]
    known = [size[np.isfinite(size)] for size in sizes]
    reached = min((float(np.quantile(size, 0.05)) for size in known if size.size), default=0.0)
    n_effective = max(reached, ess_limit, MIN_NULL_ESS)
    return max(RHAT_LIMIT, rhat_null_quantile(sum(size.size for size in sizes), n_effective, n_chains))


def find_failures(table: Table, n_chains: int, largest_rhat: float, ess_limit: float | int) -> list[Failure]:
    """Apply the rules on parameters; those that are constant or not finite break only their own rule."""
    rhat, bulk, tail, error = table.summary
    constant = error == 0
    broken = ~constant & ~(np.isfinite(bulk) & np.isfinite(tail) & np.isfinite(error))
    if n_chains >= 2:
        broken |= ~constant & np.isnan(rhat)
    sound = ~constant & ~broken
    worst = np.full(len(rhat), np.inf)
    nothing = np.full(len(rhat), np.nan)
    with np.errstate(divide="ignore"):
        shortage = {"ess_bulk": (bulk, ess_limit / bulk), "ess_tail": (tail, ess_limit / tail)}
    return [
        Failure("draws", broken, nothing, 0.0, worst, BROKEN),
        Failure("sd", constant, np.zeros(len(rhat)), 0.0, worst, CONSTANT),
        Failure(
            "rhat",
            sound & (rhat > largest_rhat),
            rhat,
            largest_rhat,
            (rhat - 1) / (largest_rhat - 1),
            DISAGREE,
        ),
        *(
            Failure(name, sound & (values < ess_limit), values, float(ess_limit), badness, FEW)
            for name, (values, badness) in shortage.items()
        ),
    ]


def describe(table: Table, failure: Failure) -> str:
    """Fill in a failure's sentence for its worst parameter."""
    index = int(np.argmax(np.where(failure.fails, failure.badness, -np.inf)))
    return failure.sentence.format(
        name=table.label(index),
        value=failure.values[index],
        limit=failure.limit,
        share=f"{failure.fails.sum():,} of {len(failure.fails):,} parameters",
        kind=failure.statistic.removeprefix("ess_"),
        factor=np.ceil(10 * failure.badness[index]) / 10,
    )


def list_offenders(table: Table, failures: list[Failure]) -> list[dict[str, Any]]:
    """The worst failures of all rules: ESS by limit / value, R-hat by its excess over the limit's."""
    found = []
    for failure in failures:
        failing = np.flatnonzero(failure.fails)
        for index in failing[np.argsort(-failure.badness[failing], kind="stable")[:MAX_OFFENDERS]]:
            found.append((failure.badness[index], failure, int(index)))
    found.sort(key=lambda item: -item[0])
    return [
        {
            "parameter": table.label(index),
            "statistic": failure.statistic,
            "value": float(failure.values[index]),
            "limit": float(failure.limit),
        }
        for _, failure, index in found[:MAX_OFFENDERS]
    ]
