"""Each item's estimate with its own prior taken out and all other items as they are: where its own responses put it.

At the mode x the posterior of an item's parameters, all others following, is close to normal with covariance C. Its own
prior has the gradient g and the negative Hessian P there. Without that prior the precision is L = C^-1 - P and the
mode, by one Newton step, x - L^-1 g. The item's own likelihood is not quadratic that far away, so it is followed
exactly: with W a person's posterior over the nodes and T the table,

    l_i(y) = sum over responses to i of log sum over nodes W exp(T(x + y) - T(x))

is the likelihood of all that is said by others and of these responses at x + y, with the maximum y0. What the other
items' following adds is u' M^-1 (-l_i''(0) - L) M^-1 u / 2, with u = l_i'(y) - l_i'(0) and M = -l_i''(y0): for a small
y the quadratic that L says, and further away as much less as the item's own score says less there. A sound anchor
agrees with its previous values within their errors and those of the last L^-1; a drifted one does not, while its
posterior cannot show it, and is refitted (`own_refit`). Weights that divide the prior out of draws would have infinite
variance.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.special import chdtrc

from irt_jax.data import Responses
from irt_jax.inference.delta_method import slopes
from irt_jax.inference.item_likelihood import OwnLikelihood
from irt_jax.inference.laplace.hessian import compiled
from irt_jax.inference.laplace.metric import Metric
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.inference.prior_free_refit import refit
from irt_jax.likelihood.flatten import pack, separable_blocks, split, unpack
from irt_jax.likelihood.log_density import Position, Target
from irt_jax.likelihood.marginal import MarginalData, marginal_shapes
from irt_jax.likelihood.numpyro_target import numpyro_target
from irt_jax.models.model import Model

#: Items are refitted whose prior has a smaller chance than the first number, but no more of them than the second.
SUSPECT, MOST_SUSPECTS = 1e-3, 10
#: Newton steps at most, alone and then with the others following; they end when none is longer than the second number,
#: and none may be longer than the third. Then: the smallest curvature that counts, beside the largest and by itself.
NEWTON_STEPS, SMALL, LONGEST, FLATTEST, TINY = 12, 1e-4, 0.5, 0.05, 1e-9
#: A log a further from zero is no estimate.
ENDLESS = 20.0


class OwnResponses(NamedTuple):
    """What an item's own responses say of its parameters, with the others linking.

    Attributes:
        move: from the mode to the estimate without the item's own prior, on the sampled scales, (item, parameter).
        covariance: of that estimate, likewise; NaN where the responses alone leave a direction open.
    """

    move: Float[np.ndarray, "item parameter"]
    covariance: Float[np.ndarray, "item parameter parameter"]


def prior_model(model: Model, data: MarginalData) -> None:
    """The NumPyro model without responses.

    Args:
        model: the response model.
        data: its priors and population.
    """
    model.sample(data.priors)
    data.population.sample()


@cache
def prior_target(model: Model) -> Target:
    """The prior as a log density.

    Args:
        model: the response model; the same model gives the same object, so nothing compiles twice.
    """
    plain = numpyro_target(partial(prior_model, model))

    def curvature(position: Position, data: MarginalData) -> Float[Array, "item own own"]:
        """Exact, since an item's prior, given what is shared, knows of no other item."""
        shapes = marginal_shapes(model, data)
        log_density = lambda x: plain.log_density(unpack(x, shapes), data)  # noqa: E731
        return separable_blocks(log_density, pack(position, shapes), shapes)

    return plain._replace(curvature=curvature)


def own_responses(
    problem: Problem,
    metric: Metric,
    covariance: Float[np.ndarray, "item own own"],
    responses: Responses,
    which: Bool[np.ndarray, " item"],
) -> OwnResponses:
    """Take every item's own prior out, one at a time.

    Args:
        problem: the posterior.
        metric: around its mode.
        covariance: of each item's parameters and the shared ones at the mode.
        responses: of all items.
        which: items whose likelihood is followed, and that are refitted where they are far from their priors; one
            Newton step is taken for the others.
    """
    prior, p = prior_target(problem.model), problem.shapes.block_size
    functions = compiled(prior, problem.shapes)
    with jax.enable_x64(True):
        _, gradient = functions.value_and_gradient(metric.centre, problem.data)
        own = np.asarray(split(jnp.asarray(gradient), problem.shapes)[0])
        precision = np.asarray(functions.blocks(metric.centre, problem.data))
    whole = np.linalg.inv(covariance[:, :p, :p])
    left = (whole + np.swapaxes(whole, 1, 2)) / 2 - precision
    largest = np.linalg.eigvalsh(whole).max(1)
    inverse = at_mode = _covariance(left, largest)
    move = one_step = -np.einsum("ikl,il->ik", inverse, own)
    if which.any():
        followed, end = _followed(OwnLikelihood(problem, metric.centre, responses, which), left, own)
        inverse = np.where(which[:, None, None], _covariance(end, largest), inverse)
        move = np.where(which[:, None], np.where(np.isfinite(inverse[:, 0]), followed, np.nan), move)
    for item in _suspects(((move, inverse), (move, at_mode), (one_step, at_mode)), precision, which):
        again = refit(problem, prior, metric, item, np.nan_to_num(move[item]))
        if again is not None:
            move[item], inverse[item] = again
    return OwnResponses(move, inverse)


def _covariance(
    precision: Float[np.ndarray, "item own own"], largest: Float[np.ndarray, " item"]
) -> Float[np.ndarray, "item own own"]:
    """Inverses; NaN where the responses leave a direction open, beside the largest precision with the prior."""
    usable = (np.linalg.eigvalsh(precision).min(1) > 1e-6 * largest)[:, None, None]
    return np.where(usable, np.linalg.inv(np.where(usable, precision, np.eye(precision.shape[1]))), np.nan)


