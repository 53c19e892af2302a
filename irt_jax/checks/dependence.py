"""Items that go together beyond the model: a duplicate under two ids, or a testlet.

With R the posterior of a person's ability given all responses but those to the items i and j, the model says of their
scores' residuals under R

    d = (y_i - e_i) (y_j - e_j) - c,    c = cov(y_i, y_j) under R

that they have mean 0 and a known variance; the sum over common persons, in standard errors, is far above zero where
the two depend on each other otherwise than by ability. Beside the square roots of the residuals' sums of squares it is
a residual correlation. Such items drive up each other's slopes, so it is looked at for the items that discriminate more
than the rest or than their prior lets them; and columns that are the same are found straight from the responses.

Source: a score test of local independence; Glas & Suárez Falcón (2003), Applied Psychological Measurement 27, 87-106;
Yen (1984), Applied Psychological Measurement 8, 125-145, for residual correlations.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

from irt_jax.data import Responses
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.models.model import Parameters

#: Sound pairs are named with this probability, all of them together, and only above this residual correlation.
CHANCE, NOTABLE = 0.01, 0.25
#: With fewer common persons nothing is said.
FEWEST = 30
#: Items that are looked at, at most: the first are those whose log slope is so many MADs, and so much, above the
#: median, then those that discriminate most beside what their model says.
MOST_ITEMS, FAR_SLOPE, LARGER_SLOPE = 40, 5.0, 0.5
#: Responses that are held against each item, of so many persons as have them; and how many at a time.
BUDGET, CHUNK = 20_000, 20_000
#: Probabilities below this count as this.
SMALLEST = 1e-20

#: Residuals of an item and its duplicate correlate by .6, those of two items of VerbAgg that share a situation by .4.
ALIKE = 0.5


class Pair(NamedTuple):
    """Two items that go together beyond the model.

    Attributes:
        first: code of an item.
        second: code of the other.
        correlation: of their residuals.
        z: in standard errors.
        n_common: persons with responses to both that were looked at.
        same: whether all responses to the two are the same.
    """

    first: int
    second: int
    correlation: float
    z: float
    n_common: int
    same: bool


def dependent_pairs(
    problem: Problem, items: Parameters, population: Any, responses: Responses, z: Float[np.ndarray, " item"]
) -> tuple[Pair, ...]:
    """Find pairs, the farthest beyond the model first.

    Args:
        problem: the posterior, with a grid that fits.
        items: the model's parameters, first axis items.
        population: mean and SD of the groups, each (group,).
        responses: of these items.
        z: how far each item discriminates more than its model says, from `item_fit`.
    """
    same = equal_columns(responses)
    chosen = _suspects(items, responses, z, same)
    if not len(chosen):
        return ()
    table, posterior = (np.asarray(part, np.float64) for part in problem.over_nodes(items, population))
    likelihood = np.maximum(np.exp(table), SMALLEST)
    against = Against(likelihood, posterior, problem.place, problem.model.n_categories, responses)
    limit, found = ndtri(1.0 - CHANCE / responses.n_items**2), dict[tuple[int, int], Pair]()
    for item in chosen.tolist():
        correlation, far, count = against.pairs_of(item)
        for other in np.flatnonzero((far > limit) & (correlation > NOTABLE) & (count >= FEWEST)):
            first, second = sorted((item, int(other)))
            equal = bool(same[first] >= 0 and same[first] == same[second])
            found[first, second] = Pair(
                first, second, float(correlation[other]), float(far[other]), int(count[other]), equal
            )
    return tuple(sorted(found.values(), key=lambda pair: -pair.z))


def equal_columns(responses: Responses) -> Int[np.ndarray, " item"]:
    """A number that items have in common whose persons and responses are the same; -1 for items like no other.

    Args:
        responses: coded responses.
    """
    keys = np.random.default_rng(0).random((2, responses.n_persons))
    value = responses.response + 1.0
    sums = [np.bincount(responses.item, key[responses.person] * value, responses.n_items) for key in keys]
    _, which, count = np.unique(np.stack(sums, axis=1), axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    return np.where(count[which] > 1, which, -1)


def _suspects(
    items: Parameters, responses: Responses, z: Float[np.ndarray, " item"], same: Int[np.ndarray, " item"]
) -> Int[np.ndarray, " suspect"]:
    """Items that are looked at, the most suspicious first."""
    first, enough = same >= 0, responses.item_counts >= FEWEST
    if "a" in items:
        log_a = np.log(np.maximum(np.abs(np.asarray(items["a"], np.float64)), 1e-9))
        away = log_a - np.median(log_a)
        first |= away > np.maximum(FAR_SLOPE * 1.4826 * np.median(np.abs(away)), LARGER_SLOPE)
    order = np.lexsort((-np.nan_to_num(z), ~first))
    return order[enough[order]][:MOST_ITEMS]


class Against:
    """Holds an item's residuals against those of the others.

    Args:
        likelihood: of every row of the table at the nodes.
        posterior: over the nodes, of every place in the problem's blocks.
        place: of every person in them.
        n_categories: rows of an item.
        responses: of all items.
    """

    def __init__(
        self,
        likelihood: Float[np.ndarray, "row node"],
        posterior: Float[np.ndarray, "place node"],
        place: Int[np.ndarray, " person"],
        n_categories: int,
        responses: Responses,
    ) -> None:
        self.likelihood, self.posterior, self.place, self.responses = likelihood, posterior, place, responses
        self.row = n_categories * responses.item.astype(np.int64) + responses.response
        score = np.arange(n_categories, dtype=float)
        of_items = likelihood.reshape(-1, n_categories, likelihood.shape[1])
        self.mean, self.square = (np.einsum("icq,c->iq", of_items, score**power) for power in (1, 2))

    def pairs_of(
        self, item: int
    ) -> tuple[Float[np.ndarray, " item"], Float[np.ndarray, " item"], Int[np.ndarray, " item"]]:
        """Residual correlations with all other items, how far they are from zero in standard errors, common persons.

        Args:
            item: which.
        """
        responses, n_items = self.responses, self.responses.n_items
        own = np.flatnonzero(responses.item == item)
        whose, first = np.unique(responses.person[own], return_index=True)
        own = own[first]
        every = max(1, int(np.ceil(responses.person_counts[whose].sum() / BUDGET)))
        mine = np.full(responses.n_persons, -1)
        mine[whose[::every]] = own[::every]
        with_it = np.flatnonzero((mine[responses.person] >= 0) & (responses.item != item))
        total = np.zeros((4, n_items))
        for start in range(0, len(with_it), CHUNK):
            some = with_it[start : start + CHUNK]
            parts = self._products(some, mine[responses.person[some]])
            total += [np.bincount(responses.item[some], part, n_items) for part in parts]
        covariance, variance, of_item, of_other = total
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation, z = covariance / np.sqrt(of_item * of_other), covariance / np.sqrt(variance)
        count = np.bincount(responses.item[with_it], minlength=n_items)
        return np.nan_to_num(correlation), np.nan_to_num(z, posinf=0.0, neginf=0.0), count

    def _products(
        self, other: Int[np.ndarray, " response"], own: Int[np.ndarray, " response"]
    ) -> tuple[Float[np.ndarray, " response"], ...]:
        """Product of residuals beyond the model, its variance, and both residuals' squares."""
        responses, row = self.responses, self.row
        weight = self.posterior[self.place[responses.person[other]]]
        weight = weight / (self.likelihood[row[other]] * self.likelihood[row[own]])
        weight /= weight.sum(1, keepdims=True)
        item, partner = responses.item[other], responses.item[own[0]]
        residuals, squares, means = [], [], []
        for which, response in ((item, responses.response[other]), (partner, responses.response[own])):
            mean, square = self.mean[which], self.square[which]
            expected = (weight * mean).sum(1)
            residuals.append(response - expected)
            means.append(mean)
            squares.append(square - 2.0 * expected[:, None] * mean + expected[:, None] ** 2)
        expected = residuals[0] - responses.response[other], residuals[1] - responses.response[own]
        covariance = (weight * means[0] * means[1]).sum(1) - expected[0] * expected[1]
        variance = (weight * squares[0] * squares[1]).sum(1) - covariance**2
        return residuals[0] * residuals[1] - covariance, variance, residuals[1] ** 2, residuals[0] ** 2


def dependent(pairs: Sequence[Pair], labels: Sequence[object]) -> list[str]:
    """Pairs that go together beyond the model, one sentence.

    Args:
        pairs: from `dependent_pairs`.
        labels: of the items.
    """
    if not pairs:
        return []
    shown = [
        f"{labels[pair.first]!r} and {labels[pair.second]!r} ({'all responses the same, ' if pair.same else ''}"
        f"residual correlation {pair.correlation:.2f} over {pair.n_common:,} common persons)"
        for pair in pairs[:3]
    ]
    more = f"; and {len(pairs) - 3:,} more pairs" if len(pairs) > 3 else ""
    return [
        f"Items go together beyond the model: {'; '.join(shown)}{more}. Each is a duplicate, or they are of one "
        "testlet: together they raise each other's slopes and count for more than they tell. Keep one, or make one "
        "graded item of them."
    ]
