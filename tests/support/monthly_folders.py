"""Folders like those of irt-jax monthly, made of copies of a real run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def change_items(run: Path, change) -> None:
    """Rewrite items.parquet."""
    items = pq.read_table(run / "items.parquet")
    pq.write_table(change(items), run / "items.parquet")


def change_about(run: Path, **blocks: Any) -> None:
    """Change entries within blocks of run.json."""
    about = json.loads((run / "run.json").read_text())
    for name, values in blocks.items():
        about[name] = {**about[name], **values} if isinstance(values, dict) else values
    (run / "run.json").write_text(json.dumps(about))


def shifted(by: float):
    """Another method's estimates: b and its limits moved."""

    def change(items: pa.Table) -> pa.Table:
        for name in ("b", "b_lower", "b_upper"):
            items = items.set_column(items.schema.get_field_index(name), name, pc.add(items[name], by))
        return items

    return change


def replaced(name: str, values) -> Any:
    """A column replaced."""

    def change(items: pa.Table) -> pa.Table:
        return items.set_column(
            items.schema.get_field_index(name), name, pa.array(values, items.schema.field(name).type)
        )

    return change


def monthly(
    folder: Path, run: Path, drift: pa.Table | None = None, promoted: list[str] | None = None, **about: Any
) -> Path:
    """A month of mml, nuts and joint; nuts is the primary method, its b .01 higher, that of joint .02."""
    for method, by in (("mml", 0.0), ("nuts", 0.01), ("joint", 0.02)):
        shutil.copytree(run, folder / method)
        change_items(folder / method, shifted(by))
    items = pq.read_table(folder / "nuts" / "items.parquet")
    chosen = promoted if promoted is not None else items.filter(pc.invert(items["is_anchor"]))["item_id"].to_pylist()
    is_promoted = pc.is_in(items["item_id"], pa.array(chosen, items["item_id"].type))
    columns = {
        name: items[name]
        for name in ("item_id", "model", "n_responses", "is_anchor", "a", "b", "c", "a_sd", "b_sd", "c_sd")
    }
    reasons = pa.array(
        [[] if flag else ["too few responses"] for flag in is_promoted.to_pylist()], pa.list_(pa.string())
    )
    table = pa.table({**columns, "promoted": is_promoted, "reasons": reasons, "method": ["nuts"] * items.num_rows})
    pq.write_table(table, folder / "promotion.parquet")
    if drift is not None:
        pq.write_table(drift, folder / "drift.parquet")
    content = {
        "window_label": "2025-10 monthly",
        "settings": {},
        "methods": ["mml", "nuts", "joint"],
        "primary": "nuts",
    }
    (folder / "monthly.json").write_text(json.dumps({**content, "ok": True, "problems": [], **about}))
    return folder


def drift_table(ids: list[str], b_change: list[float], flagged: list[bool]) -> pa.Table:
    """drift.parquet as `irt-jax drift` writes it, with the columns that the loader reads."""
    n = len(ids)
    severity = [
        "high" if abs(change) > 0.5 else "medium" if flag else None
        for change, flag in zip(b_change, flagged, strict=True)
    ]
    return pa.table(
        {
            "item_id": ids,
            "n_responses": [100] * n,
            "a_change": [0.01] * n,
            "a_change_sd": [0.1] * n,
            "b_change": b_change,
            "b_change_sd": [0.1] * n,
            "p_drift_a": [0.0] * n,
            "p_drift_b": [float(flag) for flag in flagged],
            "severity": pa.array(severity, pa.string()),
            "flagged": flagged,
        }
    )


def copied(run: Path, folder: Path) -> Path:
    """A copy of a run, to be changed."""
    return shutil.copytree(run, folder / "run")
