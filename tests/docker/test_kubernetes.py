"""The manifests: valid against Kubernetes's own schemas, and what the schemas do not say."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from support.command_options import options_of, used

from irt_jax import errors

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "docker" / "kubernetes").glob("*.yaml"))


class Pod(NamedTuple):
    """A pod's specification, the job's around it, and where it stands."""

    where: str
    spec: dict[str, Any]
    job: dict[str, Any]

    def containers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for container in [*self.spec.get("initContainers", []), *self.spec["containers"]]:
            yield f"{self.where} {container['name']}", container


def documents() -> list[dict[str, Any]]:
    return [document for file in FILES for document in yaml.safe_load_all(file.read_text())]


def pods() -> list[Pod]:
    found = []
    for document in documents():
        job = document["spec"]["jobTemplate"]["spec"] if document["kind"] == "CronJob" else document.get("spec", {})
        if "template" in job:
            found.append(Pod(document["metadata"]["name"], job["template"]["spec"], job))
    return found


CONTAINERS = [pair for pod in pods() for pair in pod.containers()]
NAMED = pytest.mark.parametrize("container", [c for _, c in CONTAINERS], ids=[name for name, _ in CONTAINERS])
EACH_POD = pytest.mark.parametrize("pod", pods(), ids=[pod.where for pod in pods()])


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_there_are_a_monthly_cron_job_and_a_gpu_job():
    assert {(d["kind"], d["metadata"]["name"]) for d in documents()} >= {
        ("CronJob", "irt-jax-monthly"),
        ("Job", "irt-jax-calibrate-gpu"),
    }
    assert len(CONTAINERS) == 4


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_manifests_are_valid(file):
    found = validate(file)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_misspelt_field_would_be_found(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text((ROOT / "docker/kubernetes/monthly.yaml").read_text().replace("backoffLimit", "backOffLimit"))
    assert validate(bad).returncode != 0


@EACH_POD
def test_a_pod_is_without_root_token_and_host(pod):
    security = pod.spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod.spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
    assert all(set(volume) & {"persistentVolumeClaim", "emptyDir"} for volume in pod.spec["volumes"])


@NAMED
def test_a_container_has_no_privilege_and_a_read_only_root(container):
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["privileged"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "runAsUser" not in security
    assert {"/tmp", "/cache", "/data"} <= {mount["mountPath"] for mount in container["volumeMounts"]}


@NAMED
def test_a_container_has_requests_and_limits(container):
    resources = container["resources"]
    for kind in ("requests", "limits"):
        assert {"cpu", "memory"} <= set(resources[kind])
    assert amount(resources["requests"]["memory"]) <= amount(resources["limits"]["memory"])
    assert amount(resources["requests"]["cpu"]) <= amount(resources["limits"]["cpu"])


def amount(text: str) -> float:
    units = {"m": 1e-3, "Mi": 2**20, "Gi": 2**30, "": 1}
    number, unit = re.fullmatch(r"([\d.]+)(\D*)", text).groups()
    return float(number) * units[unit]


@NAMED
def test_an_image_has_the_packages_version_for_a_tag(container):
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    name, tag = container["image"].rsplit(":", 1)
    gpu = "nvidia.com/gpu" in container["resources"]["limits"]
    assert tag == f"{version}-{'cuda' if gpu else 'cpu'}"
    assert name.endswith("/irt-jax")


def exit_codes() -> dict[str, set[int]]:
    """What should happen for which exit code, from the package's own errors."""
    again = {errors.Interrupted(2).exit_code, errors.Interrupted(15).exit_code}
    again.add(errors.DatabaseError.exit_code)
    final = {errors.UsageError.exit_code, errors.InputError.exit_code, errors.OutputError.exit_code}
    return {"FailJob": final | {errors.ConvergenceError.exit_code, errors.DiagnosticsError.exit_code}, "Count": again}


def test_every_exit_code_of_the_package_is_decided_on():
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert codes - {errors.IrtError.exit_code} <= set.union(*exit_codes().values())


@EACH_POD
def test_bad_data_fail_the_job_and_the_database_is_tried_again_a_bounded_number_of_times(pod):
    rules = pod.job["podFailurePolicy"]["rules"]
    assert [rule["action"] for rule in rules] == ["Ignore", "FailJob", "Count"]
    assert rules[0]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    for rule in rules[1:]:
        codes = rule["onExitCodes"]
        assert codes["operator"] == "In"
        assert "containerName" not in codes
        assert set(codes["values"]) == exit_codes()[rule["action"]]
    assert pod.spec["restartPolicy"] == "Never"
    assert 1 <= pod.job["backoffLimit"] <= 5
    assert pod.job["activeDeadlineSeconds"] <= 86400


def test_two_months_do_not_run_at_once():
    (cron,) = [document for document in documents() if document["kind"] == "CronJob"]
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert re.fullmatch(r"\d+ \d+ \d+ \* \*", cron["spec"]["schedule"])


def test_steps_come_in_order():
    (monthly,) = [pod for pod in pods() if pod.where == "irt-jax-monthly"]
    assert [container["name"] for _, container in monthly.containers()] == ["export", "monthly", "load"]


def test_passwords_come_from_secrets_and_stand_nowhere():
    for file in FILES:
        for document in yaml.safe_load_all(file.read_text()):
            assert document["kind"] != "Secret"
        assert not re.search(r"://[^/\s@]*:[^@\s]*@", file.read_text())
    for name, container in CONTAINERS:
        for variable in container.get("env", []):
            if re.search("PASS|SECRET|TOKEN", variable["name"]):
                assert set(variable["valueFrom"]) == {"secretKeyRef"}, name


def test_what_is_referred_to_is_there():
    names = {(document["kind"], document["metadata"]["name"]) for document in documents()}
    keys = {name: d["data"] for d in documents() if d["kind"] == "ConfigMap" for name in [d["metadata"]["name"]]}
    for pod in pods():
        assert ("ServiceAccount", pod.spec["serviceAccountName"]) in names
        volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in names
        for _, container in pod.containers():
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
            defined = {variable["name"] for variable in container.get("env", [])}
            text = " ".join([*container.get("command", []), *container["args"]])
            assert set(re.findall(r"\$\((\w+)\)", text)) <= defined
            assert set(re.findall(r"\$\{([A-Z_]+)\}", text)) <= defined
            for variable in container.get("env", []):
                reference = variable["valueFrom"].get("configMapKeyRef")
                assert reference is None or reference["key"] in keys[reference["name"]]


@NAMED
def test_every_option_is_one_of_the_command(container):
    command, options = used([*container.get("command", ["irt-jax"]), *container["args"]])
    assert options
    assert options <= options_of(command)


def test_an_option_that_there_is_not_would_be_found():
    command, options = used(["irt-jax", "calibrate", "x", "--methods=hmc"])
    assert not options <= options_of(command)
