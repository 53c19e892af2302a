"""The order of folders is held by import-linter, whose contract must notice what is forbidden; files stay small."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Of a file. Few modules lie beside the folders.
LONGEST, LOOSE = 350, 6


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of a copy of the package."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", "pyproject.toml", "--no-cache"]
    found = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=found, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "irt_jax", tmp_path / "irt_jax", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_import_from_above_is_noticed(copy):
    assert lint(copy).returncode == 0
    file = copy / "irt_jax" / "data" / "repeats.py"
    file.write_text(file.read_text() + "\nfrom irt_jax.inference.mode import locate\n")
    found = lint(copy)
    assert found.returncode == 1
    assert "irt_jax.data.repeats -> irt_jax.inference.mode" in found.stdout


def test_a_module_outside_of_the_order_is_noticed(copy):
    (copy / "irt_jax" / "elsewhere.py").write_text('"""No folder\'s."""\n')
    found = lint(copy)
    assert found.returncode == 1
    assert "elsewhere" in found.stdout


def test_files_are_small_and_lie_in_folders():
    lines = {path: len(path.read_text().splitlines()) for path in (ROOT / "irt_jax").rglob("*.py")}
    assert {path.name: count for path, count in lines.items() if count > LONGEST} == {}
    assert len([path for path in lines if path.parent == ROOT / "irt_jax"]) <= LOOSE
