"""The command `irt-jax score`: abilities of new persons from calibrated items."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax import signals
from irt_jax.commands.options import (
    FirstCategory,
    ItemColumn,
    Missing,
    OrderColumn,
    PersonColumn,
    Repeats,
    ResponseColumn,
    Responses,
    Wide,
)
from irt_jax.names import ITEM, PERSON, RESPONSE, RUN_FILE
from irt_jax.terminal import say


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
        float | None, typer.Option(help="Mean of the persons' population; of the run beside the items, or 0.")
    ] = None,
    prior_sd: Annotated[
        float | None, typer.Option(help="SD of the persons' population; of the run beside the items, or 1.")
    ] = None,
    plausible_values: Annotated[int, typer.Option(help="Draws of every ability from its posterior.")] = 0,
    information: Annotated[
        Path | None, typer.Option(help="File for the items' information and the standard error, by ability.")
    ] = None,
    repeats: Repeats = "error",
    person_col: PersonColumn = PERSON,
    item_col: ItemColumn = ITEM,
    response_col: ResponseColumn = RESPONSE,
    seq_col: OrderColumn = None,
    wide: Wide = False,
    missing: Missing = None,
    first_category: FirstCategory = 0,
    seed: Annotated[int, typer.Option(help="Seed of the plausible values.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files if they exist.")] = False,
) -> None:
    """Score persons: EAP with its SD, MAP, and Warm's weighted likelihood estimate.

    Persons without a usable response stay, without a score, and are named.
    """
    from irt_jax.bounds import check_options
    from irt_jax.data import encode, read_responses
    from irt_jax.data.write import check_file, write_file
    from irt_jax.engines.devices import keep_compiled, prepare_devices
    from irt_jax.scoring import information_table, read_items
    from irt_jax.scoring import score as score_persons

    check_options(prior_mean=prior_mean, prior_sd=prior_sd, plausible_values=plausible_values, seed=seed)
    keep_compiled()
    prepare_devices()
    for path in (out, information):
        if path is not None:
            check_file(path, overwrite=overwrite)
    known = read_items(items)
    of_run = _population(Path(items)) if prior_mean is None or prior_sd is None else (0.0, 1.0)
    mean, sd = of_run[0] if prior_mean is None else prior_mean, of_run[1] if prior_sd is None else prior_sd
    table = read_responses(
        responses,
        person_col=person_col,
        item_col=item_col,
        response_col=response_col,
        seq_col=seq_col,
        wide=wide,
        missing=missing,
        first_category=first_category,
    )
    coded = encode(table, repeats=repeats)
    found, notes = score_persons(
        coded, known, mean=mean, sd=sd, posterior=posterior, plausible_values=plausible_values, seed=seed
    )
    for note in [*coded.notes, *notes]:
        say(f"note: {note}", err=True)
    with signals.held():
        write_file(out, found, overwrite=overwrite)
        signals.finished()
    say(f"{found.num_rows:,} persons, {len(known.ids):,} items known; population N({mean:.3g}, {sd:.3g}): {out}")
    if information is not None:
        write_file(information, information_table(known), overwrite=overwrite)
        say(f"information of every item by ability: {information}")


def _population(items: Path) -> tuple[float, float]:
    """Mean and SD of the run that the items come from; N(0, 1) where there is none."""
    from irt_jax.data.read_json import read_json
    from irt_jax.errors import InputError

    file = (items if items.is_dir() else items.parent) / RUN_FILE
    if not file.is_file():
        return 0.0, 1.0
    try:
        population = read_json(file)["population"]
        return float(population["mean"]), float(population["sd"])
    except (InputError, KeyError, TypeError, ValueError) as error:
        remedy = "Give --prior-mean and --prior-sd, and the items apart from the run."
        raise InputError(f"Expected the population in {str(file)!r}, found none: {error!r}.", remedy) from error
