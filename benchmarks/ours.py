"""What our command line leaves in a run's folder, in the same form as the peers' outcome."""

import json
from pathlib import Path
from typing import Any

import numpy as np

ITEMS = ("a", "b")


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read `run.json` and the draws of `posterior.nc`, if there are any.

    Args:
        folder: what `irt-jax calibrate --out` wrote.

    Returns:
        The outcome, and draws (chain, draw, parameter) by name.
    """
    run = json.loads((folder / "run.json").read_text())
    verdict, timings, options = run["diagnostics"], run["timings"], run["options"]
    sampled = verdict.get("ess_bulk_min") is not None
    draws, steps = _draws(folder / "posterior.nc") if sampled else ({}, {})
    outcome = {
        **{name: timings.get(name) for name in ("import_s", "compile_s", "warmup_s", "sample_s", "mode_s")},
        "items": ITEMS,
        "warmup": options.get("warmup") if sampled else None,
        "leapfrog_warmup": steps.get("warmup_sample_stats"),
        "leapfrog_sample": steps.get("sample_stats"),
        "divergences": verdict.get("divergences"),
        "dtype": run.get("dtype", "float64"),
        "device": run.get("device"),
        "versions": run["versions"],
        "timings": timings,
        "ok": verdict.get("ok"),
        "quadrature_error": verdict.get("quadrature_error"),
    }
    return outcome, draws


def _draws(path: Path) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Draws of a, b and theta, and leapfrog steps by group of statistics."""
    import xarray as xr

    with xr.open_datatree(path, engine="h5netcdf") as tree:
        posterior = tree["posterior"]
        draws = {name: posterior[name].values for name in (*ITEMS, "theta") if name in posterior}
        groups = [name for name in ("warmup_sample_stats", "sample_stats") if name in tree]
        return draws, {name: int(tree[name]["n_steps"].sum()) for name in groups if "n_steps" in tree[name]}
