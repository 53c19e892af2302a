"""Read JSON, such as a run's run.json."""

import json
import os
from pathlib import Path
from typing import Any

from irt_jax.errors import InputError


def read_json(file: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        file: written by irt-jax.

    Raises:
        InputError: it is missing, or not one.
    """
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        problem = f"Cannot read {os.fspath(file)!r}: {reason}."
        raise InputError(problem, "Give the folder that irt-jax calibrate or irt-jax monthly has written.") from None
    if not isinstance(content, dict):
        raise InputError(
            f"Expected an object in {os.fspath(file)!r}, found {type(content).__name__}.", "Check the folder."
        )
    return content
