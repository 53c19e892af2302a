"""A picture of a comparison: differences in b and a, each against its own value, with the threshold's band."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from irt_jax.contract.names import ITEM
from irt_jax.data.write import write_bytes
from irt_jax.errors import UsageError
from irt_jax.linking.comparison.compare import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Flagged items that are named in each panel, those that differ most.
LABELS = 10
#: Names nearer to each other than these shares of a panel's width and height would overlap.
APART = (0.09, 0.05)
#: Colours that colour-blind readers tell apart (Okabe & Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def check_picture(path: Path | None = None) -> None:
    """Make sure that pictures can be made.

    Args:
        path: of the picture, whose suffix says what kind it is; None for none in particular.

    Raises:
        UsageError: matplotlib is not installed, or does not know the suffix.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError as error:
        raise UsageError(
            "A picture needs the package matplotlib.",
            "Install it: pip install 'irt-jax[plots]', or leave --picture out.",
        ) from error
    if path is not None and _kind(path) not in FigureCanvasAgg.get_supported_filetypes():
        raise UsageError(f"Expected a picture's suffix, found {path.suffix!r}.", "Use .png, .pdf or .svg.")


def _kind(path: Path) -> str:
    return path.suffix.lower().removeprefix(".") or "png"


def draw(found: Comparison, path: Path, *, overwrite: bool = False) -> None:
    """Draw the picture.

    Args:
        found: from `compare`.
        path: a PNG, PDF or SVG file by its suffix.
        overwrite: whether an existing file may be replaced.

    Raises:
        UsageError: matplotlib is not installed, or does not know the suffix.
        OutputError: the file exists or cannot be written.
    """
    check_picture(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(1, 2), ("b", "a"), strict=True):
        _panel(axes, found, name)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=_kind(path), dpi=130)
    write_bytes(path, drawn.getvalue(), overwrite=overwrite)


def _panel(axes: "Axes", found: Comparison, name: str) -> None:
    limit = found.threshold
    axes.axhspan(-limit, limit, color="0.93", zorder=0)
    axes.axhline(0.0, color="0.6", linewidth=0.8, zorder=1)
    low, high = -limit, limit
    for number, scale in enumerate(found.scales):
        rows = _of_pair(found.pairs, *scale.sides)
        value, difference = (_numbers(rows, column) for column in (f"{name}_1", f"{name}_difference"))
        flagged = np.abs(difference) > limit
        colour = COLOURS[number % len(COLOURS)]
        label = f"{scale.sides[1]} less {scale.sides[0]} ({int(flagged.sum()):,} of {np.isfinite(difference).sum():,})"
        axes.scatter(value[~flagged], difference[~flagged], s=14, color=colour, alpha=0.5, linewidths=0)
        axes.scatter(value[flagged], difference[flagged], s=26, color=colour, label=label, linewidths=0)
        low, high = float(np.nanmin(difference, initial=low)), float(np.nanmax(difference, initial=high))
        if np.isfinite(scale.shift) and name == "b":
            axes.axhline(scale.shift, color=colour, linewidth=1.0, linestyle=":")
    beyond = 0.12 * (high - low)
    axes.set_ylim(low - beyond, high + 2.0 * beyond)
    axes.margins(x=0.12)
    _name_worst(axes, found, name)
    axes.set_xlabel(f"{name} of the first side")
    axes.set_ylabel(f"difference in {name}")
    medians = "; dotted: median" if name == "b" else ""
    axes.set_title(f"{name}: grey band within {limit:g}{medians}", fontsize=10, loc="left")
    axes.legend(fontsize=8, loc="best", title="beyond the band", title_fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _name_worst(axes: "Axes", found: Comparison, name: str) -> None:
    """Ids beside the points that differ most, each item once."""
    rows = found.pairs
    difference = np.abs(_numbers(rows, f"{name}_difference"))
    order = [place for place in np.argsort(-np.nan_to_num(difference)) if difference[place] > found.threshold]
    named: dict[object, tuple[float, float]] = {}
    size = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
    for row in rows.take(pa.array(order[: 6 * LABELS], pa.int64())).to_pylist():
        at = row[f"{name}_1"] / size[0], row[f"{name}_difference"] / size[1]
        near = any(abs(at[0] - x) < APART[0] and abs(at[1] - y) < APART[1] for x, y in named.values())
        if row[ITEM] in named or near or len(named) == LABELS:
            continue
        named[row[ITEM]] = at
        text = str(row[ITEM])
        up = row[f"{name}_difference"] > 0
        axes.annotate(
            text if len(text) <= 16 else f"{text[:15]}…",
            (row[f"{name}_1"], row[f"{name}_difference"]),
            xytext=(0, 5 if up else -5),
            textcoords="offset points",
            ha="center",
            va="bottom" if up else "top",
            fontsize=8,
        )


def _of_pair(pairs: pa.Table, one: str, two: str) -> pa.Table:
    import pyarrow.compute as pc

    return pairs.filter(pc.and_(pc.equal(pairs["side_1"], one), pc.equal(pairs["side_2"], two)))


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), float)
