"""Whether known items are what their models can be."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from irt_jax.data.domain import OF_ITEMS, descending, foreign, ranges, refuse
from irt_jax.models.bank import Coding

REMEDIES = {
    "c": "Name their models in a column model, such as 3pl; or remove the column c.",
    "d": "Name their models in a column model, such as 4pl; or remove the column d.",
    "thresholds": "Name their models in a column model, such as grm or gpcm; or remove the column thresholds.",
}


def refuse_outside(ids: pa.Array, coding: Coding, parameters: Mapping[str, np.ndarray], where: str) -> None:
    """Refuse items whose curves would be wrong: values out of range, c not below d, or those of another model.

    Args:
        ids: of the items.
        coding: each item's model.
        parameters: as the source has them, NaN where it has none.
        where: the source, for the message.

    Raises:
        InputError: some are.
    """
    n_items = len(ids)
    owns = {name: np.broadcast_to(coding.owns(name), n_items) for name in REMEDIES}
    for fault in ranges(parameters, OF_ITEMS, "Correct these items or remove them."):
        refuse(fault, ids, where)
    for fault in foreign(parameters, owns, REMEDIES):
        refuse(fault, ids, where)
    ordered = np.broadcast_to(coding.bank.ordered(coding.model), n_items) & owns["thresholds"]
    remedy = "Name another model in the column model, such as gpcm; or correct these items."
    refuse(descending(parameters["thresholds"], ordered, 0.0, remedy), ids, where)
