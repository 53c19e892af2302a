"""The CPU image's RUN lines, run as they stand in a clean virtual environment: there is no container engine in CI."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.dockerfiles import Machine, clean_python, command, lineage, read_dockerfile

ROOT = Path(__file__).parents[2]
#: The user of the image; only root can become it here.
USER = 10001

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def image() -> Iterator[Machine]:
    """The folder that the lines fill; everybody may read it, as an image."""
    root = Path(tempfile.mkdtemp(prefix="irt-jax-image-"))
    root.chmod(0o755)
    base = {"PATH": f"{clean_python(root / 'python')}:/usr/bin:/bin", "HOME": os.environ["HOME"]}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "UV_", "SSL_")) or "proxy" in name.lower()
    }
    machine = Machine(root, context(root / "context"), {**kept, **base})
    instructions = read_dockerfile(ROOT / "docker" / "Dockerfile")
    try:
        machine.carry_out(lineage(instructions, "build-cpu"))
        machine.carry_out(lineage(instructions, "cpu"))
        yield machine
    finally:
        shutil.rmtree(root)


def context(folder: Path) -> Path:
    """What a build sees: the checkout as git has it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def can_become_the_user() -> bool:
    """Whether this is root, and another user may read the interpreter that stands for the base image's."""
    folder = Path(sys.base_prefix).resolve()
    return os.geteuid() == 0 and all(part.stat().st_mode & 0o005 == 0o005 for part in [folder, *folder.parents])


def run(image: Machine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the image in its environment, as its user where that can be had, with a scratch folder for /tmp."""
    scratch = Path(tempfile.mkdtemp(prefix="irt-jax-run-"))
    become = {"user": USER, "group": USER, "extra_groups": []} if can_become_the_user() else {}
    if become:
        os.chown(scratch, USER, USER)
    scratch.chmod(0o700)
    # What the image says, and nothing of this machine; /tmp and the cache are volumes there.
    said = {name: image.variables[name] for name in ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    environment = {**said, "HOME": str(scratch), "XDG_CACHE_HOME": str(scratch / "cache")}
    try:
        return subprocess.run(
            list(arguments), cwd=scratch, env=environment, capture_output=True, text=True, check=False, **become
        )
    finally:
        shutil.rmtree(scratch)


def test_the_entry_point_answers_and_calibrates(image):
    assert len(image.ran) == 5
    found = run(image, "irt-jax", "--help")
    assert found.returncode == 0, found.stderr
    assert "calibrate" in found.stdout
    assert image.variables["XDG_CACHE_HOME"] == str(image.root / "cache")
    program = (
        "irt-jax simulate --persons 60 --items 8 --per-person 6 --seed 1 --out sim && "
        "irt-jax calibrate sim/responses.parquet --method mml --out run --log-format json && "
        "cat run/metrics.prom && ls cache/irt_jax"
    )
    found = run(image, "/bin/sh", "-c", program)
    assert found.returncode == 0, found.stderr
    assert "irt_jax_diagnostics_ok" in found.stdout
    assert re.search(r"^[0-9a-f]{16}$", found.stdout, re.MULTILINE), "compiled programs are kept by processor"


def test_the_versions_are_those_of_the_lock(image):
    program = (
        "from importlib.metadata import distributions\n"
        "print(*sorted(f'{d.name.lower().replace(\"_\", \"-\")}=={d.version}' for d in distributions()), sep='\\n')"
    )
    found = run(image, "python", "-c", program)
    assert found.returncode == 0, found.stderr
    locked = {line.split(" ;")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    others = [line for line in found.stdout.split() if line not in locked]
    assert [line.split("==")[0] for line in others] == ["irt-jax"]
    names = {line.split("==")[0] for line in found.stdout.split()}
    assert {"psycopg", "jax", "pyarrow"} <= names
    assert not {"pip", "setuptools", "uv", "hatchling", "pytest", "pymc"} & names


def test_everything_is_compiled_to_byte_code(image):
    packages = Path(image.variables["VENV"]) / "lib"
    sources = [path for path in packages.rglob("*.py") if "irt_jax" in path.parts]
    assert len(sources) > 80
    lacking = [path for path in sources if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))]
    assert not lacking
    for path in (Path(image.variables["APP"]) / "scripts").rglob("*.py"):
        assert list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")), path


@pytest.mark.parametrize("name", ["export_from_postgres.py", "load_to_postgres.py"])
def test_the_scripts_answer(image, name):
    found = run(image, "python", f"{image.variables['APP']}/scripts/{name}", "--help")
    assert found.returncode == 0, found.stderr
    assert "--database-url" in found.stdout


def test_cudas_lines_find_all_that_they_would_install(image):
    """Without installing it, which would be gigabytes: the resolver has to find every version."""
    instructions = lineage(read_dockerfile(ROOT / "docker" / "Dockerfile"), "build-cuda")
    (line,) = [command(i) for i in instructions if i.name == "RUN" and "requirements-cuda.lock" in i.text]
    _, _, install = line.partition("&& ")
    done = subprocess.run(
        ["/bin/sh", "-c", install.replace("--quiet", "--dry-run --reinstall")],
        cwd=ROOT,
        env=image.variables | {"EXTRAS": "postgres"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    locked = {line.split(" ;")[0] for line in (ROOT / "docker" / "requirements-cuda.lock").read_text().splitlines()}
    found = set(re.findall(r"^ \+ (\S+==\S+)", done.stderr, re.MULTILINE))
    assert found <= locked
    assert {"jax-cuda13-plugin", "nvidia-cublas"} <= {line.split("==")[0] for line in found}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_user_can_change_nothing(image):
    found = subprocess.run(
        ["/usr/bin/touch", f"{image.variables['VENV']}/x", f"{image.variables['APP']}/x"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=USER,
        group=USER,
        extra_groups=[],
    )
    assert found.returncode != 0
    assert found.stderr.count("Permission denied") == 2
