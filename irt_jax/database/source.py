"""What is to be loaded: one run, or the methods of a monthly folder, and what may be promoted of it."""

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import DRIFT_FILE, GROUP, ITEM, MONTHLY_FILE, PROMOTION_FILE, RUN_FILE
from irt_jax.data.read_json import read_json
from irt_jax.database.runs import (
    Run,
    as_text,
    finite,
    models,
    or_null,
    read_drift,
    read_run,
    read_table,
)
from irt_jax.errors import DiagnosticsError, InputError, UsageError, first_few


class Source(NamedTuple):
    """A folder that was read.

    Attributes:
        folder: where it lies.
        runs: by the method's name in the database.
        primary: the method that is loaded where only one can be.
        drift: drift.parquet of the month or the run; None where there is none. It judges the primary method.
        promotion: promotion.parquet, or None for a single run.
        about: monthly.json; empty for a single run.
    """

    folder: Path
    runs: dict[str, Run]
    primary: str
    drift: pa.Table | None
    promotion: pa.Table | None
    about: dict[str, Any]

    def only(self, method: str) -> "Source":
        """The same with one of its methods."""
        return self._replace(runs={method: self.runs[method]}, primary=method)

    @property
    def integer_ids(self) -> bool:
        """Whether items are named by integers."""
        return self.runs[self.primary].integer_ids

    @property
    def label(self) -> str | None:
        """Label of the window that the monthly job was given."""
        return self.about.get("window_label")


def read_source(folder: Path, method: str | None) -> Source:
    """Read a run's folder or a monthly folder.

    Args:
        folder: either.
        method: of a monthly folder only this method; of a run its name in the database, instead of its own.

    Raises:
        InputError: it is neither, or a file in it is wrong.
        UsageError: the monthly folder has no such method.
    """
    if not (folder / MONTHLY_FILE).is_file():
        if not (folder / RUN_FILE).is_file():
            problem = f"Expected a run's folder or a monthly folder, found neither {RUN_FILE} nor {MONTHLY_FILE} in "
            raise InputError(f"{problem}{str(folder)!r}.", "Give the folder that irt-jax has written.")
        run = read_run(folder)
        name = method or run.method
        return Source(folder, {name: run}, name, run.drift, None, {})
    about = read_json(folder / MONTHLY_FILE)
    methods, primary = about.get("methods"), about.get("primary")
    if not isinstance(methods, list) or primary not in methods or not isinstance(about.get("ok"), bool):
        problem = f"Expected methods, primary and ok in {str(folder / MONTHLY_FILE)!r}, found others."
        raise InputError(problem, "Give the folder that irt-jax monthly has written.")
    if method is not None and method not in methods:
        raise UsageError(f"No method {method!r} in {str(folder)!r}; it has {', '.join(methods)}.", "Correct --method.")
    runs = {name: read_run(folder / name) for name in methods if method in (None, name)}
    drift = read_drift(folder / DRIFT_FILE)
    if drift is None and primary in runs:
        drift = runs[primary].drift
    columns = [ITEM, "promoted", "model", "method", "a", "b", "c", "a_sd", "b_sd", "c_sd"]
    promotion = read_table(folder / PROMOTION_FILE, columns) if (folder / PROMOTION_FILE).is_file() else None
    return Source(folder, runs, str(method or primary), drift, promotion, about)


def refuse(source: Source, forced: str | None) -> list[str]:
    """Refuse what should not be loaded.

    Args:
        source: what was read.
        forced: why it is loaded all the same; None where nothing is forced.

    Returns:
        What was overridden, one sentence each.

    Raises:
        DiagnosticsError: a run's diagnostics failed, or the monthly gate refused the month.
    """
    found = []
    if source.about and not source.about["ok"]:
        problems = source.about.get("problems") or ["no reason given"]
        found.append(f"The monthly gate refused {str(source.folder)!r}: {' '.join(map(str, problems))}")
    for name, run in source.runs.items():
        if not run.ok:
            problems = run.about["diagnostics"].get("problems") or ["no reason given"]
            found.append(f"The diagnostics of {name} in {str(run.folder)!r} failed: {' '.join(map(str, problems))}")
    if found and forced is None:
        raise DiagnosticsError(" ".join(found), "Nothing was loaded; --force REASON loads it all the same.")
    return found


def promoted_rows(source: Source, label: str, forced: str | None) -> pa.Table:
    """What becomes the bank's current parameters.

    Of a monthly folder what promotion.parquet promotes; of a single run the stable items: calibrated, no anchors, not
    flagged by drift.

    Args:
        source: what was read.
        label: of the window, for the note.
        forced: why it is promoted though it was refused.

    Returns:
        `item` (text) and the columns of item_parameters_current.

    Raises:
        InputError: a monthly folder without promotion.parquet, or with rows that cannot be promoted.
        UsageError: the promoted method is not among those that are loaded.
    """
    if source.about:
        rows, method = _of_month(source), None
    else:
        method = source.primary
        rows = _stable(source.runs[method], source.drift)
    methods = rows["method"].to_pylist() if method is None else [method] * rows.num_rows
    because = "" if forced is None else f"; forced: {forced}"
    notes = [f"{label}: {name}, run {source.runs[name].hash[:12]}{because}" for name in methods]
    errors = {f"{name}_se": positive(rows[f"{name}_sd"]) for name in "abc"}
    values = {name: or_null(rows[name]) for name in "abc"}
    return pa.table(
        {
            "item": as_text(rows[ITEM]),
            "model": models(rows["model"]),
            **values,
            **errors,
            "note": pa.array(notes, pa.string()),
        }
    )


def _of_month(source: Source) -> pa.Table:
    if source.promotion is None:
        problem = f"There is no {PROMOTION_FILE} in {str(source.folder)!r}."
        raise InputError(problem, "Run irt-jax monthly again, or leave --promote out.")
    rows = source.promotion.filter(pc.fill_null(source.promotion["promoted"], False))
    bad = rows.filter(pc.or_(pc.invert(finite(rows["b"])), pc.is_null(models(rows["model"]))))
    if bad.num_rows:
        shown = first_few(bad[ITEM].slice(0, 5).to_pylist(), total=bad.num_rows)
        problem = f"Promoted items without b, or of a model that the database does not know: {shown}."
        raise InputError(problem, f"Correct {PROMOTION_FILE}.")
    others = [name for name in pc.unique(rows["method"]).to_pylist() if name not in source.runs]
    if others:
        raise UsageError(
            f"{PROMOTION_FILE} promotes the estimates of {', '.join(map(str, others))}, which is not loaded.",
            "Leave --method out, or name that one.",
        )
    return rows


def _stable(run: Run, drift: pa.Table | None) -> pa.Table:
    items = run.items
    kept = pc.and_(items["calibrated"], pc.and_(pc.invert(items["is_anchor"]), pc.is_null(items[GROUP])))
    for name in "ab":
        kept = pc.and_(kept, finite(items[name]))
    kept = pc.and_(kept, pc.fill_null(pc.greater(items["a"], 0), False))
    if drift is not None:
        flagged = drift.filter(pc.fill_null(drift["flagged"], False))
        kept = pc.and_(kept, pc.invert(pc.is_in(as_text(items[ITEM]), as_text(flagged[ITEM]).combine_chunks())))
    return items.filter(kept)


def positive(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null for what is not positive: a parameter that is given has no error."""
    known = or_null(values)
    return pc.if_else(pc.fill_null(pc.greater(known, 0.0), False), known, pa.scalar(None, pa.float64()))
