"""No id steers the terminal: everything that is printed goes through one of two places, and both escape."""

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.table import Table

from irt_jax.calibration import calibrate
from irt_jax.report.console import SafeConsole, stdout_console
from irt_jax.runtime.terminal import LONGEST_ID, complain, safe, shown

ROOT = Path(__file__).parents[2]
#: Clears the screen, sets the title, turns the direction of writing, and a C1 control sequence.
HOSTILE = "q\x1b[2J\x1b]0;title\x07\u202e\x9b31m\r\u2066"


def steers(text: str) -> bool:
    return any(character in text for character in "\x1b\x07\u202e\x9b\r\u2066\x7f\x00\u2028")


def test_what_could_steer_is_escaped_and_other_scripts_are_as_they_were():
    assert safe(HOSTILE) == r"q\x1b[2J\x1b]0;title\x07\u202e\x9b31m\r\u2066"
    assert safe("\ud800\x7f\x00\ufeff\u2028\U000e0041") == r"\ud800\x7f\x00\ufeff\u2028\U000e0041"
    for text in ("Größe 漢字 שלום", "e\u0301", "क्\u200dष", "می\u200cکنم", "👩\u200d🔬", "two\nlines\tand a tab"):
        assert safe(text) == text


def test_an_id_is_one_line_and_not_too_long():
    assert shown("two\nlines\tand a tab") == r"two\nlines\tand a tab"
    assert shown("x" * 10**6) == "x" * (LONGEST_ID - 1) + "…"
    assert shown(12345) == "12345"


def test_an_error_is_one_line_and_not_too_long(capsys):
    complain("Expected a\nname, found " + "k" * 10**6 + ". Choose another.")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert len(said) < 5_000
    assert said.startswith("error: Expected a name, found kkk")
    assert said.endswith("k. Choose another.\n")


def test_a_console_escapes_lines_and_cells():
    stream = io.StringIO()
    console = SafeConsole(file=stream, width=400, markup=False, highlight=False)
    table = Table(HOSTILE, box=None)
    table.add_row(HOSTILE)
    console.print(table)
    console.print(f"note: {HOSTILE}")
    assert not steers(stream.getvalue())
    assert stream.getvalue().count(r"\x1b[2J") == 3
    assert isinstance(stdout_console(), SafeConsole)


@pytest.fixture(scope="module")
def hostile(small, tmp_path_factory) -> Path:
    """A run with anchors whose ids are hostile, two of them long, and its data beside it."""
    folder = tmp_path_factory.mktemp("hostile")

    def renamed(table: pa.Table) -> pa.Table:
        ids = pc.binary_join_element_wise(table["item_id"], pa.scalar(HOSTILE + "x" * 5000), "")
        return table.set_column(table.column_names.index("item_id"), "item_id", ids)

    pq.write_table(renamed(small.responses), folder / "responses.parquet")
    calibrate(renamed(small.responses), renamed(small.anchors), method="mml").write(folder / "run")
    calibrate(renamed(small.responses), method="mml", sign="free").write(folder / "other")
    return folder


def test_commands_print_hostile_ids_escaped_and_cut(irt, hostile):
    run, responses = hostile / "run", hostile / "responses.parquet"
    outputs = [
        irt("compare", run, hostile / "other"),
        irt("drift", run),
        irt("score", responses, "--items", run, "--out", hostile / "scores.parquet"),
        irt("calibrate", hostile / HOSTILE, "--out", hostile / "again"),
    ]
    assert [code for code, _, _ in outputs] == [0, 0, 0, 3]
    assert not any(steers(printed + errors) for _, printed, errors in outputs)
    assert all(r"\x1b[2J" in printed for _, printed, _ in outputs[:2])
    assert max(map(len, "".join(printed for _, printed, _ in outputs[:2]).splitlines())) < 500


def test_nothing_is_printed_past_the_two_places():
    """Calls of `print` and of Typer's and Click's `echo`, and consoles of Rich's own."""
    found = []
    for file in [*(ROOT / "irt_jax").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]:
        if file.relative_to(ROOT).as_posix() in ("irt_jax/runtime/terminal.py", "irt_jax/report/console.py"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in ("print", "typer.echo", "click.echo", "typer.secho", "Console", "sys.stdout.write"):
                    found.append(f"{file.name}:{node.lineno}: {name}")
    assert not found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("JAX_DEFAULT_MATMUL_PRECISION", 'Invalid value "bad" for JAX flag jax_default_matmul_precision'),
        ("JAX_ENABLE_X64", "invalid truth value 'bad' for environment 'JAX_ENABLE_X64'"),
    ],
)
def test_a_variable_that_jax_does_not_take_is_one_line_that_names_it(name, said):
    words = [sys.executable, "-m", "irt_jax.cli", "doctor"]
    ended = subprocess.run(words, check=False, env=os.environ | {name: "bad"}, capture_output=True, text=True)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(f"error: JAX cannot start as the environment says: {said}. Look at ")
    assert name in ended.stderr
    assert ended.stderr.count("\n") == 1
