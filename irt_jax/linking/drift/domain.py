"""Whether the rows of an anchors.parquet can be what a run wrote: an answer about drift from others would be none."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.bounds import Bound
from irt_jax.contract.names import ITEM
from irt_jax.data.check import as_numbers, check_ids
from irt_jax.data.domain import OF_ANCHORS, Fault, ranges, refuse
from irt_jax.data.item_table import numbers_or_nan
from irt_jax.errors import InputError, first_few
from irt_jax.linking.drift.evidence import GIVEN, usable

WHERE = "anchors.parquet"
REMEDY = "Calibrate again with --anchors: the file is not as a run wrote it."
#: SDs of what was given may be zero; the free estimates' are not.
GIVEN_SD, FREE_SD = Bound(0.0, 100.0), Bound(1e-9, 1e6)
ALWAYS = {"a_prev": OF_ANCHORS["a"], "b_prev": OF_ANCHORS["b"], "b_prev_sd": GIVEN_SD}
ALWAYS |= {"b_free": Bound(-1e6, 1e6), "b_free_sd": FREE_SD}
OF_SLOPES = {"log_a_prev_sd": GIVEN_SD, "log_a_free": Bound(-50.0, 50.0), "log_a_free_sd": FREE_SD}
SHARE = Bound(0.0, 1.0)


def refuse_broken(anchors: pa.Table) -> pa.Table:
    """Refuse anchors that no run could have written, of those that have an estimate of their own.

    Args:
        anchors: anchors.parquet, with all columns that are needed.

    Returns:
        The same, with float64 where numbers are.

    Raises:
        InputError: text among the numbers; an anchor twice; or numbers that are none, or outside of their range.
    """
    check_ids(anchors, ITEM, WHERE)
    for place, name in enumerate(anchors.column_names):
        if name not in (ITEM, "n_responses"):
            anchors = anchors.set_column(place, name, as_numbers(anchors[name], name, WHERE))
    counts = anchors[ITEM].value_counts()
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if len(repeated):
        shown = first_few(repeated.slice(0, 5).to_pylist(), total=len(repeated))
        raise InputError(f"Expected each anchor once in {WHERE}, found again: {shown}.", REMEDY)
    known = usable(anchors)
    values = {name: numbers_or_nan(anchors, name) for name in anchors.column_names if name not in (ITEM, "n_responses")}
    ids = anchors[ITEM].combine_chunks()
    slope = known & np.isfinite(values["log_a_free"]) & (values["log_a_free_sd"] > GIVEN)
    given = ALWAYS | OF_SLOPES | {"log_a_prev": OF_ANCHORS["log_a"]}
    bounds = {name: bound for name, bound in given.items() if name in values}
    for name, bound in bounds.items():
        rows = slope if name in OF_SLOPES or name == "log_a_prev" else known
        missing = rows & np.isnan(values[name])
        expected = f"{name} from {bound.lowest:g} to {bound.highest:g}"
        refuse(Fault(expected, missing, lambda _: "none", REMEDY), ids, WHERE)
        of_rows = np.where(rows, values[name], np.nan)
        for fault in ranges({name: of_rows}, {name: bound}, REMEDY):
            refuse(fault, ids, WHERE)
    for now, sds in (("free", ("log_a_free_sd", "b_free_sd")), ("prev", ("log_a_prev_sd", "b_prev_sd"))):
        both = values.get(f"cov_log_a_b_{now}", np.zeros(len(known)))
        too_much = slope & (np.abs(both) > values[sds[0]] * values[sds[1]])
        refuse(_covariance(f"cov_log_a_b_{now}", both, too_much, sds), ids, WHERE)
    released = {"p_released": values.get("p_released", np.zeros(len(known)))}
    for fault in ranges(released, {"p_released": SHARE}, REMEDY):
        refuse(fault, ids, WHERE)
    return anchors


def _covariance(name: str, value: np.ndarray, bad: np.ndarray, sds: tuple[str, str]) -> Fault:
    return Fault(f"{name} within {sds[0]} times {sds[1]}", bad, lambda place: f"{name} {value[place]:g}", REMEDY)
