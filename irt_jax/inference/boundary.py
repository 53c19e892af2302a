"""Intervals of asymptotes that are at their boundary, or so uncertain that a normal interval would pass it.

At guessing of zero the log-likelihood has no curvature that tells of its error, and a Wald interval there is nothing.
The interval is that of the profile likelihood: all values at which the log-likelihood, with everything else at its
maximum, is lower by no more than half of the chi-square quantile.

Source: Venzon & Moolgavkar (1988), Applied Statistics 37.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import chdtri, expit

from irt_jax.inference.laplace.newton import climb
from irt_jax.inference.maximum import AT_BOUNDARY, Maximum, marked
from irt_jax.likelihood.log_density import Position

#: Items at most whose intervals are looked for, as each takes some ten climbs.
MOST = 30
#: Steps on the scale of the log odds, how near their end is, and the log odds between which they are taken: what is
#: further is at the boundary.
STEP, CLOSE, NEAREST, FARTHEST = 1.0, 0.1, 4.0, 8.0
#: Newton steps at most of each climb, and the half of the squared decrement at which it ends.
STEPS, ENOUGH = 25, 1e-3
#: Log odds from which an asymptote at its boundary climbs, where it is let off.
RELEASED = 3.0


def profile_bounds(
    maximum: Maximum, name: str, items: Bool[np.ndarray, " item"], interval: float
) -> tuple[Float[np.ndarray, " item"], Float[np.ndarray, " item"]]:
    """Lower and upper ends for some items; NaN for the others and beyond the first `MOST`.

    Args:
        maximum: from `locate_maximum`.
        name: c or d.
        items: whose intervals are wanted.
        interval: confidence.
    """
    problem, mode = maximum.located.problem, maximum.located.mode
    position, site = problem.position(mode), f"{name}_logit"
    top = float(problem.log_density(mode.metric.centre))
    lower, upper = np.full((2, len(items)), np.nan)
    for item in np.flatnonzero(items)[:MOST]:
        fall = _fall(maximum, position, site, int(item), top - float(chdtri(1.0, 1.0 - interval)) / 2.0)
        here = min(max(float(position[site][item]), -NEAREST), NEAREST)
        lower[item], upper[item] = (_end(fall, here, direction) for direction in (-1.0, 1.0))
    return lower, upper


def _fall(maximum: Maximum, position: Position, site: str, item: int, wanted: float) -> Callable[[float], float]:
    """How far the log-likelihood at given log odds, all else at its maximum, is below the one wanted.

    The climbs begin where the last one ended that was not below, with asymptotes of other items where they are, and
    again with those at their boundary off it.
    """
    problem = maximum.located.problem
    this = marked(problem, position, {site: np.arange(len(position[site])) == item})
    at_boundary = {f"{name}_logit": items for name, items in maximum.at_boundary.items()}
    before = np.zeros_like(this) if problem.frozen is None else problem.frozen
    released = before & ~marked(problem, position, at_boundary)
    held_by = (before, released) if (before & ~this != released & ~this).any() else (before,)
    starts: list[dict[str, Any]] = [dict(position), {name: np.array(leaf) for name, leaf in position.items()}]
    for name, items in at_boundary.items():
        starts[1][name][items] = np.sign(position[name][items]) * RELEASED

    def at(log_odds: float) -> float:
        falls = []
        for number, held in enumerate(held_by):
            start: dict[str, Any] = {name: np.array(leaf) for name, leaf in starts[number].items()}
            start[site][item] = log_odds
            posed = problem._replace(frozen=held | this)
            mode = climb(
                posed.functions, posed.data, start, posed.shapes, enough=ENOUGH, limits=maximum.limits, most=STEPS
            )
            falls.append(wanted - float(posed.log_density(mode.metric.centre)))
            if falls[-1] <= 0.0:
                starts[number] = posed.position(mode)
                break
        return float(np.nanmin(falls))

    return at


def _end(fall: Callable[[float], float], here: float, direction: float) -> float:
    """Where the profile crosses the line on one side, as a probability; 0 or 1 where it does not."""
    inside, outside = here, direction * AT_BOUNDARY
    if direction * here >= NEAREST or fall(outside) <= 0.0:
        return float(direction > 0)
    while direction * inside < FARTHEST:
        outside = inside + direction * STEP
        if fall(outside) > 0.0:
            break
        inside = outside
    while abs(outside - inside) > CLOSE:
        middle = (inside + outside) / 2.0
        inside, outside = (inside, middle) if fall(middle) > 0.0 else (middle, outside)
    return float(expit((inside + outside) / 2.0))
