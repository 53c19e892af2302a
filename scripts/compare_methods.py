"""The three-way comparison of a window, out of PostgreSQL: one row an item, three different methods."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

if not __package__:  # run as a file: the checkout is found from here
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from irt_jax.cli.database import URL_HELP, begin, program, run
from irt_jax.runtime.terminal import say, shown


def compare(
    window_label: Annotated[str, typer.Option(help="The window, by its label.")],
    database_url: Annotated[str | None, typer.Option(help=URL_HELP)] = None,
    methods: Annotated[str, typer.Option(help="Three methods, separated by commas.")] = "mml,nuts,joint",
    rows: Annotated[int, typer.Option(min=1, help="Items to show, those that differ most first.")] = 15,
) -> None:
    """Print the answer of irt_jax/database/sql/compare_methods.sql; the tables need --migrate for it."""
    begin()
    from irt_jax.errors import UsageError

    names = [name.strip() for name in methods.split(",")]
    if len(set(names)) != 3:
        raise UsageError(f"Expected three different --methods, found {methods!r}.", "As in mml,nuts,hmc.")
    found = answer(database_url, window_label, names)
    columns = " ".join(f"{f'{parameter} {name}':>9}" for parameter in "ab" for name in names)
    say(f"{'item':<18}{columns}{'range':>8}")
    for row in found[:rows]:
        numbers = " ".join(f"{value:>9.3f}" if value is not None else " " * 9 for value in row[2:8])
        say(f"{shown(row[0], 17):<18}{numbers}{row[9]:>8.3f}")
    say(f"{len(found):,} items" + (f", {rows:,} of them shown" if len(found) > rows else ""))


def answer(database_url: str | None, label: str, methods: list[str]) -> list[Any]:
    """The rows of the query: id_str, model, a of each method, b of each method, ranges of a and b.

    Args:
        database_url: see `find_address`.
        label: of the window.
        methods: three names.
    """
    from irt_jax.database.address import find_address
    from irt_jax.database.connection import connect
    from irt_jax.database.schema import SQL

    text = (SQL / "compare_methods.sql").read_text(encoding="utf-8")
    query = re.sub(r":'(\w+)'", r"%(\1)s", text)
    values = {"label": label, **dict(zip("xyz", methods, strict=True))}
    with connect(find_address(database_url), "compare") as connection:
        return connection.execute(query.encode(), values).fetchall()


app = program(compare)

if __name__ == "__main__":
    run(app)
