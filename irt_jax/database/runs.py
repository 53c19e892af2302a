"""A run's folder as `irt-jax calibrate` writes it, and its rows for item_calibration."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from irt_jax.contract.names import DRIFT_FILE, GROUP, ITEM, ITEMS_FILE, RUN_FILE
from irt_jax.data.check import as_numbers
from irt_jax.data.read_json import read_json
from irt_jax.database.intervals import limits
from irt_jax.errors import InputError, first_few

#: The models of the database, by ours.
MODELS = {"rasch": "1PL", "1pl": "1PL", "2pl": "2PL", "3pl": "3PL"}

#: Columns of numbers that are read.
NUMBERS = re.compile(r"[abc](_\w+)?|p_drift")


class Run(NamedTuple):
    """A run's folder.

    Attributes:
        folder: where it lies.
        about: run.json.
        items: items.parquet.
        hash: SHA-256 of items.parquet, hexadecimal: the same numbers, the same hash.
        drift: drift.parquet, or None.
    """

    folder: Path
    about: dict[str, Any]
    items: pa.Table
    hash: str
    drift: pa.Table | None

    @property
    def method(self) -> str:
        """The method's name in the database."""
        options = self.about["options"]
        return "joint" if options["abilities"] == "joint" else str(options["method"])

    @property
    def ok(self) -> bool:
        """Whether the diagnostics passed."""
        return bool(self.about["diagnostics"]["ok"])

    @property
    def integer_ids(self) -> bool:
        """Whether items are named by integers."""
        return pa.types.is_integer(self.items.schema.field(ITEM).type)


def read_run(folder: Path) -> Run:
    """Read a run's folder.

    Raises:
        InputError: a file is missing, or is not what `irt-jax calibrate` writes.
    """
    about = read_json(folder / RUN_FILE)
    try:
        about["options"]["abilities"], about["options"]["method"], about["options"]["interval"]
        about["diagnostics"]["ok"], about["diagnostics"]["offenders"], about["log_likelihood"]
    except (KeyError, TypeError) as error:
        problem = f"Expected the run.json of irt-jax calibrate in {str(folder)!r}, found none: no {error}."
        raise InputError(problem, "Check the folder.") from None
    names = [ITEM, "model", "is_anchor", "calibrated", "n_responses", GROUP]
    names += [name + suffix for name in "abc" for suffix in ("", "_sd", "_lower", "_upper")]
    items = read_table(folder / ITEMS_FILE, names)
    digest = hashlib.sha256((folder / ITEMS_FILE).read_bytes()).hexdigest()
    return Run(folder, about, items, digest, read_drift(folder / DRIFT_FILE))


def read_table(file: Path, columns: list[str]) -> pa.Table:
    """Read some columns of a Parquet file.

    Raises:
        InputError: it cannot be read, a column is missing, or one of numbers holds none.
    """
    try:
        with pq.ParquetFile(file) as opened:
            missing = [name for name in columns if name not in opened.schema_arrow.names]
            if missing:
                problem = f"Expected the columns {', '.join(columns)} in {str(file)!r}, found no {', '.join(missing)}."
                raise InputError(problem, "Check the folder.")
            table = opened.read(columns)
    except (OSError, pa.ArrowException) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not a Parquet file"
        raise InputError(f"Cannot read {str(file)!r}: {reason}.", "Check the folder.") from None
    for name in columns:
        if NUMBERS.fullmatch(name):
            table = table.set_column(
                table.column_names.index(name), name, as_numbers(table[name], name, repr(str(file)))
            )
    return table


def read_drift(file: Path) -> pa.Table | None:
    """Read drift.parquet, where there is one; its metadata may hold the thresholds."""
    columns = [ITEM, "a_change", "b_change", "p_drift_a", "p_drift_b", "severity", "flagged"]
    return read_table(file, columns) if file.is_file() else None