def _suspects(
    found: Sequence[tuple[Float[np.ndarray, "item own"], Float[np.ndarray, "item own own"]]],
    precision: Float[np.ndarray, "item own own"],
    which: Bool[np.ndarray, " item"],
) -> list[int]:
    """Items so far from their priors that a refit is worth its while, the farthest first.

    Args:
        found: moves and covariances in several approximations, the most suspicious of which counts: the error of a
            drifted item's estimate may come out several times too large before it is refitted, which would hide it.
        precision: of the items' own priors.
        which: items that may be refitted.
    """
    spread = _inverse(precision)
    squared = [
        np.einsum("ik,ikl,il->i", move, np.linalg.inv(np.nan_to_num(covariance) + spread), move)
        for move, covariance in found
    ]
    far = np.where(which, np.nan_to_num(squared, nan=np.inf).max(0), 0.0)
    order = np.argsort(-far)[:MOST_SUSPECTS]
    return order[chdtrc(precision.shape[1], far[order]) < SUSPECT].tolist()


def _step(
    precision: Float[np.ndarray, "item own own"], slope: Float[np.ndarray, "item own"]
) -> Float[np.ndarray, "item own"]:
    """Newton steps, uphill where the density is not concave, and none longer than LONGEST."""
    step = np.einsum("ikl,il->ik", _inverse(precision), slope)
    return step * np.minimum(1.0, LONGEST / np.maximum(np.abs(step).max(1, keepdims=True), 1e-300))


def _inverse(precision: Float[np.ndarray, "item own own"]) -> Float[np.ndarray, "item own own"]:
    """Inverses with positive eigenvalues: those below zero turned around, and none far below the largest."""
    values, vectors = np.linalg.eigh(precision)
    values = np.maximum(np.abs(values), FLATTEST * np.abs(values).max(1, keepdims=True))
    return np.einsum("ikd,id,ild->ikl", vectors, 1.0 / np.maximum(values, TINY), vectors)


def _followed(
    likelihood: OwnLikelihood, left: Float[np.ndarray, "item own own"], own: Float[np.ndarray, "item own"]
) -> tuple[Float[np.ndarray, "item own"], Float[np.ndarray, "item own own"]]:
    """Newton's method on the items' own likelihoods, alone and then with the others following; moves and precision.

    Args:
        likelihood: of the items that are followed; the others do not move.
        left: each item's precision without its own prior at the mode, the others following.
        own: gradient of its own prior there.
    """
    which, unit = likelihood.which[:, None, None], np.eye(left.shape[1])
    move = np.zeros_like(own)
    slope_here, here = likelihood.derivatives(move)
    linked, precision = np.zeros_like(left), left
    for gain in (None, here - left):
        if gain is not None:
            inverse = _inverse(np.where(which, precision, unit))
            linked = inverse @ gain @ inverse
        for _ in range(NEWTON_STEPS):
            slope, curvature = likelihood.derivatives(move)
            passed = curvature @ linked
            precision = np.where(which, curvature - passed @ curvature, unit)
            rest = -own + slope - slope_here - np.einsum("ikl,il->ik", passed, slope - slope_here)
            step = np.where(which[:, 0], _step(precision, rest), 0.0)
            move = move + step
            if np.abs(step).max() < SMALL:
                break
    return move, precision


def without_own_priors(
    problem: Problem,
    metric: Metric,
    responses: Responses,
    which: Bool[np.ndarray, " item"],
    covariance: Float[np.ndarray, "item own own"] | None = None,
) -> dict[str, np.ndarray]:
    """Estimates of a, b and log a without the items' own priors, with SDs, by the delta method.

    Args:
        problem: the posterior.
        metric: around its mode.
        responses: of all items.
        which: items that are wanted better than to one Newton step, see `own_responses`.
        covariance: of each item's parameters and the shared ones at the mode; the metric's when None.

    Returns:
        `{name}_free` and `{name}_free_sd` of log_a, a and b, and `cov_log_a_b_free`, each (item,); nothing for models
        without them.
    """
    values = problem.report(metric.centre)
    names = tuple(name for name in ("log_a", "b") if name in values)
    if "b" not in names:
        return {}
    if covariance is None:
        with jax.enable_x64(True):
            covariance = np.asarray(metric.covariance())
    own, p = own_responses(problem, metric, covariance, responses, which), problem.shapes.block_size
    moved = np.pad(np.nan_to_num(own.move).ravel(), (0, problem.shapes.n_shared))
    there = np.asarray(metric.centre) + moved
    reported, found = problem.report(there), dict[str, np.ndarray]()
    by_name = dict(zip(names, slopes(problem, names, there)[:, :, :p], strict=True))
    for name, slope in by_name.items():
        found[f"{name}_free"] = np.where(np.isfinite(own.move).all(1), reported[name], np.nan)
        found[f"{name}_free_sd"] = np.sqrt(np.einsum("ik,ikl,il->i", slope, own.covariance, slope))
    if "log_a" in by_name:
        found["cov_log_a_b_free"] = np.einsum("ik,ikl,il->i", by_name["log_a"], own.covariance, by_name["b"])
        endless = np.abs(found["log_a_free"]) > ENDLESS  # its own responses have no maximum
        found |= {name: np.where(endless, np.nan, values) for name, values in found.items()}
        found["a_free"] = np.exp(found["log_a_free"])
        found["a_free_sd"] = found["a_free"] * found["log_a_free_sd"]
    return found
