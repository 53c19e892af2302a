"""What follows from the fits: comparison, gate, and the content of monthly.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from irt_jax.contract.names import ITEM, ITEMS_FILE, PROMOTION_FILE, RUN_FILE
from irt_jax.data.read_json import read_json
from irt_jax.data.write import write_file
from irt_jax.errors import UsageError
from irt_jax.linking.comparison import compare
from irt_jax.linking.comparison.picture import check_picture, draw
from irt_jax.monthly.folder import COMPARISON_FILE, PICTURE_FILE
from irt_jax.monthly.gate import REASONS, Evidence, promotion_table
from irt_jax.monthly.screening import Screened, flagged
from irt_jax.monthly.settings import Method, MonthlySettings


def conclude(
    methods: Sequence[Method],
    screened: Screened,
    folder: Path,
    settings: MonthlySettings,
    also: Mapping[str, str | Path],
    *,
    picture: bool,
) -> dict[str, Any]:
    """Compare the runs, write the gate's verdict, and sum up.

    Args:
        methods: whose runs lie in the folder; the second one's numbers are promoted.
        screened: what the anchors showed.
        folder: of the job.
        settings: thresholds.
        also: other tables to compare with, by name.
        picture: draw the comparison, where matplotlib is there.

    Returns:
        The content of monthly.json.
    """
    runs = {m.name: read_json(folder / m.name / RUN_FILE) for m in methods}
    primary = methods[1].name
    compared = compare({**{method.name: folder / method.name for method in methods}, **also}, settings.threshold)
    write_file(folder / COMPARISON_FILE, compared.pairs, overwrite=True)
    if picture and _can_draw():
        draw(compared, folder / PICTURE_FILE, overwrite=True)
    failed = [name for name, run in runs.items() if not run["diagnostics"]["ok"]]
    evidence = Evidence(
        failed=failed,
        linked=screened.linked,
        differing=flagged(compared.items),
        drifted=screened.drifted,
        conflict=bool(runs[primary]["prior_conflicts"]),
    )
    items = _with_anchors(pq.read_table(folder / primary / ITEMS_FILE), screened)
    promotion = promotion_table(items, primary, evidence, promote_anchors=settings.promote_anchors)
    write_file(folder / PROMOTION_FILE, promotion, overwrite=True)
    problems = [f"{name}: {text}" for name in failed for text in runs[name]["diagnostics"]["problems"]]
    return {
        "window_label": settings.window_label,
        "settings": settings.as_dict(),
        "options": runs[primary]["options"],
        "methods": [method.name for method in methods],
        "third": methods[2].why,
        "primary": primary,
        "ok": not failed and screened.linked,
        "problems": [*problems, *screened.problems],
        "warnings": [*runs[primary]["diagnostics"]["warnings"], *runs[primary]["notes"]],
        "counts": {**runs[primary]["counts"], "anchors": pc.sum(items["is_anchor"]).as_py() or 0}
        | _counts(promotion, compared.items)
        | {"drifted": 0 if screened.drifted is None else len(screened.drifted)},
        "data_hash": runs[primary]["data_hash"],
        "versions": runs[primary]["versions"],
        "device": runs[primary]["device"],
        "timings": {f"{name}_s": run["timings"]["total_s"] for name, run in runs.items()},
    }


def _with_anchors(items: pa.Table, screened: Screened) -> pa.Table:
    """The items, with those called anchors that linked no more."""
    if screened.table is None:
        return items
    anchors = pc.is_in(items[ITEM], value_set=screened.table[ITEM].combine_chunks().cast(items[ITEM].type))
    return items.set_column(items.schema.get_field_index("is_anchor"), "is_anchor", anchors)


def _counts(promotion: pa.Table, compared: pa.Table) -> dict[str, Any]:
    reasons = pc.list_flatten(promotion["reasons"])
    return {
        "promoted": pc.sum(promotion["promoted"]).as_py() or 0,
        "not_promoted": {name: pc.sum(pc.equal(reasons, name)).as_py() or 0 for name in REASONS},
        "differing": pc.sum(compared["flagged"]).as_py() or 0,
    }


def _can_draw() -> bool:
    """Whether matplotlib is there; the job does without."""
    try:
        check_picture()
    except UsageError:
        return False
    return True
