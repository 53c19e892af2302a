"""The anchors of a run's folder."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from irt_jax.contract.names import ANCHORS_FILE, RUN_FILE
from irt_jax.data.locate import locate
from irt_jax.data.read_json import read_json
from irt_jax.data.run_population import population_of
from irt_jax.data.source import Wanted, read_parquet
from irt_jax.errors import InputError
from irt_jax.linking.drift.drift import NEEDED

#: Columns of anchors.parquet that help where they are.
OPTIONAL = ("log_a_prev", "cov_log_a_b_prev", "p_released")


class RunAnchors(NamedTuple):
    """What `drift` needs of a run.

    Attributes:
        anchors: anchors.parquet.
        linked: whether the population's mean and SD were learned.
    """

    anchors: pa.Table
    linked: bool


def read_run_anchors(folder: str | os.PathLike[str]) -> RunAnchors:
    """Read anchors.parquet and run.json.

    Args:
        folder: a run's.

    Raises:
        InputError: it is no run, has no anchors, or its files cannot be read.
    """
    path = Path(folder)
    if not (path / RUN_FILE).is_file():
        there = "a file" if path.is_file() else f"none with {RUN_FILE}" if path.is_dir() else "nothing"
        raise InputError(
            f"Expected a run's folder at {os.fspath(folder)!r}, found {there}.",
            "Give a folder that irt-jax calibrate wrote.",
        )
    if not (path / ANCHORS_FILE).is_file():
        raise InputError(
            f"The run {os.fspath(folder)!r} has no {ANCHORS_FILE}: it was calibrated without anchors.",
            "Drift is a change of anchors since they were estimated: calibrate with --anchors.",
        )
    wanted = [*(Wanted(name, name) for name in NEEDED), *(Wanted(name, name, False) for name in OPTIONAL)]
    return RunAnchors(read_parquet(locate(path / ANCHORS_FILE), wanted), is_linked(read_json(path / RUN_FILE)))


def is_linked(run: dict[str, Any]) -> bool:
    """Whether a run learned its population, so that the anchors were linked by one another.

    Args:
        run: run.json, or `Fit.run`.
    """
    return population_of(run, RUN_FILE).free
