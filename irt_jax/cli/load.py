"""Load a run, or all methods of a monthly folder, into PostgreSQL."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irt_jax.cli.database import URL_HELP, begin, note
from irt_jax.runtime.terminal import say, shown

if TYPE_CHECKING:
    from irt_jax.database.address import Address
    from irt_jax.database.loading import Loaded

#: Characters of a line of --dry-run.
LONGEST = 200
IDS = ("auto", "id_str", "id")


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
    begin()
    from irt_jax.database.address import find_address
    from irt_jax.errors import UsageError

    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("irt_jax.load").setLevel(logging.INFO if verbose else logging.WARNING)
    if folder is None and not (init or migrate):
        raise UsageError("There is nothing to do.", "Name a run's folder or a monthly folder, or --init or --migrate.")
    if ids not in IDS:
        raise UsageError(f"Unknown --ids: {ids!r}.", f"Choose from {', '.join(IDS)}.")
    if force is not None and not force.strip():
        raise UsageError("--force needs a reason.", "It is stored beside the numbers.")
    if dry_run and (init or migrate):
        raise UsageError(
            "--dry-run does not go with --init and --migrate.", "See irt_jax/database/sql/ for what they do."
        )
    address = find_address(database_url)
    source = None
    if folder is not None:
        from irt_jax.database.source import read_source

        source = read_source(folder, method)
    if init or migrate:
        _prepare(address, init=init, migrate=migrate)
    if source is not None:
        from irt_jax.database import loading
        from irt_jax.database.windows import read_asked

        asked = read_asked(window_label, window_start, window_end, time_zone)
        wish = loading.Wish(asked, ids, promote, force, dry_run)
        _report(loading.load(address, source, wish), dry_run=dry_run)


def _prepare(address: "Address", *, init: bool, migrate: bool) -> None:
    from irt_jax.database import schema
    from irt_jax.database.connection import connect

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
