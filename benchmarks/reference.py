"""The reference problem from process start to files: 5,000 persons, 500 items (50 anchors), 100,000 responses.

    python benchmarks/reference.py [--options "--draws 1000"] [--result benchmarks/results/NAME.json]

Prints one JSON line: sizes, options, device, versions, date, seconds by stage (compilation apart), wall
clock from process start to files, peak memory, ESS (the smaller of bulk and tail, over all a, b, theta).
"""

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

SIZES = {"persons": 5000, "items": 500, "per_person": 20, "anchor_items": 50, "seed": 1}


def simulate(folder: Path) -> None:
    options = [part for name, value in SIZES.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    subprocess.run([sys.executable, "-m", "irt_jax.cli", "simulate", *options, "--out", folder], check=True)


def calibrate(data: Path, out: Path, options: list[str]) -> dict[str, object]:
    command = [sys.executable, "-m", "irt_jax.cli", "calibrate", data / "responses.parquet"]
    command += ["--anchors", data / "anchors.parquet", "--out", out, *options]
    started = time.perf_counter()
    code = subprocess.run(command, check=False).returncode
    wall = time.perf_counter() - started
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"exit_code": code, "wall_s": round(wall, 2), "peak_memory_mib": round(peak_kib / 1024)}


def result(run: dict, measured: dict[str, object]) -> dict[str, object]:
    verdict, timings = run["diagnostics"], run["timings"]
    ess = min(verdict["ess_bulk_min"], verdict["ess_tail_min"])
    seconds = timings["warmup_s"] + timings["sample_s"]
    return {
        "case": "reference problem",
        "date": datetime.now(UTC).date().isoformat(),
        "sizes": SIZES,
        "options": run["options"],
        "device": run["device"],
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": run["versions"],
        "timings": timings,
        **measured,
        "ess_bulk_min": round(verdict["ess_bulk_min"], 1),
        "ess_tail_min": round(verdict["ess_tail_min"], 1),
        "ess_min_per_second": round(ess / seconds, 3),
        "rhat_max": round(verdict["rhat_max"], 4),
        "divergences": verdict["divergences"],
        "ok": verdict["ok"],
    }


def processor() -> str:
    """Name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--options", default="", help="further options of irt-jax calibrate")
    parser.add_argument("--result", type=Path, help="file to write, besides the line that is printed")
    arguments = parser.parse_args()
    options = ["--priors", "mission", "--population", "fixed", *shlex.split(arguments.options)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder / "data")
        measured = calibrate(folder / "data", folder / "run", options)
        line = result(json.loads((folder / "run" / "run.json").read_text()), measured)
    print(json.dumps(line))
    if arguments.result:
        arguments.result.write_text(json.dumps(line, indent=2) + "\n")


if __name__ == "__main__":
    main()
