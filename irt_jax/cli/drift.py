"""The command `irt-jax drift`: which anchors have changed since they were estimated."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax.contract.names import DRIFT_A, DRIFT_B, DRIFT_FILE, FALSE_DISCOVERIES
from irt_jax.runtime import signals
from irt_jax.runtime.terminal import say


def drift(
    run: Annotated[Path, typer.Argument(help="Folder of a run with anchors.")],
    threshold_a: Annotated[
        float, typer.Option(help="Largest change of a that does not matter; twice is severe.")
    ] = DRIFT_A,
    threshold_b: Annotated[
        float, typer.Option(help="Largest change of b that does not matter; twice is severe.")
    ] = DRIFT_B,
    fdr: Annotated[
        float, typer.Option(help="Expected share of false ones among the flagged anchors.")
    ] = FALSE_DISCOVERIES,
    rows: Annotated[int, typer.Option(help="Anchors to show, the likeliest drifters first.")] = 15,
    out: Annotated[
        Path | None, typer.Option("--out", help=f"Parquet file to write, or CSV by its suffix; RUN/{DRIFT_FILE}.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Find anchors that have drifted, from the run's anchors.parquet.

    The probability of drift is learned from all anchors, beside the linking. Flagged anchors are no error: the exit
    code is 0.
    """
    from irt_jax.contract.bounds import check_options
    from irt_jax.data.write import check_file, write_file
    from irt_jax.linking.drift import drift as find_drift
    from irt_jax.linking.drift.read import read_run_anchors
    from irt_jax.report.console import stdout_console
    from irt_jax.report.drift import print_drift

    check_options(threshold_a=threshold_a, threshold_b=threshold_b, fdr=fdr, rows=rows)
    read = read_run_anchors(run)
    path = run / DRIFT_FILE if out is None else out
    check_file(path, overwrite=overwrite, columns=("item_id", "a_change", "b_change", "p_drift"))
    found = find_drift(read.anchors, threshold_a, threshold_b, fdr, linked=read.linked)
    with signals.held():
        write_file(path, found.table, overwrite=overwrite)
        signals.finished()
    print_drift(stdout_console(), found, rows=rows)
    say(f"file     {path}")