def as_text(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids as text, as the staging tables hold them."""
    return ids.cast(pa.string())


class Rows(NamedTuple):
    """Rows for item_calibration.

    Attributes:
        table: `item` (text) and the columns of item_calibration; `method`.
        notes: items that were left out, one sentence each.
    """

    table: pa.Table
    notes: list[str]


def calibration_rows(run: Run, method: str, drift: pa.Table | None, forced: str | None) -> Rows:
    """Make the rows of a run.

    Items without an estimate of b, items that are not calibrated (too few responses), and copies of an item in several
    groups are left out. Interval limits are those of 95 %.

    Args:
        run: the run.
        method: its name in the database.
        drift: severities by item, or None.
        forced: why the run is loaded though its diagnostics failed.

    Raises:
        InputError: a model that the database does not know, or intervals that cannot be had.
    """
    items = run.items
    kept = pc.and_(items["calibrated"], pc.and_(finite(items["b"]), pc.is_null(items[GROUP])))
    notes = _left_out(items, method)
    other = items.filter(pc.and_(kept, pc.invert(pc.is_in(items["model"], pa.array(list(MODELS))))))
    if other.num_rows:
        shown = first_few(other[ITEM].slice(0, 5).to_pylist(), total=other.num_rows)
        names = ", ".join(pc.unique(other["model"]).to_pylist())
        problem = (
            f"The database knows 1PL, 2PL and 3PL, and the run in {str(run.folder)!r} has items of {names}: {shown}."
        )
        raise InputError(problem, "Load a run without them.")
    bounds = limits(run.folder, run.about, items)
    columns: dict[str, Any] = {"item": as_text(items[ITEM]), "method": pa.repeat(pa.scalar(method), items.num_rows)}
    columns["model"] = models(items["model"])
    for name in "abc":
        columns[f"{name}_hat"] = or_null(items[name])
        columns[f"{name}_ci_low"], columns[f"{name}_ci_high"] = (or_null(bound) for bound in bounds[name])
    columns["n_responses"] = items["n_responses"]
    columns["loglik"] = pa.repeat(pa.scalar(run.about["log_likelihood"], pa.float64()), items.num_rows)
    columns["converged"] = _converged(run)
    columns["drift_flag"] = _severities(items, drift)
    about = None if forced is None else json.dumps({"forced": forced})
    columns["dif_metadata"] = pa.repeat(pa.scalar(about, pa.string()), items.num_rows)
    return Rows(pa.table(columns).filter(kept), notes)


def finite(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether a value is there and finite."""
    return pc.fill_null(pc.is_finite(values.cast(pa.float64())), False)


def or_null(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null for what is not finite."""
    return pc.if_else(finite(values), values.cast(pa.float64()), pa.scalar(None, pa.float64()))


def models(names: pa.ChunkedArray) -> pa.ChunkedArray:
    """The database's names of models; null for those that it does not know."""
    return pa.array(list(MODELS.values())).take(pc.index_in(names, pa.array(list(MODELS))))


def _left_out(items: pa.Table, method: str) -> list[str]:
    copies = pc.is_valid(items[GROUP])
    none = pc.and_(pc.invert(copies), pc.invert(finite(items["b"])))
    rare = pc.and_(pc.invert(pc.or_(copies, none)), pc.invert(items["calibrated"]))
    said = []
    for which, what in (
        (none, "without an estimate"),
        (rare, "that are not calibrated (too few responses)"),
        (copies, "with parameters by group"),
    ):
        found = pc.unique(items[ITEM].filter(which)).to_pylist()
        if found:
            said.append(f"{method}: {len(found):,} items {what} are left out: {first_few(found)}.")
    return said


def _converged(run: Run) -> pa.Array:
    """Whether the diagnostics passed and the item is not among the offenders, named as in `b[q7]`."""
    named = {str(offender.get("parameter", "")) for offender in run.about["diagnostics"]["offenders"]}
    ids = run.items[ITEM].to_pylist()
    inside = {name.partition("[")[2].removesuffix("]") for name in named}
    return pa.array([run.ok and str(item) not in inside for item in ids])


def _severities(items: pa.Table, drift: pa.Table | None) -> pa.ChunkedArray | pa.Array:
    if drift is None:
        return pa.nulls(items.num_rows, pa.string())
    place = pc.index_in(as_text(items[ITEM]), as_text(drift[ITEM]).combine_chunks())
    return drift["severity"].cast(pa.string()).take(place)
