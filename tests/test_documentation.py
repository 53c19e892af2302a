"""The documentation says what the commands can do, its examples run, and its links lead somewhere."""

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main
import yaml

import irt_jax
from irt_jax import cli
from irt_jax.contract.options import Options
from irt_jax.contract.prior_settings import KEYS, PriorSettings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
TEXTS = [README, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md", *PAGES]
#: Python that another program is needed for.
SHOWN = re.compile(r"```\{code-block\} python\n(.*?)```", re.DOTALL)
#: Python that runs.
RUN = re.compile(r"```python\n(.*?)```", re.DOTALL)
#: Python that the build of the documentation runs.
CELL = re.compile(r"```\{code-cell\} ipython3\n(?:---\n.*?\n---\n)?(.*?)```", re.DOTALL)
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
#: Packages whose public names stand in the API.
PUBLIC = ("diagnostics", "linking.comparison", "linking.drift", "plan", "scoring")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, pattern: re.Pattern[str] = RUN) -> list[str]:
    return pattern.findall(path.read_text(encoding="utf-8"))


def heading_anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and MyST make them, and its explicit targets."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return {*kept, *re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)}


@pytest.mark.parametrize("command", sorted(typer.main.get_command(cli.app).commands))
def test_every_command_and_option_is_documented(command):
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(f"| `irt-jax {command}")]
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
@pytest.mark.parametrize("path", [path for path in TEXTS if blocks(path)], ids=name_of)
def test_the_python_of_a_page_runs(small, tmp_path, monkeypatch, path):
    """From the first block to the last, beside a folder's responses and anchors."""
    small.write(tmp_path / "data")
    monkeypatch.chdir(tmp_path / "data")
    names: dict[str, object] = {}
    for block in blocks(path):
        exec(compile(block, name_of(path), "exec"), names)
    if path == README:
        assert (tmp_path / "data" / "run" / "items.parquet").exists()


def test_the_readme_and_the_pages_have_python_that_runs():
    having = {name_of(path) for path in TEXTS if blocks(path)}
    assert {"README.md", "docs/models.md", "docs/priors.md", "docs/exchange.md", "docs/scoring.md"} <= having


def test_python_that_is_only_shown_is_python():
    shown = {name_of(path) for path in TEXTS if blocks(path, SHOWN)}
    assert shown == {"docs/from_pymc.md", "docs/from_stan.md"}
    for path in TEXTS:
        for block in blocks(path, SHOWN):
            ast.parse(block)
        for cell in blocks(path, CELL):
            ast.parse(re.sub(r"^!.*$", "", cell, flags=re.MULTILINE))


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in LINK.findall(text):
        if re.match(r"(https?|mailto):", link):
            continue
        target, _, anchor = link.partition("#")
        found = path if not target else (path.parent / target).resolve()
        assert found.exists(), f"{name_of(path)}: {link}"
        if anchor:
            assert anchor in heading_anchors(found), f"{name_of(path)}: {link}"


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for path in PAGES:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            names = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed |= {(path.parent / f"{name}.md").resolve() for name in names}
    assert listed | {DOCS / "index.md"} == set(PAGES)


def test_the_readme_is_short():
    assert len(README.read_bytes()) <= 6 * 1024
    assert (DOCS / "_static" / "comparison.png").stat().st_size < 100_000


def test_the_file_of_priors_has_every_key_and_its_default():
    (text,) = re.findall(r"```toml\n(.*?)```", (DOCS / "priors.md").read_text(encoding="utf-8"), re.DOTALL)
    content, settings = tomllib.loads(text), PriorSettings()
    assert {table: set(keys) for table, keys in content.items()} == {table: set(keys) for table, keys in KEYS.items()}
    for table, keys in KEYS.items():
        for key, field in keys.items():
            value, default = content[table][key], getattr(settings, field)
            if field != "learned":
                assert (tuple(value) if isinstance(value, list) else value) == default, f"{table}.{key}"


def test_the_api_names_what_is_public():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"auto\w+:: (\S+)", page))
    assert {f"irt_jax.{name}" for name in irt_jax.__all__} <= named | {"irt_jax.simulate"}
    for package in PUBLIC:
        module = __import__(f"irt_jax.{package}", fromlist=["__all__"])
        assert {f"irt_jax.{package}.{name}" for name in module.__all__} <= named


def test_the_citation_has_the_packages_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert (citation["version"], citation["license"]) == (irt_jax.__version__, "Apache-2.0")


@pytest.mark.parametrize(
    ("schema", "name"), [("citation-file-format", "CITATION.cff"), ("github-workflows", ".github/workflows/ci.yml")]
)
def test_files_meet_their_schemas(schema, name):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(ROOT / name)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_workflow_runs_what_ci_runs():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
