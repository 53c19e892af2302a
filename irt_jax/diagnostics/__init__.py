"""Diagnostics of MCMC draws: statistics of many parameters at once, and one verdict with its offenders."""

from irt_jax.diagnostics.statistics import (
    Summary,
    bfmi,
    ess_bulk,
    ess_mean,
    ess_quantile,
    ess_sd,
    ess_tail,
    mcse_mean,
    mcse_quantile,
    mcse_sd,
    rhat,
    rhat_null_quantile,
    summary,
)
from irt_jax.diagnostics.verdict import Verdict, judge, judge_estimates

__all__ = [
    "Summary",
    "Verdict",
    "bfmi",
    "ess_bulk",
    "ess_mean",
    "ess_quantile",
    "ess_sd",
    "ess_tail",
    "judge",
    "judge_estimates",
    "mcse_mean",
    "mcse_quantile",
    "mcse_sd",
    "rhat",
    "rhat_null_quantile",
    "summary",
]
