"""Options from a TOML file: what is given on the command line goes before it."""

from inspect import signature
from pathlib import Path
from typing import Any, get_args, get_origin

from irt_jax.contract.bounds import shown
from irt_jax.contract.read_toml import read_toml
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
        given = read_toml(path)
    except OSError as error:
        raise InputError(f"The options {path} cannot be read: {error.strerror}.", "Give a TOML file.") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of thousands of digits
        raise InputError(
            f"Expected TOML in {path}: {error}.", 'Write one option a line, as in third = "hmc".'
        ) from None
    values: dict[str, Any] = {name.replace("-", "_"): value for name, value in given.items()}
    known = {str(parameter.name): parameter for parameter in context.command.params}
    unknown = sorted(name for name in values if name not in known or name in ("config", "help"))
    tables = sorted(name for name, value in values.items() if isinstance(value, dict))
    if unknown or tables:
        shown = ", ".join(name.replace("_", "-") for name in known if name not in ("help", "config"))
        raise UsageError(f"{path} has what is no option: {', '.join(unknown or tables)}.", f"The options are {shown}.")
    several = {name for name, parameter in known.items() if getattr(parameter, "multiple", False)}
    values |= {name: [values[name]] for name in several & set(values) if not isinstance(values[name], list)}
    annotations = signature(context.command.callback).parameters
    for name, value in values.items():
        _check_kind(path, name, annotations[name].annotation, value)
    context.default_map = {**(context.default_map or {}), **values}
    return path


def _check_kind(path: Path, name: str, annotation: Any, value: Any) -> None:
    """Refuse a value of another kind than the option's, before it is turned into one: 1.5 is no number of chains.

    Raises:
        UsageError: it is one.
    """
    kinds, several = _kinds(annotation), isinstance(value, list)
    texts = [text for text in (value if several else [value]) if isinstance(text, str)]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if list in kinds:
        single = [isinstance(one, str | int) and not isinstance(one, bool) for one in value] if several else [False]
        good, expected = all(single), "a list of texts or whole numbers"
    elif bool in kinds:
        good, expected = isinstance(value, bool), "true or false"
    elif int in kinds:
        good, expected = number and isinstance(value, int), "a whole number"
    elif float in kinds:
        good, expected = number, "a number"
    else:
        good, expected = not isinstance(value, bool | list), "text"
    as_typed = bool(texts) and list not in kinds and not several  # read as on the command line
    if not (good or as_typed) or any("\0" in text for text in texts):
        raise UsageError(f"Expected {expected} for {name.replace('_', '-')} in {path}, found {shown(value)}.")


def _kinds(annotation: Any) -> set[Any]:
    """The types within an annotation, such as `Annotated[list[str] | None, ...]`."""
    parts = get_args(annotation)
    own = {get_origin(annotation)} if get_origin(annotation) is list else set()
    return own.union(*map(_kinds, parts)) if parts else {annotation} if isinstance(annotation, type) else set()
