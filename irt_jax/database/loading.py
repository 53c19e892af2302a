"""A load: one transaction, one load at a time, nothing or all of it."""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
import pyarrow as pa
from psycopg import sql

from irt_jax.database.address import Address
from irt_jax.database.alerts import alert_rows
from irt_jax.database.connection import connect, table
from irt_jax.database.dif import differences, keep_differences
from irt_jax.database.runs import calibration_rows
from irt_jax.database.schema import check_tables, has_method
from irt_jax.database.source import Source, promoted_rows, refuse
from irt_jax.database.staging import Change, Target, merge, stage
from irt_jax.database.windows import Asked, Window, find_window
from irt_jax.errors import DatabaseError, UsageError
from irt_jax.runtime import signals

LOG = logging.getLogger("irt_jax.load")
WRITTEN = ("items", "windows", "item_calibration", "drift_alerts", "item_parameters_current")
ESTIMATES = tuple(name + suffix for suffix in ("_hat", "_ci_low", "_ci_high") for name in "abc")
CALIBRATION = ("model", *ESTIMATES, "n_responses", "loglik", "converged", "drift_flag", "dif_metadata")
ALERT = ("metric", "value", "threshold", "severity", "message")
CURRENT = ("model", "a", "b", "c", "a_se", "b_se", "c_se", "note")


class Wish(NamedTuple):
    """What is to be loaded.

    Attributes:
        window: as asked for.
        ids: "id_str", "id" or "auto": integers are items.id, text is items.id_str.
        promote: whether the bank's current parameters change.
        forced: why what was refused is loaded all the same; None where nothing is forced.
        dry_run: whether everything is rolled back at the end.
    """

    window: Asked
    ids: str = "auto"
    promote: bool = False
    forced: str | None = None
    dry_run: bool = False


class Loaded(NamedTuple):
    """What a load did, or would do.

    Attributes:
        window: where it went.
        methods: that were loaded.
        changes: by table.
        notes: what was left out, one sentence each.
    """

    window: Window
    methods: list[str]
    changes: list[Change]
    notes: list[str]


def load(address: Address, source: Source, wish: Wish) -> Loaded:
    """Load a run or a monthly folder.

    Args:
        address: of the database.
        source: what was read.
        wish: how.

    Raises:
        DiagnosticsError: a run that failed, or that the monthly gate refused, and nothing is forced.
        DatabaseError: the database says no; nothing was changed.
    """
    notes = [f"forced: {text}" for text in refuse(source, wish.forced)]
    if wish.window.label is None and source.label is not None:
        wish = wish._replace(window=wish.window._replace(label=source.label))
    elif source.label not in (None, wish.window.label) and wish.forced is None:
        problem = f"The folder is of the window {source.label!r}, not {wish.window.label!r}."
        raise UsageError(problem, "Correct --window-label, or --force REASON.")
    ids = wish.ids if wish.ids != "auto" else "id" if source.integer_ids else "id_str"
    with connect(address, "load") as connection:
        check_tables(connection, WRITTEN)
        _wait_for_others(connection)
        by_method = has_method(connection)
        if not by_method and len(source.runs) > 1:
            left = ", ".join(name for name in source.runs if name != source.primary)
            notes.append(
                f"item_calibration has no column method (--migrate adds it): {source.primary} is loaded, not {left}."
            )
            source = source.only(source.primary)
        done = _in_transaction(connection, source, wish, ids, by_method)
        if wish.dry_run:
            connection.rollback()
        else:
            _commit(connection)
    return done._replace(notes=notes + done.notes)


