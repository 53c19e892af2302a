"""Drift of anchors: how likely each has changed since its previous estimate, and which to call drifted."""

from irt_jax.linking.drift.discovery import discoveries
from irt_jax.linking.drift.drift import Drift, drift
from irt_jax.linking.drift.mixture import DriftPrior
from irt_jax.linking.drift.read import is_linked, read_run_anchors

__all__ = ["Drift", "DriftPrior", "discoveries", "drift", "is_linked", "read_run_anchors"]
