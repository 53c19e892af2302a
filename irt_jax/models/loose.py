"""A normal density without its constant, whose precision may be zero."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro.distributions import constraints

from irt_jax.arrays import AnyArray


class Loose(dist.Distribution):
    """exp(-precision x^2 / 2), without its constant; one everywhere where the precision is zero.

    What it gives as a draw is zero, for shapes alone.
    """

    arg_constraints = {"precision": constraints.nonnegative}  # noqa: RUF012
    support = constraints.real
    pytree_data_fields = ("precision",)

    def __init__(self, precision: AnyArray | float) -> None:
        self.precision = jnp.asarray(precision, float)
        super().__init__(self.precision.shape)

    def sample(self, key: Array | None, sample_shape: tuple[int, ...] = ()) -> Array:  # noqa: ARG002
        """Zeros."""
        return jnp.zeros(sample_shape + self.batch_shape)

    def log_prob(self, value: Array) -> Array:
        """Up to a constant."""
        return -0.5 * self.precision * value**2
