"""What anchors.parquet may hold: `drift` reads a file that others may have written or damaged."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.bounds import Bound
from irt_jax.data.domain import Fault, ranges, refuse
from irt_jax.data.item_table import numbers_or_nan
from irt_jax.errors import InputError, first_few
from irt_jax.names import ITEM

#: SDs of previous estimates may be zero (parameters that are exact), and so may those of slopes that are given.
BOUNDS = {
    "a_prev": Bound(1e-6, 1e3),
    "log_a_prev": Bound(-14.0, 7.0),
    "log_a_prev_sd": Bound(0.0, 1e3),
    "b_prev": Bound(-1e3, 1e3),
    "b_prev_sd": Bound(0.0, 1e3),
    "log_a_free": Bound(-50.0, 50.0),
    "log_a_free_sd": Bound(0.0, 1e4),
    "b_free": Bound(-1e4, 1e4),
    "b_free_sd": Bound(1e-6, 1e5),
    "p_released": Bound(-1e-9, 1.0 + 1e-9),
}
REMEDY = "Calibrate again with --anchors."


def check_run_anchors(anchors: pa.Table, needed: Sequence[str]) -> None:
    """Refuse anchors that no calibration wrote, before anything is computed from them.

    Infinities and nulls stand for what has no estimate: such anchors get a reason.

    Args:
        anchors: anchors.parquet of a run.
        needed: columns that must be there.

    Raises:
        InputError: a column is missing or holds no numbers, an id is null or repeated, a value is out of its range, or
            a covariance is larger than its SDs allow.
    """
    missing = [name for name in needed if name not in anchors.column_names]
    if missing:
        raise InputError(
            f"Expected the columns of a run's anchors.parquet, found none named {first_few(missing)}.",
            "Give a run that irt-jax calibrate wrote with --anchors.",
        )
    if anchors.num_rows == 0:
        raise InputError("Expected anchors, found 0 rows.", "Calibrate with --anchors.")
    numbers = [name for name in anchors.column_names if name in BOUNDS or name.startswith("cov_")]
    texts = [name for name in numbers if not _is_number(anchors.schema.field(name).type)]
    if texts:
        raise InputError(f"Expected numbers in anchors.parquet, found others in {first_few(texts)}.", REMEDY)
    ids = anchors[ITEM].combine_chunks()
    if ids.null_count:
        raise InputError(f"Expected every anchor's item_id, found {ids.null_count:,} nulls.", REMEDY)
    counted = pc.value_counts(ids)
    twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    if len(twice):
        raise InputError(f"Expected each anchor once, found repeated item_id: {first_few(twice.to_pylist())}.", REMEDY)
    known = {name: numbers_or_nan(anchors, name) for name in BOUNDS}
    finite = {name: np.where(np.isfinite(value), value, np.nan) for name, value in known.items()}
    for fault in ranges(finite, BOUNDS, REMEDY):
        refuse(fault, ids, "anchors.parquet")
    together = numbers_or_nan(anchors, "cov_log_a_b_free")
    most = finite["log_a_free_sd"] * finite["b_free_sd"]
    bad = np.abs(together) > most * (1 + 1e-6) + 1e-12
    refuse(
        Fault("a covariance within its SDs", bad, lambda place: f"cov_log_a_b_free {together[place]:g}", REMEDY),
        ids,
        "anchors.parquet",
    )


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
