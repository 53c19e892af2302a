"""Fill an empty PostgreSQL database, such as embedded:DIR, from a responses and an anchors file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

if not __package__:  # run as a file: the checkout is found from here
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from irt_jax.cli.database import URL_HELP, begin, program, run
from irt_jax.runtime.terminal import say


def fill(
    responses: Annotated[str, typer.Argument(help="Parquet file of the responses.")],
    database_url: Annotated[str | None, typer.Option(help=URL_HELP)] = None,
    anchors: Annotated[str | None, typer.Option(help="Parquet file of the anchors: the bank's parameters.")] = None,
    window_start: Annotated[str | None, typer.Option(help="First moment of the answers; the previous month's.")] = None,
    window_end: Annotated[str | None, typer.Option(help="The first moment after them.")] = None,
    time_zone: Annotated[str, typer.Option(help="An IANA name.")] = "UTC",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove what is there; for embedded databases only.")
    ] = False,
) -> None:
    """Make the tables, let them keep one row a method, and fill items, current parameters and responses."""
    begin()
    from irt_jax.data import read_anchors, read_responses
    from irt_jax.database import filling, schema
    from irt_jax.database.address import find_address
    from irt_jax.database.connection import connect
    from irt_jax.database.windows import find_window, read_asked
    from irt_jax.errors import UsageError

    asked = read_asked(None, window_start, window_end, time_zone)
    address = find_address(database_url)
    if overwrite and address.embedded is None:
        raise UsageError("--overwrite is for embedded databases.", "Empty other databases by hand.")
    table, bank = read_responses(responses), None if anchors is None else read_anchors(anchors)
    with connect(address, "demo") as connection:
        schema.initialise(connection)
        schema.migrate(connection)
        if overwrite:
            filling.empty(connection)
        window = find_window(connection, asked)
        counts = filling.fill(connection, table, bank, window.start, window.end)
        connection.commit()
    say(f"window   {window}")
    say("filled   " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))


app = program(fill)

if __name__ == "__main__":
    run(app)
