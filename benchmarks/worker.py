"""A process that runs one Python peer: `python -m benchmarks.worker FOLDER`, with `job.json` in the folder."""

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402
from importlib import import_module  # noqa: E402
from importlib.metadata import PackageNotFoundError, version  # noqa: E402
from pathlib import Path  # noqa: E402
from platform import python_version  # noqa: E402

from benchmarks import inference_gym  # noqa: E402
from benchmarks.engines import ENGINES  # noqa: E402
from benchmarks.outcome import Outcome, Settings  # noqa: E402
from benchmarks.problem import read_problem  # noqa: E402


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Versions of Python and of installed packages."""
    found = {"python": python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    settings = Settings(*(job[name] for name in Settings._fields))
    in_the_gym = job["case"] == "inference_gym"
    program = None if in_the_gym else import_module(f"benchmarks.peers.{ENGINES[job['engine']].name}")
    import_s = time.perf_counter() - STARTED
    if program is None:
        in_gym = inference_gym.ENGINES[job["engine"]]
        outcome = Outcome(**in_gym(Path(job["data"]), settings.chains, settings.draws, settings.seed))
    else:
        outcome = program.run(read_problem(Path(job["data"])), settings)
    outcome.write(folder, import_s=import_s, versions=versions((*outcome.packages, "numpy", "scipy")))


if __name__ == "__main__":
    main()
