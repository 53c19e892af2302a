"""What a command may write over: never what it reads. Whatever option an input comes by, it is found here."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

#: Parameters that name what a command writes.
OUTPUTS = ("out", "metrics", "picture", "information")


class SparingCommand(TyperCommand):
    """A command that refuses, before it begins, outputs that are its inputs, or folders above one."""

    def invoke(self, ctx: Any) -> Any:
        """Look at all parameters, then run the command.

        Raises:
            OutputError: an output is an input, holds one, or is another output.
        """
        outputs = {name: ctx.params[name] for name in OUTPUTS if ctx.params.get(name) is not None}
        if len(outputs) > 1 or any(map(os.path.lexists, outputs.values())):
            from irt_jax.data.overwrite import keep_inputs

            keep_inputs({_option(name): Path(path) for name, path in outputs.items()}, _inputs(ctx.params, self.params))
        return super().invoke(ctx)


def _inputs(values: Mapping[str, Any], parameters: list[Any]) -> Iterator[tuple[str, str]]:
    kinds = {str(parameter.name): parameter.param_type_name for parameter in parameters}
    for name, value in values.items():
        if name not in OUTPUTS:
            label = name.upper() if kinds.get(name) == "argument" else _option(name)
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, str | Path):
                    yield label, str(one)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
