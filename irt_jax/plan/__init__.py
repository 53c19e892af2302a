"""From responses, anchors and options to what is fitted: everything that is `auto` is resolved here."""

from irt_jax.plan.plan import Plan, joint_data, plan_calibration, plan_coded, plan_priors

__all__ = ["Plan", "joint_data", "plan_calibration", "plan_coded", "plan_priors"]
