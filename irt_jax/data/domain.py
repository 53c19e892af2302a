"""Where item parameters may lie: that a value is finite does not make it a parameter."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from irt_jax.contract.bounds import Bound
from irt_jax.contract.names import ITEM
from irt_jax.data.item_table import numbers_or_nan, padded_lists
from irt_jax.errors import InputError

#: Guessing and slipping: a curve goes from c up to d.
C, D = Bound(0.0, 0.999), Bound(0.001, 1.0)
#: What an anchor may be. Slopes and difficulties of the logistic scale are far within; 500 +- 100 is another scale. An
#: SD below 1e-4 is no estimate's; --anchor-mode fixed is for parameters that are exact.
OF_ANCHORS = {
    "a": Bound(1e-3, 100.0),
    "b": Bound(-100.0, 100.0),
    "log_a": Bound(-7.0, 5.0),
    "log_a_sd": Bound(1e-4, 100.0),
    "b_sd": Bound(1e-4, 100.0),
    "c": C,
    "d": D,
    "c_sd": Bound(1e-6, 1.0),
    "d_sd": Bound(1e-6, 1.0),
    "thresholds": Bound(-100.0, 100.0),
    "thresholds_sd": Bound(1e-4, 100.0),
}
#: What a known item may be: slopes may be negative, and one near zero, as maximum likelihood has them, is far away.
OF_ITEMS = {
    "a": Bound(-1e3, 1e3),
    "b": Bound(-1e6, 1e6),
    "c": C,
    "d": D,
    "thresholds": Bound(-1e6, 1e6),
    "slopes": Bound(-1e3, 1e3),
    "intercepts": Bound(-1e6, 1e6),
}
#: Ascending thresholds of an anchor are at least so far apart.
SMALLEST_GAP = 1e-4


class Fault(NamedTuple):
    """A kind of items that cannot be used.

    Attributes:
        expected: what should be, behind "Expected".
        bad: which items it is about.
        found: the values of the item at a place, as text.
        remedy: what to do.
    """

    expected: str
    bad: Bool[np.ndarray, " item"]
    found: Callable[[int], str]
    remedy: str


def refuse(fault: Fault, ids: pa.Array, where: str = "") -> None:
    """Refuse items, by id and value.

    Args:
        fault: with the items it is about.
        ids: of all items.
        where: the source, for the message.

    Raises:
        InputError: there are some.
    """
    places = np.flatnonzero(fault.bad)
    if len(places):
        names = ids.take(pa.array(places[:5])).to_pylist()
        shown = [f"{name!r} ({fault.found(int(place))})" for name, place in zip(names, places, strict=False)]
        more = f" and {len(places) - 5:,} more" if len(places) > 5 else ""
        inside = f" in {where}" if where else ""
        raise InputError(f"Expected {fault.expected}{inside}, found {', '.join(shown)}{more}.", fault.remedy)


def ranges(values: Mapping[str, np.ndarray], bounds: Mapping[str, Bound], remedy: str) -> list[Fault]:
    """Faults of parameters out of their ranges, and of c not below d.

    Args:
        values: by name, (item,) or (item, step); NaN where there is none.
        bounds: by name.
        remedy: what to do.
    """
    found = []
    for name, bound in bounds.items():
        if name in values:
            value = values[name].reshape(len(values[name]), -1)
            outside = ~(np.isnan(value) | ((value >= bound.lowest) & (value <= bound.highest)))
            expected = f"{name} from {bound.lowest:g} to {bound.highest:g}"
            found.append(Fault(expected, outside.any(1), _first(name, value, outside), remedy))
    if {"c", "d"} <= set(values):
        c, d = values["c"], values["d"]
        found.append(Fault("c below d", c >= d, lambda place: f"c {c[place]:g}, d {d[place]:g}", remedy))
    return found


def _first(name: str, value: np.ndarray, outside: np.ndarray) -> Callable[[int], str]:
    return lambda place: f"{name} {value[place][outside[place]][0]:g}"


def refuse_anchors_outside(anchors: pa.Table, where: str, log_a_sd: str = "log_a_sd") -> None:
    """Refuse anchors whose parameters lie outside of any model's domain.

    Args:
        anchors: as `read_anchors` gives them.
        where: the source, for the message.
        log_a_sd: what the SD of log a is called there.

    Raises:
        InputError: a value out of its range, c not below d, or a list with a null in it.
    """
    ids = anchors[ITEM].combine_chunks()
    lists = {name: padded_lists(anchors, name) for name in ("thresholds", "thresholds_sd")}
    for name, values in lists.items():
        bad = (np.isnan(values) & (np.arange(values.shape[1]) < _lengths(anchors, name)[:, None])).any(1)
        refuse(Fault(f"numbers in {name}", bad, lambda _: "null", "Give all of them, or none."), ids, where)
    known = {name: numbers_or_nan(anchors, name) for name in OF_ANCHORS if name not in lists} | lists
    named = {log_a_sd if name == "log_a_sd" else name: value for name, value in known.items()}
    bounds = {log_a_sd if name == "log_a_sd" else name: bound for name, bound in OF_ANCHORS.items()}
    remedy = "Correct these anchors or remove them."
    for fault in ranges(named, bounds, remedy):
        exact = " For parameters that are exact use --anchor-mode fixed." if "_sd from" in fault.expected else ""
        refuse(fault._replace(remedy=remedy + exact), ids, where)


def _lengths(table: pa.Table, name: str) -> np.ndarray:
    if name not in table.column_names:
        return np.zeros(table.num_rows, int)
    return np.asarray(pc.fill_null(pc.list_value_length(table[name].combine_chunks()), 0))


def foreign(
    values: Mapping[str, np.ndarray], owns: Mapping[str, Bool[np.ndarray, " item"]], remedies: Mapping[str, str]
) -> list[Fault]:
    """Faults of parameters that an item's own model does not have: its a and b then mean something else.

    Args:
        values: b, c, d, thresholds; NaN where there is none.
        owns: which items' models have c, d, thresholds.
        remedies: what to do, by parameter.
    """
    c, d, thresholds = values["c"], values["d"], values["thresholds"]
    count = np.isfinite(thresholds).sum(1)
    only = np.isclose(thresholds[:, 0], values["b"], atol=1e-6) & (count == 1) if thresholds.shape[1] else count < 0
    of_c, of_d = np.nan_to_num(c) != 0.0, np.nan_to_num(d, nan=1.0) != 1.0
    expected = "parameters of the items' own models"
    return [
        Fault(expected, of_c & ~owns["c"], lambda place: f"c {c[place]:g}", remedies["c"]),
        Fault(expected, of_d & ~owns["d"], lambda place: f"d {d[place]:g}", remedies["d"]),
        Fault(
            expected,
            (count > 0) & ~only & ~owns["thresholds"],
            lambda place: f"{count[place]} thresholds",
            remedies["thresholds"],
        ),
    ]


def descending(thresholds: np.ndarray, ordered: Bool[np.ndarray, " item"], gap: float, remedy: str) -> Fault:
    """The fault of thresholds that do not ascend where a model's must.

    Args:
        thresholds: of each item, NaN beyond its own.
        ordered: which items' thresholds must ascend.
        gap: by how much.
        remedy: what to do.
    """
    steps = np.diff(thresholds, axis=1)
    bad = ordered & (np.isfinite(steps) & ((steps < gap) | (steps <= 0.0))).any(1)

    def found(place: int) -> str:
        at = int(np.flatnonzero((steps[place] < gap) | (steps[place] <= 0.0))[0])
        return f"{thresholds[place, at]:g} before {thresholds[place, at + 1]:g}"

    return Fault("thresholds that ascend", bad, found, remedy)
