"""The maximum of a likelihood without priors, and the items that keep it from having one.

A likelihood of few responses may grow without end as an item's slope does: where it is told apart perfectly, where two
items are answered alike, in a Guttman pattern (a Heywood case of factor analysis). Such items pass a limit on the climb
on a grid that shows them as steep as they are. The steepest is taken out, by a slope that stays at zero, and the climb
begins anew, until what remains has a maximum: these are the estimates of the data without those items. A slope of zero
makes an item's responses constants for all others, so nothing is compiled anew. What was taken out early may have a
maximum beside what remained, as another item was to blame: it is put back where it has.

An asymptote has a maximum at its boundary, guessing of zero or slipping of none, where the log odds have none: it is
put there where the likelihood is no smaller.

Source: Bock & Aitkin (1981), Psychometrika 46; Rindskopf (1984), Psychometrika 49, for Heywood cases.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from irt_jax.errors import ConvergenceError
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.inference.mode import Located, locate
from irt_jax.likelihood.flatten import pack
from irt_jax.likelihood.log_density import Position

#: A discrimination beyond this, on a population of SD 1, is no estimate: the likelihood grows without end. And a log
#: odds at zero, and the log of a population's SD, beyond these.
LARGEST_SLOPE, LARGEST_INTERCEPT, LARGEST_LOG_SD = 25.0, 150.0, 3.5
#: An SD that has passed its limit has done so by a factor of more than this, up or down.
LARGEST_SD = 20.0
#: Sites of a position whose sizes tell, and their limits.
LIMITS = {
    **dict.fromkeys(("slope", "slope_own", "slopes", "slope_common"), LARGEST_SLOPE),
    **dict.fromkeys(("intercept", "intercepts"), LARGEST_INTERCEPT),
    **dict.fromkeys(("population_log_sd", "free_log_sd"), LARGEST_LOG_SD),
}
OWN_SLOPES = ("slope", "slope_own", "slopes")
#: What a slope of zero leaves without an effect of its own.
WITHOUT_SLOPE = ("c_logit", "d_logit")
#: What else an item has of its own.
WITH_SLOPE = ("intercept", "intercepts", "shape")
#: Items that are as steep as the steepest up to this share go with it: two that are answered alike.
TIED = 1e-3
#: Items that are steeper than this share of the steepest may be to blame in its place; so many choices are tried side
#: by side, until so many climbs are made, and one at a time afterwards.
SUSPECT, SIDE_BY_SIDE, MOST_TRIED = 0.5, 4, 16
#: Items that are taken out together, in the order in which they were.
Taken = tuple[Bool[np.ndarray, " item"], ...]
#: Asymptotes nearer than the first number to their boundary are put there, at these log odds, if the log-likelihood
#: does not fall by more than the third.
NEAR, AT_BOUNDARY, NO_WORSE = 0.005, 30.0, 0.01


class Maximum(NamedTuple):
    """Where the climb ended.

    Attributes:
        located: the maximum.
        endless: items without one; they are at a slope of zero.
        at_boundary: by name, c and d, which items' asymptotes are at their boundary.
        own: by name, which items have these asymptotes.
        limits: of the coordinates.
    """

    located: Located
    endless: Bool[np.ndarray, " item"]
    at_boundary: dict[str, Bool[np.ndarray, " item"]]
    own: dict[str, Bool[np.ndarray, " item"]]
    limits: Float[np.ndarray, " coordinate"]


def locate_maximum(problem: Problem, start: Position) -> Maximum:
    """Climb, and take out what has no maximum until all that remains has one.

    Args:
        problem: from `pose`, without priors.
        start: where to begin.

    Raises:
        ConvergenceError: what all items share has no maximum, or no item has one; no grid that is fine enough.
    """
    limits = _everywhere(problem, {name: np.full_like(start[name], LIMITS.get(name, np.inf)) for name in start})
    located, taken = _fewest_out(problem, start, limits)
    if problem.few and len(taken) > 1:
        located, taken = _with_returned(problem, start, located, taken, limits)
    endless = _any_of(taken, problem)
    return _with_boundaries(Maximum(located, endless, {}, _asymptotes(problem, start), limits), problem)


def _fewest_out(problem: Problem, start: Position, limits: Float[np.ndarray, " coordinate"]) -> tuple[Located, Taken]:
    """The maximum without as few items as a search of a few at a time finds, and what was taken out, in its order.

    Of two items that grow together either may be to blame, and the wrong one out leaves others that grow: with few
    responses several are tried side by side, beginning with where the likelihood is highest.
    """
    front: list[Taken] = [()]
    steps, tried = 0, 0
    while True:
        ended: list[tuple[Located, Taken]] = []
        passed: list[tuple[Located, Taken]] = []
        refused: list[ConvergenceError] = []
        for taken in front:
            out = _any_of(taken, problem)
            tried += 1
            try:
                located = _locate_without(problem, start, out, _at_zero(start, out) if taken else start, limits)
            except ConvergenceError as error:  # another choice may do
                refused.append(error)
                continue
            steps += located.mode.steps
            (ended if located.passed is None else passed).append((located, taken))
        if not ended and not passed:
            raise refused[0]
        if ended:
            located, taken = max(ended, key=_height)
            return located._replace(mode=located.mode._replace(steps=steps)), taken
        front = _next(problem, sorted(passed, key=_height, reverse=True), limits)
        front = front[: SIDE_BY_SIDE if problem.few and tried < MOST_TRIED else 1]


def _height(tried: tuple[Located, Taken]) -> tuple[bool, float]:
    """What is to be preferred: the higher likelihood, of all items, those taken out by the shares of their answers."""
    located = tried[0]
    return located.mode.converged, float(located.problem.log_density(located.mode.metric.centre))


def _next(
    problem: Problem, passed: list[tuple[Located, Taken]], limits: Float[np.ndarray, " coordinate"]
) -> list[Taken]:
    """What else may be taken out where climbs passed their limits, the steepest first."""
    found: dict[bytes, Taken] = {}
    of_all: Located | None = None
    for located, taken in passed:
        candidates, shared = _steepest(problem, located, limits)
        if shared.any() and not candidates:
            of_all = located
        for items in candidates:
            more = (*taken, items)
            out = _any_of(more, problem)
            if not out.all():
                found.setdefault(out.tobytes(), more)
    if found:
        return list(found.values())
    if of_all is not None:
        raise _of_all(of_all, problem)
    raise ConvergenceError(
        "No item's likelihood has a maximum: the discriminations grow without end.",
        "Use proper --priors, such as mission.",
    )


def _any_of(taken: Taken, problem: Problem) -> Bool[np.ndarray, " item"]:
    return np.logical_or.reduce([np.zeros(problem.shapes.n_blocks, bool), *taken])


def _locate_without(
    problem: Problem,
    start: Position,
    items: Bool[np.ndarray, " item"],
    here: Position,
    limits: Float[np.ndarray, " coordinate"],
) -> Located:
    """Climb from a place without some items, whose slopes stay at zero."""
    posed = problem._replace(frozen=_without(problem, start, items) if items.any() else None)
    return locate(posed, here, strict=False, flat=True, limits=limits)


def _with_returned(
    problem: Problem, start: Position, located: Located, taken: Taken, limits: Float[np.ndarray, " coordinate"]
) -> tuple[Located, Taken]:
    """Put back what has a maximum beside the items that remained, the last taken first, until nothing more has.

    The very last was taken from among those that remained, and is tried only after something else is back.

    Args:
        problem: without anything taken out.
        start: where the climb began.
        located: the maximum of what remained.
        taken: items that were taken out together, in their order.
        limits: of the coordinates.

    Returns:
        The maximum, and what is still without one.
    """
    out: Taken = taken[::-1]
    untried: Taken = taken[-2::-1]
    while untried:
        items, untried = untried[0], untried[1:]
        rest = tuple(each for each in out if each is not items)
        here = _returned(start, problem.position(located.mode), items)
        try:
            there = _locate_without(problem, start, _any_of(rest, problem), here, limits)
        except ConvergenceError:
            continue
        steps = located.mode.steps + there.mode.steps
        if there.passed is None and there.mode.converged:
            located, out, untried = there, rest, rest
        located = located._replace(mode=located.mode._replace(steps=steps))
    return located, out[::-1]


def _returned(start: Position, position: Position, items: Bool[np.ndarray, " item"]) -> Position:
    """A place with what is of some items as it was at the start."""
    found: dict[str, Any] = {name: np.array(leaf, float) for name, leaf in position.items()}
    for name in (*OWN_SLOPES, *WITHOUT_SLOPE, *WITH_SLOPE):
        if name in found:
            found[name][items] = np.asarray(start[name])[items]
    return found


def _everywhere(problem: Problem, position: Position) -> Float[np.ndarray, " coordinate"]:
    with jax.enable_x64(True):
        return np.asarray(pack({name: jnp.asarray(leaf) for name, leaf in position.items()}, problem.shapes))


def _steepest(
    problem: Problem, located: Located, limits: Float[np.ndarray, " coordinate"]
) -> tuple[list[Bool[np.ndarray, " item"]], Bool[np.ndarray, " shared"]]:
    """What may be to blame, the steepest first, each with those that are as steep; which shared coordinates passed."""
    edge = problem.shapes.n_blocks * problem.shapes.block_size
    by = np.abs(np.asarray(located.mode.metric.centre)) / limits
    own = by[:edge].reshape(problem.shapes.n_blocks, -1).max(1)
    found: list[Bool[np.ndarray, " item"]] = []
    passed = np.zeros(len(by), bool) if located.passed is None else located.passed
    left = own.copy() if passed[:edge].any() else np.zeros_like(own)
    while left.max() > SUSPECT * own.max() and len(found) < SIDE_BY_SIDE:
        found.append(left > (1.0 - TIED) * left.max())
        left = np.where(found[-1], 0.0, left)
    return found, passed[edge:]


def _without(problem: Problem, start: Position, items: Bool[np.ndarray, " item"]) -> Bool[np.ndarray, " coordinate"]:
    """The coordinates of some items that say how they depend on ability."""
    slopes = [name for name in start if name in (*OWN_SLOPES, *WITHOUT_SLOPE)]
    return marked(problem, start, dict.fromkeys(slopes, items))


def marked(problem: Problem, start: Position, items: dict[str, np.ndarray]) -> Bool[np.ndarray, " coordinate"]:
    """Coordinates of some sites of some items.

    Args:
        problem: for the shapes.
        start: a position, for the sites.
        items: by site, which.
    """
    found: dict[str, Any] = {}
    for name, leaf in start.items():
        found[name] = np.zeros(np.shape(leaf))
        if name in items:
            found[name][items[name]] = 1.0
    return _everywhere(problem, found) > 0


def _at_zero(start: Position, items: Bool[np.ndarray, " item"]) -> Position:
    """A start at which some items have no slope, and no asymptotes."""
    found: dict[str, Any] = {name: np.array(leaf, float) for name, leaf in start.items()}
    for name in (*OWN_SLOPES, *WITHOUT_SLOPE):
        if name in found:
            found[name][items] = {"c_logit": -AT_BOUNDARY, "d_logit": AT_BOUNDARY}.get(name, 0.0)
    return found


def _asymptotes(problem: Problem, start: Position) -> dict[str, Bool[np.ndarray, " item"]]:
    """Which items have which asymptotes: those that are not held where they count for nothing."""
    held = {name: getattr(problem.data.priors, name) for name in ("c", "d") if f"{name}_logit" in start}
    everyone = np.ones(problem.shapes.n_blocks, bool)
    return {name: everyone if found is None else np.asarray(found) == 0.0 for name, found in held.items()}


def _of_all(located: Located, problem: Problem) -> ConvergenceError:
    values = problem.report(located.mode.metric.centre)
    sd = problem.population(values)[1]
    if sd.min() < 1.0 / LARGEST_SD:
        return ConvergenceError(
            f"The likelihood has no maximum: the population's SD ({sd.min():.3g}) shrinks to zero, as the responses "
            "show no common ability.",
            "Look at the data, or use proper --priors, such as mission, or --population fixed.",
        )
    slope = np.abs(values["a"]).max() if "a" in values else 0.0
    what = f"the common discrimination ({slope:.3g})" if sd.max() <= 1.0 else f"the population's SD ({sd.max():.3g})"
    return ConvergenceError(
        f"The likelihood has no maximum: {what} grows without end, as the responses are (nearly) those of perfect "
        "items.",
        "Use proper --priors, such as mission, or --population fixed.",
    )


def _with_boundaries(maximum: Maximum, problem: Problem) -> Maximum:
    """Put asymptotes that have come near their boundary there, if that does not cost any likelihood."""
    sign = {"c": -1.0, "d": 1.0}
    while True:
        located = maximum.located
        values, position = located.problem.report(located.mode.metric.centre), located.problem.position(located.mode)
        near = {
            name: (values[name] < NEAR if name == "c" else values[name] > 1.0 - NEAR) & own & ~maximum.endless
            for name, own in maximum.own.items()
        }
        if sum(items.sum() for items in near.values()) <= sum(items.sum() for items in maximum.at_boundary.values()):
            return maximum
        moved: dict[str, Any] = {name: np.array(leaf) for name, leaf in position.items()}
        for name, items in near.items():
            moved[f"{name}_logit"][items] = sign[name] * AT_BOUNDARY
        frozen = marked(problem, position, {f"{name}_logit": items for name, items in near.items()})
        if located.problem.frozen is not None:
            frozen = frozen | located.problem.frozen
        there = locate(located.problem._replace(frozen=frozen), moved, strict=False, flat=True)
        heights = [float(one.problem.log_density(one.mode.metric.centre)) for one in (located, there)]
        if heights[1] < heights[0] - NO_WORSE:
            return maximum
        there = there._replace(mode=there.mode._replace(steps=located.mode.steps + there.mode.steps))
        maximum = maximum._replace(located=there, at_boundary=near)