def _in_transaction(
    connection: psycopg.Connection[Any], source: Source, wish: Wish, ids: str, by_method: bool
) -> Loaded:
    window, change = _make_window(connection, wish.window)
    changes, notes = [change], []
    tables = []
    for name, run in source.runs.items():
        rows = calibration_rows(run, name, source.drift if name == source.primary else None, wish.forced)
        tables.append(rows.table)
        notes += rows.notes
    differing = differences(source.runs[source.primary])
    steps: list[tuple[Target, pa.Table, Callable[[Target], None] | None]] = [
        (
            calibration_target(window, by_method),
            pa.concat_tables(tables),
            lambda target: _keep_metadata(connection, target),
        ),
        (alert_target(window), alert_rows(source, differing), None),
    ]
    if wish.promote:
        steps.append((current_target(), promoted_rows(source, window.label, wish.forced), None))
    for target, rows, between in steps:
        LOG.info("staging %s", target.name)
        stage(connection, target, rows, ids)
        if between is not None:
            between(target)
        LOG.info("merging %s", target.name)
        changes.append(merge(connection, target))
    if differing:
        changes.append(keep_differences(connection, window, differing, ids))
    if not any(change.inserted + change.updated + change.unchanged for change in changes[1:]):
        raise DatabaseError("There is no item to load.", "Look at the run's items.parquet.")
    return Loaded(window, list(source.runs), changes, notes)


def _wait_for_others(connection: psycopg.Connection[Any]) -> None:
    key = "hashtextextended('irt_jax load', 0)"
    row = connection.execute(f"SELECT pg_try_advisory_xact_lock({key})").fetchone()
    if row is None or not row[0]:
        LOG.warning("another load is running; waiting for its end")
        connection.execute(f"SELECT pg_advisory_xact_lock({key})")


def _make_window(connection: psycopg.Connection[Any], asked: Asked) -> tuple[Window, Change]:
    LOG.info("finding the window")
    window = find_window(connection, asked, may_be_new=True)
    if window.id is not None:
        return window, Change("windows", 0, 0, 1, [])
    query = sql.SQL("INSERT INTO {} (label, start_at, end_at) VALUES (%s, %s, %s) RETURNING id").format(
        table("windows")
    )
    row = connection.execute(query, [window.label, window.start, window.end]).fetchone()
    return window._replace(id=row[0] if row else None), Change("windows", 1, 0, 0, [f"new: {window}"])


def _keep_metadata(connection: psycopg.Connection[Any], target: Target) -> None:
    """Keep what other programs wrote into dif_metadata; the reason of an earlier forced load goes."""
    query = (
        "UPDATE {} s SET dif_metadata = nullif((coalesce(t.dif_metadata, '{{}}'::jsonb) - 'forced') "
        "|| coalesce(s.dif_metadata, '{{}}'::jsonb), '{{}}'::jsonb) FROM {} t WHERE t.id = s.target_key"
    )
    connection.execute(sql.SQL(query).format(target.staged, table(target.name)))


def _commit(connection: psycopg.Connection[Any]) -> None:
    LOG.info("committing")
    try:
        with signals.held():  # once it has begun nobody knows what an end would leave
            connection.commit()
            signals.finished()
    except psycopg.OperationalError:
        problem = "The connection was lost while the load was being committed: it is there as a whole, or not at all."
        raise DatabaseError(problem, "Run it again; what is there already stays as it is.") from None
    LOG.info("committed")


def calibration_target(window: Window, by_method: bool) -> Target:
    """item_calibration: one row an item and window, and where the table can, a model and method."""
    matching = "t.item_id = s.item_id AND t.window_id = s.window_id"
    if by_method:
        matching += " AND t.model = s.model AND t.method = s.method"
    columns = (*CALIBRATION, "method") if by_method else CALIBRATION
    shown = ("method", "a_hat", "b_hat") if by_method else ("a_hat", "b_hat")
    return Target("item_calibration", "id", columns, {"window_id": window.id}, sql.SQL(matching), sql.SQL(""), shown)


def alert_target(window: Window) -> Target:
    """drift_alerts: one alert an item, window and metric."""
    matching = sql.SQL("t.item_id = s.item_id AND t.window_id = s.window_id AND t.metric = s.metric")
    shown = ("metric", "value", "severity")
    return Target("drift_alerts", "id", ALERT, {"window_id": window.id}, matching, sql.SQL(""), shown)


def current_target() -> Target:
    """item_parameters_current: one row an item, whose version counts its changes."""
    further = sql.SQL(", version = t.version + 1, effective_from = now(), updated_at = now()")
    matching = sql.SQL("t.item_id = s.item_id")
    return Target("item_parameters_current", "item_id", CURRENT, {}, matching, further, ("a", "b"))
