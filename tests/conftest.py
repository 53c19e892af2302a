import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

# Before JAX is imported: what is compiled is kept for the next run, and for a run on another interpreter.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "programs"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
# The same seed gives the same bytes on a GPU only if sums are taken in a fixed order.
if Path("/dev/nvidiactl").exists():
    os.environ.setdefault("XLA_FLAGS", "--xla_gpu_deterministic_ops=true")

import jax
import pytest
from support import limits, seeds

from irt_jax import cli
from irt_jax.runtime.devices import available_cores
from irt_jax.runtime.programs import free_programs
from irt_jax.study.simulate import Simulation, simulate

jax.config.update("jax_num_cpu_devices", available_cores())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed-shift", type=int, default=0, help="other seeds for the tests marked statistical")
    parser.addoption("--p-log", default=None, help="file to which their tail probabilities are added")


def pytest_configure(config: pytest.Config) -> None:
    seeds.shift, limits.log = config.getoption("--seed-shift"), config.getoption("--p-log")


@pytest.fixture(autouse=True)
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are for tests that are marked, hence counted."""
    monkeypatch.setattr(limits, "counted", request.node.get_closest_marker("statistical") is not None)
    monkeypatch.setattr(limits, "case", request.node.nodeid)
    monkeypatch.setattr(limits, "made", 0)


@pytest.fixture(autouse=True)
def few_programs() -> Iterator[None]:
    """Every compiled program holds memory maps, of which a process may have 65,530 on Linux; LLVM crashes without."""
    yield
    free_programs()


@pytest.fixture(scope="session")
def small() -> Simulation:
    """60 persons x 8 items, each person answers 6, two anchors."""
    return simulate(60, 8, 6, anchor_items=2, seed=5)


@pytest.fixture
def irt(monkeypatch, capsys):
    """Run the command in this process; exit code, standard output, standard error."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["irt-jax", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)
