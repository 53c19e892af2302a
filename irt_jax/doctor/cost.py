"""What a calibration will cost in time and memory, from formulas fitted to measured runs.

Each constant stands beside where it comes from. "Records" are those of `benchmarks/results`: two cores of an AMD EPYC,
and one H200 beside 16 cores. They agree with the formulas within a factor of 2 in time and in memory, from 5,000 to
10,000,000 responses, which `tests/doctor/test_cost.py` holds them to; other processors differ as they do.

Runs whose population is learned (by default: those with anchors) need a wider grid and each anchor's estimate without
its own prior. Their constants are from runs of 1e4 to 1e6 responses on a busy machine (`learned_2cores`), whose seconds
of processor time were divided by `BUSY`: expect a factor of 2, and beyond 1e6 responses of 3. They were not measured
on a GPU, and are taken to cost the same factors more there. So does each category beyond two, which is a guess: a table
has that many rows more.
"""

from typing import NamedTuple

METHODS = ("mml", "hmc", "joint")
MIB = 2**20
#: Processor seconds on the busy machine for each second on a quiet one: the reference problem by mml and by hmc there,
#: 17 and 53 s (learned_2cores), against 9 and 27 s (the record of the reference problem then).
BUSY = 1.9


class Size(NamedTuple):
    """What a calibration's cost depends on.

    Attributes:
        persons: with a response.
        items: with a response.
        responses: in the likelihood.
        categories: of the item that has most, 2 for right and wrong.
        learned: whether the population is, as it is with anchors or several groups.
        nodes: of the grid, see `irt_jax.doctor.expected_grid`; those of the reference problem by default.
    """

    persons: int
    items: int
    responses: int
    categories: int = 2
    learned: bool = False
    nodes: int = 20

    @property
    def cells(self) -> float:
        """Log-probabilities of the table of all items, categories and nodes, halved."""
        return self.items * self.nodes * self.categories / 2


class Sampling(NamedTuple):
    """Chains and iterations, the defaults of `calibrate` where nothing else is given."""

    chains: int
    draws: int
    warmup: int


class Cost(NamedTuple):
    """What to expect.

    Attributes:
        seconds: from the start of the process to the files.
        compile_s: of these, compilation, with an empty cache; a second run of the same shapes saves most of it.
        memory: peak of the process's main memory, bytes.
    """

    seconds: float
    compile_s: float
    memory: float


#: Seconds before anything is read: Python and imports. Records: total less its stages, and import_s.
START = {"cpu": 2.0, "gpu": 4.3}
#: Seconds of compilation by method. Records: compile_s; joint: reference_joint_nuts.
COMPILE = {"cpu": {"mml": 8.5, "hmc": 13.5, "joint": 4.7}, "gpu": {"mml": 19.0, "hmc": 25.0}}
#: The same where the population is learned, more by these factors; learned_2cores.
COMPILE_LEARNED = {"mml": 1.7, "hmc": 1.6, "joint": 1.3}
#: Seconds a response of mml, all stages but compilation; sizes_2cores and sizes_h200, 1e7 responses.
MML_RESPONSE = {"cpu": 2.2e-6, "gpu": 1.5e-6}
#: Seconds of mml for each cell of the table, which counts where items are many or records long; 3,162 persons x 20,245
#: items x 320 responses (80 nodes), 1,422 x 703 x 703 (112) and 10,000 x 5,000 x 100 (40), without anchors.
MML_CELL = {"cpu": 6.8e-6, "gpu": 1.5e-6}
#: Seconds of mml that do not depend on the data; sizes_2cores, 1e4 responses, and reference_h200.
MML_FIXED = {"cpu": 2.5, "gpu": 5.0}
#: A response costs mml more by this factor where the population is learned: the wider grid, and anchors without their
#: priors; learned_2cores, 1e6 responses.
MML_LEARNED = 17.0
#: Seconds a response and gradient of one chain on one core; reference_2cores (5.8 s, about 9,900 gradients, two cores).
GRADIENT_CORE = 1.1e-8
#: Seconds a cell, gradient and chain on one core, besides; the same three.
GRADIENT_CELL = 9e-8
#: On a GPU all chains advance together: seconds a gradient, and more for each response; reference and sizes_h200.
GRADIENT_GPU = (2.1e-5, 8.5e-11)
#: Gradients of hmc cost this much more where the population is learned; learned_2cores, 1e5 responses.
GRADIENT_LEARNED = 2.6
#: Gradients of a trajectory for 500 items and fewer; they grow with dimension ** (1 / 4) (Beskos et al. 2013,
#: Bernoulli 19). Records: 3.1 for 500 items, 4.1 for 5,000.
STEPS, STEPS_ITEMS = 3.1, 500
#: Seconds of finding the mode for hmc, and for each response; reference_2cores, reference and sizes_h200.
MODE = {"cpu": (0.6, 3e-6), "gpu": (3.5, 7.5e-7)}
#: Seconds of summaries that do not depend on the data, and for each draw of a parameter; short_ and reference_2cores,
#: and sizes_h200, whose host has more cores.
SUMMARY = {"cpu": (1.3, 4.7e-7), "gpu": (2.5, 2.5e-7)}
#: Seconds an iteration, response and chain of joint NUTS on one core; reference_joint_nuts (578 s, two chains a core).
JOINT_CORE = 9.6e-7
#: Bytes that do not depend on the data. Records: peak_memory_mib.
MEMORY = {
    "cpu": {"mml": 560 * MIB, "hmc": 740 * MIB, "joint": 600 * MIB},
    "gpu": {"mml": 4600 * MIB, "hmc": 4800 * MIB},
}
#: More of them where the population is learned; learned_2cores.
MEMORY_LEARNED = {"mml": 190 * MIB, "hmc": 200 * MIB, "joint": 200 * MIB}
#: Bytes a response, and where the population is learned; sizes_2cores (1e7) and learned_2cores (1e6 responses).
MEMORY_RESPONSE = {"mml": (120, 430), "hmc": (450, 1000), "joint": (450, 1000)}
#: Bytes a cell of the table: of all chains' gradients for hmc; 3,162 x 20,245 x 320.
MEMORY_CELL = {"mml": 165, "hmc": 1200, "joint": 0}
#: Copies of the draws that are held at the end. Records: hmc of 1e6 responses on an H200, and reference_joint_nuts.
COPIES = {"hmc": 4.0, "joint": 7.0}


