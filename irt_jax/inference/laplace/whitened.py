"""The same posterior in a metric's coordinates, where every direction has about unit scale."""

from functools import cache
from typing import Any

import jax
from jaxtyping import Array

from irt_jax.inference.laplace.metric import Metric
from irt_jax.likelihood.flatten import Shapes, unpack
from irt_jax.likelihood.log_density import Position, Target

#: Chains start from normal draws this many times as wide as the posterior.
OVERDISPERSION = 1.5


@cache
def whitened_target(target: Target, shapes: Shapes) -> Target:
    """A posterior in whitened coordinates `z`; its data are `(data, metric)`.

    Args:
        target: the posterior.
        shapes: of its positions.
    """

    def place(position: Any, metric: Metric) -> Any:
        return unpack(metric.centre + metric.spread(position["z"]), shapes)

    def start(key: Array, data: Any) -> Position:
        centre = data[1].centre
        return {"z": OVERDISPERSION * jax.random.normal(key, centre.shape, centre.dtype)}

    return Target(
        lambda position, data: target.log_density(place(position, data[1]), data[0]),
        start,
        lambda position, data: target.report(place(position, data[1]), data[0]),
        whitened=True,
    )
