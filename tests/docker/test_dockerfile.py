"""What the Dockerfile promises, checked by hadolint and by reading it."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from support.dockerfiles import command, lineage, read_dockerfile, sources, stages

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker" / "Dockerfile"
TARGETS = ("cpu", "cuda")


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sysconfig.get_path("scripts")) / "hadolint"
    return subprocess.run([str(program), "--no-color", str(path)], capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing():
    found = hadolint(FILE)
    assert found.returncode == 0, found.stdout


def test_hadolint_would_find_something(tmp_path):
    bad = tmp_path / "Dockerfile"
    bad.write_text(
        FILE.read_text().replace("FROM runtime AS cpu", "FROM python:latest AS cpu\nRUN cd /tmp && pip install x")
    )
    found = hadolint(bad)
    assert found.returncode != 0
    assert "DL3007" in found.stdout


def test_base_images_have_a_full_version():
    instructions = read_dockerfile(FILE)
    (image,) = [text for name, text in instructions if name == "ARG" and text.startswith("PYTHON_IMAGE")]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-[a-z]+", image)
    bases = {base for base, _ in stages(instructions).values()}
    assert bases <= {"${PYTHON_IMAGE}", *stages(instructions)}


def test_the_python_is_one_that_the_project_supports():
    with (ROOT / "pyproject.toml").open("rb") as file:
        lowest = tomllib.load(file)["project"]["requires-python"].removeprefix(">=")
    minor = int(re.search(r"python:3\.(\d+)\.", FILE.read_text())[1])
    assert minor >= int(lowest.split(".")[1])


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_ends_without_root_and_with_the_command(target):
    instructions = lineage(read_dockerfile(FILE), target)
    named = {name: [text for other, text in instructions if other == name] for name, _ in instructions}
    assert named["USER"] == ["10001:10001"]
    assert instructions[-1].name == "USER"
    assert named["ENTRYPOINT"] == ['["irt-jax"]']
    environment = " ".join(named["ENV"])
    (cache,) = re.findall(r"XDG_CACHE_HOME=(\S+)", environment)
    assert f'"{cache}"' in named["VOLUME"][0]
    assert "JAX_COMPILATION_CACHE_DIR" not in environment, "one folder for all kinds of processor"
    assert "scripts" in " ".join(named["COPY"])


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_installed_that_is_not_pinned_and_compiled(target):
    """In the stage that the image copies its environment from."""
    instructions = lineage(read_dockerfile(FILE), f"build-{target}")
    installs = [command(i) for i in instructions if i.name == "RUN" and re.search(r'pip"? install', command(i))]
    assert len(installs) == 3
    for text in installs:
        local = "--no-deps --offline" in text
        constrained = re.search(r"-[cr] (docker/)?requirements[-\w]*\.lock", text)
        assert local or constrained, text
    assert all("--compile-bytecode" in text for text in installs[1:])


@pytest.mark.parametrize("name", ["requirements-cuda.lock", "requirements-build.lock"])
def test_every_line_of_a_lock_is_one_version(name):
    lines = (ROOT / "docker" / name).read_text().split("\n")
    assert all(re.match(r"^[A-Za-z0-9_.\-]+==[^ ]+( ;.*)?$", line) for line in lines if line)


def test_cudas_versions_are_the_locks_besides_nvidias():
    """The code that CI tests is the code that runs on a GPU."""
    tested = set((ROOT / "requirements.lock").read_text().splitlines())
    cuda = (ROOT / "docker" / "requirements-cuda.lock").read_text().splitlines()
    more = [line for line in cuda if line not in tested]
    assert more
    assert all(line.startswith(("nvidia-", "jax-cuda")) for line in more), more
    with (ROOT / "pyproject.toml").open("rb") as file:
        direct = [re.match(r"[\w-]+", line)[0] for line in tomllib.load(file)["project"]["dependencies"]]
    assert set(direct) <= {line.split("==")[0] for line in cuda}


def test_what_is_copied_is_there_and_not_ignored():
    kept = [line[1:] for line in (FILE.parent / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"]
    for instruction in read_dockerfile(FILE):
        if instruction.name != "COPY" or sources(instruction)[0]:
            continue
        for path in sources(instruction)[1]:
            assert path in kept, f"{path} is ignored by the build"
            assert (ROOT / path).exists() or path == "scripts", path


def test_the_version_in_the_comments_is_the_packages():
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert set(re.findall(r"irt-jax:([\d.]+)-", FILE.read_text())) == {version}
    assert sys.version_info >= (3, 11)
