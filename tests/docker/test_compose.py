"""The compose file: valid against the Compose Specification, and the loop that it promises."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from support.command_options import options_of, used
from support.dockerfiles import read_dockerfile, stages

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker" / "compose.yaml"
CONTENT = yaml.safe_load(FILE.read_text())
SERVICES = CONTENT["services"]
JOBS = ("init", "export", "monthly", "load")


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    """Against the schema of the Compose Specification that check-jsonschema carries along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_is_valid():
    found = validate(FILE)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_misspelt_field_would_be_found(tmp_path):
    bad = tmp_path / "compose.yaml"
    bad.write_text(FILE.read_text().replace("depends_on", "depend_on"))
    assert validate(bad).returncode != 0


def test_each_step_waits_for_the_end_of_the_one_before():
    before = {name: SERVICES[name]["depends_on"] for name in JOBS}
    assert before["init"] == before["export"] == {"db": {"condition": "service_healthy"}}
    assert before["monthly"] == {"export": {"condition": "service_completed_successfully"}}
    assert before["load"] == {"monthly": {"condition": "service_completed_successfully"}}
    assert SERVICES["init"]["profiles"] == ["init"]
    assert SERVICES["db"]["healthcheck"]["test"][1] == "pg_isready"


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_without_root_and_privilege(name):
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "no"
    assert "mem_limit" in service
    assert not {"privileged", "ports", "cap_add"} & set(service)
    assert {volume.split(":")[1] for volume in service["volumes"]} == {"/data", "/cache"}


def test_only_what_needs_the_database_reaches_it():
    assert SERVICES["monthly"]["network_mode"] == "none"
    assert "environment" not in SERVICES["monthly"]
    assert "ports" not in SERVICES["db"]
    for name in ("db", "init", "export", "load"):
        assert SERVICES[name]["networks"] == ["database"]


def test_images_have_versions():
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert re.fullmatch(r"postgres:\d+\.\d+-[a-z]+", SERVICES["db"]["image"])
    for name in JOBS:
        assert f"irt-jax:{version}-cpu" in SERVICES[name]["image"]
        build = SERVICES[name]["build"]
        assert (FILE.parent / build["context"] / build["dockerfile"]).is_file()
        assert build["target"] in stages(read_dockerfile(ROOT / build["dockerfile"]))


def test_passwords_come_from_outside_and_are_required():
    text = FILE.read_text()
    assert not re.search(r"://[^/\s@]*:[^@\s]*@", text)
    for name in JOBS:
        password = SERVICES[name].get("environment", {}).get("PGPASSWORD")
        assert password is None or ":?" in password
    assert SERVICES["db"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/owner_password"
    assert CONTENT["secrets"]["owner_password"] == {"environment": "OWNER_PASSWORD"}
    example = (FILE.parent / "compose.env.example").read_text()
    asked = set(re.findall(r"\$\{(\w+_(?:PASSWORD|URL))", text))
    assert asked == set(re.findall(r"^#?(\w+)=", example, re.MULTILINE))
    assert not re.search(r"^\w*PASSWORD=.+", example, re.MULTILINE)


def test_the_file_of_passwords_is_not_in_git():
    found = subprocess.run(["git", "check-ignore", "docker/.env"], cwd=ROOT, capture_output=True, check=False)
    assert found.returncode == 0


def test_volumes_and_networks_are_declared():
    for service in SERVICES.values():
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(CONTENT["volumes"])
        assert set(service.get("networks", [])) <= set(CONTENT["networks"])


@pytest.mark.parametrize("name", JOBS)
def test_every_option_is_one_of_the_command(name):
    command, options = used([*SERVICES[name]["entrypoint"], *SERVICES[name]["command"]])
    assert options <= options_of(command)
