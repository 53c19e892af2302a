"""The suite's options, and what they choose."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks import cases, machine
from benchmarks.engines import ENGINES, missing
from benchmarks.inference_gym import ENGINES as IN_GYM

QUICK = {"chains": 2, "draws": 100, "warmup": 100}
OPTIONS = ("chains", "draws", "warmup")


class Plan(NamedTuple):
    """What to run.

    Attributes:
        runs: case, engine and repeat of each, in order.
        settings: chains, draws and warmup of each engine; None leaves the program's own default.
        options: further options of our command line.
        limit_s: seconds after which a run is stopped.
        gym: folder of the Inference Gym's files.
        result: folder for the lines, the table and the figure.
        figure: file of the figure.
    """

    runs: list[tuple[str, str, int]]
    settings: dict[str, dict[str, int | None]]
    options: list[str]
    limit_s: float
    gym: Path | None
    result: Path | None
    figure: Path


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*cases.CASES, *cases.SIMULATED]
    made.add_argument("--cases", nargs="+", choices=names, metavar="CASE", help=f"of: {', '.join(names)}")
    made.add_argument("--engines", nargs="+", choices=ENGINES, metavar="ENGINE", help=f"of: {', '.join(ENGINES)}")
    made.add_argument("--repeat", type=int, default=1, help="runs of each engine on each case, with seeds 0, 1, ...")
    made.add_argument("--data", type=Path, help="folder with the Inference Gym's files")
    made.add_argument("--result", type=Path, help="folder for lines.jsonl, table.md and figure.png")
    made.add_argument("--figure", type=Path, default=Path("benchmark.png"), help="the figure, without --result")
    made.add_argument("--limit-s", type=float, default=1800.0, help="a run is stopped after so many seconds")
    for name in OPTIONS:
        made.add_argument(f"--{name}", nargs="+", default=[], type=_setting, metavar="ENGINE=NUMBER")
    made.add_argument("--options", default="", help="further options of irt-jax calibrate, for all of our engines")
    made.add_argument("--quick", action="store_true", help="a tiny problem and few draws")
    return made


def plan(given: argparse.Namespace) -> Plan:
    """Everything to run; what cannot run is left out, with a line that says why."""
    if "inference_gym" in (given.cases or ()) and given.data is None:
        sys.exit("error: the case inference_gym needs --data FOLDER with its files.")
    if given.quick:
        wanted, engines = given.cases or ["quick"], given.engines or ["ours_nuts", "numpyro"]
    else:
        wanted = given.cases or [name for name in cases.CASES if name != "inference_gym" or given.data]
        engines = given.engines or list(ENGINES)
    usable = [name for name in engines if not _left_out(name)]
    runs = [
        (case, engine, repeat)
        for case in cases.expand(wanted)
        for repeat in range(given.repeat)
        for engine in usable
        if applies(case, engine)
    ]
    settings = {name: _settings(name, given) for name in usable}
    figure = given.result / "figure.png" if given.result else given.figure
    return Plan(runs, settings, shlex.split(given.options), given.limit_s, given.data, given.result, figure)


def applies(case: str, engine: str) -> bool:
    """Whether an engine takes part in a case."""
    if case == "inference_gym":
        return engine in IN_GYM
    return ENGINES[engine].kind == "ours" or not cases.too_large_for_peers(case)


def job(case: str, engine: str, repeat: int, data: Path, plan: Plan) -> dict[str, object]:
    """What a run's process is told, and the first part of its line."""
    return {
        "case": case,
        "engine": engine,
        "repeat": repeat,
        "data": str(data),
        "seed": repeat,
        "cores": machine.cores(),
        **plan.settings[engine],
        "options": plan.options if ENGINES[engine].kind == "ours" else [],
    }


def _setting(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in ENGINES or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"expected ENGINE=NUMBER, such as pymc=2000, found {text!r}")
    return name, int(number)


def _settings(engine: str, given: argparse.Namespace) -> dict[str, int | None]:
    estimates = not ENGINES[engine].samples
    defaults = {} if estimates else ENGINES[engine].settings | (QUICK if given.quick else {})
    return {name: dict(getattr(given, name)).get(engine, defaults.get(name)) for name in OPTIONS}


def _left_out(engine: str) -> bool:
    reason = missing(engine)
    if reason:
        print(f"{engine} is left out: {reason}", file=sys.stderr)
    return reason is not None
