"""The cases: which data, and how they come about.

Run as `python -m benchmarks.cases NAME FOLDER` it writes a case's `responses.parquet` (and `anchors.parquet`),
in a process of its own, so that the suite's own process stays small.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

#: Persons by response pattern, 00000, 00001, ..., 11111: Bock & Aitkin (1981), Psychometrika 46, table 1.
LSAT7 = (
    *(12, 19, 1, 7, 3, 19, 3, 17, 10, 5, 3, 7, 7, 23, 8, 28),
    *(7, 39, 11, 34, 14, 51, 15, 90, 6, 25, 7, 35, 18, 136, 32, 308),
)
PER_PERSON = 20
SEED = 1


class Simulated(NamedTuple):
    """Sizes of a simulated data set; a tenth of the items are anchors."""

    persons: int
    items: int
    per_person: int = PER_PERSON


#: The problems of `sizes`, by number of responses; the one of 100,000 is the reference problem itself.
SIZES = {f"size_1e{power}": Simulated(10**power // 20, min(10**power // 200, 5000)) for power in (4, 5, 6, 7)}
SIMULATED = {"quick": Simulated(60, 20, 10), "tiny": Simulated(300, 40), "reference": Simulated(5000, 500), **SIZES}
CASES = ("reference", "lsat7", "verbagg", "sizes", "inference_gym")
#: Responses beyond which only our own engines run.
LARGEST_FOR_PEERS = 100_000


def expand(names: list[str]) -> list[str]:
    """Write `sizes` out; without the one that equals the reference problem where that runs too."""
    expanded = []
    for name in names:
        sizes = [size for size in SIZES if size != "size_1e5" or "reference" not in names]
        expanded += sizes if name == "sizes" else [name]
    return expanded


def too_large_for_peers(name: str) -> bool:
    """Whether a case is beyond what the peers do in reasonable time."""
    size = SIMULATED.get(name)
    return size is not None and size.persons * size.per_person > LARGEST_FOR_PEERS


def counts(name: str, folder: Path) -> dict[str, int]:
    """Persons, items, responses and anchors of a case; `sizes.json` stands beside the data."""
    if name == "inference_gym":
        return {"persons": 400, "items": 100, "responses": 30_012, "anchors": 0}
    return json.loads((folder / "sizes.json").read_text())


def write_case(name: str, folder: Path) -> None:
    """Write a case's data.

    Args:
        name: of a simulated case, "lsat7" or "verbagg".
        folder: must exist.
    """
    import pyarrow.parquet as pq

    from benchmarks.problem import FREE_LOG_A_SD, read_problem, write_csv

    if name in SIMULATED:
        from irt_jax.study.simulate import simulate

        size = SIMULATED[name]
        simulation = simulate(*size, anchor_items=size.items // 10, seed=SEED)
        simulation.write(folder, overwrite=True)
    elif name == "verbagg":
        from irt_jax.study.demo import verbagg

        pq.write_table(verbagg(), folder / "responses.parquet")
    else:
        pq.write_table(_lsat7(), folder / "responses.parquet")
    problem = read_problem(folder)
    sizes = {"persons": problem.n_persons, "items": problem.n_items, "responses": len(problem.response)}
    anchors = int((problem.log_a_sd != FREE_LOG_A_SD).sum())
    (folder / "sizes.json").write_text(json.dumps({**sizes, "anchors": anchors}))
    if shutil.which("Rscript"):
        write_csv(problem, folder)


def _lsat7() -> object:
    """1,000 persons x 5 items, one row a response."""
    import numpy as np
    import pyarrow as pa

    pattern = np.repeat(np.arange(len(LSAT7)), LSAT7)
    responses = (pattern[:, None] >> np.arange(5)[::-1]) & 1
    persons, items = np.indices(responses.shape)
    columns = {"person_id": persons.ravel(), "item_id": items.ravel() + 1, "response": responses.ravel()}
    return pa.table(columns)


if __name__ == "__main__":
    write_case(sys.argv[1], Path(sys.argv[2]))
