"""The options of a calibration, checked when they are made."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from irt_jax.errors import UsageError
from irt_jax.names import REPEATS

MODEL_NAMES = ("2pl",)
METHODS = ("nuts",)
ABILITIES = ("joint", "marginal")
PRIORS = ("mission",)
POPULATIONS = ("fixed",)


@dataclass(frozen=True)
class Options:
    """What a calibration is told, apart from the data.

    Attributes:
        model: item response model.
        method: engine.
        abilities: "joint" samples the abilities beside the items, "marginal" integrates them out.
        priors: "mission": log a ~ N(0, a_prior_sd), b ~ N(0, b_prior_sd) for free items.
        population: "fixed": abilities ~ N(0, 1).
        a_prior_sd: prior SD of log a of free items.
        b_prior_sd: prior SD of b of free items, on the ability scale.
        repeats: what to do with a person's second response to an item: error, first, last, all.
        min_responses: items with fewer are reported as not calibrated.
        drop_rare: leave those items out of the likelihood altogether.
        seed: of every random number.
        chains: independent Markov chains.
        draws: kept iterations per chain.
        warmup: tuning iterations per chain.
        target_accept: acceptance statistic that the step size is tuned to, between 0 and 1.
        max_tree_depth: a NUTS trajectory has at most 2 ** this many steps.
        interval: probability mass of the reported equal-tailed intervals.
        devices: at most this many devices; None for what fits.

    Raises:
        UsageError: a value that is not available or out of range.
    """

    model: str = "2pl"
    method: str = "nuts"
    abilities: str = "joint"
    priors: str = "mission"
    population: str = "fixed"
    a_prior_sd: float = 0.2
    b_prior_sd: float = 1.0
    repeats: str = "error"
    min_responses: int = 1
    drop_rare: bool = False
    seed: int = 0
    chains: int = 4
    draws: int = 2000
    warmup: int = 1000
    target_accept: float = 0.8
    max_tree_depth: int = 10
    interval: float = 0.95
    devices: int | None = None

    def __post_init__(self) -> None:
        for name, choices in (
            ("model", MODEL_NAMES),
            ("method", METHODS),
            ("abilities", ABILITIES),
            ("priors", PRIORS),
            ("population", POPULATIONS),
            ("repeats", REPEATS),
        ):
            _one_of(name, getattr(self, name), choices)
        for name, lowest in (
            ("min_responses", 0),
            ("seed", 0),
            ("chains", 1),
            ("draws", 4),
            ("warmup", 0),
            ("max_tree_depth", 1),
        ):
            _at_least(name, getattr(self, name), lowest)
        if self.devices is not None:
            _at_least("devices", self.devices, 1)
        for name in ("a_prior_sd", "b_prior_sd"):
            _between(name, getattr(self, name), 0.0, float("inf"))
        for name in ("target_accept", "interval"):
            _between(name, getattr(self, name), 0.0, 1.0)

    def as_dict(self) -> dict[str, Any]:
        """The options by name, as they stand in run.json."""
        return asdict(self)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _one_of(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UsageError(f"{_flag(name)} {value!r} is not available.", f"Choose from: {', '.join(choices)}.")


def _at_least(name: str, value: int, lowest: int) -> None:
    if not isinstance(value, int) or value < lowest:
        raise UsageError(f"{_flag(name)} must be a whole number of at least {lowest}, found {value!r}.")


def _between(name: str, value: float, lower: float, upper: float) -> None:
    if not lower < value < upper:
        raise UsageError(f"{_flag(name)} must lie between {lower:g} and {upper:g}, found {value!r}.")
