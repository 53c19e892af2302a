"""What an engine sees of a problem: a log density, starting points and what to keep of a draw."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Float

from irt_jax.runtime.arrays import AnyArray

#: A point of the unconstrained space: arrays by name.
Position = dict[str, AnyArray]


class Target(NamedTuple):
    """A posterior as pure functions; the data are an argument, so other numbers compile nothing new.

    Attributes:
        log_density: `(position, data) -> log density` up to a constant.
        start: `(key, data) -> position`, over-dispersed against the posterior.
        report: `(position, data) -> named quantities` that are kept from each draw.
        whitened: the coordinates have unit scale already, so that only a step size is to be tuned.
        curvature: `(position, data) -> (block, parameter, parameter)`, the diagonal blocks of the negative Hessian in
            the order of `pack`, where they are known in closed form.
    """

    log_density: Callable[[Position, Any], Float[Array, ""]]
    start: Callable[[Array, Any], Position]
    report: Callable[[Position, Any], dict[str, AnyArray]]
    whitened: bool = False
    curvature: Callable[[Position, Any], Float[Array, "block parameter parameter"]] | None = None
