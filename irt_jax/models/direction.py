"""The direction of a nominal scale: abilities and slopes can change their signs together; a key says which is up."""

import numpy as np
from jaxtyping import Bool, Float, Int


def key_advantage(
    slopes: Float[np.ndarray, "item step"], has: Bool[np.ndarray, "item category"], key: Int[np.ndarray, " item"]
) -> Float[np.ndarray, " keyed"]:
    """How far the slope of each keyed item's right category lies above the mean of its others.

    Args:
        slopes: of the categories after the first, whose slope is zero.
        has: which categories each item has.
        key: the right category, -1 for an item without one.
    """
    keyed = key >= 0
    every = np.where(has, np.pad(slopes, ((0, 0), (1, 0))), 0.0)[keyed]
    right = np.take_along_axis(every, key[keyed, None], axis=1)[:, 0]
    return right - (every.sum(1) - right) / np.maximum(has[keyed].sum(1) - 1, 1)


def faces_up(
    slopes: Float[np.ndarray, "item step"], has: Bool[np.ndarray, "item category"], key: Int[np.ndarray, " item"] | None
) -> bool:
    """Whether most right categories go with ability; without any key, whether most slopes are positive.

    Args:
        slopes: of the categories after the first.
        has: which categories each item has.
        key: the right category, -1 for an item without one; None for no key at all.
    """
    if key is None or not (key >= 0).any():
        return bool(np.mean(slopes[has[:, 1:]] > 0.0) >= 0.5)
    return bool(np.mean(key_advantage(slopes, has, key) > 0.0) >= 0.5)


def category_scores(
    nominal: Bool[np.ndarray, " item"], n_categories: int, key: Int[np.ndarray, " item"] | None
) -> Float[np.ndarray, "item category"]:
    """What each category of each item counts: its number; of a nominal item one for the right one, NaN without a key.

    Args:
        nominal: which items are nominal, so that the numbers of their categories mean nothing.
        n_categories: of the item with the most.
        key: the right category, -1 for an item without one; None for no key at all.
    """
    numbers = np.arange(n_categories)
    right = np.full(len(nominal), -1) if key is None else key
    of_key = np.where(right[:, None] >= 0, (numbers == right[:, None]).astype(float), np.nan)
    return np.where(nominal[:, None], of_key, numbers.astype(float))
