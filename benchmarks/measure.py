"""From a finished run to its line: effective sample sizes of all engines by the same functions.

Run as `python -m benchmarks.measure FOLDER` after the run's process has ended, so that none of this counts.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ours import read_run
from irt_jax.diagnostics import Summary, summary


def measure(folder: Path) -> dict[str, Any]:
    """One run's line, apart from what the suite knows itself.

    Args:
        folder: of the run, with `job.json` and either `run` (ours) or `outcome.json` (a peer).
    """
    job = json.loads((folder / "job.json").read_text())
    if (folder / "run").exists():
        outcome, draws = read_run(folder / "run")
    else:
        outcome = json.loads((folder / "outcome.json").read_text())
        draws = {name: np.load(folder / f"{name}.npy") for name in outcome.pop("draws")}
        outcome.pop("packages", None)
    items = outcome.pop("items")
    line = {name: round(value, 4) if isinstance(value, float) else value for name, value in outcome.items()}
    if not draws:
        return line
    chains, kept = next(iter(draws.values())).shape[:2]
    statistics = {name: summary(values) for name, values in draws.items()}
    line |= {"chains": chains, "draws": kept}
    line |= _worst([statistics[name] for name in items])
    if len(statistics) > len(items):
        line |= {f"{name}_all": value for name, value in _worst(list(statistics.values())).items()}
    line |= _rates(line)
    line |= _apart(folder, job, {name: (draws[name], statistics[name]) for name in items})
    if job["case"] == "inference_gym":
        from benchmarks.inference_gym import compare

        line |= compare(draws, outcome["leapfrog_sample"], Path(job["data"]))
    return line


def _worst(statistics: list[Summary]) -> dict[str, float]:
    bulk, tail = (float(min(np.min(s[field]) for s in statistics)) for field in (1, 2))
    rhat = max(float(np.max(s.rhat)) for s in statistics)
    ess = {"ess_bulk_min": bulk, "ess_tail_min": tail, "ess_min": min(bulk, tail)}
    return {**{name: round(value, 1) for name, value in ess.items()}, "rhat_max": round(rhat, 4)}


def _rates(line: dict[str, Any]) -> dict[str, float | None]:
    """ESS a second of start-up, warm-up and sampling, and a gradient, with and without the warm-up's."""
    seconds = sum(line.get(name) or 0.0 for name in ("mode_s", "warmup_s", "sample_s"))
    before, after = line.get("leapfrog_warmup"), line.get("leapfrog_sample")
    ess = line["ess_min"]
    return {
        "ess_min_per_second": round(ess / seconds, 3),
        "ess_min_per_gradient": after and round(ess / after, 5),
        "ess_min_per_gradient_with_warmup": None if before is None else round(ess / (before + after), 5),
    }


def _apart(folder: Path, job: dict[str, Any], items: dict[str, tuple[np.ndarray, Summary]]) -> dict[str, Any]:
    """How far the items' posterior means are from those of the case's first engine, in Monte Carlo errors."""
    mean = np.concatenate([draws.mean((0, 1)) for draws, _ in items.values()])
    error = np.concatenate([statistics.mcse_mean for _, statistics in items.values()])
    np.savez(folder / "means.npz", mean=mean, error=error)
    if not job.get("against"):
        return {}
    other = np.load(Path(job["against"]) / "means.npz")
    apart = np.abs(mean - other["mean"]) / np.hypot(error, other["error"])
    return {"means_apart_max_mcse": round(float(apart.max()), 2)}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1])), default=float))
