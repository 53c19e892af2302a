"""The command `irt-jax score`: abilities of new persons from calibrated items."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax.cli.options import (
    FirstCategory,
    GroupColumn,
    IgnoredColumns,
    ItemColumn,
    Missing,
    OrderColumn,
    PersonColumn,
    Repeats,
    ResponseColumn,
    Responses,
    Wide,
)
from irt_jax.contract.names import ITEM, PERSON, RESPONSE
from irt_jax.runtime import signals
from irt_jax.runtime.terminal import say


def score(
    responses: Responses,
    items: Annotated[
        str, typer.Option(help="A run's folder or its items.parquet, or a Parquet or CSV file with item_id, a, b.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write, or CSV by its suffix.")],
    posterior: Annotated[
        str | None, typer.Option(help="A run's posterior.nc: theta and theta_sd then carry the items' uncertainty.")
    ] = None,
    prior_mean: Annotated[
        float | None,
        typer.Option(help="Mean of everybody's population; each group's of the run beside the items, or 0."),
    ] = None,
    prior_sd: Annotated[
        float | None, typer.Option(help="SD of everybody's population; each group's of the run, or 1.")
    ] = None,
    group_prior: Annotated[
        list[str] | None, typer.Option(help="A group's population, NAME=MEAN,SD; may be repeated.")
    ] = None,
    plausible_values: Annotated[int, typer.Option(help="Draws of every ability from its posterior.")] = 0,
    information: Annotated[
        Path | None, typer.Option(help="File for the items' information and the standard error, by ability.")
    ] = None,
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
    seed: Annotated[int, typer.Option(help="Seed of the plausible values.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files if they exist.")] = False,
) -> None:
    """Score persons: EAP with its SD, MAP, and Warm's weighted likelihood estimate.

    Where the run has several groups, each person's own group's population is the prior. Persons without a usable
    response stay, without a score, and are named.
    """
    from irt_jax.contract.bounds import check_options
    from irt_jax.data import encode, read_responses
    from irt_jax.data.write import check_file, write_file
    from irt_jax.runtime.devices import keep_compiled, prepare_devices
    from irt_jax.scoring import information_table, read_items, read_populations
    from irt_jax.scoring import score as score_persons
    from irt_jax.scoring.limits import check_draws
    from irt_jax.scoring.populations import of_persons, of_words, refuse_strangers

    check_options(prior_mean=prior_mean, prior_sd=prior_sd, plausible_values=plausible_values, seed=seed)
    keep_compiled()
    prepare_devices()
    check_file(out, overwrite=overwrite, columns=("person_id", "theta", "theta_sd", "map"))
    if information is not None:
        of_information = ("item_id", "theta", "information", "standard_error")
        check_file(information, overwrite=overwrite, columns=of_information, option="--information")
    check_draws(plausible_values, seed)
    given = of_words(group_prior or [])
    populations = read_populations(items, mean=prior_mean, sd=prior_sd, groups=given)
    known = read_items(items)
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
    coded = encode(table, repeats=repeats, keep_persons=True)
    refuse_strangers(given, coded)
    found, notes = score_persons(
        coded, known, populations=populations, posterior=posterior, plausible_values=plausible_values, seed=seed
    )
    for note in [*coded.notes, *notes]:
        say(f"note: {note}", err=True)
    with signals.held():
        write_file(out, found, overwrite=overwrite)
        signals.finished()
    population = of_persons(coded, populations)[0].text()
    say(f"{found.num_rows:,} persons, {len(known.ids):,} items known; population {population}: {out}")
    if information is not None:
        write_file(information, information_table(known), overwrite=overwrite)
        say(f"information of every item by ability: {information}")
