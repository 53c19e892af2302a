"""The gate: for every item whether its new parameters may be promoted, and every reason against."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from irt_jax.checks.slope_score import ItemFit
from irt_jax.checks.wrong_keys import against_ability
from irt_jax.contract.names import ITEM

#: Reasons, in the order of promotion.parquet.
REASONS = (
    "not converged",
    "not linked",
    "no estimate",
    "too few responses",
    "miskeyed",
    "methods differ",
    "drift",
    "prior conflict",
    "anchor",
)
#: What is promoted.
VALUES = ("a", "b", "c", "d", "a_sd", "b_sd", "c_sd", "d_sd")


class Evidence(NamedTuple):
    """What the gate looks at besides the items' table.

    Attributes:
        failed: names of methods whose diagnostics failed.
        linked: whether enough anchors are left that did not drift.
        differing: ids of items on which two methods, or a method and another table, differ.
        drifted: ids of anchors that drifted.
        conflict: whether the free items contradict the prior that they were given.
    """

    failed: Sequence[str] = ()
    linked: bool = True
    differing: pa.Array | None = None
    drifted: pa.Array | None = None
    conflict: bool = False


def promotion_table(items: pa.Table, method: str, evidence: Evidence, *, promote_anchors: bool = False) -> pa.Table:
    """Build promotion.parquet, one row an item, in the order of the items.

    Columns: item_id, promoted, reasons (a list, empty where promoted), model, n_responses, is_anchor, method, and the
    values: a, b, c, d with SDs, and thresholds.

    Args:
        items: items.parquet of the method whose numbers are promoted.
        method: its name.
        evidence: against promotion.
        promote_anchors: whether anchors may be promoted.
    """
    n_items, ids = items.num_rows, items[ITEM]
    numbers = {name: items[name].to_numpy(zero_copy_only=False) for name in ("is_anchor", "calibrated", "n_responses")}
    fit = ItemFit(*(items[name].to_numpy(zero_copy_only=False).astype(float) for name in ("item_ability", "item_fit")))
    located = ~pc.is_null(items["b"]).to_numpy(zero_copy_only=False)
    listed = ~pc.is_null(items["intercepts"]).to_numpy(zero_copy_only=False)
    against = {
        "not converged": np.full(n_items, bool(evidence.failed)),
        "not linked": np.full(n_items, not evidence.linked),
        "no estimate": ~(located | listed),
        "too few responses": ~numbers["calibrated"],
        "miskeyed": against_ability(fit, numbers["n_responses"])[0],
        "methods differ": _among(ids, evidence.differing),
        "drift": _among(ids, evidence.drifted),
        "prior conflict": ~numbers["is_anchor"] & evidence.conflict,
        "anchor": numbers["is_anchor"] & ~np.bool_(promote_anchors),
    }
    found = np.stack([against[reason] for reason in REASONS], axis=1)
    columns = {ITEM: ids, "promoted": ~found.any(1), "reasons": _reasons(found)}
    columns |= {name: items[name] for name in ("model", "n_responses", "is_anchor")}
    columns["method"] = pa.array([method] * n_items)
    columns |= {name: items[name] for name in (*VALUES, "thresholds")}
    return pa.table(columns)


def _among(ids: pa.ChunkedArray, chosen: pa.Array | None) -> Bool[np.ndarray, " item"]:
    if chosen is None or not len(chosen):
        return np.zeros(len(ids), bool)
    return pc.is_in(ids, value_set=chosen.cast(ids.type)).to_numpy(zero_copy_only=False)


def _reasons(found: Bool[np.ndarray, "item reason"]) -> pa.Array:
    """One list of reasons an item."""
    offsets = np.append(0, found.sum(1).cumsum()).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(np.array(REASONS, object)[np.nonzero(found)[1]], pa.string()))
