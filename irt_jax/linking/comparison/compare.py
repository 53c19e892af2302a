"""Item parameters of several sides beside each other: differences, and whether they mean anything."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from irt_jax.contract.bounds import check_options
from irt_jax.contract.names import DIFFERENCE, ITEM
from irt_jax.errors import UsageError
from irt_jax.linking.comparison.align import Aligned, align
from irt_jax.linking.comparison.curves import areas, expected_scores, weighted_nodes
from irt_jax.linking.comparison.scale import Scale, compare_scales
from irt_jax.linking.comparison.sides import Side, read_sides

#: Differences of which the largest over the pairs stands in a row of its own for each item.
DIFFERENCES = ("a_difference", "b_difference", "thresholds_difference", "area")
SCORES = ("a_z_monte_carlo", "b_z_monte_carlo", "a_z_posterior", "b_z_posterior")


class Comparison(NamedTuple):
    """What `compare` finds.

    Attributes:
        items: one row an item, sorted: the largest difference over all pairs.
        pairs: one row an item and pair of sides: the file that the command writes.
        scales: how each pair of sides relates.
        threshold: of differences in a and b that are flagged.
        population: mean and SD of the abilities that the areas are weighted by.
    """

    items: pa.Table
    pairs: pa.Table
    scales: list[Scale]
    threshold: float
    population: tuple[float, float]


def compare(
    sides: Mapping[str, Any], threshold: float = DIFFERENCE, *, population: tuple[float, float] | None = None
) -> Comparison:
    """Compare item parameters.

    Columns of `pairs`: item_id, side_1, side_2, model_1, model_2; a_1, a_2, a_difference (second less first), likewise
    b, and thresholds_difference (the largest of an item); area (between the expected scores as shares of the largest,
    weighted by ability); a_z_monte_carlo and b_z_monte_carlo (difference over the Monte Carlo errors of both sides
    together, where a side without one counts as exact); a_z_posterior and b_z_posterior (difference over the root mean
    square of both posterior SDs); flagged (a, b or a threshold differs by more than `threshold`); worst (the item's
    pair with the largest difference). Differences are null where an item is on one side only.

    Two fits of the same data share its noise, so their z_posterior should be far below 1: it says how much the choice
    of a method matters beside what the data leave open. It is no test. Estimates from different data differ by about
    1.4 of it by chance alone.

    Args:
        sides: by name; a run's folder, a Parquet or CSV file, a table or a `Fit`, see `read_sides`.
        threshold: of differences in a and b.
        population: mean and SD of ability; of the first run among the sides, or N(0, 1), when None.

    Raises:
        UsageError: fewer than two sides, or a threshold that is not positive.
        InputError: a side cannot be read, ids are of different types, or no item is on two sides.
    """
    if len(sides) < 2:
        raise UsageError(f"Expected at least two sides to compare, found {len(sides)}.")
    check_options(threshold=threshold)
    read = read_sides(sides)
    aligned = align(read)
    known = [side.population for side in read if side.population is not None]
    mean, sd = population or (known[0] if known else (0.0, 1.0))
    ability, weight = weighted_nodes(mean, sd)
    curves = [expected_scores(side.items, ability) for side in read]
    spread = [_spread(side, aligned.row[number]) for number, side in enumerate(read)]
    models = [side.models.take(pa.array(row, mask=row < 0)) for side, row in zip(read, aligned.row, strict=True)]
    parts, scales = [], []
    for one, two in combinations(range(len(read)), 2):
        there = aligned.row[[one, two]] >= 0
        both = np.all(there, axis=0)
        found = _differences(spread[one], spread[two])
        found["area"] = np.full(len(aligned.ids), np.nan)
        rows = aligned.row[:, both]
        found["area"][both] = areas(curves[one][rows[one]], curves[two][rows[two]], weight)
        found["flagged"] = _beyond(found, threshold)
        named = {"side_1": read[one].name, "side_2": read[two].name, "model_1": models[one], "model_2": models[two]}
        parts.append(named | found)
        scales.append(_scale(read[one].name, read[two].name, found, there, threshold))
    return Comparison(*_tables(aligned, parts), scales, threshold, (mean, sd))


def _spread(side: Side, row: np.ndarray) -> dict[str, np.ndarray]:
    """A side's values for all items, NaN where it has none."""

    def taken(values: np.ndarray) -> np.ndarray:
        there = np.reshape(row >= 0, (-1, *[1] * (values.ndim - 1)))
        return np.where(there, values[row], np.nan)

    return {name: taken(values) for name, values in side.values.items()}


