"""What can be drawn at all: numbers of plausible values and seeds, before anything is read or allocated."""

from irt_jax.errors import UsageError
from irt_jax.runtime.machine import Memory, memory

#: Bytes of a plausible value from its draw to the file, and of a column of them, whatever its length.
BYTES_OF_VALUE, BYTES_OF_COLUMN = 28, 8192
#: The share of the free memory that plausible values may take.
SHARE = 0.8
#: Seeds are below this: 63 bits, as calibrations have them.
SEEDS = 2**63


def check_draws(plausible_values: int, seed: int, n_persons: int | None = None, found: Memory | None = None) -> None:
    """Refuse what cannot be drawn.

    Args:
        plausible_values: of every person.
        seed: of the draws.
        n_persons: whose; None as long as they are not counted.
        found: memory; that of this machine when None.

    Raises:
        UsageError: a seed or a number that is none, or more values than memory holds.
    """
    if not 0 <= seed < SEEDS:
        raise UsageError(f"--seed must be a whole number from 0 to 2^63 - 1, found {seed}.")
    if plausible_values < 0:
        raise UsageError(f"--plausible-values must be a whole number of at least 0, found {plausible_values}.")
    room = found or memory()
    if room is None:
        return
    most = int(SHARE * room.free / (BYTES_OF_VALUE * (n_persons or 1) + BYTES_OF_COLUMN))
    if plausible_values > most:
        raise UsageError(
            f"--plausible-values {plausible_values:,} of {n_persons or 1:,} persons need more memory than is free: "
            f"{room.free / 1e9:.1f} GB hold {most:,}.",
            "Draw fewer; five to twenty are usual.",
        )
