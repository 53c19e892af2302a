"""Stage 0 of every marginal method: the mode, a metric around it, and a grid that is fine enough there."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from irt_jax.errors import ConvergenceError
from irt_jax.inference.laplace.hessian import precondition, spread
from irt_jax.inference.laplace.marginal_mode import climb_profile
from irt_jax.inference.laplace.metric import Metric
from irt_jax.inference.laplace.newton import DECREMENT, REFRESH, Mode, climb
from irt_jax.inference.marginal_posterior import MAX_GRIDS, Problem
from irt_jax.likelihood.log_density import Position
from irt_jax.likelihood.quadrature import covered, even_nodes, fine_enough, refined, rounded, shifted
from irt_jax.runtime.arrays import AnyArray

#: The quadrature error, in posterior SDs, below which a grid is good enough.
QUADRATURE_LIMIT = 0.01
#: A grid this many times finer than needed is replaced, since every later gradient would pay for it.
TOO_FINE = 1.6
#: The grid must do at the mode, and is refined up to this many times until it does at this many places around it, as
#: far from the mode as draws are; a normal approximation may put some of them where no draw goes.
FINER_FOR_DRAWS, CHECKED = 2, 4
#: Climbs that end closer than this, in posterior SDs of every parameter, ended at one mode.
SAME_MODE = 0.1
#: Places that tell how far a free population's SD gets, and how much further apart than draws they are: its posterior
#: is skewed, and there are more draws.
PLACES, FURTHER = 32, 1.4
#: A climb that passed a limit on a grid that is too coarse goes on at this share of it, on a finer one.
WITHIN = 0.8
#: That grid has so many nodes at least, always the same if it can be: each other number would be compiled.
STEEP_NODES = 384
#: And it stays under the largest number of nodes by this, for what that is rounded to: what is steeper still, as where
#: two steps lie closely together, has passed its limit all the same.
SPARE = 1.6


class Located(NamedTuple):
    """A mode on a grid that is fine enough.

    Attributes:
        problem: the posterior, with that grid.
        mode: where the climb ended.
        quadrature_error: how far a finer grid would move the mode, in posterior SDs.
        ahead: by how much its log density exceeds that of another mode that was found; None where there is none.
        passed: coordinates that passed their limits, on a grid that shows how steep they are, or the nearest to its
            limit where no grid can show it; None where none did. The climb then has not ended.
    """

    problem: Problem
    mode: Mode
    quadrature_error: float
    ahead: float | None = None
    passed: Bool[np.ndarray, " coordinate"] | None = None


def locate_best(problem: Problem, start: Position, *, strict: bool = True, flat: bool = False) -> Located:
    """The same, from a second start where the model knows of an easier posterior: the higher mode of the two.

    Args:
        problem: from `pose`.
        start: where to begin.
        strict: see `locate`.
        flat: see `locate`.
    """
    plain = locate(problem, start, strict=strict, flat=flat)
    priors = problem.data.priors
    easier = problem.model.easier(priors)
    if easier is None:
        return plain
    near = locate(plain.problem.with_priors(easier), start, strict=strict, flat=flat)
    other = locate(near.problem.with_priors(priors), near.problem.position(near.mode), strict=strict, flat=flat)
    heights = [float(one.problem.log_density(one.mode.metric.centre)) for one in (plain, other)]
    apart = np.asarray(plain.mode.metric.centre) - np.asarray(other.mode.metric.centre)
    with jax.enable_x64(True):
        sd = np.asarray(plain.mode.metric.deviations())
    if np.abs(apart / sd).max() < SAME_MODE:
        return plain
    best = plain if heights[0] >= heights[1] else other
    return best._replace(ahead=abs(heights[0] - heights[1]))


def locate(
    problem: Problem,
    start: Position,
    *,
    strict: bool = True,
    flat: bool = False,
    limits: Float[np.ndarray, " coordinate"] | None = None,
) -> Located:
    """Find the mode, fit the grid to the posteriors there, until nothing changes.

    Args:
        problem: from `pose`.
        start: where to begin.
        strict: refuse a climb that does not end.
        flat: climb the density of all parameters together, as maximum likelihood has it; otherwise what is shared
            climbs with the items integrated out.
        limits: largest sizes of the coordinates, for a density that may have no maximum; None for no limits.

    Raises:
        ConvergenceError: no mode, or no grid that is fine enough.
    """
    position, finer, mode, by_profile = start, 0, None, bool(problem.shapes.n_shared) and not flat
    for grid in range(MAX_GRIDS):
        if by_profile:
            mode = climb_profile(problem.functions, problem.data, position, problem.shapes, mode and mode.metric)
        else:
            enough = DECREMENT if grid else REFRESH  # the first grid is a guess
            mode = climb(problem.functions, problem.data, position, problem.shapes, enough=enough, limits=limits)
        passed = np.zeros(0, bool) if limits is None else np.abs(np.asarray(mode.metric.centre)) > limits
        if strict and not mode.converged:
            raise ConvergenceError(
                f"No mode of the posterior was found in {mode.steps} Newton steps.",
                "Check the anchors and the priors for contradictions, or sample with --method nuts --abilities joint.",
            )
        position, nodes = problem.position(mode), np.asarray(problem.data.nodes)
        if limits is not None and passed.any():
            wanted = _wanted_nodes(problem, [mode.metric.centre])
            spacing = min(wanted[1] - wanted[0], (nodes[-1] - nodes[0]) / (STEEP_NODES - 1))
            ends = min(nodes[0], wanted[0]), max(nodes[-1], wanted[-1])
            finest = SPARE * (ends[1] - ends[0]) / problem.most_nodes
            if fine_enough(nodes, wanted) or nodes[1] - nodes[0] <= finest:
                return Located(problem, mode, float("nan"), passed=passed)
            wanted = even_nodes(*ends, max(spacing, finest))
            problem = problem.on_grid(wanted, problem.report(mode.metric.centre))
            position = _drawn_in(problem, mode, limits)
            continue
        places = _around(problem, mode.metric)
        wanted = _wanted_nodes(problem, [mode.metric.centre, *places[: 2 if problem.shapes.n_shared else 0]])
        if len(wanted) > problem.most_nodes:  # the places may lie where no draw goes
            wanted = _wanted_nodes(problem, [mode.metric.centre])
            if limits is not None and len(rounded(wanted, problem.steps)) > problem.most_nodes:
                share = np.abs(np.asarray(mode.metric.centre)) / limits
                return Located(problem, mode, float("nan"), passed=share >= share.max())
        too_fine = wanted[1] - wanted[0] > TOO_FINE * (nodes[1] - nodes[0])
        too_fine &= problem.frozen is None or not problem.few  # what is taken out needs no grid, nor another program
        too_fine = too_fine and len(problem.on_grid(wanted).data.nodes) < len(nodes)  # not so with few responses
        fits = fine_enough(nodes, wanted) and (finer or (covered(nodes, wanted) and not too_fine))
        if fits and not grid and not by_profile:
            continue  # the first climb was a rough one
        if fits:
            error = grid_errors(problem, mode.metric, [mode.metric.centre])
            around = grid_errors(problem, mode.metric, places) if finer < FINER_FOR_DRAWS else error
            between, beyond = (max(pair) >= QUADRATURE_LIMIT / 2 for pair in zip(error, around, strict=True))
            if not (between or beyond):
                return Located(problem, mode, max(error))
            wanted, finer = refined(nodes, between=between, beyond=beyond), finer + 1
        problem = problem.on_grid(wanted, problem.report(mode.metric.centre))
    raise ConvergenceError(
        f"No grid of abilities was fine enough: with {len(problem.data.nodes)} nodes the quadrature error is still too "
        "large.",
        "Use --method nuts --abilities joint, and look for items with extreme discriminations.",
    )


def _drawn_in(problem: Problem, mode: Mode, limits: Float[np.ndarray, " coordinate"]) -> Position:
    """The place of a mode, with what passed its limits back within them, and its item's other coordinates likewise."""
    x, edge = np.array(mode.metric.centre), problem.shapes.n_blocks * problem.shapes.block_size
    share = np.minimum(1.0, WITHIN * limits / np.maximum(np.abs(x), 1e-300))
    own = share[:edge].reshape(problem.shapes.n_blocks, -1).min(1)
    share[:edge] = np.repeat(own, problem.shapes.block_size)
    centre = jnp.asarray(share * x)
    return problem.position(mode._replace(metric=mode.metric._replace(centre=centre)))


