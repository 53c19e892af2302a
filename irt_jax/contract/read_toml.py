"""Read a TOML file that somebody wrote by hand: of a size, with or without a byte order mark."""

import os
import tomllib
from pathlib import Path
from typing import Any

#: Bytes: settings are some lines.
LARGEST = 1 << 20


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file's tables and keys.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or no TOML.
        RecursionError: it is too deep.
    """
    with Path(path).open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"more than {LARGEST:,} bytes")
    return tomllib.loads(content.decode("utf-8-sig"))
