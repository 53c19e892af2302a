"""Alerts of a load: items that drifted, and items that work differently in several groups."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import DRIFT_A, DRIFT_B, ITEM
from irt_jax.database.dif import PROBABILITY, Dif
from irt_jax.database.source import Source

#: Thresholds of drift where no file has any.
THRESHOLDS = {"a": DRIFT_A, "b": DRIFT_B}
#: Differences in b between groups that are serious.
SERIOUS = 0.5


def alert_rows(source: Source, differing: list[Dif]) -> pa.Table:
    """Alerts of drift (delta_a, delta_b) and of differential item functioning (dif_prob).

    One for each flagged item and each of its parameters that moved by more than the threshold, or that came nearest to
    it; one for each item whose difference between groups is probable.

    Args:
        source: what was read.
        differing: from `differences`.

    Returns:
        `item` (text), metric, value, threshold, severity, message.
    """
    text = [pa.field(name, pa.string()) for name in ("item", "metric", "severity", "message")]
    schema = pa.schema([*text, pa.field("value", pa.float64()), pa.field("threshold", pa.float64())])
    found = [_of_groups(dif) for dif in differing if dif.probability > PROBABILITY]
    if source.drift is not None:
        limits = thresholds(source, source.drift)
        flagged = source.drift.filter(pc.fill_null(source.drift["flagged"], False))
        found += [alert for row in flagged.to_pylist() for alert in _of_drift(row, limits)]
    return pa.Table.from_pylist(found, schema)


def _of_groups(dif: Dif) -> dict[str, Any]:
    difference = dif.b[1] - dif.b[0]
    return {
        "item": dif.item,
        "metric": "dif_prob",
        "value": dif.probability,
        "threshold": PROBABILITY,
        "severity": "high" if abs(difference) > SERIOUS else "medium",
        "message": f"b is {dif.b[0]:.3f} in {dif.groups[0]} and {dif.b[1]:.3f} in {dif.groups[1]}",
    }


def _of_drift(row: dict[str, Any], limits: dict[str, float]) -> list[dict[str, Any]]:
    changes = {name: row[f"{name}_change"] for name in limits if row[f"{name}_change"] is not None}
    ratio = {name: abs(change) / limits[name] for name, change in changes.items()}
    chosen = [name for name in ratio if ratio[name] > 1.0] or sorted(ratio, key=lambda name: -ratio[name])[:1]
    return [
        {
            "item": str(row[ITEM]),
            "metric": f"delta_{name}",
            "value": changes[name],
            "threshold": limits[name],
            "severity": row["severity"] or "low",
            "message": f"{name} changed by {changes[name]:+.3f}, P(drift) {row[f'p_drift_{name}'] or 0.0:.3f}",
        }
        for name in chosen
    ]


def thresholds(source: Source, drift: pa.Table) -> dict[str, float]:
    """Thresholds of drift: of the file's metadata, of the month's settings, or the usual ones."""
    kept = {key.decode(): value.decode() for key, value in (drift.schema.metadata or {}).items()}
    options = {**(source.about.get("settings") or {}), **kept}
    return {name: float(options.get(f"threshold_{name}") or usual) for name, usual in THRESHOLDS.items()}
