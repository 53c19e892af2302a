"""The command `irt-jax compare`: item parameters of several runs or files beside each other."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax.contract.names import DIFFERENCE
from irt_jax.runtime import signals
from irt_jax.runtime.terminal import say

#: Exit code of --fail where items differ.
DIFFERENT = 4


def compare(
    sides: Annotated[
        list[str],
        typer.Argument(help="Two or more runs, or Parquet or CSV files with item_id, a, b; NAME=PATH names one."),
    ],
    threshold: Annotated[float, typer.Option(help="Difference in a or b from which an item is flagged.")] = DIFFERENCE,
    rows: Annotated[int, typer.Option(min=0, help="Items to show, those that differ most first.")] = 15,
    out: Annotated[
        Path | None, typer.Option("--out", help="Parquet file to write, or CSV by its suffix: a row an item and pair.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="PNG, PDF or SVG file: differences in a and b; needs matplotlib.")
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help="Exit code 4 if any item is flagged.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files if they exist.")] = False,
) -> None:
    """Compare item parameters of methods, months or other programs.

    Exit code 0, flagged items or not; --fail makes it 4.
    """
    from irt_jax.contract.bounds import check_options
    from irt_jax.data.write import check_file, write_file
    from irt_jax.linking.comparison import compare as compare_sides
    from irt_jax.linking.comparison.picture import check_picture, draw
    from irt_jax.linking.comparison.sides import named
    from irt_jax.report.comparison import print_comparison
    from irt_jax.report.console import stdout_console
    from irt_jax.runtime.devices import keep_compiled, prepare_devices

    check_options(threshold=threshold, rows=rows)
    if picture is not None:
        check_picture(picture)
    if out is not None:
        check_file(out, overwrite=overwrite, columns=("item_id", "side_1", "side_2", "b_difference"))
    if picture is not None:
        check_file(picture, overwrite=overwrite, option="--picture")
    keep_compiled()
    prepare_devices()
    found = compare_sides(named(sides), threshold)
    with signals.held():
        if out is not None:
            write_file(out, found.pairs, overwrite=overwrite)
            signals.finished()
        if picture is not None:
            draw(found, picture, overwrite=overwrite)
            signals.finished()
    print_comparison(stdout_console(), found, rows=rows)
    for path in (out, picture):
        if path is not None:
            say(f"file     {path}")
    if fail and any(scale.n_flagged for scale in found.scales):
        raise typer.Exit(DIFFERENT)
