"""The command `irt-jax demo`."""

from pathlib import Path
from typing import Annotated

import typer

from irt_jax.cli.options import Chains, Draws, Overwrite, Quiet, Seed, Warmup
from irt_jax.cli.result import STOPWATCH, report
from irt_jax.contract.options import Options
from irt_jax.runtime import signals
from irt_jax.runtime.terminal import say


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
        from irt_jax.contract.bounds import check_options
        from irt_jax.data.overwrite import DEMO
        from irt_jax.data.write import check_output
        from irt_jax.report.console import watching
        from irt_jax.runtime.devices import keep_compiled
        from irt_jax.study.demo import run_demo

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
