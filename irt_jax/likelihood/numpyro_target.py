"""A NumPyro model as a target: its log density on the unconstrained scale, and draws of its prior."""

from collections.abc import Callable
from functools import cache
from typing import Any

from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from irt_jax.arrays import AnyArray
from irt_jax.engines.target import Position, Target


@cache
def numpyro_target(numpyro_model: Callable[[Any], object]) -> Target:
    """Make a target of a NumPyro model of one argument, the data.

    Positions are the model's sites on their unconstrained scales; a chain starts from a draw of the prior, which is
    wider than the posterior in every direction.

    Args:
        numpyro_model: `data -> None`; the same object gives the same target, so that nothing compiles twice.
    """

    def log_density(position: Position, data: Any) -> Float[Array, ""]:
        return -potential_energy(numpyro_model, (data,), {}, position)

    def start(key: Array, data: Any) -> Position:
        trace = handlers.trace(handlers.seed(numpyro_model, key)).get_trace(data)
        latent = {
            name: site["value"] for name, site in trace.items() if site["type"] == "sample" and not site["is_observed"]
        }
        return unconstrain_fn(numpyro_model, (data,), {}, latent)

    def report(position: Position, data: Any) -> dict[str, AnyArray]:
        return constrain_fn(numpyro_model, (data,), {}, position, return_deterministic=True)

    return Target(log_density, start, report)
