"""Which items a person sees: at random, or chosen by the answers so far."""

import numpy as np
from jaxtyping import Float, Int

#: Persons whose item choice is worked out at once: bounds memory to block x items.
BLOCK_PERSONS = 10_000
#: Nodes of the running ability estimate of an adaptive test.
ABILITY_NODES = np.linspace(-4.0, 4.0, 33)

Design = tuple[Int[np.ndarray, "person position"], Int[np.ndarray, "person position"]]


def probability_correct(
    theta: Float[np.ndarray, "..."], a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """P(correct) of the 2PL, all arguments broadcast."""
    return 1.0 / (1.0 + np.exp(-a * (theta - b)))


def random_design(
    rng: np.random.Generator,
    theta: Float[np.ndarray, " person"],
    a: Float[np.ndarray, " item"],
    b: Float[np.ndarray, " item"],
    per_person: int,
) -> Design:
    """Every person answers a random choice of items.

    Returns:
        Item codes, ascending within a person, and responses, both (person, per_person).
    """
    chosen = np.concatenate(
        [
            np.sort(np.argpartition(rng.random((len(part), len(b))), per_person - 1)[:, :per_person])
            for part in _blocks(len(theta))
        ]
    )
    p = probability_correct(theta[:, None], a[chosen], b[chosen])
    return chosen, (rng.random(p.shape) < p).astype(np.int64)


def adaptive_design(
    rng: np.random.Generator,
    theta: Float[np.ndarray, " person"],
    a: Float[np.ndarray, " item"],
    b: Float[np.ndarray, " item"],
    per_person: int,
) -> Design:
    """Every next item has the most information, a^2 p (1 - p), at the ability estimated so far.

    The estimate is the posterior mean under N(0, 1) on a grid, with the true item parameters; the
    start of each test is scattered by N(0, .5) so that not everybody begins with the same item.

    Returns:
        Item codes in the order of the test and responses, both (person, per_person).
    """
    parts = [_adaptive_block(rng, theta[part], a, b, per_person) for part in _blocks(len(theta))]
    items, responses = zip(*parts, strict=True)
    return np.concatenate(items), np.concatenate(responses)


def _adaptive_block(
    rng: np.random.Generator,
    theta: Float[np.ndarray, " person"],
    a: Float[np.ndarray, " item"],
    b: Float[np.ndarray, " item"],
    per_person: int,
) -> Design:
    persons = np.arange(len(theta))
    items = np.empty((len(theta), per_person), np.int64)
    responses = np.empty_like(items)
    seen = np.zeros((len(theta), len(b)), bool)
    log_posterior = np.tile(-0.5 * ABILITY_NODES**2, (len(theta), 1))
    estimate = rng.normal(0.0, 0.5, len(theta))
    for position in range(per_person):
        p = probability_correct(estimate[:, None], a, b)
        item = np.where(seen, -1.0, a**2 * p * (1 - p)).argmax(1)
        correct = rng.random(len(theta)) < probability_correct(theta, a[item], b[item])
        items[:, position], responses[:, position] = item, correct
        seen[persons, item] = True
        p_nodes = probability_correct(ABILITY_NODES, a[item, None], b[item, None])
        log_posterior += np.log(np.where(correct[:, None], p_nodes, 1 - p_nodes))
        weight = np.exp(log_posterior - log_posterior.max(1, keepdims=True))
        estimate = weight @ ABILITY_NODES / weight.sum(1)
    return items, responses


def _blocks(n_persons: int) -> list[np.ndarray]:
    return np.array_split(np.arange(n_persons), -(-n_persons // BLOCK_PERSONS))
