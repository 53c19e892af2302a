"""The engines: how to tell whether one is installed, what it is told, and the command of its process."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from irt_jax.contract.options import METHODS

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
#: The mission's priors and population, to the letter.
OUR_OPTIONS = ("--priors", "mission", "--population", "fixed", "--quiet")
#: Exit code of a run whose files are written but whose diagnostics failed.
DIAGNOSTICS_FAILED = 4


class Engine(NamedTuple):
    """One program.

    Attributes:
        kind: "ours", "python" or "r".
        name: of our method, of the Python module in `peers`, or of the R package.
        needs: the package that must be there; for ours, the way it treats abilities.
        settings: chains, draws and warmup, where the program's own defaults are not taken.
        samples: whether it draws; otherwise it estimates.
    """

    kind: str
    name: str
    needs: str
    settings: Mapping[str, int]
    samples: bool = True


FOUR = {"chains": 4}
ENGINES = {
    "ours_hmc": Engine("ours", "hmc", "marginal", {}),
    "ours_nuts": Engine("ours", "nuts", "marginal", {}),
    "ours_mml": Engine("ours", "mml", "marginal", {}, samples=False),
    "ours_joint": Engine("ours", "nuts", "joint", {"chains": 4, "draws": 1000, "warmup": 1000}),
    "numpyro": Engine("python", "by_numpyro", "numpyro", FOUR),
    "nutpie": Engine("python", "by_nutpie", "nutpie", FOUR),
    "pymc": Engine("python", "by_pymc", "pymc", FOUR),
    "stan": Engine("python", "by_pystan", "stan", FOUR),
    "cmdstan": Engine("python", "by_cmdstan", "cmdstanpy", FOUR),
    "rstan": Engine("r", "rstan", "rstan", FOUR),
    "brms": Engine("r", "brms", "brms", FOUR),
    "mirt": Engine("r", "mirt", "mirt", {}, samples=False),
}


def missing(name: str) -> str | None:
    """Why an engine cannot run here; None where it can."""
    engine = ENGINES[name]
    if engine.kind == "ours":
        return None if engine.name in METHODS else f"irt-jax has no --method {engine.name}"
    if engine.kind == "r":
        if shutil.which("Rscript") is None:
            return "R is not installed"
        probe = ["Rscript", "-e", f"quit(status = !requireNamespace('{engine.needs}', quietly = TRUE))"]
        return None if _succeeds(probe) else f"the R package {engine.needs} is not installed"
    if find_spec(engine.needs) is None:
        return f"the package {engine.needs} is not installed"
    if name == "cmdstan" and not _succeeds([sys.executable, "-c", "import cmdstanpy; cmdstanpy.cmdstan_path()"]):
        return "CmdStan is not installed"
    return None


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def command(job: dict[str, Any], folder: Path) -> list[str]:
    """The command of a run's process.

    Args:
        job: case, engine, data (folder), seed, cores, chains, draws, warmup (None: the program's default), options.
        folder: of the run; `job.json` is written into it.
    """
    (folder / "job.json").write_text(json.dumps(job))
    engine = ENGINES[job["engine"]]
    if job["case"] == "inference_gym" or engine.kind == "python":
        return [sys.executable, "-m", "benchmarks.worker", str(folder)]
    if engine.kind == "r":
        numbers = ["NA" if job[name] is None else str(job[name]) for name in ("chains", "draws", "warmup")]
        script = PEERS / f"{engine.name}.R"
        return [
            "Rscript",
            str(script),
            str(PEERS),
            job["data"],
            str(folder),
            str(job["seed"]),
            str(job["cores"]),
            *numbers,
        ]
    data = Path(job["data"])
    words = [sys.executable, "-m", "irt_jax.cli", "calibrate", str(data / "responses.parquet"), *OUR_OPTIONS]
    words += ["--method", engine.name, "--abilities", engine.needs, "--out", str(folder / "run")]
    words += ["--seed", str(job["seed"])]
    if (data / "anchors.parquet").exists():
        words += ["--anchors", str(data / "anchors.parquet")]
    for option in ("chains", "draws", "warmup"):
        if job[option] is not None:
            words += [f"--{option}", str(job[option])]
    return [*words, *job["options"]]
