"""Lines as a table for the terminal, a table in Markdown, and a figure."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Line = dict[str, Any]


def seconds_of_work(line: Line) -> float:
    """Start-up, warm-up and sampling, without compilation."""
    return sum(line.get(name) or 0.0 for name in ("mode_s", "warmup_s", "sample_s"))


def number(digits: int = 0) -> Callable[[Any], str]:
    """Format a number; nothing for what is missing."""
    return lambda value: "" if value is None else f"{value:,.{digits}f}"


def short(value: float | None) -> str:
    """Three significant digits."""
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


#: Heading -> the line's value and its format.
COLUMNS: dict[str, tuple[Callable[[Line], Any], Callable[[Any], str]]] = {
    "wall s": (lambda line: line.get("wall_s"), number(1)),
    "compile": (lambda line: line.get("compile_s"), number(1)),
    "work s": (seconds_of_work, number(1)),
    "ESS": (lambda line: line.get("ess_min"), number()),
    "ESS/s": (lambda line: line.get("ess_min_per_second"), short),
    "R-hat": (lambda line: line.get("rhat_max"), number(3)),
    "MiB": (lambda line: line.get("peak_memory_mib"), number()),
}
MORE = {
    "bulk": (lambda line: line.get("ess_bulk_min"), number()),
    "tail": (lambda line: line.get("ess_tail_min"), number()),
    "ESS with abilities": (lambda line: line.get("ess_min_all"), number()),
    "ESS/gradient": (lambda line: line.get("ess_min_per_gradient"), number(4)),
    "divergences": (lambda line: line.get("divergences"), number()),
    "apart": (lambda line: line.get("means_apart_max_mcse"), number(1)),
}


def cells(line: Line, columns: dict) -> list[str]:
    """One row."""
    return [line["case"], line["engine"], *(form(value(line)) for value, form in columns.values())]


def complaints(lines: list[Line]) -> list[str]:
    """What went wrong, one sentence a run."""
    return [f"{line['case']}, {line['engine']}: {line['error']}" for line in lines if "error" in line]


def print_table(lines: list[Line], console: Console) -> None:
    """The table of at most 80 columns; work is start-up, warm-up and sampling."""
    table = Table(box=None, pad_edge=False)
    for heading in ("case", "engine"):
        table.add_column(heading, no_wrap=True)
    for heading in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        if "error" not in line:
            table.add_row(*cells(line, COLUMNS))
    console.print(table)
    for sentence in complaints(lines):
        console.print(sentence, markup=False, highlight=False)


def markdown(lines: list[Line]) -> str:
    """The table with all columns."""
    columns = COLUMNS | MORE
    rows = [["case", "engine", *columns], ["---", "---", *["---:"] * len(columns)]]
    rows += [cells(line, columns) for line in lines if "error" not in line]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([table, "", *(f"- {sentence}" for sentence in complaints(lines)), ""])


def draw(lines: list[Line], path: Path) -> None:
    """The figure: ESS a second for each case, and the growth of time with the number of responses."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rates = _collect(lines, "ess_min_per_second")
    walls = _collect([line for line in lines if line.get("simulated")], "wall_s", "responses")
    panels = sorted({case for case, _ in rates}, key=[line["case"] for line in lines].index)
    figure = Figure(figsize=(4.2 * (len(panels) + 1), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels) + 1, squeeze=False)[0]
    for axis, case in zip(axes, panels, strict=False):
        found = sorted((value, engine) for (of, engine), value in rates.items() if of == case)
        for row, (value, engine) in enumerate(found):
            axis.plot(value, row, "o", color="tab:orange" if engine.startswith("ours") else "tab:blue")
            axis.annotate(short(value), (value, row), (6, -3), textcoords="offset points", fontsize="small")
        axis.set(xscale="log", title=case, xlabel="ESS_min a second")
        axis.set_yticks(range(len(found)), [engine for _, engine in found])
        axis.grid(axis="x", alpha=0.3)
        axis.margins(x=0.25, y=0.15)
    for engine in dict.fromkeys(engine for _, engine in walls):
        points = sorted((size, value) for (size, of), value in walls.items() if of == engine)
        axes[-1].plot(*zip(*points, strict=True), marker="o", label=engine)
    axes[-1].set(xscale="log", yscale="log", title="growth", xlabel="responses", ylabel="seconds, start to files")
    if walls:
        axes[-1].legend(fontsize="small")
    figure.savefig(path, dpi=150)


def _collect(lines: list[Line], value: str, key: str = "case") -> dict[tuple[Any, str], float]:
    """Median over the repeats, by case (or another key) and engine."""
    found: dict[tuple[Any, str], list[float]] = {}
    for line in lines:
        if line.get(value) is not None and "error" not in line:
            found.setdefault((line[key], line["engine"]), []).append(line[value])
    return {at: median(values) for at, values in found.items()}
