"""What a person reads of the job, on a terminal of 80 columns."""

import textwrap
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import ITEM
from irt_jax.errors import first_few
from irt_jax.monthly.job import Month
from irt_jax.report.drift import power_sentence
from irt_jax.runtime.terminal import shown

#: Words before the lines, and columns of the terminal.
INDENT, WIDTH = 11, 80


def lines(month: Month) -> Iterator[str]:
    """The job's result, line by line.

    Args:
        month: what the job found.
    """
    summary, counts = month.summary, month.summary["counts"]
    settings = summary["settings"]
    yield from _line("window", summary["window_label"])
    yield from _line(
        "data",
        f"{counts['persons']:,} persons, {counts['items']:,} items ({counts['anchors']:,} anchors), "
        f"{counts['responses']:,} responses",
    )
    yield from _line(
        "compare",
        f"{counts['differing']:,} items differ by more than {settings['threshold']:g} between "
        f"{', '.join(summary['methods'])}{_ids(month.promotion, 'methods differ')}",
    )
    if month.drift is None:
        yield from _line("drift", "no anchors, so none can drift")
    else:
        share = f"{counts['drifted']:,} of {month.drift.num_rows:,} anchors drifted"
        yield from _line("drift", share + _drifted(month.drift))
        if power := power_sentence(month.drift):
            yield from _line("", power)
    against = [f"{name} {count:,}" for name, count in counts["not_promoted"].items() if count]
    why = f"; not, and why: {', '.join(against)}" if against else ""
    yield from _line(
        "gate", f"{counts['promoted']:,} of {counts['items']:,} items promoted ({summary['primary']}){why}"
    )
    for text in [*summary["problems"], *summary["warnings"]]:
        yield from _line("note", text)
    names = sorted(path.name + ("/" if path.is_dir() else "") for path in month.folder.iterdir())
    yield from _line("files", f"{month.folder}: {', '.join(names)}")


def _line(name: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=name.ljust(INDENT), subsequent_indent=" " * INDENT)


def _ids(promotion: pa.Table, reason: str) -> str:
    """The first items that were held back for a reason."""
    lists = promotion["reasons"].combine_chunks()
    rows = pc.list_parent_indices(lists).filter(pc.equal(pc.list_flatten(lists), reason))
    return f": {first_few(promotion[ITEM].take(rows[:5]).to_pylist(), total=len(rows))}" if len(rows) else ""


def _drifted(table: pa.Table) -> str:
    """The anchors that drifted most, with how far and how sure."""
    rows = table.filter(pc.fill_null(table["flagged"], False))
    if not rows.num_rows:
        return ""
    ids = [
        f"{shown(row[ITEM])} (b {row['b_change']:+.2f} +- {row['b_change_sd']:.2f}, {row['severity']})"
        for row in rows.slice(0, 5).to_pylist()
    ]
    return f": {', '.join(ids)}" + (f" and {rows.num_rows - 5:,} more" if rows.num_rows > 5 else "")
