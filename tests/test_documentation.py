"""The README says what the commands can do, and its examples run."""

import dataclasses
import re
from pathlib import Path

import pytest
import typer.main

from irt_jax import cli
from irt_jax.contract.options import Options

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("command", sorted(typer.main.get_command(cli.app).commands))
def test_every_command_and_option_is_documented(command):
    rows = [line for line in README.read_text().splitlines() if line.startswith(f"| `irt-jax {command}")]
    assert len(rows) == 1
    for parameter in typer.main.get_command(cli.app).commands[command].params:
        assert parameter.help, f"{command} {parameter.name} has no help"
        if parameter.param_type_name == "option":
            assert re.search(rf"{parameter.opts[0]}\b", rows[0]), f"{command} {parameter.opts[0]}"


def test_the_command_line_has_every_option_of_the_library():
    command = typer.main.get_command(cli.app).commands["calibrate"]
    defaults = {parameter.name: parameter.default for parameter in command.params}
    for field in dataclasses.fields(Options):
        assert defaults[field.name] == field.default


@pytest.mark.slow
def test_the_readmes_python_runs(small, tmp_path, monkeypatch):
    small.write(tmp_path / "data")
    monkeypatch.chdir(tmp_path / "data")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "data" / "run" / "items.parquet").exists()
