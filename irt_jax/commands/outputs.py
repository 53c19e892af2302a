"""What a command may write over: never what it reads. Whatever option an input comes by, it is found here."""

from collections.abc import Iterator
from pathlib import Path

import typer


def spare_inputs(context: typer.Context, *names: str) -> None:
    """Refuse outputs that are inputs of this command, or folders above one.

    Args:
        context: of the command, whose other options may name inputs.
        names: of the parameters that name outputs.

    Raises:
        OutputError: an output is an input, holds one, or is another output.
    """
    from irt_jax.data.overwrite import keep_inputs

    outputs = {name: context.params[name] for name in names}
    keep_inputs({_option(name): path for name, path in outputs.items()}, _inputs(context, names))


def _inputs(context: typer.Context, but: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    kinds = {str(parameter.name): parameter.param_type_name for parameter in context.command.params}
    for name, value in context.params.items():
        if name not in but:
            label = name.upper() if kinds.get(name) == "argument" else _option(name)
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, str | Path):
                    yield label, str(one)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
