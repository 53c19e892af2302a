"""A Dockerfile's instructions, and its RUN lines run without a container engine, in a folder in place of its root."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

#: What changes the system and not a folder: only its syntax is checked.
OF_THE_SYSTEM = ("groupadd", "useradd", "apt-get", "adduser", "addgroup")


class Instruction(NamedTuple):
    """One instruction: its name in capitals, and the rest with continued lines joined."""

    name: str
    text: str


def read_dockerfile(path: Path) -> list[Instruction]:
    """Instructions in order, without comments."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [Instruction(name.upper(), text.strip()) for name, text in pairs]


def stages(instructions: list[Instruction]) -> dict[str, tuple[str, list[Instruction]]]:
    """By name: what a stage is built from, and its instructions."""
    found: dict[str, tuple[str, list[Instruction]]] = {}
    name = ""
    for instruction in instructions:
        if instruction.name == "FROM":
            base, _, name = instruction.text.split()
            found[name] = (base, [])
        elif name:
            found[name][1].append(instruction)
    return found


def lineage(instructions: list[Instruction], target: str) -> list[Instruction]:
    """All instructions of a target, those of the stages that it is built on first."""
    found = stages(instructions)
    base, own = found[target]
    return [*(lineage(instructions, base) if base in found else []), *own]


def sources(instruction: Instruction) -> tuple[str | None, list[str], str]:
    """Of a COPY: the stage it copies from, the sources and the destination."""
    words = shlex.split(instruction.text)
    stage = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
    paths = [word for word in words if not word.startswith("--")]
    return stage, paths[:-1], paths[-1]


def command(instruction: Instruction) -> str:
    """Of a RUN: what the shell gets, without the mounts."""
    return re.sub(r"^(--\w+=\S+\s+)+", "", instruction.text)


class Machine:
    """Carries out instructions in a folder.

    Args:
        root: stands for the image's root.
        context: folder that COPY copies from.
        environment: what the base image gives.
    """

    def __init__(self, root: Path, context: Path, environment: dict[str, str]) -> None:
        self.root, self.context = root, context
        self.variables = dict(environment)
        self.folder = root
        self.ran: list[str] = []

    def carry_out(self, instructions: list[Instruction]) -> None:
        """Do what they say, in order."""
        for instruction in instructions:
            getattr(self, f"_{instruction.name.lower()}", self._nothing)(instruction)

    def _nothing(self, instruction: Instruction) -> None:
        assert instruction.name in {"LABEL", "USER", "VOLUME", "ENTRYPOINT", "CMD"}, instruction

    def _expand(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda found: self.variables[found[1]], text)

    def _inside(self, path: str) -> Path:
        """Where a path of the image is: below the root, unless a variable has put it there already."""
        if path.startswith(str(self.root)):
            return Path(path)
        return self.root / path.lstrip("/") if path.startswith("/") else self.folder / path

    def _env(self, instruction: Instruction) -> None:
        for word in shlex.split(instruction.text):
            name, value = word.split("=", 1)
            value = self._expand(value)
            absolute = value.startswith("/") and not value.startswith(str(self.root)) and ":" not in value
            self.variables[name] = str(self._inside(value)) if absolute else value

    def _arg(self, instruction: Instruction) -> None:
        name, value = instruction.text.split("=", 1)
        self.variables.setdefault(name, value)

    def _workdir(self, instruction: Instruction) -> None:
        self.folder = self._inside(self._expand(instruction.text))
        self.folder.mkdir(parents=True, exist_ok=True)

    def _copy(self, instruction: Instruction) -> None:
        stage, paths, destination = sources(instruction)
        target = self._inside(self._expand(destination))
        for path in paths:
            source = self._inside(self._expand(path)) if stage else self.context / path
            if source == target:
                continue  # the stages share one root
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                into = target / source.name if destination.endswith("/") or destination == "." else target
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, into)

    def _run(self, instruction: Instruction) -> None:
        text = command(instruction)
        if text.startswith(OF_THE_SYSTEM):
            checked = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
            assert checked.returncode == 0, checked.stderr
            return
        done = subprocess.run(
            ["/bin/sh", "-c", text], cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        self.ran.append(text)


def clean_python(folder: Path) -> Path:
    """A virtual environment without any package, whose interpreter stands for the base image's."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    return folder / "bin"
