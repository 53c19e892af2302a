"""The command `irt-jax`: a thin shell over the library. Heavy imports are inside the commands."""

import shutil
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from irt_jax.cli_score import score
from irt_jax.errors import CalibrationWarning, Interrupted, IrtError
from irt_jax.names import ANCHOR_B_SD, ANCHOR_LOG_A_SD, ITEM, PERSON, REPEATS, RESPONSE
from irt_jax.options import ABILITIES, ANCHOR_MODES, METHODS, MODEL_NAMES, POPULATIONS, PRIORS, Options
from irt_jax.timing import Stopwatch

if TYPE_CHECKING:
    from irt_jax.engines.settings import ProgressCallback
    from irt_jax.fit import Fit

#: Exit code of a run whose files are written but whose diagnostics failed.
DIAGNOSTICS_FAILED = 4

STOPWATCH = Stopwatch()

app = typer.Typer(
    name="irt-jax",
    help="Bayesian item response theory: calibrate an item bank, with anchors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(score)

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output folder if it exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Seed = Annotated[int, typer.Option(help="Seed of every random number.")]
Chains = Annotated[int | None, typer.Option(help="Markov chains; 8, or 4 for joint abilities.")]
Draws = Annotated[int | None, typer.Option(help="Kept draws per chain; 600, or 2000 for joint abilities.")]
Warmup = Annotated[int | None, typer.Option(help="Tuning iterations per chain; 100, or 1000 for joint abilities.")]


def _choices(text: str, choices: Sequence[str]) -> str:
    return f"{text}: {', '.join(choices)}."


@app.command()
def calibrate(
    responses: Annotated[str, typer.Argument(help="Parquet file, folder, glob or URL of the responses.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it appears whole or not at all.")],
    anchors: Annotated[str | None, typer.Option(help="Parquet file of anchors, such as a run's items.parquet.")] = None,
    model: Annotated[
        str, typer.Option(help=_choices("Response model, or a Parquet or CSV file with item_id and model", MODEL_NAMES))
    ] = Options.model,
    method: Annotated[
        str | None,
        typer.Option(help=_choices("Engine; hmc, or nuts for joint abilities. mml gives point estimates", METHODS)),
    ] = Options.method,
    abilities: Annotated[
        str, typer.Option(help=_choices("Abilities integrated out, or sampled beside the items", ABILITIES))
    ] = Options.abilities,
    population: Annotated[
        str,
        typer.Option(
            help=_choices("Abilities N(0, 1), or mean and SD learned; auto: learned if anchored", POPULATIONS)
        ),
    ] = Options.population,
    priors: Annotated[
        str,
        typer.Option(
            help=_choices("Of the free items; auto: hierarchical (learned) if anchored, else mission", PRIORS)
        ),
    ] = Options.priors,
    anchor_mode: Annotated[
        str, typer.Option(help=_choices("Previous estimates are an anchor's prior, or its parameters", ANCHOR_MODES))
    ] = Options.anchor_mode,
    a_prior_sd: Annotated[float, typer.Option(help="Prior SD of log a of free items.")] = Options.a_prior_sd,
    b_prior_sd: Annotated[float, typer.Option(help="Prior SD of b of free items.")] = Options.b_prior_sd,
    min_responses: Annotated[
        int, typer.Option(help="Items with fewer come out as not calibrated.")
    ] = Options.min_responses,
    drop_rare: Annotated[
        bool,
        typer.Option(
            "--drop-rare",
            help="Remove those items. Biased on adaptive tests: what is removed chose the other items.",
        ),
    ] = Options.drop_rare,
    repeats: Annotated[
        str,
        typer.Option(help=_choices("Repeats of a person-item pair; first is biased on adaptive tests", REPEATS)),
    ] = Options.repeats,
    person_col: Annotated[str, typer.Option(help="Column of the person ids.")] = PERSON,
    item_col: Annotated[str, typer.Option(help="Column of the item ids.")] = ITEM,
    response_col: Annotated[str, typer.Option(help="Column of the responses.")] = RESPONSE,
    group_col: Annotated[str | None, typer.Option(help="Column of the groups.")] = None,
    seq_col: Annotated[str | None, typer.Option(help="Column of the order of repeats.")] = None,
    seed: Seed = Options.seed,
    chains: Chains = Options.chains,
    draws: Draws = Options.draws,
    warmup: Warmup = Options.warmup,
    target_accept: Annotated[
        float, typer.Option(help="Acceptance that the step size is tuned to.")
    ] = Options.target_accept,
    max_tree_depth: Annotated[int, typer.Option(help="Longest trajectory, as a power of 2.")] = Options.max_tree_depth,
    interval: Annotated[float, typer.Option(help="Mass of the equal-tailed intervals.")] = Options.interval,
    ability_values: Annotated[
        int, typer.Option(help="Persons times draws up to which posterior.nc keeps draws of the abilities.")
    ] = Options.ability_values,
    devices: Annotated[int | None, typer.Option(help="At most this many devices.")] = Options.devices,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of an interrupted run.")] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Calibrate items and persons and write a run's folder.

    Exit codes: 0 good; 2 usage; 3 bad input, or output that cannot be written; 4 diagnostics failed,
    with the files written; 130/143 interrupted, with a checkpoint to --resume from.
    """
    with STOPWATCH.measure("import"):
        from irt_jax.calibration import calibrate as fit_model
        from irt_jax.calibration import make_options
        from irt_jax.data import read_anchors, read_responses
        from irt_jax.data.write import check_output
        from irt_jax.engines.devices import keep_compiled

    keep_compiled()
    options = make_options(
        model=model,
        method=method,
        abilities=abilities,
        population=population,
        priors=priors,
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
        target_accept=target_accept,
        max_tree_depth=max_tree_depth,
        interval=interval,
        ability_values=ability_values,
        devices=devices,
    )
    check_output(out, overwrite=overwrite)
    with STOPWATCH.measure("read"):
        table = read_responses(
            responses,
            person_col=person_col,
            item_col=item_col,
            response_col=response_col,
            group_col=group_col,
            seq_col=seq_col,
        )
        bank = None if anchors is None else read_anchors(anchors)
    checkpoint = out.with_name(out.name + ".checkpoint")
    with _watching(quiet) as progress:
        fit = fit_model(
            table,
            bank,
            progress=progress,
            checkpoint=checkpoint,
            resume=resume,
            stopwatch=STOPWATCH,
            **options.as_dict(),
        )
    fit.write(out, overwrite=overwrite)
    shutil.rmtree(checkpoint, ignore_errors=True)
    _report(fit, out)


@app.command()
def simulate(
    persons: Annotated[int, typer.Option(help="Number of persons.")],
    items: Annotated[int, typer.Option(help="Number of items.")],
    per_person: Annotated[int, typer.Option(help="Items that each person answers.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    anchor_items: Annotated[int, typer.Option(help="Items that come as anchors, with error.")] = 0,
    adaptive: Annotated[bool, typer.Option("--adaptive", help="Choose items by maximum information.")] = False,
    ability_mean: Annotated[float, typer.Option(help="Mean of the abilities.")] = 0.0,
    ability_sd: Annotated[float, typer.Option(help="SD of the abilities.")] = 1.0,
    a_sd: Annotated[float, typer.Option(help="Error of an anchor's log a.")] = ANCHOR_LOG_A_SD,
    b_sd: Annotated[float, typer.Option(help="Error of an anchor's b.")] = ANCHOR_B_SD,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Simulate 2PL responses, with the truth and with anchors that carry their own error."""
    from irt_jax.data.write import check_output
    from irt_jax.study.simulate import simulate as draw

    check_output(out, overwrite=overwrite)
    simulation = draw(
        persons,
        items,
        per_person,
        anchor_items=anchor_items,
        adaptive=adaptive,
        ability_mean=ability_mean,
        ability_sd=ability_sd,
        anchor_log_a_sd=a_sd,
        anchor_b_sd=b_sd,
        seed=seed,
    )
    simulation.write(out, overwrite=overwrite)
    typer.echo(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path("demo_run"),
    seed: Seed = 0,
    chains: Chains = Options.chains,
    draws: Draws = Options.draws,
    warmup: Warmup = Options.warmup,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Calibrate real data: VerbAgg, half of the persons as last month's bank, half as this month."""
    with STOPWATCH.measure("import"):
        from irt_jax.data.write import check_output
        from irt_jax.demo import run_demo
        from irt_jax.engines.devices import keep_compiled

    keep_compiled()
    check_output(out, overwrite=overwrite)
    with _watching(quiet) as progress:
        fit = run_demo(
            out,
            overwrite=overwrite,
            say=typer.echo,
            progress=progress,
            stopwatch=STOPWATCH,
            seed=seed,
            chains=chains,
            draws=draws,
            warmup=warmup,
        )
    _report(fit, out / "run", max_items=30)


@contextmanager
def _watching(quiet: bool) -> Iterator["ProgressCallback"]:
    """Progress and warnings on standard error, one line each."""
    from irt_jax.console import Watcher, error_console

    console = error_console()
    with warnings.catch_warnings():
        warnings.simplefilter("always", CalibrationWarning)
        warnings.filterwarnings("ignore", message="Error (writing|reading) persistent compilation cache")
        warnings.showwarning = lambda message, *_: console.print(f"note: {message}", markup=False)
        with Watcher(console, quiet=quiet) as progress:
            yield progress


def _report(fit: "Fit", folder: Path, *, max_items: int = 0) -> None:
    """Print the result; end with the exit code of its verdict."""
    from irt_jax.console import print_fit, stdout_console

    print_fit(stdout_console(), fit, folder=str(folder), max_items=max_items)
    if not fit.diagnostics.ok:
        raise typer.Exit(DIAGNOSTICS_FAILED)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)


def main() -> None:
    """Entry point: errors of the package become one line on standard error and an exit code."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except IrtError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
