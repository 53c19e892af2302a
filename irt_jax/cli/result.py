"""The time of a command, from its first import, and the end of one that has a result."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from irt_jax.errors import DiagnosticsError
from irt_jax.runtime import logs
from irt_jax.runtime.stopwatch import Stopwatch

if TYPE_CHECKING:
    from irt_jax.results.fit import Fit

STOPWATCH = Stopwatch(logs.stage_finished)


def report(fit: "Fit", folder: Path, *, max_items: int = 0) -> None:
    """Print the result; end with the exit code of its verdict.

    Args:
        fit: the result.
        folder: where it was written.
        max_items: how many items to show.
    """
    if logs.as_json():
        _log(fit, str(folder))
    else:
        from irt_jax.report.console import print_fit, stdout_console

        print_fit(stdout_console(), fit, folder=str(folder), max_items=max_items)
    if not fit.diagnostics.ok:
        raise typer.Exit(DiagnosticsError.exit_code)


def _log(fit: "Fit", folder: str) -> None:
    """Tell of a result as events: where it is, its sizes and times, and the verdict."""
    run, found = fit.run, fit.run["diagnostics"]
    logs.event("written", folder=folder, counts=run["counts"], timings=fit.stopwatch.timings(), device=run["device"])
    level = "info" if found["ok"] else "error"
    logs.event("verdict", level, **found, reliability=run["reliability"], log_likelihood=run["log_likelihood"])
