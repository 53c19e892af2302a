"""One verdict on a run's draws: whether they can be trusted, which parameters cannot, and what to try.

The limits: R-hat below 1.01 and effective sample sizes of 400 (Vehtari et al. 2021), but R-hat never held to
less than its maximum over that many parameters reaches by chance; no divergences; BFMI of 0.3 (Betancourt
2016); a quadrature error below 0.01 posterior SDs.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, SupportsInt

import numpy as np
from jaxtyping import Float, Shaped

from irt_jax.diagnostics.rules import describe, find_failures, flatten, list_offenders, rhat_limit
from irt_jax.diagnostics.statistics import Summary, bfmi

ESS_LIMIT = 400.0
BFMI_LIMIT = 0.3
QUADRATURE_LIMIT = 0.01
#: Discriminations that are zero, but for where a climb ends.
NO_SLOPE = 1e-3


@dataclass(frozen=True)
class Verdict:
    """What the diagnostics found; the `diagnostics` block of run.json.

    Attributes:
        ok: whether nothing failed.
        rhat_max: the largest rank-normalised split R-hat; NaN when no parameter has one.
        rhat_limit: the larger of 1.01 and the 99 % quantile of the maximum for independent draws.
        ess_bulk_min: the smallest bulk effective sample size over the parameters, in draws over all chains.
        ess_tail_min: the same in the tails (5 % and 95 % quantiles).
        divergences: divergent transitions after warm-up, over all chains.
        bfmi_min: the smallest BFMI over the chains; NaN without energies.
        max_tree_depth_fraction: share of the draws, 0 to 1, whose tree reached the depth limit, if known.
        quadrature_error: how far the estimates move with a finer grid, in posterior SDs, if known.
        offenders: at most 20, worst first: {parameter, statistic, value, limit}; the statistic is "rhat",
            "ess_bulk", "ess_tail", "sd" (constant draws) or "draws" (not finite).
        problems: one sentence for each failure: what failed, and what to try.
        warnings: sentences on what is worth knowing, but no failure.
    """

    ok: bool
    rhat_max: float
    rhat_limit: float
    ess_bulk_min: float
    ess_tail_min: float
    divergences: int
    bfmi_min: float
    max_tree_depth_fraction: float | None = None
    quadrature_error: float | None = None
    offenders: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON, with null for NaN and infinity."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    def lines(self) -> list[str]:
        """Write a summary of a few lines, each at most 80 columns wide."""
        written = [f"Diagnostics: {'ok' if self.ok else 'FAILED'}"]
        if isfinite(self.rhat_limit):
            written += [
                f"  R-hat at most {self.rhat_max:.3f} (limit {self.rhat_limit:.3f}); "
                f"ESS at least {self.ess_bulk_min:,.0f} bulk, {self.ess_tail_min:,.0f} tail",
                f"  {self.divergences:,} divergences; BFMI at least {self.bfmi_min:.2f}",
            ]
        if self.quadrature_error is not None:
            written.append(f"  quadrature error {self.quadrature_error:.2g} posterior SDs")
        marked = [f"- {text}" for text in self.problems] + [f"- Note: {text}" for text in self.warnings]
        for text in marked:
            written += textwrap.wrap(text, 80, initial_indent="  ", subsequent_indent="    ")
        return written

    def __str__(self) -> str:
        return "\n".join(self.lines())


def judge(
    statistics: Mapping[str, Summary],
    labels: Mapping[str, Sequence[Any]],
    *,
    n_chains: int,
    divergences: SupportsInt,
    energy: Float[np.ndarray, "chain draw"] | None,
    tree_depth: Shaped[np.ndarray, "chain draw"] | None = None,
    max_tree_depth: int | None = None,
    quadrature_error: float | None = None,
    ess_limit: float | int = ESS_LIMIT,
    target_accept: float | None = None,
) -> Verdict:
    """Judge the draws of a run.

    R-hat's null is taken for all parameters together, at the effective sample size that 95 % of the
    parameters of every name reach (bulk and tail), but at least at `ess_limit`. Not at the smallest one: a
    stuck parameter has a tiny effective sample size, and would excuse its own R-hat. The floor does the same
    for a stuck chain, which lowers the sizes of all parameters. The tail counts because antithetic draws have
    a bulk size far above their number, which the folded R-hat does not follow.

    Args:
        statistics: a Summary for each sampled parameter, such as "a", "b" and "theta", with fields of shape
            `(*parameter)`. Parameters that are fixed by design do not belong here: constant draws fail.
        labels: for each name, the ids along the first dimension of the parameter; further dimensions are
            written as positions from 0, as in "b[item_12, 2]". Scalars need none.
        n_chains: number of chains.
        divergences: divergent transitions after warm-up, over all chains.
        energy: the Hamiltonian at each draw, shape (chain, draw), in nats; None where there is none.
        tree_depth: depth of each draw's trajectory, shape (chain, draw); NUTS only.
        max_tree_depth: the limit of the depth.
        quadrature_error: how far the estimates move with a finer grid, in posterior SDs.
        target_accept: acceptance that the step size was tuned to.
        ess_limit: smallest sufficient bulk and tail effective sample size, in draws over all chains.

    Returns:
        The Verdict; it never raises for bad draws.
    """
    table = flatten(statistics, labels)
    limit = rhat_limit(statistics, n_chains, ess_limit)
    failures = find_failures(table, n_chains, limit, ess_limit)
    energies = np.full(1, np.nan) if energy is None else bfmi(energy)
    depth_fraction = None
    if tree_depth is not None and max_tree_depth is not None:
        depth_fraction = float(np.mean(np.asarray(tree_depth) >= max_tree_depth))
    problems = [describe(table, failure) for failure in failures if failure.fails.any()]
    if n_chains < 2:
        problems.append("R-hat needs at least two chains to compare: use --chains 4.")
    problems += _sampler_problems(int(divergences), None if energy is None else energies, target_accept)
    problems += _quadrature_problems(quadrature_error)
    return Verdict(
        ok=not problems,
        rhat_max=_extreme(np.fmax, table.summary.rhat),
        rhat_limit=limit,
        ess_bulk_min=_extreme(np.fmin, table.summary.ess_bulk),
        ess_tail_min=_extreme(np.fmin, table.summary.ess_tail),
        divergences=int(divergences),
        bfmi_min=_extreme(np.fmin, energies),
        max_tree_depth_fraction=depth_fraction,
        quadrature_error=None if quadrature_error is None else float(quadrature_error),
        offenders=list_offenders(table, failures),
        problems=problems,
        warnings=_depth_warnings(depth_fraction, max_tree_depth),
    )


def judge_estimates(
    *,
    converged: bool,
    not_estimated: int,
    quadrature_error: float,
    relative_error: float,
    steepest: float = float("inf"),
) -> Verdict:
    """Judge point estimates: the statistics of draws are NaN.

    Args:
        converged: whether the climb ended at a maximum.
        not_estimated: items without an estimate.
        quadrature_error: how far the estimates move with a finer grid, in standard errors.
        relative_error: of the standard errors.
        steepest: largest size of a discrimination.
    """
    problems = [] if converged else ["The climb did not end at a maximum: use proper --priors, or --method hmc."]
    problems += _quadrature_problems(quadrature_error)
    warnings = []
    if not_estimated:
        warnings.append(f"{not_estimated:,} items have no estimate; items.parquet says why, in the column reason.")
    if steepest < NO_SLOPE:
        warnings.append("The likelihood is highest with discriminations of zero: the responses show no common ability.")
    if relative_error > 0.01:
        warnings.append(
            f"The standard errors may be wrong by {relative_error:.1%}: the information is taken by blocks."
        )
    nothing = float("nan")
    return Verdict(
        ok=not problems,
        rhat_max=nothing,
        rhat_limit=nothing,
        ess_bulk_min=nothing,
        ess_tail_min=nothing,
        divergences=0,
        bfmi_min=nothing,
        quadrature_error=quadrature_error,
        problems=problems,
        warnings=warnings,
    )


def _sampler_problems(
    divergences: int, energies: Float[np.ndarray, " chain"] | None, target_accept: float | None
) -> Iterable[str]:
    if divergences > 0:
        yield (
            f"{divergences:,} divergent transitions: a part of the posterior was not explored; "
            f"{_against_divergences(target_accept or 0.0)}."
        )
    if energies is not None and not (energies >= BFMI_LIMIT).all():
        chain = int(np.argmin(np.nan_to_num(energies, nan=-1.0)))
        yield (
            f"BFMI is {energies[chain]:.2f} in chain {chain} (from 0), not at least {BFMI_LIMIT}: the "
            "sampler moves too slowly between energies; try a longer --warmup or tighter --priors."
        )


def _against_divergences(target_accept: float) -> str:
    higher = [f"{target:g}" for target in (0.95, 0.99) if target > target_accept]
    return f"raise --target-accept, to {' or '.join(higher)}" if higher else "use tighter --priors"


def _quadrature_problems(error: float | None) -> Iterable[str]:
    if error is not None and not error <= QUADRATURE_LIMIT:
        yield (
            f"The quadrature error is {error:.2g} posterior SDs, not at most {QUADRATURE_LIMIT}: the ability "
            "grid is too coarse for these data; use --method nuts --abilities joint, which needs no grid."
        )


def _depth_warnings(fraction: float | None, depth: int | None) -> list[str]:
    if not fraction:
        return []
    return [
        f"{fraction:.1%} of the draws reached the maximum tree depth of {depth}: they are valid but slow; a "
        "longer --warmup finds a better step size."
    ]


def _extreme(choose: np.ufunc, values: np.ndarray) -> float:
    """The largest or smallest value that is not NaN; NaN if there is none."""
    return float(choose.reduce(values)) if values.size else float("nan")


def _plain(value: Any) -> Any:
    """Copy lists and dictionaries, and replace numbers that JSON cannot hold by None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
