"""A NumPyro model as a target: its log density on the unconstrained scale, and draws of its prior."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from irt_jax.likelihood.flatten import Shapes
from irt_jax.likelihood.log_density import Position, Target
from irt_jax.runtime.arrays import AnyArray

#: The NumPyro plate whose sites are the blocks of a metric.
BLOCK_PLATE = "item"


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


def position_shapes(numpyro_model: Callable[[Any], object], data: Any) -> Shapes:
    """Shapes of a model's positions: sites in the plate `item` are blocks, all others are shared.

    Args:
        numpyro_model: `data -> None`.
        data: what it takes, or arrays' shapes and types in its place.
    """
    in_plate: dict[str, bool] = {}

    def unconstrained(data: Any) -> Position:
        trace = handlers.trace(handlers.seed(numpyro_model, jax.random.key(0))).get_trace(data)
        latent = {name: site for name, site in trace.items() if site["type"] == "sample" and not site["is_observed"]}
        for name, site in latent.items():
            in_plate[name] = any(frame.name == BLOCK_PLATE for frame in site["cond_indep_stack"])
        return unconstrain_fn(numpyro_model, (data,), {}, {name: site["value"] for name, site in latent.items()})

    found = jax.eval_shape(unconstrained, data)
    parts: dict[bool, list[tuple[str, tuple[int, ...]]]] = {True: [], False: []}
    for name in sorted(found):
        parts[in_plate[name]].append((name, tuple(found[name].shape)))
    return Shapes(tuple(parts[True]), tuple(parts[False]))
