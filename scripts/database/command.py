"""What both commands do around their work."""

import signal
import sys
from types import FrameType

import typer

from irt_jax.errors import Interrupted, IrtError, UsageError

URL_HELP = (
    "URL or keywords as libpq takes them, or embedded:DIR. DATABASE_URL by default; passwords belong into "
    "PGPASSWORD or ~/.pgpass."
)


def run(app: typer.Typer) -> None:
    """Run a command: errors become one line on standard error and an exit code, and signals end it cleanly."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _need_psycopg()
        app()
    except IrtError as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)


def note(text: str) -> None:
    """Something that a person should know, on standard error."""
    typer.echo(f"note: {text}", err=True)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number, "What was begun is there as a whole, or not at all; run it again.")


def _need_psycopg() -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise UsageError(
            "The package psycopg is not installed.", "Install it: pip install 'irt-jax[postgres]'."
        ) from None
