"""Kill commands at random moments, repeat them, and compare what they leave with undisturbed runs, byte by byte.

    python tests/attack/kill_runs.py --kills 120 --seed 0

Every other kill is a SIGTERM, every other one a SIGKILL. After each one the command is given again, from its checkpoint
where there is one; then the outputs must be those of the undisturbed run, nothing may lie beside them, and a file of
somebody else's must be as it was. The first runs fill the cache of compiled programs.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from irt_jax.study.simulate import simulate

#: Short blocks and many checkpoints, so that a short run has moments of every kind; set when signals are listened to.
COMMAND = """
from irt_jax import cli
from irt_jax.cli import process

def called(*given, **named):
    from irt_jax.inference.samplers import checkpoint, run
    run.BLOCK_SECONDS, checkpoint.EVERY_SECONDS = 0.1, 0.3
    return cli.app(*given, **named)

cli.run = lambda _, **how: process.run(called, **how)
cli.main()
"""
SHORT = ("--chains", "2", "--warmup", "30")
#: What differs between two runs of the same.
OF_TIME = ("timings", "metrics")
FOREIGN = ("thesis.txt", "mine, and nobody else's")
#: Interpreters that are not yet listening die of a signal; a shell says 143 of both.
ENDED = (128 + signal.SIGTERM, -signal.SIGTERM)


class Case(NamedTuple):
    """A command that is killed.

    Attributes:
        name: for the table.
        arguments: of the command, but for `--out`.
        resumes: whether it is given `--resume` where there is a checkpoint.
        replaces: whether an older run lies in its place.
    """

    name: str
    arguments: tuple[str, ...]
    resumes: bool = False
    replaces: bool = False


class Kill(NamedTuple):
    """A row of the table; `wrong` is empty where everything was as it should be."""

    case: str
    signal: str
    at: float
    code: int
    left: str
    wrong: str


class Killer:
    """Undisturbed runs in a folder, and kills beside them.

    Args:
        folder: empty.
        cases: names of `cases`, all where none is given.
    """

    def __init__(self, folder: Path, cases: tuple[str, ...] = ()) -> None:
        self.folder = folder
        simulate(60, 8, 6, anchor_items=3, seed=5).write(folder / "data")
        everything = list(_cases(folder / "data", folder / "undisturbed" / "mml"))
        self.cases = [case for case in everything if not cases or case.name in (*cases, "mml")]
        self.seconds: dict[str, float] = {}
        self.codes: dict[str, int] = {}
        for case in self.cases:
            for place in ("first", "undisturbed"):
                (folder / place).mkdir(exist_ok=True)
                started = time.monotonic()
                done = self.start(case, folder / place)
                errors = done.communicate()[1]
                self.seconds[case.name] = time.monotonic() - started
                self.codes[case.name] = done.returncode
                assert done.returncode in (0, 4), errors
        self.cases = [case for case in self.cases if not cases or case.name in cases]

    def start(self, case: Case, folder: Path, *more: str) -> subprocess.Popen[str]:
        """Begin a command whose output lies in a folder, under the case's name."""
        command = [sys.executable, "-c", COMMAND, *case.arguments, "--out", str(folder / case.name), *more]
        if case.replaces and not (folder / case.name).exists():
            shutil.copytree(self.folder / "undisturbed" / "mml", folder / case.name)
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def kill(self, case: Case, number: signal.Signals, at: float) -> Kill:
        """Kill a command after some seconds, repeat it, and compare."""
        folder = Path(tempfile.mkdtemp(prefix="kill-", dir=self.folder))
        (folder / FOREIGN[0]).write_text(FOREIGN[1])
        process = self.start(case, folder)
        try:
            process.wait(at)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        errors = process.communicate()[1]
        left = ", ".join(sorted({*os.listdir(folder)} - {FOREIGN[0]}))
        wrong = self._judge(case, number, folder, process.returncode, errors) or self._repeat(case, folder, errors)
        if not wrong:
            shutil.rmtree(folder)
        return Kill(case.name, number.name, at, process.returncode, left, wrong)

    def _judge(self, case: Case, number: int, folder: Path, code: int, errors: str) -> str:
        """What is wrong right after the kill."""
        complete = code == self.codes[case.name]
        if complete:
            return "" if self._same(case, folder) else f"ended with {code}, and its files are others"
        if code not in (ENDED if number == signal.SIGTERM else (-number,)):
            return f"ended with {code}: {errors[-500:]}"
        if code == 128 + signal.SIGTERM and "error: Interrupted. " not in errors:
            return f"said nothing: {errors[-500:]}"
        if "Traceback" in errors or "Exception ignored" in errors:
            return f"traceback: {errors[-1500:]}"
        if case.replaces and not (self._same(case, folder) or self._same(case, folder, "mml")):
            return "neither the old run nor the new one"
        return ""

    def _repeat(self, case: Case, folder: Path, errors: str) -> str:
        """What is wrong after the same command once more."""
        out, state = folder / case.name, folder / f"{case.name}.checkpoint" / "state.npz"
        if "--resume" in errors and not state.exists():
            return "told to --resume, and there is no checkpoint"
        if not self._same(case, folder) or case.replaces or case.name == "monthly":
            resume = ("--resume",) if case.resumes and state.exists() else ()
            process = self.start(case, folder, *resume)
            said = process.communicate()[1]
            if process.returncode != self.codes[case.name]:
                return f"repeated, it ends with {process.returncode}: {said[-500:]}"
        elif state.parent.exists() or list(folder.glob(".*")):
            # What was complete when it was killed is only refused now; what it left goes with the next that is written.
            process = self.start(case, folder, "--overwrite")
            process.communicate()
        if not out.exists() or not self._same(case, folder):
            return "repeated, its files are others"
        if sorted(os.listdir(folder)) != sorted([case.name, FOREIGN[0]]):
            return f"left over: {sorted(os.listdir(folder))}"
        if (folder / FOREIGN[0]).read_text() != FOREIGN[1]:
            return "somebody else's file is another"
        return ""

    def _same(self, case: Case, folder: Path, name: str = "") -> bool:
        one, other = folder / case.name, self.folder / "undisturbed" / (name or case.name)
        return _content(one) == _content(other)


