"""What a person sees of drift: the likeliest anchors, and what cannot be seen."""

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from irt_jax.contract.names import ITEM
from irt_jax.linking.drift.drift import POWER, Drift
from irt_jax.report.console import number
from irt_jax.runtime.terminal import shown


def print_drift(console: Console, found: Drift, *, rows: int) -> None:
    """Print the likeliest drifters and a summary, in 80 columns.

    Args:
        console: where to.
        found: from `drift`.
        rows: of the table at most.
    """
    console.print(drift_table(found, rows))
    for line in summary_lines(found):
        console.print(line)


def drift_table(found: Drift, rows: int) -> Table:
    """The likeliest drifters, the likeliest first.

    Args:
        found: from `drift`.
        rows: at most.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("anchor", overflow="ellipsis", max_width=18, no_wrap=True)
    for name in ("n", "a change", "sd", "b change", "sd", "P(a)", "P(b)", "severity"):
        table.add_column(name, justify="right", no_wrap=True)
    chance = np.nan_to_num(found.table["p_drift"].to_numpy(zero_copy_only=False), nan=-1.0)
    order = np.argsort(-chance, kind="stable")[:rows]
    for row in found.table.take(order).to_pylist():
        changes = [number(row["a_change"], 2, signed=True), number(row["a_change_sd"], 2)]
        changes += [number(row["b_change"], 2, signed=True), number(row["b_change_sd"], 2)]
        severity = row["severity"] or ("" if row["reason"] is None else "not known")
        table.add_row(
            shown(row[ITEM]),
            f"{row['n_responses']:,}",
            *changes,
            number(row["p_drift_a"], 2),
            number(row["p_drift_b"], 2),
            severity,
        )
    left = found.table.num_rows - len(order)
    if left:
        table.add_row(f"and {left:,} more")
    return table


def summary_lines(found: Drift) -> list[str]:
    """How many drifted, what could have been found, and what cannot be seen.

    Args:
        found: from `drift`.
    """
    table = found.table.to_pandas()
    counts = table.severity.value_counts()
    levels = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("high", "medium", "low"))
    known = table[table.reason.isna()]
    lines = [
        f"{int(table.flagged.sum()):,} of {len(table):,} anchors flagged ({levels}); expected share of false ones "
        f"among them {found.fdr:g}. P(a), P(b): of a change beyond {found.threshold_a:g}, {found.threshold_b:g}."
    ]
    if len(known) < len(table):
        lines.append(f"{len(table) - len(known):,} anchors have no estimate of their own: see `reason`.")
    if not len(known):
        return lines
    lines.append(
        f"Share of anchors that have changed: {found.share[0]:.2f} +- {found.share[1]:.2f}. By those that seem "
        f"sound the run's linking was off by {found.shift[0]:+.2f} +- {found.shift[1]:.2f} in b; that is taken out."
    )
    lines.append(power_sentence(found.table))
    lines.append("A shift that all anchors share cannot be told from a population that moved: it is taken for that.")
    return lines


def power_sentence(table: pa.Table) -> str:
    """How little the number of responses can show; empty where no anchor has an estimate of its own.

    Args:
        table: drift.parquet.
    """
    known = table.filter(table["reason"].is_null()).select(["n_responses", "b_change_sd", "b_detectable"]).to_pandas()
    if not len(known):
        return ""
    least = known.b_detectable.median()
    finds = "none below 6" if np.isnan(least) else f"{least:.2f} and more"
    return (
        f"Power: at {known.n_responses.median():,.0f} responses (the median) a change of b has an error of "
        f"{known.b_change_sd.median():.2f}; changes of {finds} are found with {POWER:.0%} power, smaller ones less "
        "often."
    )
