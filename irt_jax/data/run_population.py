"""The population that a run.json tells: numbers that somebody may have edited, or another program written."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from irt_jax.contract.bounds import Bound
from irt_jax.errors import InputError

#: SDs of a population that a grid of abilities can hold, and the farthest mean.
SMALLEST_SD, LARGEST_SD, FARTHEST_MEAN = 1e-3, 1e3, 1e4


class RunPopulation(NamedTuple):
    """Mean and SD of ability in a run.

    Attributes:
        anybody: mean and SD where the run has one population; None where it has several, or tells none.
        groups: mean and SD by group.
        free: whether they were learned.
    """

    anybody: tuple[float, float] | None
    groups: Mapping[str, tuple[float, float]]
    free: bool


def population_of(run: Mapping[str, Any], where: str) -> RunPopulation:
    """Read the population of a run.json.

    Args:
        run: its content.
        where: the file, for the message.

    Raises:
        InputError: `population` is no object, or a mean or an SD in it is no number that a population can have.
    """
    told = run.get("population", {})
    groups = told.get("groups", {}) if isinstance(told, dict) else None
    if not isinstance(groups, dict):
        raise _none(where, told if groups is None else groups)
    one = _normal(told, where) if {"mean", "sd"} <= set(told) else None
    return RunPopulation(
        anybody=one,
        groups={str(name): _normal(each, where) for name, each in groups.items()},
        free=told.get("free", True) is not False,
    )


def _normal(told: Any, where: str) -> tuple[float, float]:
    mean, sd = (told.get(name) if isinstance(told, dict) else None for name in ("mean", "sd"))
    if not (Bound(-FARTHEST_MEAN, FARTHEST_MEAN).holds(mean) and Bound(SMALLEST_SD, LARGEST_SD).holds(sd)):
        raise _none(where, told)
    return float(told["mean"]), float(told["sd"])


def _none(where: str, told: Any) -> InputError:
    text = repr({name: told.get(name) for name in ("mean", "sd")} if isinstance(told, dict) else told)
    return InputError(
        f"Expected the population in {where}, a mean and an SD, found {text[:80]}.",
        "Restore run.json as irt-jax calibrate wrote it.",
    )
