"""What every number of an option or a file of settings may be: one place for all commands.

The limits lie far beyond what anybody needs and within what the arithmetic carries: a prior SD of 1e-300 has a
precision that overflows, a seed of 2^63 is beyond JAX's integers, and an interval that misses 1 by a rounding error has
no end.
"""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

from irt_jax.errors import UsageError


class Bound(NamedTuple):
    """A range, both ends within it.

    Attributes:
        lowest: smallest value.
        highest: largest value.
        whole: whether only whole numbers are meant.
    """

    lowest: float | int
    highest: float | int
    whole: bool = False

    def holds(self, value: object) -> bool:
        """Whether a value is a number of the right kind and within the range; NaN is not, nor is true or false.

        Args:
            value: of any type.
        """
        if isinstance(value, bool) or not isinstance(value, Integral if self.whole else Real):
            return False
        return bool(self.lowest <= value <= self.highest)  # type: ignore[operator]

    @property
    def text(self) -> str:
        """The range in words."""
        whole = "a whole number" if self.whole else "a number"
        return f"{whole} from {_written(self.lowest)} to {_written(self.highest)}"


def _count(lowest: int, highest: int) -> Bound:
    return Bound(lowest, highest, whole=True)


#: A standard deviation on the scale of abilities or of log a, and a centre there.
SD = Bound(1e-4, 1e3)
CENTRE = Bound(-1e3, 1e3)
#: Both NumPy and JAX take these.
SEED = _count(0, 2**63 - 1)

#: Options of commands by the name that they have in Python.
OPTIONS: dict[str, Bound] = {
    "a_prior_sd": Bound(1e-4, 10.0),
    "b_prior_sd": SD,
    "target_accept": Bound(0.01, 0.999),
    "interval": Bound(0.01, 0.9999),
    "seed": SEED,
    "chains": _count(1, 10_000),
    "draws": _count(4, 10_000_000),
    "warmup": _count(0, 10_000_000),
    "max_tree_depth": _count(1, 20),
    "first_category": _count(0, 32_768),
    "min_responses": _count(0, 10**12),
    "ability_values": _count(0, 10**12),
    "devices": _count(1, 100_000),
    "threshold": Bound(1e-9, 1e3),
    "threshold_a": Bound(1e-9, 1e3),
    "threshold_b": Bound(1e-9, 1e3),
    "fdr": Bound(1e-6, 0.999999),
    "rows": _count(0, 10**9),
    "prior_mean": CENTRE,
    "prior_sd": SD,
    "plausible_values": _count(0, 10_000),
    "persons": _count(1, 10**10),
    "items": _count(1, 10**8),
    "per_person": _count(1, 10**8),
    "anchor_items": _count(0, 10**8),
    "ability_mean": Bound(-100.0, 100.0),
    "ability_sd": Bound(0.0, 100.0),
    "log_a_sd": Bound(0.0, 3.0),
    "b_sd": Bound(0.0, 100.0),
    "a_sd": Bound(1e-4, 3.0),
    "anchor_b_sd": Bound(1e-4, 100.0),
}


def check_options(**values: Any) -> None:
    """Refuse what lies out of its range.

    Args:
        **values: options by name; None for those that were not given.

    Raises:
        UsageError: the first that does.
    """
    check_named({name: (OPTIONS[name], value) for name, value in values.items()})


def check_named(values: Mapping[str, tuple[Bound, Any]]) -> None:
    """The same with ranges of one's own.

    Args:
        values: a range and a value by option; None for those that were not given.

    Raises:
        UsageError: the first that lies out of its range.
    """
    for name, (bound, value) in values.items():
        if value is not None and not bound.holds(value):
            raise UsageError(f"--{name.replace('_', '-')} must be {bound.text}, found {shown(value)}.")


def shown(value: object) -> str:
    """A value for a message, cut short: a whole number in a file may have thousands of digits.

    Args:
        value: of any type.
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no whole number of more than 4,300 digits
        return f"{type(value).__name__} that is too long to write"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _written(value: float | int) -> str:
    if isinstance(value, int) and value == 2**63 - 1:
        return "2^63 - 1"
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
