"""What a person sees of a comparison: the items that differ most, and how the sides relate."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from irt_jax.contract.names import ITEM
from irt_jax.errors import first_few
from irt_jax.linking.comparison.compare import Comparison
from irt_jax.linking.comparison.scale import Scale
from irt_jax.report.console import number
from irt_jax.runtime.terminal import shown


def print_comparison(console: Console, found: Comparison, *, rows: int) -> None:
    """Print the items that differ most, and a summary of each pair, in 80 columns.

    Args:
        console: where to.
        found: from `compare`.
        rows: of the table at most.
    """
    if rows:
        console.print(comparison_table(found, rows))
    for line in summary_lines(found):
        console.print(line)


def comparison_table(found: Comparison, rows: int) -> Table:
    """The items that differ most, each at its worst pair of sides.

    Args:
        found: from `compare`.
        rows: at most.
    """
    worst = found.pairs.filter(found.pairs["worst"])
    order = np.argsort(-_size(worst), kind="stable")[:rows]
    several = len(found.scales) > 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("item", overflow="ellipsis", max_width=14 if several else 20, no_wrap=True)
    if several:
        table.add_column("sides", overflow="ellipsis", max_width=14, no_wrap=True)
    for name in ("a", "diff.", "b", "diff.", "area", "z MC", "z post."):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in worst.take(order).to_pylist():
        of_b = abs(row["b_difference"] or 0.0) >= abs(row["a_difference"] or 0.0)
        which = "b" if of_b else "a"
        table.add_row(
            shown(row[ITEM]),
            *([f"{row['side_1']}, {row['side_2']}"] if several else []),
            number(row["a_1"], 2),
            number(row["a_difference"], signed=True),
            number(row["b_1"], 2),
            number(row["b_difference"], signed=True),
            number(row["area"]),
            number(row[f"{which}_z_monte_carlo"], 1),
            number(row[f"{which}_z_posterior"], 2),
            "*" if row["flagged"] else "",
        )
    left = worst.num_rows - len(order)
    if left:
        table.add_row(f"and {left:,} more")
    return table


def _size(worst: pa.Table) -> np.ndarray:
    names = ("a_difference", "b_difference", "thresholds_difference")
    sizes = np.abs([pc.fill_null(worst[name], 0.0).to_numpy() for name in names]).max(0)
    return sizes + 1e-6 * pc.fill_null(worst["area"], 0.0).to_numpy()


def summary_lines(found: Comparison) -> list[str]:
    """Each pair in a few sentences, items on one side only, and what the numbers are.

    Args:
        found: from `compare`.
    """
    lines = [line for scale in found.scales for line in _of_pair(scale, found.threshold)]
    lines += _one_sided(found)
    mean, sd = found.population
    lines.append(
        f"diff.: second less first side; * beyond {found.threshold:g}. area: between expected scores, as shares of the "
        f"largest, for abilities N({mean:.2g}, {sd:.2g}). z, of the larger difference: over Monte Carlo errors, and "
        "over posterior SDs. Sides with the same data share its noise: between methods z post. should be far below 1; "
        "it is no test."
    )
    return lines


def _of_pair(scale: Scale, threshold: float) -> list[str]:
    one, two = scale.sides
    only = [f"{count:,} only in {name}" for count, name in zip(scale.n_only, scale.sides, strict=True) if count]
    lines = [
        f"{one} and {two}: {scale.n_both:,} items in both{''.join(f', {text}' for text in only)}; "
        f"{scale.n_flagged:,} differ by more than {threshold:g} in a or b."
    ]
    if not np.isnan(scale.shift):
        lines.append(
            f"  scale: b of {two} {scale.shift:+.3f}, a times {scale.factor:.3f} (medians); mean/sigma b -> "
            f"{scale.slope:.3f} b {scale.intercept:+.3f}; correlation of b {scale.correlation:.4f}"
        )
    if scale.differs:
        lines.append(
            f"  {one} and {two} are not on one scale; on one, by the medians, {scale.n_without:,} items would differ. "
            "Nothing was taken out: link them by anchors, or convert one."
        )
    return lines


def _one_sided(found: Comparison) -> list[str]:
    alone = found.items.filter(pc.equal(found.items["n_sides"], 1))
    if not alone.num_rows:
        return []
    ids = first_few(alone[ITEM].slice(0, 5).to_pylist(), total=alone.num_rows)
    return [f"On one side only, without a difference: {ids}."]
