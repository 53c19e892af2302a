"""Whether the anchors' parameters are those of the models that the items have in this calibration."""

import numpy as np
import pyarrow as pa

from irt_jax.data import Anchors, Responses
from irt_jax.data.domain import SMALLEST_GAP, Fault, descending, foreign, refuse
from irt_jax.models.bank import Coding

REMEDIES = {
    "c": "Use --model 3pl or 4pl, with which their a and b go; or remove the column c, if it has no meaning.",
    "d": "Use --model 4pl, with which their a and b go; or remove the column d, if it has no meaning.",
    "thresholds": "Use --model grm, gpcm or pcm, with which they go; or remove the column thresholds.",
}


def refuse_other_models(responses: Responses, coding: Coding, anchors: Anchors) -> None:
    """Refuse anchors whose parameters another model has: they would be dropped, and a and b mean something else.

    Args:
        responses: the data.
        coding: each item's model and number of categories.
        anchors: among the items.

    Raises:
        InputError: c, d or thresholds that the item's model does not have; a number of thresholds that is not that of
            its categories less one; thresholds of a graded item that do not ascend.
    """
    n_items, item = responses.n_items, anchors.item
    ids = responses.item_ids.take(pa.array(item))
    owns = {name: np.broadcast_to(coding.owns(name), n_items)[item] for name in REMEDIES}
    values = {"b": anchors.b, "c": anchors.c, "d": anchors.d, "thresholds": anchors.thresholds}
    for fault in foreign(values, owns, REMEDIES):
        refuse(fault, ids)
    count, steps = np.isfinite(anchors.thresholds).sum(1), coding.has(n_items).sum(1)[item] - 1
    refuse(
        Fault(
            "as many thresholds as an item has categories, less one",
            owns["thresholds"] & (count > 0) & (count != steps),
            lambda place: f"{count[place]} thresholds, {steps[place] + 1} categories",
            "Check the responses of these items; or leave their thresholds out, or these anchors.",
        ),
        ids,
    )
    ordered = np.broadcast_to(coding.bank.ordered(coding.model), n_items)[item] & owns["thresholds"]
    remedy = "Use --model gpcm, if they are its; or correct these anchors or remove them."
    refuse(descending(anchors.thresholds, ordered, SMALLEST_GAP, remedy), ids)
