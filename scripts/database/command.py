"""What both commands do around their work."""

from typing import NoReturn

import typer

from irt_jax.cli import process
from irt_jax.errors import UsageError
from irt_jax.runtime.terminal import say

URL_HELP = (
    "URL or keywords as libpq takes them, or embedded:DIR. DATABASE_URL by default; passwords belong into "
    "PGPASSWORD or ~/.pgpass."
)
#: What an interruption tells the user.
INTERRUPTED = "What was begun is there as a whole, or not at all; run it again."


def run(app: typer.Typer) -> NoReturn:
    """Run a command: errors become one line on standard error and an exit code, and signals end it cleanly."""

    def called() -> object:
        _need_psycopg()
        return app()

    process.run(called, advice=INTERRUPTED)


def note(text: str) -> None:
    """Something that a person should know, on standard error."""
    say(f"note: {text}", err=True)


def _need_psycopg() -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise UsageError(
            "The package psycopg is not installed.", "Install it: pip install 'irt-jax[postgres]'."
        ) from None
