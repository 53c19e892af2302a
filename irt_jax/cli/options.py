"""Options that several commands have."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irt_jax.contract.names import REPEATS
from irt_jax.runtime.logs import FORMATS

if TYPE_CHECKING:
    pass


def choices(text: str, available: Sequence[str]) -> str:
    """Help of an option with what it can be.

    Args:
        text: of the help, without a point.
        available: the values.
    """
    return f"{text}: {', '.join(available)}."


Responses = Annotated[str, typer.Argument(help="Parquet or CSV file, folder, glob or URL of the responses.")]
Anchors = Annotated[str | None, typer.Option(help="Parquet file of anchors, such as a run's items.parquet.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write; it appears whole or not at all.")]
Repeats = Annotated[
    str, typer.Option(help=choices("Repeats of a person-item pair; first is biased on adaptive tests", REPEATS))
]
PersonColumn = Annotated[str, typer.Option(help="Column of the person ids.")]
ItemColumn = Annotated[str, typer.Option(help="Column of the item ids.")]
ResponseColumn = Annotated[str, typer.Option(help="Column of the responses.")]
Wide = Annotated[
    bool, typer.Option("--wide", help="One row a person; every column but person, group and weight is an item.")
]
IgnoredColumns = Annotated[
    list[str] | None, typer.Option(help="Columns of a wide table that are no items: age,total; may be repeated.")
]
Missing = Annotated[list[str] | None, typer.Option(help="Codes that mean missing, such as 9,99,-1; may be repeated.")]
FirstCategory = Annotated[int, typer.Option(help="Number of the lowest category: 1 where categories count from 1.")]
GroupColumn = Annotated[str | None, typer.Option(help="Column of the groups.")]
OrderColumn = Annotated[str | None, typer.Option(help="Column of the order of repeats.")]
Seed = Annotated[int, typer.Option(help="Seed of every random number.")]
Devices = Annotated[int | None, typer.Option(help="At most this many devices.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what --out names if it exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Chains = Annotated[int | None, typer.Option(help="Markov chains; 8, or 4 for joint abilities.")]
Draws = Annotated[int | None, typer.Option(help="Kept draws per chain; 600, or 2000 for joint abilities.")]
Warmup = Annotated[int | None, typer.Option(help="Tuning iterations per chain; 100, or 1000 for joint abilities.")]
LogFormat = Annotated[
    str,
    typer.Option("--log-format", help=f"Format of standard error: {', '.join(FORMATS)} (an object a line)."),
]
Metrics = Annotated[
    Path | None,
    typer.Option("--metrics", help="File for the run's metrics too, as node_exporter's textfile collector takes them."),
]
