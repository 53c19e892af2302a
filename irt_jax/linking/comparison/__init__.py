"""Comparison of item parameters: of methods, of months, with other programs."""

from irt_jax.linking.comparison.compare import Comparison, compare
from irt_jax.linking.comparison.scale import Scale

__all__ = ["Comparison", "Scale", "compare"]
