"""Sizes that are known before anything is allocated, held against the memory there is."""

from irt_jax.errors import UsageError
from irt_jax.runtime.machine import memory, room
from irt_jax.runtime.units import gigabytes

#: Copies of the draws that are held at the least: block by block, and joined.
COPIES = 2
#: Copies of the parameters and of the persons' sums that a chain works on at the least, and nodes of abilities at which
#: it has the items' curves.
STATES, NODES = 4, 40


def refuse_beyond_memory(size: float | int, what: str, remedy: str) -> None:
    """Refuse what cannot fit, rather than be killed by the kernel without a word.

    Args:
        size: bytes that are needed at least.
        what: needs them, for the message.
        remedy: what to do.

    Raises:
        UsageError: there is less memory free.
    """
    ram = memory()
    if ram is not None and size > room(ram):
        have = f"{gigabytes(room(ram))} of {gigabytes(ram.total)} are to be had"
        raise UsageError(f"{what[:1].upper()}{what[1:]} need {gigabytes(size)} of memory or more, and {have}.", remedy)


def refuse_draws(chains: int, draws: int, persons: int, parameters: int, ability_values: int) -> None:
    """Refuse chains and draws whose values cannot be held.

    Args:
        chains: of the sampler.
        draws: kept, a chain.
        persons: of the data.
        parameters: that are drawn.
        ability_values: persons times draws up to which draws of the abilities are kept.

    Raises:
        UsageError: what is kept of them is more than the memory there is; the message says how many would fit.
    """
    each = 8.0 * COPIES * (parameters + (persons if chains * draws * persons <= ability_values else 0))
    state = 8.0 * (STATES * (parameters + persons) + NODES * parameters)
    ram = memory()
    if ram is None or chains * (draws * each + state) <= room(ram):
        return
    most = int((room(ram) - min(chains * state, room(ram))) / (chains * each))
    fits = (
        f"Choose --draws of at most {most:,}, or fewer --chains."
        if most >= 4
        else f"Choose at most {max(1, int(room(ram) / (4 * each + state))):,} --chains, and fewer --draws."
    )
    refuse_beyond_memory(
        chains * (draws * each + state), f"{chains:,} chains of {draws:,} draws of {parameters:,} parameters", fits
    )
