"""A run's metrics in Prometheus's text format, for node_exporter's textfile collector.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4). Every sample carries `method`
and `abilities`, so that the runs of one month can lie in one file.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from irt_jax.data.write import check_file, write_text_file
from irt_jax.errors import OutputError
from irt_jax.runtime.stopwatch import STAGES


class Sample(NamedTuple):
    """One value.

    Attributes:
        name: of the metric, behind `irt_jax_`.
        value: None or NaN where there is none, and then no line.
        labels: besides method and abilities.
    """

    name: str
    value: float | int | None
    labels: Mapping[str, str] = {}


#: What each metric is; all are gauges, of the last run.
HELP = {
    "run_info": "Versions, model and device of the run; always 1.",
    "finished_timestamp_seconds": "When the run's files were written, in seconds since 1970.",
    "stage_seconds": "Wall-clock time of a stage of the run.",
    "run_seconds": "Wall-clock time from the start of the command until its files were written.",
    "responses": "Responses in the likelihood.",
    "persons": "Persons with a response.",
    "items": "Items with a response.",
    "anchors": "Anchors among the items.",
    "items_not_calibrated": "Items with fewer responses than --min-responses.",
    "dropped": "What was left out of the data, by reason.",
    "diagnostics_ok": "Whether the run's diagnostics are good: 1, or 0.",
    "problems": "Diagnostics that failed.",
    "rhat_max": "Largest split R-hat of a parameter.",
    "rhat_limit": "What R-hat may be at most.",
    "ess_bulk_min": "Smallest bulk effective sample size of a parameter, in draws.",
    "ess_tail_min": "Smallest tail effective sample size of a parameter, in draws.",
    "divergences": "Divergent transitions among the kept draws.",
    "bfmi_min": "Smallest Bayesian fraction of missing information of a chain.",
    "quadrature_error": "How far a finer grid of abilities would move the estimates, in posterior SDs.",
    "reliability": "Reliability of the persons' EAP abilities, 0 to 1.",
    "population_mean": "Estimated mean of the abilities.",
    "population_sd": "Estimated SD of the abilities.",
}
_BEGINNING = b"# HELP irt_jax_"
#: Diagnostics of draws, which point estimates do not have.
_OF_DRAWS = ("rhat_max", "rhat_limit", "ess_bulk_min", "ess_tail_min", "divergences", "bfmi_min")


def metrics_text(runs: Sequence[Mapping[str, Any]], finished: float | None = None) -> str:
    """Write the metrics of one run or of several, with a HELP and a TYPE line each.

    Args:
        runs: contents of run.json, of different methods.
        finished: seconds since 1970; now when None.
    """
    when = time.time() if finished is None else finished
    lines: dict[str, list[str]] = {name: [] for name in HELP}
    for run in runs:
        common = {name: str(run["options"][name]) for name in ("method", "abilities")}
        for name, value, labels in _samples(run, when):
            if value is not None and isfinite(value):
                lines[name].append(f"irt_jax_{name}{_labels({**common, **labels})} {_number(value)}")
    written = []
    for name, samples in lines.items():
        if samples:
            written += [f"# HELP irt_jax_{name} {_escape(HELP[name])}", f"# TYPE irt_jax_{name} gauge", *samples]
    return "\n".join(written) + "\n"


def write_metrics(path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
    """Write the metrics into one file, which appears whole or not at all.

    Args:
        path: in the textfile collector's folder, ending in `.prom`; an earlier run's file is replaced.
        runs: see `metrics_text`.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        write_text_file(path, metrics_text(runs))
    except OutputError as error:
        raise OutputError(
            f"{error.problem} The run itself is written.", "Its folder holds the same metrics."
        ) from error


def check_metrics(path: Path) -> None:
    """Refuse to replace a file that does not look like metrics, for nobody asked for that by --overwrite.

    Args:
        path: of the file.

    Raises:
        OutputError: it is another file.
    """
    check_file(path, overwrite=True, option="--metrics")
    with suppress(OSError):
        with path.open("rb") as file:
            beginning = file.read(len(_BEGINNING))
        if beginning.strip() and beginning != _BEGINNING:
            raise OutputError(f"{path} exists and is no file of metrics.", "Choose another --metrics, or remove it.")


def _samples(run: Mapping[str, Any], finished: float) -> Iterator[Sample]:
    counts, found, options = run["counts"], run["diagnostics"], run["options"]
    versions = {
        "version": run["versions"]["irt-jax"],
        "jax": run["versions"]["jax"],
        "python": run["versions"]["python"],
    }
    yield Sample("run_info", 1, {"model": str(options["model"]), "device": run["device"], **versions})
    yield Sample("finished_timestamp_seconds", finished)
    for stage in STAGES:
        yield Sample("stage_seconds", run["timings"][f"{stage}_s"], {"stage": stage})
    yield Sample("run_seconds", run["timings"]["total_s"])
    for name in ("responses", "persons", "items", "anchors"):
        yield Sample(name, counts[name])
    yield Sample("items_not_calibrated", counts["not_calibrated"])
    for reason, count in counts["dropped"].items():
        yield Sample("dropped", count, {"reason": reason})
    yield Sample("diagnostics_ok", int(found["ok"]))
    yield Sample("problems", len(found["problems"]))
    yield from _named(found, _OF_DRAWS if options["method"] != "mml" else ())
    yield from _named(found, ("quadrature_error",))
    yield from _named(run, ("reliability",))
    for name in ("mean", "sd"):
        yield Sample(f"population_{name}", run["population"][name])


def _named(values: Mapping[str, Any], names: Iterable[str]) -> Iterator[Sample]:
    for name in names:
        yield Sample(name, values[name])


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escape(value, quoted=True)}"' for name, value in labels.items()) + "}"


def _escape(text: str, *, quoted: bool = False) -> str:
    """Backslashes and line ends, and in labels quotation marks too."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quoted else text


def _number(value: float | int) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
