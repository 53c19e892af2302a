"""Item-rest correlations: whether those who do well otherwise do well on an item.

The rest of a person is the mean of their other responses, each centred and scaled by its item; so persons who answered
other items compare. A key that is wrong turns the sign around. In an adaptive test, where everybody has about half of
their items right, the rest says little; see `item_fit` for what holds there.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from irt_jax.data import Responses


class ItemRest(NamedTuple):
    """Correlations of every item.

    Attributes:
        correlation: of responses and rests; NaN where either is constant.
        n_used: persons with a response and a rest.
    """

    correlation: Float[np.ndarray, " item"]
    n_used: Int[np.ndarray, " item"]


def item_rest(responses: Responses, scores: Float[np.ndarray, "item category"] | None = None) -> ItemRest:
    """Correlate every item with the rest.

    Args:
        responses: coded responses.
        scores: of each item's categories, NaN where they say nothing, so that the responses to that item are left out;
            their numbers when None.
    """
    item, person, n_items = responses.item, responses.person, responses.n_items
    value = responses.response.astype(float) if scores is None else scores[item, responses.response]
    known = np.isfinite(value)
    if not known.all():
        item, person, value = item[known], person[known], value[known]
    count = np.bincount(item, minlength=n_items)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(item, value, n_items) / count
        sd = np.sqrt(np.maximum(np.bincount(item, value**2, n_items) / count - mean**2, 0.0))
        scaled = np.where(sd[item] > 1e-9, (value - mean[item]) / sd[item], 0.0)
        others = np.bincount(person, minlength=responses.n_persons)[person] - 1
        rest = (np.bincount(person, scaled, responses.n_persons)[person] - scaled) / others
        used = others > 0
        item, scaled, rest = item[used], scaled[used], rest[used]
        n = np.bincount(item, minlength=n_items)
        moments = [np.bincount(item, part, n_items) / n for part in (scaled, rest, scaled**2, rest**2, scaled * rest)]
        x, y, xx, yy, xy = moments
        correlation = (xy - x * y) / np.sqrt((xx - x**2) * (yy - y**2))
    return ItemRest(np.where(np.isfinite(correlation), correlation, np.nan), n)
