"""The exact estimate without an item's own prior: another climb, for items that own_prior finds far from theirs."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from irt_jax.arrays import AnyArray
from irt_jax.engines.climb import climb
from irt_jax.engines.laplace import with_directions
from irt_jax.engines.metric import Metric
from irt_jax.engines.packing import Shapes, pack, split, unpack
from irt_jax.engines.profile import climb_profile
from irt_jax.engines.target import Position, Target
from irt_jax.likelihood.marginal import MarginalData, marginal_target
from irt_jax.models.model import Model
from irt_jax.problem import Problem


class Without(NamedTuple):
    """A posterior and the item whose own prior is left out.

    Attributes:
        data: of the marginal posterior.
        centre: packed position at which that item's prior is taken, so that it is a constant.
        item: which.
    """

    data: MarginalData
    centre: Float[AnyArray, " coordinate"]
    item: Int[AnyArray, ""]


@cache
def target_without(model: Model, prior: Target, shapes: Shapes) -> Target:
    """The marginal posterior without the own prior of one item, which is among the data.

    Args:
        model: the response model.
        prior: its priors as a log density.
        shapes: of the positions.
    """
    whole, p = marginal_target(model), shapes.block_size

    def with_own(x: Array, own: Array, item: AnyArray) -> Position:
        return unpack(jax.lax.dynamic_update_slice(x, own.astype(x.dtype), (item * p,)), shapes)

    def log_density(position: Position, told: Without) -> Float[Array, ""]:
        held = split(jnp.asarray(told.centre), shapes)[0][told.item]
        without = prior.log_density(with_own(pack(position, shapes), held, told.item), told.data)
        return whole.log_density(position, told.data) - prior.log_density(position, told.data) + without

    def curvature(position: Position, told: Without) -> Float[Array, "item parameter parameter"]:
        x = pack(position, shapes)
        hessian = jax.hessian(lambda own: prior.log_density(with_own(x, own, told.item), told.data))
        assert whole.curvature is not None
        blocks = whole.curvature(position, told.data)
        return blocks.at[told.item].add(hessian(split(x, shapes)[0][told.item]))

    def report(position: Position, told: Without) -> dict[str, AnyArray]:
        return whole.report(position, told.data)

    return Target(log_density, whole.start, report, curvature=curvature)


def refit(
    problem: Problem, prior: Target, metric: Metric, item: int, move: Float[np.ndarray, " own"]
) -> tuple[Float[np.ndarray, " own"], Float[np.ndarray, "own own"]] | None:
    """Climb without an item's own prior; its move from the mode and the covariance there, None where that ends nowhere.

    Args:
        problem: the posterior.
        prior: of its model, as a log density.
        metric: around its mode.
        item: which.
        move: where to begin, from the mode.
    """
    shapes, p = problem.shapes, problem.shapes.block_size
    target, own = target_without(problem.model, prior, shapes), slice(item * p, (item + 1) * p)
    with jax.enable_x64(True):
        told: Any = Without(problem.data, metric.centre, jnp.asarray(item))
        start = jax.tree.map(np.asarray, unpack(metric.centre.at[own].add(move), shapes))
        if shapes.n_shared:
            mode = climb_profile(target, told, start, shapes, metric)
        else:
            mode = climb(target, told, start, shapes)
        if not mode.converged:
            return None
        covariance = np.asarray(with_directions(target, told, mode.metric, shapes).covariance()[item, :p, :p])
        return np.asarray(mode.metric.centre - metric.centre)[own], covariance