def expected(method: str, size: Size, sampling: Sampling | None, *, cores: int, gpu: bool = False) -> Cost | None:
    """Time and memory of a calibration of items with one discrimination and one difficulty or a few.

    Args:
        method: one of `METHODS`: mml; hmc with the abilities integrated out; NUTS with them sampled too.
        size: of the data.
        sampling: chains and iterations; None for mml.
        cores: CPU cores.
        gpu: on a GPU such as the H200 of the records.

    Returns:
        The cost; None where nothing was measured that it could be taken from (joint on a GPU).
    """
    device, learned = "gpu" if gpu else "cpu", size.learned
    if method not in COMPILE[device]:
        return None
    compiling = COMPILE[device][method] * (COMPILE_LEARNED[method] if learned else 1.0)
    memory = float(MEMORY[device][method] + (MEMORY_LEARNED[method] if learned else 0))
    memory += size.responses * MEMORY_RESPONSE[method][learned] * size.categories / 2
    memory += MEMORY_CELL[method] * size.cells
    work = {"mml": _mml, "hmc": _hmc, "joint": _joint}[method](size, sampling, cores, device)
    if sampling is not None:
        parameters = size.items * size.categories + (size.persons if method == "joint" else 0)
        values = sampling.chains * sampling.draws * parameters
        memory += 8 * COPIES[method] * values
        fixed, each = SUMMARY[device]
        work += fixed + each * values
    return Cost(START[device] + compiling + work, compiling, memory)


def _mml(size: Size, _: Sampling | None, __: int, device: str) -> float:
    each = MML_RESPONSE[device] * (MML_LEARNED if size.learned else 1.0)
    return MML_FIXED[device] + each * size.responses * size.categories / 2 + MML_CELL[device] * size.cells


def _hmc(size: Size, sampling: Sampling | None, cores: int, device: str) -> float:
    assert sampling is not None
    steps = STEPS * max(1.0, size.items / STEPS_ITEMS) ** 0.25
    gradients = (sampling.draws + sampling.warmup) * steps
    work = size.responses * size.categories / 2 * (GRADIENT_LEARNED if size.learned else 1.0)
    fixed, each = MODE[device]
    if device == "gpu":
        alone, more = GRADIENT_GPU
        return fixed + each * size.responses + sampling.chains * gradients * (alone + more * work)
    rounds = -(-sampling.chains // min(cores, sampling.chains))
    a_gradient = GRADIENT_CORE * work + GRADIENT_CELL * size.cells
    return fixed + each * work + MML_CELL[device] * size.cells + rounds * gradients * a_gradient


def _joint(size: Size, sampling: Sampling | None, cores: int, _: str) -> float:
    assert sampling is not None
    rounds = -(-sampling.chains // min(cores, sampling.chains))
    iterations = sampling.draws + sampling.warmup
    return rounds * iterations * JOINT_CORE * size.responses * size.categories / 2
