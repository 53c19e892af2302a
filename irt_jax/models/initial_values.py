"""Where to look for the mode: thresholds and intercepts that fit the shares of the categories."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from irt_jax.models.bank import Bank
from irt_jax.runtime.arrays import AnyArray


def first_thresholds(
    bank: Bank, item: Int[np.ndarray, " response"], response: Int[np.ndarray, " response"], priors: Any
) -> tuple[Float[np.ndarray, "item step"], Float[np.ndarray, "item category"], Float[np.ndarray, " item"]]:
    """Thresholds that fit the shares of the categories for abilities N(0, 1) and a slope of 1.

    A share p above a threshold belongs to one near -1.18 logit(p). Half a response is added to every category.

    Args:
        bank: what the items are.
        item: code of each response's item.
        response: category from 0.
        priors: with the items' numbers of categories.

    Returns:
        Thresholds, shares, and the number of responses plus one, of every item.
    """
    n_items = len(priors.items)
    code = item.astype(np.int64) * bank.n_categories + response
    counts = np.bincount(code, minlength=n_items * bank.n_categories).reshape(n_items, -1) + 0.5
    if priors.n_categories is not None:
        counts = np.where(np.arange(bank.n_categories) < np.asarray(priors.n_categories)[:, None], counts, 0.0)
    share = counts / counts.sum(1, keepdims=True)
    above = np.clip(share[:, ::-1].cumsum(1)[:, ::-1][:, 1:], 1e-6, 1.0 - 1e-6)
    return -1.18 * np.log(above / (1.0 - above)), share, counts.sum(1)


def first_nominal(
    share: Float[np.ndarray, "item category"], key: Int[AnyArray, " item"] | None = None
) -> dict[str, np.ndarray]:
    """Slopes that ascend from category to category, or are those of a key, and the intercepts that the shares ask for.

    Args:
        share: of every category; zero for those that an item does not have.
        key: the right category of each item, which is then above the others, -1 for none.
    """
    slopes = np.arange(share.shape[1]) / (share.shape[1] - 1)
    if key is not None:
        right = np.asarray(key)[:, None]
        slopes = np.where(right >= 0, np.arange(share.shape[1]) == right, slopes).astype(float)
        slopes = slopes - slopes[:, :1]
    slopes = np.where(share[:, 1:] > 0, slopes[..., 1:], 0.0)
    return {"slopes": slopes, "intercepts": np.log(np.where(share[:, 1:] > 0, share[:, 1:], 1.0) / share[:, :1])}
