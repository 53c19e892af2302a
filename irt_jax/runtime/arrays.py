"""Array types shared by signatures."""

import jax
import numpy as np

#: What enters a compiled function: a NumPy array outside it, a JAX array inside.
AnyArray = jax.Array | np.ndarray
