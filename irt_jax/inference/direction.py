"""Turn a mode around where a nominal scale points down, so that grids, draws and estimates are all of one direction."""

import numpy as np

from irt_jax.inference.laplace.newton import climb
from irt_jax.inference.mode import Located, locate_best
from irt_jax.models.direction import faces_up
from irt_jax.models.items import categories_of

#: What changes its sign when ability does.
TURNED = ("slopes", "population_mean", "free_mean")


def upright(located: Located, *, strict: bool = True, flat: bool = False) -> Located:
    """The same mode, or its reflection where that is the right way up; a model that has one direction stays.

    Args:
        located: a mode.
        strict: see `locate`.
        flat: see `locate`.
    """
    problem = located.problem
    if not problem.model.reflects:
        return located
    priors = problem.data.priors
    key = None if priors.key is None else np.asarray(priors.key)
    slopes = problem.report(located.mode.metric.centre)["slopes"]
    if faces_up(slopes, categories_of(problem.model.n_categories, priors), key):
        return located
    position = problem.position(located.mode)
    turned = {name: -value if name in TURNED else value for name, value in position.items()}
    problem = problem.on_grid(-np.asarray(problem.data.nodes)[::-1])
    if flat:  # the reflection is a maximum as it stands, and another climb may leave one that is hardly curved
        there = climb(problem.functions, problem.data, turned, problem.shapes, most=0)
        mode = there._replace(converged=located.mode.converged, steps=located.mode.steps)
        return located._replace(problem=problem, mode=mode)
    return locate_best(problem, turned, strict=strict, flat=flat)
