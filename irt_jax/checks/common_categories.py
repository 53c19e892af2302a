"""Whether categories without an order go together between items, against the null of independent items.

The numbers of nominal categories say nothing, so that every category counts as an item of its own, scaled as in
multiple correspondence analysis. The largest eigenvalue of their products, those within an item apart, is held against
that of data whose items' responses are shuffled among their persons, as often as it takes to tell.

Source: Greenacre (1984), Theory and Applications of Correspondence Analysis; Good (2005) for permutation tests.
"""

import numpy as np
from jaxtyping import Float, Int

#: With more categories, all items together, nothing is said.
MOST_CATEGORIES = 1000
#: After so many shuffles, an eigenvalue above the largest by so many times their range is taken for out of their reach;
#: and one that was reached so often for no rare one.
FIRST, RANGES, OFTEN = 10, 3.0, 12


def eigenvalue_p_value(
    person: Int[np.ndarray, " response"],
    item: Int[np.ndarray, " response"],
    response: Int[np.ndarray, " response"],
    n_items: int,
    shuffles: int,
) -> float:
    """Chance that independent items have so large an eigenvalue; 0 where there are too many categories to tell.

    Args:
        person: code of each response's person.
        item: of its item.
        response: its category.
        n_items: how many items there are.
        shuffles: how many times responses are shuffled.
    """
    n_categories, n_persons = int(response.max()) + 1, int(person.max()) + 1
    if n_items * n_categories > MOST_CATEGORIES:
        return 0.0
    count = np.bincount(item * n_categories + response, minlength=n_items * n_categories).reshape(n_items, -1)
    share = count / np.maximum(count.sum(1, keepdims=True), 1)
    rows = (np.eye(n_categories) - share[:, None, :]) / np.sqrt(np.maximum(share, 1e-12))[:, None, :]
    rows = np.where(share[:, None, :] > 0, rows, 0.0)  # (item, category chosen, category)
    by_item, rng = np.argsort(item, kind="stable"), np.random.default_rng(0)
    shape, found = (n_persons, n_items, n_categories), np.zeros(0)
    observed = _eigenvalue(person, item, rows[item, response], shape)
    while len(found) < shuffles and (found >= observed).sum() < OFTEN:
        shuffled = np.empty_like(response)
        shuffled[by_item] = response[np.lexsort((rng.random(len(item)), item))]
        found = np.append(found, _eigenvalue(person, item, rows[item, shuffled], shape))
        if len(found) == FIRST and observed > found.max() + RANGES * np.ptp(found):
            return 0.0
    return float((1.0 + (found >= observed).sum()) / (1.0 + len(found)))


def _eigenvalue(
    person: Int[np.ndarray, " response"],
    item: Int[np.ndarray, " response"],
    rows: Float[np.ndarray, "response category"],
    shape: tuple[int, int, int],
) -> float:
    n_persons, n_items, n_categories = shape
    cells = np.zeros(shape)
    cells[person, item] = rows
    flat = cells.reshape(n_persons, -1)
    together = (flat.T @ flat).reshape(n_items, n_categories, n_items, n_categories)
    own = np.arange(n_items)
    together[own, :, own, :] = 0.0
    return float(np.linalg.eigvalsh(together.reshape(n_items * n_categories, -1))[-1])
