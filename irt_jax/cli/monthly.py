"""The command `irt-jax monthly`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irt_jax.cli.config import options_from_file
from irt_jax.cli.options import (
    Anchors,
    Devices,
    FirstCategory,
    GroupColumn,
    IgnoredColumns,
    ItemColumn,
    LogFormat,
    Metrics,
    Missing,
    OrderColumn,
    PersonColumn,
    Quiet,
    Repeats,
    ResponseColumn,
    Responses,
    Seed,
    Wide,
)
from irt_jax.contract.names import DIFFERENCE, DRIFT_A, DRIFT_B, FALSE_DISCOVERIES, ITEM, PERSON, RESPONSE, RUN_FILE
from irt_jax.contract.options import ANCHOR_MODES, MODEL_NAMES, POPULATIONS, PRIORS, Options
from irt_jax.errors import DiagnosticsError
from irt_jax.runtime import logs, signals

if TYPE_CHECKING:
    from irt_jax.monthly import Month


def monthly(
    responses: Responses,
    window_label: Annotated[str, typer.Option(help='Name of the window, such as "2025-10 monthly".')],
    out: Annotated[Path, typer.Option("--out", help="Folder of the job; a killed job goes on in it.")],
    anchors: Anchors = None,
    also: Annotated[
        list[str] | None,
        typer.Option(help="Another table with item_id, a, b to compare with, NAME=FILE or FILE; may be repeated."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of these options; those on the command line go before it.",
            callback=options_from_file,
            is_eager=True,
        ),
    ] = None,
    third: Annotated[
        str, typer.Option(help="Third method: joint NUTS, hmc, or auto: joint where it does not take long.")
    ] = "auto",
    threshold: Annotated[float, typer.Option(help="Methods differ when a or b are further apart.")] = DIFFERENCE,
    threshold_a: Annotated[float, typer.Option(help="Change of an anchor's a that is drift.")] = DRIFT_A,
    threshold_b: Annotated[float, typer.Option(help="Change of an anchor's b that is drift.")] = DRIFT_B,
    fdr: Annotated[
        float, typer.Option(help="Share of sound anchors among those flagged, on average.")
    ] = FALSE_DISCOVERIES,
    promote_anchors: Annotated[
        bool, typer.Option("--promote-anchors", help="Sound anchors get new values too; the scale may then wander.")
    ] = False,
    min_responses: Annotated[int, typer.Option(help="Items with fewer are not promoted.")] = 200,
    model: Annotated[
        str, typer.Option(help=f"Model, or a file with item_id and model: {', '.join(MODEL_NAMES)}.")
    ] = Options.model,
    priors: Annotated[str, typer.Option(help=f"Of the free items: {', '.join(PRIORS[:3])}, or a TOML file.")] = "auto",
    population: Annotated[str, typer.Option(help=f"Of the abilities: {', '.join(POPULATIONS)}.")] = "auto",
    anchor_mode: Annotated[
        str, typer.Option(help=f"Previous estimates are priors, or parameters: {', '.join(ANCHOR_MODES)}.")
    ] = Options.anchor_mode,
    a_prior_sd: Annotated[float | None, typer.Option(help="Prior SD of log a of free items.")] = None,
    b_prior_sd: Annotated[float | None, typer.Option(help="Prior SD of b of free items.")] = None,
    drop_rare: Annotated[
        bool, typer.Option("--drop-rare", help="Remove items with fewer responses; biased on adaptive tests.")
    ] = False,
    repeats: Repeats = "error",
    person_col: PersonColumn = PERSON,
    item_col: ItemColumn = ITEM,
    response_col: ResponseColumn = RESPONSE,
    group_col: GroupColumn = None,
    seq_col: OrderColumn = None,
    wide: Wide = False,
    ignore_cols: IgnoredColumns = None,
    missing: Missing = None,
    first_category: FirstCategory = 0,
    seed: Seed = 0,
    chains: Annotated[int | None, typer.Option(help="Markov chains of nuts and hmc.")] = None,
    draws: Annotated[int | None, typer.Option(help="Kept draws per chain of nuts and hmc.")] = None,
    warmup: Annotated[int | None, typer.Option(help="Tuning iterations per chain of nuts and hmc.")] = None,
    devices: Devices = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start anew if the folder exists.")] = False,
    log_format: LogFormat = "text",
    metrics: Metrics = None,
    quiet: Quiet = False,
) -> None:
    """Calibrate by three methods, compare them, look for drift, say what may be promoted.

    The same command goes on after a kill. Exit codes: 0 good; 2 usage; 3 bad input; 4 diagnostics of a method failed,
    with the files written and nothing promoted; 130/143 interrupted.
    """
    from irt_jax.data import read_responses
    from irt_jax.data.paths import check_path
    from irt_jax.linking.comparison.sides import named
    from irt_jax.monthly import MonthlySettings, run_month
    from irt_jax.report.console import stdout_console, watching
    from irt_jax.results.prometheus import check_metrics
    from irt_jax.runtime.devices import keep_compiled

    del config
    logs.check_format(log_format)
    signals.advise("Run the same command again: it goes on where it was.", settled=True)
    check_path(out)
    if metrics is not None:
        check_metrics(metrics)
    settings = MonthlySettings(window_label, third, threshold, threshold_a, threshold_b, fdr, promote_anchors)
    keep_compiled()
    logs.event("start", command="monthly", responses=responses, anchors=anchors, settings=settings.as_dict())
    table = read_responses(
        responses,
        person_col=person_col,
        item_col=item_col,
        response_col=response_col,
        group_col=group_col,
        seq_col=seq_col,
        wide=wide,
        ignore_cols=ignore_cols,
        missing=missing,
        first_category=first_category,
    )
    month = run_month(
        table,
        anchors,
        out,
        settings,
        also=named(also or ()),
        overwrite=overwrite,
        say=_say if logs.as_json() else stdout_console().print,
        watch=partial(watching, quiet, set()),
        model=model,
        priors=priors,
        population=population,
        anchor_mode=anchor_mode,
        a_prior_sd=a_prior_sd,
        b_prior_sd=b_prior_sd,
        repeats=repeats,
        min_responses=min_responses,
        drop_rare=drop_rare,
        seed=seed,
        chains=chains,
        draws=draws,
        warmup=warmup,
        devices=devices,
    )
    signals.finished()
    if metrics is not None:
        _write_metrics(metrics, month)
    if logs.as_json():
        logs.event("verdict", "info" if month.summary["ok"] else "error", folder=str(month.folder), **month.summary)
    else:
        report(month)
    if not month.summary["ok"]:
        raise typer.Exit(DiagnosticsError.exit_code)


def _say(text: str) -> None:
    logs.event("step", message=" ".join(text.split()))


def _write_metrics(path: Path, month: "Month") -> None:
    """The metrics of all methods, in one file."""
    from irt_jax.data.read_json import read_json
    from irt_jax.results.prometheus import write_metrics

    runs = [month.folder / name / RUN_FILE for name in month.summary["methods"]]
    write_metrics(path, [read_json(run) for run in runs])


def report(month: "Month") -> None:
    """Print what the job found, in lines of at most 80 columns."""
    from irt_jax.monthly.report import lines
    from irt_jax.report.console import stdout_console

    console = stdout_console()
    for line in lines(month):
        console.print(line)
