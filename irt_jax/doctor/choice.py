"""Which method and device to take, from what they are expected to cost, and why."""

from dataclasses import dataclass

from irt_jax.doctor.cost import Cost
from irt_jax.runtime.machine import Memory, room
from irt_jax.runtime.units import duration, gigabytes

#: Beyond this a posterior is no answer for the same day.
PATIENCE_S = 6 * 3600.0


@dataclass(frozen=True)
class Choice:
    """What to take.

    Attributes:
        method: "hmc" or "mml"; None where nothing fits.
        device: "cpu" or "gpu".
        why: one sentence or two.
    """

    method: str | None
    device: str
    why: str


def choose(
    costs: dict[str, dict[str, Cost | None]], here: str, ram: Memory | None, of_gpu: int | None = None
) -> Choice:
    """The posterior if it can be had in time and memory, else point estimates; and on what.

    Args:
        costs: from `estimate_costs`.
        here: "gpu" if JAX has one, else "cpu".
        ram: main memory.
        of_gpu: free bytes of the GPU's memory, where it tells.
    """
    most = float("inf") if ram is None else room(ram)
    tight = []
    for method in ("hmc", "mml"):
        able = {}
        for place in ("cpu", "gpu") if here == "gpu" else ("cpu",):
            cost = costs[place][method]
            if cost is None:
                continue
            if cost.memory > most:
                tight.append(
                    f"--method {method} needs about {gigabytes(cost.memory)}, and {gigabytes(most)} are to be had"
                )
            elif place == "gpu" and of_gpu is not None and cost.memory > of_gpu:
                tight.append(f"--method {method} may not fit into the GPU's {gigabytes(of_gpu)}")
            else:
                able[place] = cost
        if not able:
            continue
        place = min(able, key=lambda name: able[name].seconds)
        if method == "hmc" and able[place].seconds > PATIENCE_S:
            tight.append(f"the posterior would take {duration(able[place].seconds)}")
            continue
        what = "the posterior" if method == "hmc" else "point estimates with standard errors"
        before = f"{_sentence(tight)} " if tight else ""
        return Choice(
            method, place, f"{before}{_sentence([f'{what} in {_about(able[place])}'])} {_device(costs, method, here)}"
        )
    return Choice(None, here, f"{_sentence(tight)} Use a machine with more memory, or fewer persons.")


def _device(costs: dict[str, dict[str, Cost | None]], method: str, here: str) -> str:
    """Whether a GPU pays, and where the one or the other is not here."""
    cpu, gpu = costs["cpu"][method], costs["gpu"][method]
    if cpu is None or gpu is None:
        return "It was not measured on a GPU."
    faster = gpu.seconds < cpu.seconds
    there = "the GPU" if here == "gpu" else "an H200 (there is no GPU here)"
    if not faster:
        remedy = " Set JAX_PLATFORMS=cpu." if here == "gpu" else ""
        loses = "on data of this size a GPU loses by its compilation"
        return f"On {there} it would take {duration(gpu.seconds)}: {loses}.{remedy}"
    return (
        f"On the CPU it would take {duration(cpu.seconds)}."
        if here == "gpu"
        else f"On {there}: {duration(gpu.seconds)}."
    )


def _about(cost: Cost) -> str:
    return f"{duration(cost.seconds)}, {duration(cost.compile_s)} of it compilation unless it is in the cache"


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "."
