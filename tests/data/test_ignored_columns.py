"""The commands know which columns of a wide table are no items."""

from pathlib import Path

from typer.testing import CliRunner

from irt_jax.cli import app


def test_commands_leave_columns_out(tmp_path: Path):
    path = tmp_path / "w.csv"
    path.write_text("id,gender,age,q1,q2,q3\n" + "".join(f"p{i},{'mf'[i % 2]},{i},{i % 2},1,0\n" for i in range(30)))
    refused = CliRunner().invoke(app, ["doctor", str(path), "--wide"])
    assert "--ignore-cols gender;" in str(refused.exception)
    told = CliRunner().invoke(app, ["doctor", str(path), "--wide", "--ignore-cols", "gender,age"])
    assert told.exit_code == 0
    assert "90 responses" in " ".join(told.output.split())
