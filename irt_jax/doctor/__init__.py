"""What a machine can do, and what a calibration will cost."""

from irt_jax.doctor.forecast import examine

__all__ = ["examine"]
