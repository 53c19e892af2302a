"""What can be refused before the first fit is refused before it: a job of hours must not end for a name mistyped."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from irt_jax.calibration import check
from irt_jax.contract.names import ITEM
from irt_jax.data import align_anchors
from irt_jax.data.encode import Responses
from irt_jax.linking.comparison.sides import check_sides
from irt_jax.monthly.settings import Method
from irt_jax.plan.preparation import code_models


def check_month(
    responses: Responses, anchors: pa.Table | None, methods: Sequence[Method], also: Mapping[str, str | Path]
) -> None:
    """Refuse a job that could not end well.

    Args:
        responses: coded.
        anchors: from `read_anchors`.
        methods: with their options.
        also: tables to compare with, by name.

    Raises:
        IrtError: a calibration would be refused; or a table cannot be read or compared.
    """
    for method in methods:
        check(responses, anchors, method.options)
    if also:
        aligned = None if anchors is None else align_anchors(responses, anchors)
        coding = code_models(responses, methods[0].options, aligned)
        names = np.array([model.name for model in coding.bank.models])
        code = np.zeros(responses.n_items, int) if coding.model is None else coding.model
        check_sides(also, pa.table({ITEM: responses.item_ids, "model": pa.array(names[code].tolist())}))
