"""Export a window's responses and the bank's anchors from PostgreSQL: `irt-jax export`."""

import sys
from pathlib import Path

if not __package__:  # run as a file: the checkout is found from here
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from irt_jax.cli.database import program, run
from irt_jax.cli.export import export

app = program(export)

if __name__ == "__main__":
    run(app)
