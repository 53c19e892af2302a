"""The command `irt-jax`: a thin shell over the library. Heavy imports are inside the commands."""

import gc
import sys

import typer

from irt_jax.cli.calibrate import calibrate
from irt_jax.cli.compare import compare
from irt_jax.cli.demo import demo
from irt_jax.cli.doctor import doctor
from irt_jax.cli.drift import drift
from irt_jax.cli.export import export
from irt_jax.cli.load import load
from irt_jax.cli.monthly import monthly
from irt_jax.cli.outputs import SparingCommand
from irt_jax.cli.process import run
from irt_jax.cli.score import score
from irt_jax.cli.simulate import simulate
from irt_jax.runtime import logs

#: Objects made before Python looks for reference cycles among them, and such rounds before it looks among older ones.
#: Its defaults (700, 10, 10) take a second of a run of 25, as tracing and compiling make millions of objects that stay.
COLLECT = (50_000, 20, 20)

app = typer.Typer(
    name="irt-jax",
    help="Bayesian item response theory: calibrate an item bank, with anchors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (calibrate, score, compare, drift, monthly, doctor, simulate, demo):
    app.command(cls=SparingCommand)(command)
for of_database in (export, load):
    app.command()(of_database)


def main() -> None:
    """Entry point: errors of the package become one line on standard error and an exit code."""
    gc.set_threshold(*COLLECT)
    run(app, as_json=logs.asked_for(sys.argv[1:]) == "json")
