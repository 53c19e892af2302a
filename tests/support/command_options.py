"""Options that a container gives to a command, and those that the command has."""

import importlib.util
import shlex
import sys
from pathlib import Path

import typer.main

from irt_jax import cli

ROOT = Path(__file__).parents[2]
#: Of commands that are not in this checkout yet: what their interface promises.
PROMISED = {
    "monthly": {"--anchors", "--window-label", "--out", "--overwrite"},
    "export_from_postgres.py": {
        "--database-url",
        "--out",
        "--window-label",
        "--window-start",
        "--window-end",
        "--time-zone",
        "--overwrite",
    },
    "load_to_postgres.py": {"--database-url", "--window-label", "--promote", "--init"},
}


def options_of(command: str) -> set[str]:
    """Options of a command of `irt-jax` or of a script; what was promised, where it is not in this checkout."""
    if command.endswith(".py"):
        file = ROOT / "scripts" / command
        if not file.exists():
            return PROMISED[command]
        sys.path.insert(0, str(ROOT))
        spec = importlib.util.spec_from_file_location(f"scripts.{file.stem}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return {name for parameter in typer.main.get_command(module.app).params for name in parameter.opts}
    commands = typer.main.get_command(cli.app).commands
    if command not in commands:
        return PROMISED[command]
    return {name for parameter in commands[command].params for name in parameter.opts}


def used(words: list[str]) -> tuple[str, set[str]]:
    """The command among the words of a container, or in the last of them if a shell runs it, and its options."""
    if words[0] == "/bin/sh":
        words = shlex.split(words[-1].replace("$$", "$"))
    place = next(i for i, word in enumerate(words) if word == "irt-jax" or word.endswith(".py"))
    command = words[place + 1] if words[place] == "irt-jax" else Path(words[place]).name
    return command, {word.split("=")[0] for word in words[place:] if word.startswith("--")}
