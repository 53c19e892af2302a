"""The result of a calibration."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from irt_jax.contract.names import ANCHORS_FILE, ITEMS_FILE, METRICS_FILE, PERSONS_FILE, POSTERIOR_FILE, RUN_FILE
from irt_jax.data.write import write_folder, write_json, write_netcdf, write_table
from irt_jax.diagnostics import Verdict
from irt_jax.results.prometheus import metrics_text
from irt_jax.runtime.stopwatch import Stopwatch

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Fit:
    """What `calibrate` returns.

    Attributes:
        items_table: items.parquet as an Arrow table, sorted by item_id.
        persons_table: persons.parquet as an Arrow table, sorted by person_id.
        posterior: the draws as an xarray tree in the InferenceData schema; empty where nothing was drawn.
        diagnostics: the verdict on the run; `diagnostics.ok` says whether it can be used.
        run: the content of run.json.
        notes: what happened to the data or was left out, one sentence each.
        stopwatch: the run's stages, which writing adds to.
        anchors_table: anchors.parquet as an Arrow table; None without anchors.
    """

    items_table: pa.Table
    persons_table: pa.Table
    posterior: "xr.DataTree"
    diagnostics: Verdict
    run: dict[str, Any]
    notes: tuple[str, ...] = ()
    stopwatch: Stopwatch = field(default_factory=Stopwatch, repr=False)
    anchors_table: pa.Table | None = None

    @cached_property
    def items(self) -> "pd.DataFrame":
        """One row an item: posterior means, SDs, intervals and MCMC statistics."""
        return self.items_table.to_pandas()

    @cached_property
    def persons(self) -> "pd.DataFrame":
        """One row a person: ability, its SD and interval."""
        return self.persons_table.to_pandas()

    @cached_property
    def anchors(self) -> "pd.DataFrame":
        """One row an anchor: previous values, the posterior, and what its own responses say; empty without anchors."""
        import pandas as pd

        return pd.DataFrame() if self.anchors_table is None else self.anchors_table.to_pandas()

    def content(self) -> dict[str, Any]:
        """What run.json says, with the timings so far."""
        return {**self.run, "timings": self.stopwatch.timings()}

    def write(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the run's folder, whole or not at all.

        Args:
            folder: it must not exist, unless `overwrite`.
            overwrite: replace an existing folder, which stays until the new one is complete.

        Raises:
            OutputError: the folder exists, or the disk is full or read-only.
        """

        def fill(beside: Path) -> None:
            with self.stopwatch.measure("write"):
                write_table(beside / ITEMS_FILE, self.items_table)
                write_table(beside / PERSONS_FILE, self.persons_table)
                if self.anchors_table is not None:
                    write_table(beside / ANCHORS_FILE, self.anchors_table)
                if self.posterior.children:
                    write_netcdf(beside / POSTERIOR_FILE, self.posterior)
            content = self.content()
            write_json(beside / RUN_FILE, content)
            (beside / METRICS_FILE).write_text(metrics_text([content]), encoding="utf-8")

        write_folder(Path(folder), fill, overwrite=overwrite)
        return Path(folder)
