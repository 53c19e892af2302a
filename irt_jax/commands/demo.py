"""The command `irt-jax demo`."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax import signals
from irt_jax.commands.options import Chains, Draws, Overwrite, Quiet, Seed, Warmup
from irt_jax.commands.result import STOPWATCH, report
from irt_jax.options import Options
from irt_jax.terminal import say


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
        from irt_jax.bounds import check_options
        from irt_jax.console import watching
        from irt_jax.data.overwrite import DEMO
        from irt_jax.data.write import check_output
        from irt_jax.demo import run_demo
        from irt_jax.engines.devices import keep_compiled

    check_options(seed=seed, chains=chains, draws=draws, warmup=warmup)
    keep_compiled()
    check_output(out, overwrite=overwrite, kind=DEMO)
    with watching(quiet) as progress:
        fit = run_demo(
            out,
            overwrite=overwrite,
            say=say,
            progress=progress,
            stopwatch=STOPWATCH,
            seed=seed,
            chains=chains,
            draws=draws,
            warmup=warmup,
        )
    signals.finished()
    report(fit, out / "run", max_items=30)
