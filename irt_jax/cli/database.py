"""What the commands of the database do around their work."""

from collections.abc import Callable
from typing import NoReturn

import typer

from irt_jax.cli import process
from irt_jax.errors import UsageError
from irt_jax.runtime import signals
from irt_jax.runtime.terminal import say

URL_HELP = (
    "URL or keywords as libpq takes them, or embedded:DIR. DATABASE_URL by default; passwords belong into "
    "PGPASSWORD or ~/.pgpass."
)
#: What an interruption tells the user.
INTERRUPTED = "What was begun is there as a whole, or not at all; run it again."


def program(command: Callable[..., None]) -> typer.Typer:
    """A program of one command."""
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
    )
    app.command()(command)
    return app


def run(app: typer.Typer) -> NoReturn:
    """Run a program: errors become one line on standard error and an exit code, and signals end it cleanly."""
    process.run(app, advice=INTERRUPTED)


def begin() -> None:
    """Say what an interruption leaves, and refuse to go on without the packages of the extra `postgres`.

    Raises:
        UsageError: psycopg is not installed.
    """
    signals.advise(INTERRUPTED, settled=True)
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise UsageError(
            "The package psycopg is not installed.", "Install it: pip install 'irt-jax[postgres]'."
        ) from None


def note(text: str) -> None:
    """Something that a person should know, on standard error."""
    say(f"note: {text}", err=True)
