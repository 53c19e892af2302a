"""The monthly job: three methods, compared, drift of the anchors, and a gate that says what may be promoted."""

from irt_jax.monthly.gate import REASONS, Evidence, promotion_table
from irt_jax.monthly.job import Month, run_month
from irt_jax.monthly.settings import MonthlySettings

__all__ = ["REASONS", "Evidence", "Month", "MonthlySettings", "promotion_table", "run_month"]
