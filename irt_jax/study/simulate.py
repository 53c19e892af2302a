"""Simulated calibrations: responses, the truth behind them, and anchors that carry their own error."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from irt_jax.contract.bounds import OPTIONS, check_named, check_options
from irt_jax.contract.names import ANCHOR_B_SD, ANCHOR_LOG_A_SD, ITEM, PERSON, RESPONSE
from irt_jax.data.overwrite import SIMULATION
from irt_jax.data.write import write_folder, write_table
from irt_jax.errors import UsageError
from irt_jax.runtime.memory import refuse_beyond_memory
from irt_jax.study.designs import BLOCK_PERSONS, adaptive_design, random_design

RESPONSES_FILE = "responses.parquet"
ANCHORS_FILE = "anchors.parquet"
TRUE_ITEMS_FILE = "true_items.parquet"
TRUE_PERSONS_FILE = "true_persons.parquet"
#: What a response takes in memory (codes, probabilities, ids as text), an id, and an item of a person whose items are
#: being chosen.
BYTES_RESPONSE, BYTES_ID, BYTES_BLOCK = 80, 120, 20


class Simulation(NamedTuple):
    """A simulated data set as Arrow tables.

    Attributes:
        responses: person_id, item_id, response.
        anchors: item_id, a, b, a_sd (SD of log a), b_sd: the truth plus its error; empty without anchors.
        items: item_id, a, b: the truth.
        persons: person_id, theta: the truth.
    """

    responses: pa.Table
    anchors: pa.Table
    items: pa.Table
    persons: pa.Table

    def write(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the four tables as Parquet files, whole or not at all.

        Raises:
            OutputError: the folder exists, or cannot be written.
        """

        def fill(beside: Path) -> None:
            write_table(beside / RESPONSES_FILE, self.responses)
            write_table(beside / TRUE_ITEMS_FILE, self.items)
            write_table(beside / TRUE_PERSONS_FILE, self.persons)
            if self.anchors.num_rows:
                write_table(beside / ANCHORS_FILE, self.anchors)

        write_folder(Path(folder), fill, overwrite=overwrite, kind=SIMULATION)
        return Path(folder)


def simulate(
    persons: int,
    items: int,
    per_person: int,
    *,
    anchor_items: int = 0,
    adaptive: bool = False,
    ability_mean: float = 0.0,
    ability_sd: float = 1.0,
    log_a_sd: float = 0.2,
    b_sd: float = 1.0,
    anchor_log_a_sd: float = ANCHOR_LOG_A_SD,
    anchor_b_sd: float = ANCHOR_B_SD,
    seed: int = 0,
) -> Simulation:
    """Draw a 2PL data set: log a ~ N(0, log_a_sd), b ~ N(0, b_sd), theta ~ N(ability_mean, ability_sd).

    Args:
        persons: number of persons.
        items: number of items.
        per_person: items that each person answers, all different.
        anchor_items: how many items, spread evenly over the bank, come as anchors: log a and b are the
            truth plus N(0, anchor_log_a_sd) and N(0, anchor_b_sd).
        adaptive: choose each next item by maximum information at the ability estimated so far;
            otherwise items are drawn at random.
        ability_mean: mean of the abilities.
        ability_sd: their standard deviation.
        log_a_sd: standard deviation of log discrimination.
        b_sd: standard deviation of the difficulties.
        anchor_log_a_sd: error of an anchor's log a.
        anchor_b_sd: error of an anchor's b.
        seed: of every random number; the responses do not change with the number of anchors.

    Raises:
        UsageError: a number out of its range, sizes that do not fit together, or more than the memory holds.
    """
    check_options(
        persons=persons,
        items=items,
        per_person=per_person,
        anchor_items=anchor_items,
        ability_mean=ability_mean,
        ability_sd=ability_sd,
        log_a_sd=log_a_sd,
        b_sd=b_sd,
        seed=seed,
    )
    check_named({"a_sd": (OPTIONS["a_sd"], anchor_log_a_sd), "b_sd": (OPTIONS["anchor_b_sd"], anchor_b_sd)})
    _check_sizes(persons, items, per_person, anchor_items)
    for_items, for_persons, for_design, for_anchors = np.random.default_rng(seed).spawn(4)
    a = np.exp(for_items.normal(0.0, log_a_sd, items))
    b = for_items.normal(0.0, b_sd, items)
    theta = for_persons.normal(ability_mean, ability_sd, persons)
    design = adaptive_design if adaptive else random_design
    item, response = design(for_design, theta, a, b, per_person)

    item_ids, person_ids = _ids("i", items), _ids("p", persons)
    anchor = np.unique(np.round(np.linspace(0, items - 1, anchor_items)).astype(np.int64))
    errors = for_anchors.normal(size=(2, len(anchor)))
    columns = {
        PERSON: person_ids.take(pa.array(np.repeat(np.arange(persons), per_person))),
        ITEM: item_ids.take(pa.array(item.ravel())),
        RESPONSE: pa.array(response.ravel().astype(np.int8)),
    }
    anchors = {
        ITEM: item_ids.take(pa.array(anchor)),
        "a": a[anchor] * np.exp(anchor_log_a_sd * errors[0]),
        "b": b[anchor] + anchor_b_sd * errors[1],
        "a_sd": np.full(len(anchor), anchor_log_a_sd),
        "b_sd": np.full(len(anchor), anchor_b_sd),
    }
    return Simulation(
        responses=pa.table(columns),
        anchors=pa.table(anchors),
        items=pa.table({ITEM: item_ids, "a": a, "b": b}),
        persons=pa.table({PERSON: person_ids, "theta": theta}),
    )


def _check_sizes(persons: int, items: int, per_person: int, anchor_items: int) -> None:
    if per_person > items:
        raise UsageError(f"--per-person {per_person} is more than --items {items}.", "Nobody answers an item twice.")
    if not 0 <= anchor_items <= items:
        raise UsageError(f"--anchor-items must lie between 0 and --items {items}, found {anchor_items}.")
    values = BYTES_RESPONSE * persons * per_person + BYTES_ID * (persons + items)
    block = BYTES_BLOCK * min(persons, BLOCK_PERSONS) * items
    refuse_beyond_memory(
        values + block,
        f"{persons:,} persons with {per_person:,} of {items:,} items each",
        "Simulate fewer persons, or fewer items each.",
    )


def _ids(prefix: str, count: int) -> pa.Array:
    """Ids of equal length, so that they sort by number: i001, i002, ..."""
    width = len(str(count))
    return pa.array([f"{prefix}{number:0{width}d}" for number in range(1, count + 1)])