def _cases(data: Path, run: Path) -> Iterator[Case]:
    responses, anchors = str(data / "responses.parquet"), ("--anchors", str(data / "anchors.parquet"))
    calibrate = ("calibrate", responses, "--quiet")
    yield Case("mml", (*calibrate, "--method", "mml"))
    yield Case("replaced", (*calibrate, "--method", "mml", *anchors, "--overwrite"), replaces=True)
    yield Case("hmc", (*calibrate, *SHORT, "--draws", "4000", "--ability-values", "0"), resumes=True)
    month = (
        "--third",
        "hmc",
        "--window-label",
        "2025-10 monthly",
        "--draws",
        "300",
        "--min-responses",
        "20",
        "--quiet",
    )
    yield Case("monthly", ("monthly", responses, *anchors, *month, *SHORT))
    yield Case("score", ("score", responses, "--items", str(run), "--plausible-values", "3"))


def _content(path: Path) -> dict[str, object]:
    """Files by name: bytes, or what JSON holds besides times; empty where there is nothing."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path.parent / path.name).as_posix(): _of_file(file) for file in files if _counts(file)}


def _counts(file: Path) -> bool:
    return file.suffix not in (".prom", ".png")


def _of_file(file: Path) -> object:
    if file.suffix != ".json":
        return file.read_bytes()
    return {name: value for name, value in json.loads(file.read_text()).items() if name not in OF_TIME}


def kills(killer: Killer, count: int, seed: int, told: Callable[[Kill], object] = lambda _: None) -> list[Kill]:
    """Kill so many commands, by turns with SIGTERM and SIGKILL, at moments up to a little beyond their end.

    Args:
        killer: with the undisturbed runs.
        count: of kills.
        seed: of the moments.
        told: called with each.
    """
    chance, found = random.Random(seed), []
    for turn in range(count):
        case = killer.cases[turn // 2 % len(killer.cases)]
        number = (signal.SIGTERM, signal.SIGKILL)[turn % 2]
        found.append(killer.kill(case, number, chance.uniform(0.0, 1.1) * killer.seconds[case.name]))
        told(found[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", nargs="*", default=[], help="of mml, replaced, hmc, monthly, score")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kill-runs-"))
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder / "programs"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    killer = Killer(folder / "runs", tuple(chosen.cases))
    print("undisturbed: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in killer.seconds.items()))
    print(f"{'':>4} {'case':<9}{'signal':<9}{'at':>6}{'exit':>6}  left behind")

    def tell(row: Kill) -> None:
        tell.count += 1  # type: ignore[attr-defined]
        print(f"{tell.count:>4} {row.case:<9}{row.signal:<9}{row.at:>6.2f}{row.code:>6}  {row.left}", flush=True)  # type: ignore[attr-defined]
        if row.wrong:
            print(f"     WRONG: {row.wrong}", flush=True)

    tell.count = 0  # type: ignore[attr-defined]
    found = kills(killer, chosen.kills, chosen.seed, tell)
    wrong = [row for row in found if row.wrong]
    for name in ("SIGTERM", "SIGKILL"):
        rows = [row for row in found if row.signal == name]
        codes = {code: sum(row.code == code for row in rows) for code in sorted({row.code for row in rows})}
        counted = ", ".join(f"{code} x {count}" for code, count in codes.items())
        print(f"{name}: {len(rows)} kills, exit codes {counted}; {sum(bool(row.wrong) for row in rows)} wrong")
    if wrong:
        print(f"what they left lies in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