def _around(problem: Problem, metric: Metric) -> list[Float[np.ndarray, " coordinate"]]:
    """Places as far from the mode as draws go; free populations' smallest and largest SDs come first."""
    count = PLACES if problem.shapes.n_shared else CHECKED
    with jax.enable_x64(True):
        normal = np.random.default_rng(0).normal(size=(count, metric.centre.size))
        wider, centre = FURTHER if problem.shapes.n_shared else 1.0, np.asarray(metric.centre)
        places = [centre + np.asarray(spread(metric, wider * z)) for z in normal]
    if not problem.shapes.n_shared:
        return places
    sds = np.array([problem.population(problem.report(vector))[1] for vector in places])
    narrowest, widest = np.argsort(sds.min(1)), np.argsort(-sds.max(1))
    return [places[i] for i in (narrowest[0], widest[0], narrowest[1], widest[1])]


def _wanted_nodes(problem: Problem, places: Sequence[Float[AnyArray, " coordinate"]]) -> Float[np.ndarray, " node"]:
    """The grid that fits at all of some places."""
    grids = []
    for vector in places:
        values = problem.report(vector)
        items = {name: values[name] for name in problem.model.parameters}
        grids.append(problem.wanted_nodes(items, problem.population(values)))
    if len(grids) == 1:
        return grids[0]
    spacing = min(grid[1] - grid[0] for grid in grids)
    return even_nodes(min(grid[0] for grid in grids), max(grid[-1] for grid in grids), spacing)


def grid_errors(
    problem: Problem, metric: Metric, vectors: Sequence[Float[AnyArray, " coordinate"]]
) -> tuple[float, float]:
    """What is lost between the nodes and beyond the ends of the grid, in posterior standard deviations.

    The step that Newton's method would take for the difference of the gradients on the grid and on `shifted` ones;
    half of it for the grid that lies between the nodes, since the two together are the finer grid.

    Args:
        problem: with the grid in use.
        metric: around the mode.
        vectors: where to look, packed.
    """
    with jax.enable_x64(True):
        sd = np.asarray(metric.deviations())
        shifts = []
        for vector in map(jnp.asarray, vectors):
            _, gradient = problem.functions.value_and_gradient(vector, problem.data)
            for nodes in shifted(problem.data.nodes):
                _, other = problem.functions.value_and_gradient(vector, problem.data._replace(nodes=nodes))
                shifts.append(np.abs(np.asarray(precondition(metric, other - gradient)) / sd).max())
    between, *beyond = np.max(np.reshape(shifts, (len(vectors), -1)), axis=0)
    return float(between) / 2, float(max(beyond))
