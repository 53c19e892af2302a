"""The anchors are looked at first: those that drifted link this window to the bank no more.

A drifted anchor that goes on as one bends the population, and with it every free item. So all anchors are in a first
`mml` fit, drift is judged by it, and those that are flagged are free items in the fits that count. With 2 of 10 anchors
off by .6 that took the bias of the free items' b from -.106 +- .011 to -.003 +- .009 (20 data sets of
`benchmarks.studies.BANK`; 1.8 of the 2 were flagged on average).
"""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import DRIFT_FILE, ITEM, RUN_FILE
from irt_jax.data.read_json import read_json
from irt_jax.data.write import write_file
from irt_jax.errors import first_few
from irt_jax.linking.drift import drift
from irt_jax.linking.drift.read import read_run_anchors
from irt_jax.monthly.settings import MonthlySettings

#: With a larger share of drifted anchors nobody can say which of them are.
MOST_DRIFTED = 0.5


class Screened(NamedTuple):
    """What the anchors showed.

    Attributes:
        table: drift.parquet; None without anchors.
        drifted: ids of those that are flagged; None without anchors.
        linked: whether enough anchors are left.
        problems: sentences, where they are not.
    """

    table: pa.Table | None = None
    drifted: pa.Array | None = None
    linked: bool = True
    problems: tuple[str, ...] = ()


def screen(folder: Path, run: Path, settings: MonthlySettings) -> Screened:
    """Judge the anchors by the first fit, and write drift.parquet.

    Args:
        folder: of the job.
        run: of the first fit, with all anchors.
        settings: thresholds.
    """
    read = read_run_anchors(run)
    table = drift(read.anchors, settings.threshold_a, settings.threshold_b, settings.fdr, linked=read.linked).table
    write_file(folder / DRIFT_FILE, table, overwrite=True)
    drifted, problems = flagged(table), []
    linked = len(drifted) <= MOST_DRIFTED * table.num_rows
    if not linked:
        problems.append(
            f"{len(drifted):,} of {table.num_rows:,} anchors seem to have drifted, more than half: nothing says which "
            "of them did, so this window is not on the bank's scale. Check the anchors file and the keys."
        )
    if not read_json(run / RUN_FILE)["diagnostics"]["ok"]:
        problems.append("The first fit, by which drift is judged, failed its diagnostics.")
        linked = False
    return Screened(table, drifted, linked, tuple(problems))


def still_linking(bank: pa.Table, screened: Screened) -> pa.Table:
    """The anchors that are not flagged; all of them where too many are.

    Args:
        bank: all anchors, from `read_anchors`.
        screened: what they showed.
    """
    if screened.drifted is None or not screened.linked:
        return bank
    text = pa.large_string()
    gone = pc.is_in(bank[ITEM].cast(text), value_set=screened.drifted.cast(text))
    return bank.filter(pc.invert(gone))


def said(screened: Screened) -> str:
    """What the anchors showed, in words; nothing where none drifted."""
    if screened.drifted is None or not len(screened.drifted) or not screened.linked:
        return ""
    ids = first_few(screened.drifted[:5].to_pylist(), total=len(screened.drifted))
    return f"{ids} drifted, and link no more"


def flagged(table: pa.Table) -> pa.Array:
    """Ids of the rows that are flagged.

    Args:
        table: with item_id and flagged.
    """
    return table.filter(pc.fill_null(table["flagged"], False))[ITEM].combine_chunks()
