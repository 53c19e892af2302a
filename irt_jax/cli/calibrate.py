"""The command `irt-jax calibrate`."""

from typing import Annotated

import typer

from irt_jax.cli.options import (
    Anchors,
    Chains,
    Devices,
    Draws,
    FirstCategory,
    GroupColumn,
    IgnoredColumns,
    ItemColumn,
    LogFormat,
    Metrics,
    Missing,
    OrderColumn,
    Out,
    Overwrite,
    PersonColumn,
    Quiet,
    Repeats,
    ResponseColumn,
    Responses,
    Seed,
    Warmup,
    Wide,
    choices,
)
from irt_jax.cli.result import STOPWATCH, report
from irt_jax.contract.names import ITEM, PERSON, RESPONSE
from irt_jax.contract.options import ABILITIES, ANCHOR_MODES, METHODS, MODEL_NAMES, POPULATIONS, PRIORS, SIGNS, Options
from irt_jax.errors import OutputError
from irt_jax.runtime import logs, signals


def calibrate(
    responses: Responses,
    out: Out,
    anchors: Anchors = None,
    model: Annotated[
        str, typer.Option(help=choices("Response model, or a Parquet or CSV file with item_id and model", MODEL_NAMES))
    ] = Options.model,
    method: Annotated[
        str | None,
        typer.Option(help=choices("Engine; hmc, or nuts for joint abilities. mml gives point estimates", METHODS)),
    ] = Options.method,
    abilities: Annotated[
        str, typer.Option(help=choices("Abilities integrated out, or sampled beside the items", ABILITIES))
    ] = Options.abilities,
    population: Annotated[
        str,
        typer.Option(help=choices("Abilities N(0, 1), or mean and SD learned; auto: learned if anchored", POPULATIONS)),
    ] = Options.population,
    priors: Annotated[
        str,
        typer.Option(
            help=choices(
                "Of the free items, or a TOML file; auto: hierarchical (learned) if anchored, else mission", PRIORS
            )
        ),
    ] = Options.priors,
    reference_group: Annotated[
        str | None, typer.Option(help="Group of abilities N(0, 1) if there are several and no anchors; the first.")
    ] = Options.reference_group,
    by_group: Annotated[
        list[str] | None, typer.Option(help="An item that has parameters of its own in every group; may be repeated.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Parquet or CSV file with item_id and category: the right one of nominal items.")
    ] = Options.key,
    sign: Annotated[str, typer.Option(help=choices("Slopes; free: negative ones too", SIGNS))] = Options.sign,
    anchor_mode: Annotated[
        str, typer.Option(help=choices("Previous estimates are an anchor's prior, or its parameters", ANCHOR_MODES))
    ] = Options.anchor_mode,
    a_prior_sd: Annotated[
        float | None, typer.Option(help="Prior SD of log a of free items; 0.2.")
    ] = Options.a_prior_sd,
    b_prior_sd: Annotated[float | None, typer.Option(help="Prior SD of b of free items; 1.")] = Options.b_prior_sd,
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
    repeats: Repeats = Options.repeats,
    person_col: PersonColumn = PERSON,
    item_col: ItemColumn = ITEM,
    response_col: ResponseColumn = RESPONSE,
    group_col: GroupColumn = None,
    seq_col: OrderColumn = None,
    wide: Wide = False,
    ignore_cols: IgnoredColumns = None,
    missing: Missing = None,
    first_category: FirstCategory = 0,
    seed: Seed = Options.seed,
    chains: Chains = Options.chains,
    draws: Draws = Options.draws,
    warmup: Warmup = Options.warmup,
    target_accept: Annotated[
        float | None, typer.Option(help="Acceptance that the step size is tuned to; 0.7, or 0.85 for nuts.")
    ] = Options.target_accept,
    max_tree_depth: Annotated[int, typer.Option(help="Longest trajectory, as a power of 2.")] = Options.max_tree_depth,
    interval: Annotated[float, typer.Option(help="Mass of the equal-tailed intervals.")] = Options.interval,
    ability_values: Annotated[
        int, typer.Option(help="Persons times draws up to which posterior.nc keeps draws of the abilities.")
    ] = Options.ability_values,
    devices: Devices = Options.devices,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of an interrupted run.")] = False,
    overwrite: Overwrite = False,
    log_format: LogFormat = "text",
    metrics: Metrics = None,
    quiet: Quiet = False,
) -> None:
    """Calibrate items and persons and write a run's folder.

    Exit codes: 0 good; 2 usage; 3 bad input, or output that cannot be written; 4 diagnostics failed,
    with the files written; 130/143 interrupted, with a checkpoint to --resume from.
    """
    with STOPWATCH.measure("import"):
        from irt_jax.calibration import calibrate as fit_model
        from irt_jax.contract.options import make_options
        from irt_jax.data import read_anchors, read_responses
        from irt_jax.data.lock import only_one
        from irt_jax.data.write import check_output
        from irt_jax.inference.samplers.checkpoint import discard, told_if_kept
        from irt_jax.inference.samplers.checkpoint_files import check_place
        from irt_jax.report.console import watching
        from irt_jax.results.prometheus import check_metrics, write_metrics
        from irt_jax.runtime.devices import keep_compiled

    logs.check_format(log_format)
    keep_compiled()
    options = make_options(
        model=model,
        method=method,
        abilities=abilities,
        population=population,
        priors=priors,
        reference_group=reference_group,
        by_group=by_group,
        key=key,
        sign=sign,
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
    checkpoint = out.with_name(out.name + ".checkpoint")
    check_place(checkpoint)
    if metrics is not None:
        check_metrics(metrics)
    logs.event("start", command="calibrate", responses=responses, anchors=anchors, options=options.as_dict())
    with only_one(out):
        with STOPWATCH.measure("read"):
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
            bank = None if anchors is None else read_anchors(anchors)
        with watching(quiet) as progress:
            fit = fit_model(
                table,
                bank,
                progress=progress,
                checkpoint=checkpoint,
                resume=resume,
                stopwatch=STOPWATCH,
                **options.as_dict(),
            )
        with signals.held():
            try:
                fit.write(out, overwrite=overwrite)
            except OutputError as error:
                raise told_if_kept(checkpoint, error) from error
            signals.finished()
        discard(checkpoint)
    if metrics is not None:
        write_metrics(metrics, [fit.content()])
    report(fit, out)
