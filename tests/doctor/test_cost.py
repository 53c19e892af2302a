"""The formulas of the cost against the committed records of runs."""

import json
from pathlib import Path

import pytest

from irt_jax.doctor.cost import BUSY, METHODS, MIB, Sampling, Size, expected

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
FACTOR = 2.0
REFERENCE = Size(5000, 500, 100_000)
DEFAULT = Sampling(8, 600, 100)


def records() -> list[dict]:
    """Runs of ours by the methods that there is a formula for, one a line; wall-clock and peak memory."""
    found = []
    for file in sorted(RESULTS.glob("*/lines.jsonl")):
        for line in file.read_text().splitlines():
            record = json.loads(line)
            if record["engine"] in {f"ours_{method}" for method in METHODS}:
                found.append({"file": file.parent.name, **record})
    joint = json.loads((RESULTS / "reference_joint_nuts_2cores.json").read_text())
    options = {name: joint["options"][name] for name in ("chains", "draws", "warmup")}
    size = {"persons": joint["sizes"]["persons"], "items": joint["sizes"]["items"], "responses": 100_000}
    found.append(
        {"file": "reference_joint_nuts_2cores", "case": "reference", "engine": "ours_joint", **joint, **size, **options}
    )
    return found


def identify(record: dict) -> str:
    return f"{record['file']}-{record['engine']}-{record['case']}"


def cost_of(record: dict):
    method = record["engine"].removeprefix("ours_")
    size = Size(record["persons"], record["items"], record["responses"], 2, record.get("learned", False))
    sampling = None if method == "mml" else Sampling(record["chains"], record["draws"], record["warmup"])
    return expected(method, size, sampling, cores=record["cores"], gpu="gpu" in record["device"])


def test_there_are_records_of_every_method_device_and_size():
    kinds = {(record["engine"], "gpu" in record["device"]) for record in records()}
    assert kinds == {
        ("ours_mml", False),
        ("ours_mml", True),
        ("ours_hmc", False),
        ("ours_hmc", True),
        ("ours_joint", False),
    }
    sizes = [record["responses"] for record in records()]
    assert min(sizes) < 1e4
    assert max(sizes) == 1e7
    assert len(records()) >= 20


@pytest.mark.parametrize("record", records(), ids=identify)
def test_expected_time_is_within_a_factor_of_two(record):
    measured = record["cpu_s"] / BUSY if "cpu_s" in record else record["wall_s"]
    assert 1 / FACTOR <= cost_of(record).seconds / measured <= FACTOR


@pytest.mark.parametrize("record", records(), ids=identify)
def test_expected_memory_is_within_a_factor_of_two(record):
    assert 1 / FACTOR <= cost_of(record).memory / (record["peak_memory_mib"] * MIB) <= FACTOR


@pytest.mark.parametrize("record", records(), ids=identify)
def test_expected_compilation_is_a_part_of_the_time(record):
    cost = cost_of(record)
    assert 0 < cost.compile_s < cost.seconds


@pytest.mark.parametrize("method", METHODS)
def test_more_data_draws_and_categories_cost_more_and_more_cores_less(method):
    sampling = None if method == "mml" else DEFAULT
    here = expected(method, REFERENCE, sampling, cores=2)
    for bigger in (
        REFERENCE._replace(persons=50_000, responses=1_000_000),
        REFERENCE._replace(categories=5),
        REFERENCE._replace(learned=True),
    ):
        more = expected(method, bigger, sampling, cores=2)
        assert more.seconds > here.seconds
        assert more.memory > here.memory
    if sampling:
        assert expected(method, REFERENCE, sampling, cores=8).seconds < here.seconds
        assert expected(method, REFERENCE, sampling, cores=64) == expected(method, REFERENCE, sampling, cores=8)
        assert expected(method, REFERENCE, sampling._replace(draws=6000), cores=2).seconds > 2 * here.seconds
        assert expected(method, REFERENCE, sampling._replace(draws=6000), cores=2).memory > here.memory


def test_a_gpu_loses_on_small_data_and_wins_on_large():
    small, large = Size(300, 24, 7_000), Size(50_000, 5_000, 1_000_000)
    for size, loses in ((small, True), (large, False)):
        cpu, gpu = (expected("hmc", size, DEFAULT, cores=2, gpu=on_gpu) for on_gpu in (False, True))
        assert (gpu.seconds > cpu.seconds) is loses


def test_what_was_not_measured_has_no_cost():
    assert expected("joint", REFERENCE, Sampling(4, 1000, 1000), cores=2, gpu=True) is None