def _differences(one: Mapping[str, np.ndarray], two: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name in ("a", "b"):
        found |= {f"{name}_1": one[name], f"{name}_2": two[name], f"{name}_difference": two[name] - one[name]}
    found["thresholds_difference"] = _largest_step(one["thresholds"], two["thresholds"])
    for name in ("a", "b"):
        difference = found[f"{name}_difference"]
        noise = np.hypot(*(np.nan_to_num(part[f"{name}_mcse"]) for part in (one, two)))
        sds = np.stack([one[f"{name}_sd"], two[f"{name}_sd"]]) ** 2
        count = np.isfinite(sds).sum(0)
        typical = np.sqrt(np.nansum(sds, axis=0) / np.maximum(count, 1))
        found[f"{name}_z_monte_carlo"] = _ratio(difference, noise)
        found[f"{name}_z_posterior"] = _ratio(difference, typical)
    return found


def _ratio(difference: Float[np.ndarray, " item"], error: Float[np.ndarray, " item"]) -> Float[np.ndarray, " item"]:
    return np.where(error > 0.0, difference / np.where(error > 0.0, error, 1.0), np.nan)


def _largest_step(one: np.ndarray, two: np.ndarray) -> Float[np.ndarray, " item"]:
    """Largest absolute difference of thresholds; NaN without, or for different numbers of them."""
    width = max(one.shape[1], two.shape[1])
    one, two = (np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan) for part in (one, two))
    same = (np.isfinite(one) == np.isfinite(two)).all(1) & np.isfinite(one).any(1)
    return np.where(same, np.nan_to_num(np.abs(one - two)).max(1, initial=0.0), np.nan)


def _beyond(found: Mapping[str, np.ndarray], threshold: float) -> np.ndarray:
    return np.any([np.abs(found[name]) > threshold for name in DIFFERENCES[:3]], axis=0)


def _scale(one: str, two: str, found: Mapping[str, np.ndarray], there: np.ndarray, threshold: float) -> Scale:
    both = there.all(0)
    a, b = (np.stack([found[f"{name}_1"], found[f"{name}_2"]])[:, both] for name in ("a", "b"))
    moments = compare_scales(a, b, threshold)
    factor = float(np.nan_to_num(moments.factor, nan=1.0))
    a_left, b_left = a[1] / factor - a[0], factor * b[1] - b[0]
    known = np.isfinite(b_left)
    b_left = b_left - (np.median(b_left[known]) if np.isfinite(moments.shift) else 0.0)
    left = (np.abs(a_left) > threshold) | (np.abs(b_left) > threshold)
    only = (int((there[0] & ~both).sum()), int((there[1] & ~both).sum()))
    return Scale((one, two), int(both.sum()), only, int(found["flagged"].sum()), int(left.sum()), *moments)


def _tables(aligned: Aligned, parts: Sequence[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    """One row an item, and one row an item and pair; pairs that have an item on neither side have no row for it."""
    stacked = {name: np.abs(np.stack([part[name] for part in parts])) for name in DIFFERENCES}
    of_parameters = np.fmax.reduce([stacked[name] for name in DIFFERENCES[:3]])
    size = np.where(np.isfinite(of_parameters), of_parameters, stacked["area"])
    worst = np.argmax(np.nan_to_num(size, nan=-1.0), axis=0)
    seen = np.isfinite(size).any(0)
    flagged = np.stack([part["flagged"] for part in parts])
    names = pa.array([f"{part['side_1']}, {part['side_2']}" for part in parts])
    summary = {
        ITEM: aligned.ids,
        "n_sides": pa.array((aligned.row >= 0).sum(0)),
        **{name: _null(np.fmax.reduce(values, axis=0)) for name, values in stacked.items()},
        "worst_pair": names.take(pa.array(worst, mask=~seen)),
        "flagged": pa.array(flagged.any(0)),
    }
    n_items = len(aligned.ids)
    tables = []
    for number, part in enumerate(parts):
        columns = {name: _column(value, n_items) for name, value in part.items()}
        columns["worst"] = pa.array(seen & (worst == number))
        table = pa.table({ITEM: aligned.ids, **columns})
        tables.append(table.filter(pc.or_(pc.is_valid(part["model_1"]), pc.is_valid(part["model_2"]))))
    return pa.table(summary), pa.concat_tables(tables)


def _column(value: Any, n_items: int) -> pa.Array:
    if isinstance(value, str):
        return pa.repeat(pa.scalar(value), n_items)
    return value if isinstance(value, pa.Array) else pa.array(value) if value.dtype == bool else _null(value)


def _null(values: Float[np.ndarray, " item"]) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))
