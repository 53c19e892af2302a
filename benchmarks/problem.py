"""The arrays that every Python peer is given, read from the same files as ours reads."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

#: The mission's priors of free items: SDs of log a and of b.
FREE_LOG_A_SD = 0.2
FREE_B_SD = 1.0


class Problem(NamedTuple):
    """Coded responses and priors.

    Attributes:
        person: code of each response's person, from 0.
        item: code of each response's item, from 0, in the order of the item ids.
        response: 0 or 1.
        n_persons: number of persons.
        log_a_mean: prior mean of each item's log a; 0 for free items.
        log_a_sd: its SD.
        b_mean: prior mean of each item's b.
        b_sd: its SD.
        item_ids: sorted, one an item.
    """

    person: np.ndarray
    item: np.ndarray
    response: np.ndarray
    n_persons: int
    log_a_mean: np.ndarray
    log_a_sd: np.ndarray
    b_mean: np.ndarray
    b_sd: np.ndarray
    item_ids: np.ndarray

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)


def read_problem(folder: Path) -> Problem:
    """Read `responses.parquet` and, where it exists, `anchors.parquet`.

    Args:
        folder: of the case's data.
    """
    table = pq.read_table(folder / "responses.parquet")
    persons, person = _codes(table["person_id"])
    item_ids, item = _codes(table["item_id"])
    priors = {
        "log_a_mean": np.zeros(len(item_ids)),
        "log_a_sd": np.full(len(item_ids), FREE_LOG_A_SD),
        "b_mean": np.zeros(len(item_ids)),
        "b_sd": np.full(len(item_ids), FREE_B_SD),
    }
    if (folder / "anchors.parquet").exists():
        anchors = pq.read_table(folder / "anchors.parquet").to_pydict()
        position = {name: code for code, name in enumerate(item_ids.tolist())}
        known = [row for row, name in enumerate(anchors["item_id"]) if name in position]
        code = [position[anchors["item_id"][row]] for row in known]
        columns = {name: np.asarray(anchors[name])[known] for name in ("a", "a_sd", "b", "b_sd")}
        priors["log_a_mean"][code] = np.log(columns["a"])
        priors["log_a_sd"][code] = columns["a_sd"]  # the SD of log a, as the file format says
        priors["b_mean"][code] = columns["b"]
        priors["b_sd"][code] = columns["b_sd"]
    response = table["response"].to_numpy().astype(np.int64)
    return Problem(person, item, response, len(persons), **priors, item_ids=item_ids)


def _codes(column: object) -> tuple[np.ndarray, np.ndarray]:
    """Sorted unique ids, and the code of each row."""
    return np.unique(np.asarray(column), return_inverse=True)


def write_csv(problem: Problem, folder: Path) -> None:
    """Write what the R programs read: responses.csv (codes from 1), items.csv (the priors)."""
    rows = np.column_stack((problem.person + 1, problem.item + 1, problem.response))
    np.savetxt(folder / "responses.csv", rows, "%d", ",", header="person,item,response", comments="")
    priors = np.column_stack((problem.log_a_mean, problem.log_a_sd, problem.b_mean, problem.b_sd))
    header = "log_a_mean,log_a_sd,b_mean,b_sd"
    np.savetxt(folder / "items.csv", priors, "%.17g", ",", header=header, comments="")
