"""The command `irt-jax simulate`."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax.cli.options import Overwrite, Seed
from irt_jax.contract.names import ANCHOR_B_SD, ANCHOR_LOG_A_SD
from irt_jax.runtime import signals
from irt_jax.runtime.terminal import say


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
    from irt_jax.data.overwrite import SIMULATION
    from irt_jax.data.write import check_output
    from irt_jax.study.simulate import simulate as draw

    check_output(out, overwrite=overwrite, kind=SIMULATION)
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
    with signals.held():
        simulation.write(out, overwrite=overwrite)
        signals.finished()
    say(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
