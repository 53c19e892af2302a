"""Our engines and other programs on the same data in the same run.

    python -m benchmarks [--cases reference lsat7 ...] [--engines ours_nuts pymc ...] [--result FOLDER]

Prints one JSON line a run, then a table, and draws a figure; benchmarks/README.md says what is compared.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import arguments, cases, machine
from benchmarks.engines import DIAGNOSTICS_FAILED, ENGINES, ROOT, command
from benchmarks.launch import last_words, launch


class Suite:
    """Runs one after the other, each in a process of its own; this process stays small.

    A process inherits the peak memory of the one that starts it, so neither data nor draws are loaded here.
    """

    def __init__(self, plan: arguments.Plan, work: Path) -> None:
        self._plan = plan
        self._work = work
        self._first: dict[str, str] = {}

    def data(self, case: str) -> Path:
        """The folder of a case's data, made at the first call."""
        if case == "inference_gym":
            return self._plan.gym.resolve()
        folder = self._work / case / "data"
        if not folder.exists():
            folder.mkdir(parents=True)
            subprocess.run([sys.executable, "-m", "benchmarks.cases", case, folder], cwd=ROOT, check=True)
        return folder

    def run(self, case: str, engine: str, repeat: int) -> dict[str, Any]:
        """Run an engine and measure what it left."""
        folder = self._work / case / f"{engine}_{repeat}"
        folder.mkdir(parents=True)
        data = self.data(case)
        job = arguments.job(case, engine, repeat, data, self._plan) | {"against": self._first.get(case)}
        ended = launch(command(job, folder), folder, ROOT, self._plan.limit_s)
        line = {
            **{name: job[name] for name in ("case", "engine", "repeat", "seed", "cores", "options")},
            "threads": machine.cores(),
            "device": "cpu",
            "date": datetime.now(UTC).date().isoformat(),
            "processor": machine.processor(),
            "simulated": case in cases.SIMULATED,
            **cases.counts(case, data),
            "wall_s": round(ended.wall_s, 2),
            "peak_memory_mib": ended.peak_memory_mib,
        }
        if ended.over_limit:
            return {**line, "error": f"over the limit of {self._plan.limit_s:g} s"}
        if ended.code not in ((0, DIAGNOSTICS_FAILED) if ENGINES[engine].kind == "ours" else (0,)):
            return {**line, "error": f"exit code {ended.code}: {last_words(folder)}"}
        measured = subprocess.run(
            [sys.executable, "-m", "benchmarks.measure", folder], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        line |= json.loads(measured.stdout)
        if "ess_min" in line:
            self._first.setdefault(case, str(folder))
            line["apart_from"] = Path(self._first[case]).name
            line["ess_min_per_wall_second"] = round(line["ess_min"] / ended.wall_s, 3)
        _tidy(folder)
        return line


def _tidy(folder: Path) -> None:
    """Remove what takes room: draws, caches, the run's files."""
    for draws in folder.glob("*.npy"):
        draws.unlink()
    for name in ("run", "cache"):
        shutil.rmtree(folder / name, ignore_errors=True)


def main() -> None:
    # An exit, unlike the default, stops the run in progress too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = arguments.plan(arguments.parser(__doc__).parse_args())
    lines = []
    with tempfile.TemporaryDirectory() as name:
        suite = Suite(plan, Path(name))
        for run in plan.runs:
            lines.append(suite.run(*run))
            print(json.dumps(lines[-1]), flush=True)
            if plan.result:
                plan.result.mkdir(parents=True, exist_ok=True)
                with (plan.result / "lines.jsonl").open("w" if len(lines) == 1 else "a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    report(lines, plan)


def report(lines: list[dict[str, Any]], plan: arguments.Plan) -> None:
    """Print the table, write it and the figure."""
    from rich.console import Console

    from benchmarks.report import draw, markdown, print_table

    print_table(lines, Console())
    if plan.result:
        (plan.result / "table.md").write_text(markdown(lines))
    if find_spec("matplotlib") is None:
        print("No figure: matplotlib is not installed.", file=sys.stderr)
    else:
        draw(lines, plan.figure)


if __name__ == "__main__":
    main()
