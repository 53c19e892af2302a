"""Export a window's responses and the bank's anchors from PostgreSQL as Parquet files."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax.cli.database import URL_HELP, begin, note
from irt_jax.runtime import signals
from irt_jax.runtime.terminal import say


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it appears whole or not at all.")],
    database_url: Annotated[str | None, typer.Option(help=URL_HELP)] = None,
    window_label: Annotated[str | None, typer.Option(help="Window by its label; the previous calendar month.")] = None,
    window_start: Annotated[str | None, typer.Option(help="First moment: a date or time in ISO 8601.")] = None,
    window_end: Annotated[str | None, typer.Option(help="The first moment after the window.")] = None,
    time_zone: Annotated[str, typer.Option(help="Of months, and of times without an offset; an IANA name.")] = "UTC",
    ids: Annotated[str, typer.Option(help="item_id is items.id_str or items.id: id_str, id.")] = "id_str",
    response: Annotated[str, typer.Option(help="The response, a column: is_correct, score.")] = "is_correct",
    group_col: Annotated[str | None, typer.Option(help="Column of item_responses for the group, such as lang.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output folder if it exists.")] = False,
) -> None:
    """Write responses.parquet, anchors.parquet and window.json.

    Exit codes: 0 good; 2 usage; 3 scores that are no responses, or output that cannot be written; 5 database.
    """
    begin()
    from irt_jax.database.address import find_address
    from irt_jax.database.exporting import export_window
    from irt_jax.database.responses import Wish
    from irt_jax.database.windows import read_asked

    asked = read_asked(window_label, window_start, window_end, time_zone)
    address, wish = find_address(database_url), Wish(ids, response, group_col)
    found = export_window(address, asked, wish, out, overwrite=overwrite)
    signals.finished()
    for text in found.notes:
        note(text)
    say(f"window   {found.window}")
    say(f"data     {found.counts.responses:,} responses, {found.anchors:,} anchors")
    say(f"files    {out}: responses.parquet, anchors.parquet, window.json")
