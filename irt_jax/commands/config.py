"""Options from a TOML file: what is given on the command line goes before it."""

import tomllib
from pathlib import Path
from typing import Any

from irt_jax.errors import InputError, UsageError


def options_from_file(context: Any, path: Path | None) -> Path | None:
    """Take a command's defaults from a TOML file; the callback of an eager option.

    Args:
        context: of the command, as typer has it.
        path: the file; nothing happens when None.

    Raises:
        InputError: no file, or no TOML.
        UsageError: keys that are no options of the command, or values of a wrong type.
    """
    if path is None:
        return None
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The options {path} cannot be read: {error.strerror}.", "Give a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"Expected TOML in {path}: {error}.", 'Write one option a line, as in third = "hmc".'
        ) from None
    values: dict[str, Any] = {name.replace("-", "_"): value for name, value in given.items()}
    known = {str(parameter.name): parameter for parameter in context.command.params}
    unknown = sorted(name for name, value in values.items() if name not in known or name == "config")
    tables = sorted(name for name, value in values.items() if isinstance(value, dict))
    if unknown or tables:
        shown = ", ".join(name.replace("_", "-") for name in known if name not in ("help", "config"))
        raise UsageError(f"{path} has what is no option: {', '.join(unknown or tables)}.", f"The options are {shown}.")
    several = {name for name, parameter in known.items() if getattr(parameter, "multiple", False)}
    values |= {name: [values[name]] for name in several & set(values) if not isinstance(values[name], list)}
    context.default_map = {**(context.default_map or {}), **values}
    return path
