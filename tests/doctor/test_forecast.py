"""`irt-jax doctor`: what it says, what it advises, and how it ends."""

import json
import os
import sys
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from irt_jax.data import encode
from irt_jax.doctor.choice import choose
from irt_jax.doctor.cost import Size
from irt_jax.doctor.forecast import estimate_costs, examine
from irt_jax.runtime.machine import Memory
from irt_jax.runtime.units import duration, gigabytes

#: Free bytes of a GPU.
GPU = 100 * 10**9
PLENTY = Memory(128 * 10**9, 120 * 10**9, False)
SMALL, LARGE = Size(300, 24, 7_000), Size(50_000, 5_000, 1_000_000)


@pytest.fixture(scope="module")
def data(tmp_path_factory, small) -> Path:
    return small.write(tmp_path_factory.mktemp("data") / "sim")


@pytest.fixture
def doctor(irt):
    return partial(irt, "doctor")


def test_without_data_it_tells_of_the_machine(doctor):
    code, printed, errors = doctor()
    assert code == 0, errors
    lines = printed.splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == ["versions", "device", "memory", "cache"]
    assert "float64" in printed
    assert f"{len(os.sched_getaffinity(0))} CPU cores" in printed


def test_with_data_it_tells_what_they_cost_and_what_to_choose(doctor, data):
    code, printed, errors = doctor(data / "responses.parquet", "--anchors", data / "anchors.parquet")
    assert code == 0, errors
    assert "60 persons, 8 items (2 anchors), 360 responses, 2 categories" in " ".join(printed.split())
    for method in ("mml", "hmc", "joint NUTS"):
        assert any(line.startswith(method) for line in printed.splitlines())
    assert "--method hmc, CPU" in printed
    assert "a GPU loses" in " ".join(printed.split())


@pytest.mark.parametrize("with_data", [False, True])
def test_no_line_is_wider_than_80_columns(doctor, data, with_data):
    arguments = [data / "responses.parquet", "--anchors", data / "anchors.parquet"] if with_data else []
    _, printed, _ = doctor(*arguments)
    assert max(len(line) for line in printed.splitlines() if len(line.split()) > 1) <= 80


def test_json_says_the_same(doctor, data):
    code, printed, _ = doctor(data / "responses.parquet", "--anchors", data / "anchors.parquet", "--json")
    found = json.loads(printed)
    assert code == 0
    assert found["usable"] is True
    counts = {"persons": 60, "items": 8, "responses": 360, "categories": 2, "anchors": 2, "groups": 1}
    assert found["data"] == counts | {"nodes": found["data"]["nodes"]}
    assert found["choice"]["method"] == "hmc"
    assert found["costs"]["gpu"]["joint"] is None
    assert 0 < found["costs"]["cpu"]["hmc"]["compile_s"] < found["costs"]["cpu"]["hmc"]["seconds"]
    assert found["memory"]["free"] <= found["memory"]["total"]
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_bad_data_end_with_three(doctor, data, tmp_path, as_json):
    table = pq.read_table(data / "responses.parquet")
    pq.write_table(table.rename_columns(["who", "item_id", "response"]), tmp_path / "changed.parquet")
    code, printed, errors = doctor(tmp_path / "changed.parquet", *as_json)
    assert code == 3
    assert printed == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    code, _, _ = doctor(tmp_path / "changed.parquet", "--person-col", "who", *as_json)
    assert code == 0


def test_anchors_without_responses_are_wrong_usage(doctor, data):
    code, _, errors = doctor("--anchors", data / "anchors.parquet")
    assert code == 2
    assert "--anchors" in errors


def test_anchors_that_are_not_in_the_data_are_named(small):
    anchors = small.anchors.to_pandas()
    anchors.loc[0, "item_id"] = "elsewhere"
    report = examine(encode(small.responses), anchors)
    assert report.data["anchors"] == 1
    assert any("'elsewhere'" in note for note in report.notes)


def test_groups_and_categories_are_counted(small):
    frame = small.responses.to_pandas()
    frame["group"] = [str(int(name[1:]) % 2) for name in frame.person_id]
    frame.loc[0, "response"] = 3
    import irt_jax

    report = examine(encode(irt_jax.read_responses(frame)))
    assert (report.data["groups"], report.data["categories"]) == (2, 4)


def test_a_cache_that_cannot_be_written_is_a_note_and_no_failure(doctor, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/proc/irt_jax/programs")
    report = examine()
    assert not report.cache.writable
    assert report.usable
    assert any("compiles anew" in note for note in report.notes)


def test_the_cache_is_measured_and_nothing_is_left_in_it(monkeypatch, tmp_path):
    (tmp_path / "programs" / "a").mkdir(parents=True)
    (tmp_path / "programs" / "a" / "one").write_bytes(b"0" * 1000)
    (tmp_path / "programs" / "two").write_bytes(b"0" * 234)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "programs"))
    cache = examine().cache
    assert (cache.writable, cache.files, cache.size) == (True, 2, 1234)
    assert len(list(tmp_path.rglob("*"))) == 4


def test_the_posterior_is_chosen_where_it_fits():
    for size in (SMALL, LARGE):
        assert choose(estimate_costs(size, 2), "cpu", PLENTY).method == "hmc"


def test_the_faster_device_is_chosen_and_a_gpu_loses_on_small_data():
    small, large = (choose(estimate_costs(size, 2), "gpu", PLENTY, GPU) for size in (SMALL, LARGE))
    assert (small.device, large.device) == ("cpu", "gpu")
    assert "a GPU loses" in small.why
    assert "JAX_PLATFORMS=cpu" in small.why
    assert "On the CPU it would take" in large.why


def test_what_does_not_fit_is_said_and_what_does_is_chosen():
    costs = estimate_costs(LARGE, 2)["cpu"]
    free = int((costs["mml"].memory + costs["hmc"].memory) / 2 / 0.8)
    found = choose(estimate_costs(LARGE, 2), "cpu", Memory(free, free, True))
    assert found.method == "mml"
    assert "--method hmc needs about" in found.why
    nothing = choose(estimate_costs(LARGE, 2), "cpu", Memory(10**8, 10**8, True))
    assert nothing.method is None
    assert "more memory" in nothing.why


def test_a_gpu_without_room_is_left_alone():
    found = choose(estimate_costs(LARGE, 2), "gpu", PLENTY, 10**8)
    assert (found.method, found.device) == ("hmc", "cpu")


def test_a_posterior_of_a_day_is_not_chosen():
    huge = Size(10_000_000, 5_000, 200_000_000)
    found = choose(estimate_costs(huge, 2), "cpu", Memory(10**12, 10**12, False))
    assert found.method == "mml"
    assert "would take" in found.why


def test_data_that_do_not_fit_end_with_three(doctor, data, monkeypatch):
    """A machine with 100 MB free: the real command on the real data, told of another memory."""
    monkeypatch.setattr("irt_jax.doctor.forecast.memory", lambda: Memory(10**9, 10**8, True))
    code, printed, _ = doctor(data / "responses.parquet")
    assert code == 3
    assert "choice   nothing" in printed
    assert printed.count("too much") == 3
    assert "the container's limit" in printed


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (99.0, "99 s"), (150.0, "2 min"), (7300.0, "2 h"), (9e6, "2,500 h")]
)
def test_durations_are_as_exact_as_an_estimate(seconds, text):
    assert duration(seconds) == text


def test_sizes_have_two_digits():
    assert [gigabytes(size) for size in (3e6, 2.44e9, 2.8e10)] == ["3 MB", "2.4 GB", "28 GB"]
