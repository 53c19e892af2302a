"""What a person sees: progress, the verdict and a table, on a terminal of 80 columns or in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from irt_jax.contract.names import ANCHORS_FILE, ITEMS_FILE, METRICS_FILE, PERSONS_FILE, POSTERIOR_FILE, RUN_FILE
from irt_jax.errors import CalibrationWarning
from irt_jax.runtime import logs
from irt_jax.runtime.terminal import safe, shown

if TYPE_CHECKING:
    from irt_jax.contract.sampler_settings import Progress as Standing
    from irt_jax.contract.sampler_settings import ProgressCallback
    from irt_jax.results.fit import Fit

#: Seconds between two lines of progress where there is no terminal.
LINE_EVERY_SECONDS = 10.0

LABELS = {"mode": "finding the mode", "compile": "compiling", "warmup": "warming up", "sample": "sampling"}


class SafeConsole(Console):
    """A console on which no text, in a table's cell or on a line, can steer the terminal."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Make a text to show of a string: all that is printed comes through here."""
        return super().render_str(safe(text), **how)


def error_console() -> Console:
    """Standard error: progress, warnings and errors, so that standard output can be piped."""
    return SafeConsole(stderr=True, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def watching(quiet: bool, said: set[str] | None = None) -> Iterator["ProgressCallback"]:
    """Progress and warnings on standard error, one line each, or one JSON object where that is the format.

    Args:
        quiet: no progress.
        said: warnings that are not said again; those that are said join them.
    """
    console, said = error_console(), set() if said is None else said

    def show(message: Warning | str, category: type[Warning], *_: object) -> None:
        ours = issubclass(category, CalibrationWarning)
        if str(message) in said or not (ours or logs.as_json()):
            return  # what a library warns its callers of is nothing that a user of the command can act on
        said.add(str(message))
        if logs.as_json():
            logs.warned(message, category)
        else:
            console.print(f"note: {message}")

    with logs.warnings_shown_by(show):
        if logs.as_json():
            yield logs.progress_events(quiet=quiet)
            return
        with Watcher(console, quiet=quiet) as progress:
            yield progress


class Watcher:
    """Shows a run's progress: bars on a terminal, a line now and then otherwise.

    Use it as a context manager and pass it as the progress callback.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._bars = None if quiet or not console.is_terminal else self._make_bars()
        self._tasks: dict[str, TaskID] = {}
        self._line_after = 0.0

    def __enter__(self) -> Callable[["Standing"], None]:
        if self._bars:
            self._bars.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def _make_bars(self) -> Progress:
        columns = (
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[info]}"),
        )
        return Progress(*columns, console=self._console)

    def _show(self, standing: "Standing") -> None:
        if self._bars:
            if standing.phase not in self._tasks:
                label = LABELS[standing.phase]
                self._tasks[standing.phase] = self._bars.add_task(label, total=standing.total, info="")
            self._bars.update(self._tasks[standing.phase], completed=standing.done, info=_info(standing, short=True))
        elif not self._quiet:
            self._line(standing)

    def _line(self, standing: "Standing") -> None:
        now = time.monotonic()
        finished = standing.done == standing.total
        if standing.phase in ("mode", "compile"):
            if not finished:
                self._console.print(LABELS[standing.phase])
        elif finished or now >= self._line_after:
            self._line_after = now + LINE_EVERY_SECONDS
            self._console.print(
                f"{LABELS[standing.phase]} {standing.done}/{standing.total}{_info(standing, short=False)}"
            )


def _info(standing: "Standing", *, short: bool) -> str:
    if standing.phase in ("mode", "compile") or standing.done == 0:
        return ""
    steps = f"{standing.steps:.0f} steps"
    if short:
        return f"{steps}, {standing.divergences} div." if standing.divergences else steps
    return f", {steps} a draw, {standing.divergences} divergences"


def print_fit(console: Console, fit: "Fit", *, folder: str, max_items: int = 0) -> None:
    """Print sizes, times, the verdict and where the files are.

    Args:
        console: where to.
        fit: the result.
        folder: where it was written.
        max_items: how many rows of the item table to show.
    """
    counts, timings = fit.run["counts"], fit.stopwatch.timings()
    if max_items:
        console.print(item_table(fit.items_table, max_items))
    anchors = f" ({counts['anchors']:,} anchors)" if counts["anchors"] else ""
    console.print(
        f"data     {counts['persons']:,} persons, {counts['items']:,} items{anchors}, {counts['responses']:,} responses"
    )
    console.print(f"device   {fit.run['device']}")
    stages = {"mode": "mode", "compile": "compile", "warmup": "warm-up", "sample": "sampling"}
    parts = [f"{label} {timings[f'{stage}_s']:.1f}" for stage, label in stages.items() if timings[f"{stage}_s"]]
    runs = f" over {timings['runs']} runs" if timings["runs"] > 1 else ""
    console.print(f"time     {timings['total_s']:.1f} s{runs}: {', '.join(parts)}")
    console.print(f"fit      log-likelihood {fit.run['log_likelihood']:.2f}, reliability {fit.run['reliability']:.3f}")
    for line in fit.diagnostics.lines():
        console.print(line)
    files = [
        ITEMS_FILE,
        PERSONS_FILE,
        *([] if fit.anchors_table is None else [ANCHORS_FILE]),
        *([POSTERIOR_FILE] if fit.posterior.children else []),
        RUN_FILE,
        METRICS_FILE,
    ]
    console.print(f"files    {folder}: {', '.join(files)}")


def item_table(items: pa.Table, max_items: int) -> Table:
    """The first items with their parameters, as a table of at most 80 columns."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("item", overflow="ellipsis", max_width=22, no_wrap=True)
    for name in ("", "n", "mean", "a", "sd", "b", "sd", "ess", "rhat"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in items.slice(0, max_items).to_pylist():
        table.add_row(
            shown(row["item_id"]),
            "anchor" if row["is_anchor"] else "",
            f"{row['n_responses']:,}",
            number(row["mean_response"], 2),
            *(number(row[name]) for name in ("a", "a_sd", "b", "b_sd")),
            f"{min(row['ess_bulk'], row['ess_tail']):.0f}",
            f"{row['rhat']:.3f}",
        )
    if items.num_rows > max_items:
        table.add_row(f"and {items.num_rows - max_items:,} more")
    return table


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number in a table; nothing for none.

    Args:
        value: or None.
        digits: behind the point.
        signed: with a plus before what is not negative.
    """
    return "" if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def stdout_console() -> Console:
    """Standard output: results; plain text in a pipe, at most the terminal's width."""
    return SafeConsole(file=sys.stdout, highlight=False, markup=False, soft_wrap=False)
