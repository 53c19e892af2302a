"""A normal density without its constant, whose precision may be zero."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro.distributions import constraints

from irt_jax.runtime.arrays import AnyArray


class Loose(dist.Distribution):
    """exp(-precision (x - centre)^2 / 2), without its constant; one everywhere where the precision is zero.

    A draw is normal where there is a precision, and the centre where there is none.
    """

    arg_constraints = {"precision": constraints.nonnegative, "centre": constraints.real}  # noqa: RUF012
    support = constraints.real
    pytree_data_fields = ("precision", "centre")

    def __init__(self, precision: AnyArray | float, centre: AnyArray | float = 0.0) -> None:
        self.precision, self.centre = jnp.asarray(precision, float), jnp.asarray(centre, float)
        super().__init__(jnp.broadcast_shapes(self.precision.shape, self.centre.shape))

    def sample(self, key: Array | None, sample_shape: tuple[int, ...] = ()) -> Array:
        """Normal draws, or centres."""
        sd = jnp.where(self.precision > 0.0, 1.0 / jnp.sqrt(jnp.where(self.precision > 0.0, self.precision, 1.0)), 0.0)
        assert key is not None
        normal = jax.random.normal(key, sample_shape + self.batch_shape, self.precision.dtype)
        return self.centre + sd * normal

    def log_prob(self, value: Array) -> Array:
        """Up to a constant."""
        return -0.5 * self.precision * (value - self.centre) ** 2
