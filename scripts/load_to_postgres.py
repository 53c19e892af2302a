"""Load a run, or all methods of a monthly folder, into PostgreSQL."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if not __package__:  # run as a file: the checkout is found from here
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from irt_jax.runtime.terminal import say, shown
from scripts.database.command import URL_HELP, note, run

if TYPE_CHECKING:
    from scripts.database.address import Address
    from scripts.database.loading import Loaded

#: Characters of a line of --dry-run.
LONGEST = 200
IDS = ("auto", "id_str", "id")
app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


@app.command()
def load(
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="A run, or a monthly folder.")] = None,
    database_url: Annotated[str | None, typer.Option(help=URL_HELP)] = None,
    window_label: Annotated[
        str | None, typer.Option(help="Window by its label; the monthly folder's, or the previous month's.")
    ] = None,
    window_start: Annotated[str | None, typer.Option(help="First moment of a new window, in ISO 8601.")] = None,
    window_end: Annotated[str | None, typer.Option(help="The first moment after a new window.")] = None,
    time_zone: Annotated[str, typer.Option(help="Of months, and of times without an offset; an IANA name.")] = "UTC",
    promote: Annotated[
        bool, typer.Option("--promote", help="Also change the bank's current parameters: what the gate promotes.")
    ] = False,
    ids: Annotated[str, typer.Option(help="item_id is items.id_str or items.id: auto (by type), id_str, id.")] = "auto",
    method: Annotated[
        str | None, typer.Option(help="Of a monthly folder only this one; of a run its name in the database.")
    ] = None,
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Load what failed or was refused; the reason is stored.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    init: Annotated[bool, typer.Option("--init", help="First make the tables of a new database.")] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="First let item_calibration keep one row a method; see migrate.sql.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say each step on standard error.")] = False,
) -> None:
    """Write windows, item_calibration and drift_alerts, and with --promote item_parameters_current.

    One transaction: all or nothing, and running it twice changes nothing.

    Exit codes: 0 good; 2 usage; 3 a bad folder; 4 failed diagnostics, or refused by the gate; 5 database.
    """
    from irt_jax.errors import UsageError
    from scripts.database.address import find_address

    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("irt_jax.load").setLevel(logging.INFO if verbose else logging.WARNING)
    if folder is None and not (init or migrate):
        raise UsageError("There is nothing to do.", "Name a run's folder or a monthly folder, or --init or --migrate.")
    if ids not in IDS:
        raise UsageError(f"Unknown --ids: {ids!r}.", f"Choose from {', '.join(IDS)}.")
    if force is not None and not force.strip():
        raise UsageError("--force needs a reason.", "It is stored beside the numbers.")
    if dry_run and (init or migrate):
        raise UsageError("--dry-run does not go with --init and --migrate.", "Read scripts/sql/ for what they do.")
    address = find_address(database_url)
    source = None
    if folder is not None:
        from scripts.database.source import read_source

        source = read_source(folder, method)
    if init or migrate:
        _prepare(address, init=init, migrate=migrate)
    if source is not None:
        from scripts.database import loading
        from scripts.database.windows import read_asked

        asked = read_asked(window_label, window_start, window_end, time_zone)
        wish = loading.Wish(asked, ids, promote, force, dry_run)
        _report(loading.load(address, source, wish), dry_run=dry_run)


def _prepare(address: "Address", *, init: bool, migrate: bool) -> None:
    from scripts.database import schema
    from scripts.database.connection import connect

    with connect(address, "schema") as connection:
        made = init and schema.initialise(connection)
        changed = migrate and schema.migrate(connection)
        connection.commit()
    if init:
        say("init     " + ("the tables were made" if made else "the tables are there"))
    if migrate:
        say("migrate  " + ("item_calibration now has a method" if changed else "it was done before"))


def _report(loaded: "Loaded", *, dry_run: bool) -> None:
    for text in loaded.notes:
        note(text)
    say(f"window   {loaded.window}")
    say(f"methods  {', '.join(loaded.methods)}")
    say(f"{'dry run, nothing was changed' if dry_run else 'table':<30}{'inserted':>10}{'updated':>10}{'unchanged':>11}")
    for change in loaded.changes:
        say(f"{change.table:<30}{change.inserted:>10,}{change.updated:>10,}{change.unchanged:>11,}")
        if dry_run:
            for text in change.examples:
                say(f"    {shown(text, LONGEST)}")


if __name__ == "__main__":
    run(app)
