"""Whether the responses show an ability that the items have in common, against the null of independent items.

With r a response, centred and scaled by its item, and s and q a person's sums of r and of r squared,

    t = sum over persons of (s^2 - q)

is the sum of all products of a person's responses. Were the items independent, shuffling every item's responses among
its persons would change nothing; so the null distribution is that of shuffled data, whatever is missing by design. The
persons that contribute most, who answered all in one way, are left out before and after shuffling: a few of them are no
common ability of the others. Items that go in opposite directions show in the largest eigenvalue of the responses'
products, to which signs are nothing, instead. Where persons answered different items, which item follows may depend on
the answers before, as in adaptive tests, and then t says little: there the responses must also not go with the
abilities that the model finds, for which see `item_fit`.

Source: permutation tests; Good (2005). The products are those of Cronbach's alpha.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

from irt_jax.checks.common_categories import eigenvalue_p_value
from irt_jax.checks.slope_score import Association
from irt_jax.data import Responses

#: Responses count as independent unless they would be less likely than this if they were.
CHANCE = 0.01
#: Share of the persons left out: those that contribute most.
LEFT_OUT = 0.05
#: Shuffles, and the responses of as many persons as are shuffled.
SHUFFLES, MOST_RESPONSES = 199, 20_000
#: With fewer responses a common ability is missed where independent items would be likelier than this to look so, and
#: where a correlation of two ordinary items would come to so many standard errors.
LITTLE, ORDINARY, SOME = 0.05, 0.2, 4.0
#: So many standard errors above zero is a common ability without shuffling, even by the wider null of all persons.
CLEARLY = 6.0
#: Correlation of two responses of weak items, and how many standard errors it must come to for the data to tell.
WEAK, NEEDED = 0.1, 7.0
#: Above this share of persons times items with a response nobody chose who gets which item.
COMPLETE = 0.9
#: With more items their products' largest eigenvalue is not looked at.
MOST_ITEMS = 500


def no_common_ability(
    responses: Responses, association: Association | None, *, nominal: bool = False
) -> tuple[list[str], list[str]]:
    """What to say where the responses look like those to independent items.

    Args:
        responses: coded responses.
        association: how they go with the abilities that the model finds; None where that is not known.
        nominal: whether the numbers of categories say nothing.

    Returns:
        A problem where there are enough responses to tell; a warning where there are fewer.
    """
    counts = responses.person_counts.astype(float)
    pairs = float((counts * (counts - 1.0)).sum())
    errors = np.sqrt(pairs / 2.0)
    if ORDINARY * errors < SOME:
        return [], []
    if not nominal:
        scaled = scaled_responses(responses.item, responses.response, responses.n_items)
        clearly = CLEARLY * np.sqrt(2.0 * pairs)
        if trimmed_products(responses.person, scaled, responses.n_persons)[0] > clearly:
            return [], []
    enough = WEAK * errors >= NEEDED
    if not nominal and _goes_with_ability(responses, association, NEEDED / 2.0 if enough else SOME / 2.0):
        return [], []
    chance = p_value(responses, nominal=nominal)
    if enough and chance >= CHANCE:
        return [
            "The responses show no common ability: they look like those to items that have nothing to do with each "
            f"other (p > {CHANCE:g} by shuffling every item's responses). Abilities, slopes and reliability say what "
            "the priors and chance make of them. Check keys, codes and person ids."
        ], []
    if not enough and chance >= LITTLE:
        return [], [
            "The responses show no common ability beyond chance "
            f"(p = {chance:.2f} by shuffling every item's responses), and are few: abilities, slopes and reliability "
            "say little more than the priors."
        ]
    return [], []


def _goes_with_ability(responses: Responses, association: Association | None, needed: float) -> bool:
    """Whether responses go with the abilities that the model finds, or could not be seen to; in incomplete designs."""
    if association is None or responses.n_responses > COMPLETE * responses.n_persons * responses.n_items:
        return False
    limit = -ndtri(CHANCE) * association.sd
    return bool(association.observed > limit or association.expected < needed * association.sd)


def scaled_responses(
    item: Int[np.ndarray, " response"], response: Int[np.ndarray, " response"], n_items: int
) -> Float[np.ndarray, " response"]:
    """Responses with mean 0 and SD 1 in every item; zero in items whose responses are all the same.

    Args:
        item: code of each response's item.
        response: its category.
        n_items: how many items there are.
    """
    value, count = response.astype(float), np.maximum(np.bincount(item, minlength=n_items), 1)
    mean = np.bincount(item, value, n_items) / count
    sd = np.sqrt(np.maximum(np.bincount(item, value**2, n_items) / count - mean**2, 0.0))
    return np.where(sd > 1e-9, 1.0 / np.maximum(sd, 1e-9), 0.0)[item] * (value - mean[item])


def trimmed_products(
    person: Int[np.ndarray, " response"], scaled: Float[np.ndarray, " response"], n_persons: int
) -> tuple[float, Int[np.ndarray, " person"]]:
    """Sum of all products of a person's responses, over the persons that stay; and who is left out.

    Args:
        person: code of each response's person.
        scaled: from `scaled_responses`.
        n_persons: how many persons there are.
    """
    of_person = np.bincount(person, scaled, n_persons) ** 2 - np.bincount(person, scaled**2, n_persons)
    largest = np.argpartition(of_person, -(n_out := int(np.ceil(LEFT_OUT * n_persons))))[-n_out:]
    return float(of_person.sum() - of_person[largest].sum()), largest


def p_value(responses: Responses, *, nominal: bool = False) -> float:
    """Chance that independent items have products so large, or so large an eigenvalue; the smaller of the two.

    Args:
        responses: coded responses; of as many persons, evenly chosen, as have `MOST_RESPONSES`.
        nominal: whether the numbers of categories say nothing; then the eigenvalue is that of categories.
    """
    step = int(np.ceil(responses.n_responses / MOST_RESPONSES))
    stays = responses.person % step == 0
    person, item = responses.person[stays] // step, responses.item[stays]
    if nominal:
        return eigenvalue_p_value(person, item, responses.response[stays], responses.n_items, SHUFFLES)
    scaled = scaled_responses(item, responses.response[stays], responses.n_items)
    n_persons, rng = int(person.max()) + 1, np.random.default_rng(0)
    by_item = np.argsort(item, kind="stable")
    observed = _statistics(person, item, scaled, n_persons, responses.n_items)
    reached = np.zeros(2)
    for _ in range(SHUFFLES):
        shuffled = np.empty_like(scaled)
        shuffled[by_item] = scaled[np.lexsort((rng.random(len(item)), item))]
        reached += _statistics(person, item, shuffled, n_persons, responses.n_items) >= observed
    return float((1.0 + reached.min()) / (1.0 + SHUFFLES))


def _statistics(
    person: Int[np.ndarray, " response"],
    item: Int[np.ndarray, " response"],
    scaled: Float[np.ndarray, " response"],
    n_persons: int,
    n_items: int,
) -> Float[np.ndarray, "two"]:
    """Sum of products and largest eigenvalue of the items' products, without the persons that contribute most."""
    products, out = trimmed_products(person, scaled, n_persons)
    if n_items > MOST_ITEMS:
        return np.array([products, 0.0])
    cells = np.bincount(person.astype(np.int64) * n_items + item, scaled, n_persons * n_items)
    cells = cells.reshape(n_persons, n_items)
    cells[out] = 0.0
    together = cells.T @ cells
    np.fill_diagonal(together, 0.0)
    return np.array([products, np.linalg.eigvalsh(together)[-1]])
