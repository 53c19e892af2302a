from collections.abc import Iterator

import jax
import pytest

from irt_jax.engines.devices import available_cores
from irt_jax.study.simulate import Simulation, simulate

jax.config.update("jax_num_cpu_devices", available_cores())


@pytest.fixture(scope="module", autouse=True)
def forget_programs() -> Iterator[None]:
    """Every compiled program holds memory maps, of which a process may have 65,530 on Linux; LLVM crashes without."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def small() -> Simulation:
    """60 persons x 8 items, each person answers 6, two anchors."""
    return simulate(60, 8, 6, anchor_items=2, seed=5)
