"""Whether there is memory for what is about to be read, known before it is."""

import resource
import threading

import pyarrow as pa

from irt_jax.errors import InputError
from irt_jax.runtime.machine import memory

#: Bytes of a row while it is coded: the codes of person and item, their key, and the order of the rows, once sorted.
CODING = 32
#: Bytes of a text that is not read yet, besides its place.
TEXT = 8


def bytes_of(kind: pa.DataType) -> int:
    """About how many bytes a value takes in memory.

    Args:
        kind: its type.
    """
    if pa.types.is_dictionary(kind):
        return bytes_of(kind.value_type)
    try:
        return max(1, kind.bit_width // 8)
    except ValueError:  # text, lists
        return 4 + TEXT


def room() -> float:
    """Bytes that this process can still have; infinity where the system does not tell."""
    found = memory()
    free = float("inf") if found is None else float(found.free)
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return free if limit == resource.RLIM_INFINITY else min(free, float(max(0, limit - _address_space())))


def _address_space() -> int:
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 0


class Room:
    """Counts the rows of several files, read side by side, against the memory that there is.

    Args:
        where: the source, for the message.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._free = room()
        self._rows, self._bytes = 0, 0
        self._lock = threading.Lock()

    def take(self, rows: int, row_bytes: int) -> None:
        """Count rows that are about to be read.

        Args:
            rows: how many.
            row_bytes: in memory, of a row's wanted columns.

        Raises:
            InputError: they do not fit with those counted before.
        """
        with self._lock:
            self._rows += rows
            self._bytes += rows * (row_bytes + CODING)
            found, needed = self._rows, self._bytes
        if needed > self._free:
            problem = (
                f"{found:,} rows of {self._where} need about {needed / 1e9:,.1f} GB of memory, and "
                f"{self._free / 1e9:,.1f} GB are free."
            )
            raise InputError(problem, "Use a machine with more memory, or fewer rows.")
