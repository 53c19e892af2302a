"""Options from a TOML file, on a command made for this test."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from irt_jax.cli.config import options_from_file
from irt_jax.errors import InputError, UsageError

app = typer.Typer()


@app.command()
def echo(
    out: Annotated[str, typer.Option()],
    config: Annotated[Path | None, typer.Option(callback=options_from_file, is_eager=True)] = None,
    threshold_b: Annotated[float, typer.Option()] = 0.25,
    also: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    typer.echo(f"{out} {threshold_b} {also}")


def run(tmp_path, text, *arguments):
    path = tmp_path / "options.toml"
    path.write_text(text)
    return CliRunner().invoke(app, ["--config", str(path), *arguments])


def test_the_file_goes_before_defaults_and_the_command_line_before_the_file(tmp_path):
    text = 'out = "a"\nthreshold-b = 0.3\nalso = ["x", "y"]'
    assert run(tmp_path, text).output == "a 0.3 ['x', 'y']\n"
    assert run(tmp_path, text, "--threshold-b", "0.4", "--out", "b").output == "b 0.4 ['x', 'y']\n"
    assert CliRunner().invoke(app, ["--out", "c"]).output == "c 0.25 None\n"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("threshhold = 1", UsageError, "threshhold"),
        ("[drift]\nthreshold = 1", UsageError, "drift"),
        ('config = "x"', UsageError, "config"),
        ("out = ", InputError, "Expected TOML"),
    ],
)
def test_what_the_command_does_not_know_is_refused(tmp_path, text, error, said):
    found = run(tmp_path, text).exception
    assert isinstance(found, error)
    assert said in str(found)


def test_a_byte_order_mark_is_no_content(tmp_path):
    assert "there 0.5" in run(tmp_path, '\ufeffout = "there"\nthreshold-b = 0.5\n').output


def test_a_file_that_is_not_there(tmp_path):
    found = CliRunner().invoke(app, ["--config", str(tmp_path / "none.toml"), "--out", "a"])
    assert isinstance(found.exception, InputError)


def test_values_are_checked_as_those_of_the_command_line_are(tmp_path):
    found = run(tmp_path, 'out = "a"\nthreshold-b = "much"')
    assert found.exit_code == 2
    assert "threshold-b" in found.output
