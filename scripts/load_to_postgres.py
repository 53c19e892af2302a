"""Load a run, or all methods of a monthly folder, into PostgreSQL: `irt-jax load`."""

import sys
from pathlib import Path

if not __package__:  # run as a file: the checkout is found from here
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from irt_jax.cli.database import program, run
from irt_jax.cli.load import load

app = program(load)

if __name__ == "__main__":
    run(app)
