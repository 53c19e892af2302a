"""Values out of their bounds, by command: exit code 2 or 3, one line that names them, nothing written or fitted."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.contract.bounds import OPTIONS
from irt_jax.contract.options import make_options
from irt_jax.data import align_anchors, encode, read_anchors
from irt_jax.errors import InputError, OutputError
from irt_jax.models import MODELS
from irt_jax.models.bank import code_items
from irt_jax.plan.anchor_models import refuse_other_models
from irt_jax.plan.preparation import code_models
from irt_jax.results import prometheus
from irt_jax.runtime import memory
from irt_jax.runtime.machine import Memory

ULP_BELOW_1 = "0.9999999999999999"
SAMPLER = {
    "--seed": ("-1", str(2**63), "9" * 30),
    "--chains": ("0", "100000000"),
    "--draws": ("1", str(10**12)),
    "--warmup": ("-1", str(10**12)),
}
CATEGORY = {"--first-category": ("-1", str(2**63), "9" * 25, "40000")}
PRIOR = {"--a-prior-sd": ("1e-300", "nan", "inf", "-1"), "--b-prior-sd": ("1e300", "nan", "0")}
OF_DRIFT = {"--threshold-a": ("nan", "inf"), "--threshold-b": ("0", "-1"), "--fdr": ("nan", "1")}
BAD = {
    "calibrate": {
        **SAMPLER,
        **CATEGORY,
        **PRIOR,
        "--interval": (ULP_BELOW_1, "1e-300", "nan"),
        "--target-accept": ("nan", "1"),
        "--max-tree-depth": ("0", "1000"),
        "--ability-values": ("-1", "9" * 25),
        "--min-responses": ("-1", "9" * 25),
        "--devices": ("0", "1000000000"),
        "--out": (".", "..", "/", "x" * 300, "a\nb", os.fsdecode(b"bad\xff")),
        "--metrics": (".", "x" * 300, os.fsdecode(b"bad\xff"), "/proc/metrics.prom"),
    },
    "score": {
        **CATEGORY,
        "--seed": ("-1", str(2**63)),
        "--plausible-values": ("-1", "100000000"),
        "--prior-sd": ("nan", "inf", "0", "1e-300"),
        "--prior-mean": ("nan", "1e300"),
        "--out": (".", "x" * 300, "/proc/scores.csv"),
        "--information": ("/proc/information.csv",),
    },
    "compare": {
        "--threshold": ("nan", "inf", "0", "1e-300"),
        "--rows": ("9" * 30,),
        "--picture": ("picture.foo", "/proc/picture.png"),
        "--out": ("/proc/pairs.csv",),
    },
    "drift": {**OF_DRIFT, "--rows": ("-1",)},
    "monthly": {
        **SAMPLER,
        **PRIOR,
        **OF_DRIFT,
        "--threshold": ("nan", "0"),
        "--devices": ("0",),
        "--min-responses": ("-1",),
        "--also": ("mirt=nope.csv",),
        "--metrics": ("/proc/metrics.prom", "."),
        "--priors": ("nope.toml",),
        "--model": ("nope.csv",),
        "--out": (".", "x" * 300),
    },
    "simulate": {
        "--seed": SAMPLER["--seed"],
        "--ability-sd": ("nan", "-1", "inf"),
        "--ability-mean": ("nan", "1e300"),
        "--a-sd": ("nan", "0"),
        "--b-sd": ("inf", "-1"),
        "--persons": ("0", "1000000000000", "9" * 30),
        "--items": ("9" * 30,),
        "--per-person": ("0", "5"),
        "--anchor-items": ("-1", "5"),
        "--out": (".", "x" * 300),
    },
    "demo": {**SAMPLER, "--out": (".",)},
}
CASES = [(c, option, value) for c, options in BAD.items() for option, values in options.items() for value in values]


@pytest.fixture(scope="module")
def data(tmp_path_factory, small):
    return small.write(tmp_path_factory.mktemp("data") / "sim")


@pytest.fixture
def given(data, tmp_path, monkeypatch):
    """What each command needs besides, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    responses, anchors, items = (data / f"{name}.parquet" for name in ("responses", "anchors", "true_items"))
    return {
        "calibrate": (responses, "--out", "out", "--method", "hmc"),
        "score": (responses, "--items", items, "--out", "out.parquet"),
        "compare": (anchors, items),
        "drift": (data,),
        "monthly": (responses, "--anchors", anchors, "--window-label", "w", "--out", "out"),
        "simulate": ("--persons", "4", "--items", "4", "--per-person", "4", "--out", "out"),
        "demo": ("--out", "out"),
    }


@pytest.mark.parametrize(("command", "option", "value"), CASES)
def test_a_value_out_of_its_bounds_is_one_line_and_nothing_is_written(irt, given, tmp_path, command, option, value):
    code, printed, errors = irt(command, *given[command], option, value)
    assert code in (2, 3), errors
    assert printed == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_every_number_of_a_calibration_has_its_bounds():
    numbers = {
        n for n, f in make_options().__dataclass_fields__.items() if "int" in str(f.type) or "float" in str(f.type)
    }
    assert numbers - {"by_group"} <= set(OPTIONS)
    assert [OPTIONS["min_responses"].holds(value) for value in (3, True, "3", 2.5, float("nan"), 10**30)] == [
        *(True, False, False, False, False, False)
    ]
    assert [OPTIONS["interval"].holds(value) for value in (0.5, 1, True, float("nan"), 10**400)] == [True] + [False] * 4


def test_chains_and_draws_are_held_against_the_memory(irt, given, monkeypatch):
    monkeypatch.setattr(memory, "memory", lambda: Memory(2 * 10**9, 10**9, False))
    code, _, errors = irt("calibrate", *given["calibrate"], "--draws", "1000000")
    assert code == 2
    assert "8 chains of 1,000,000 draws of 16 parameters need" in errors
    assert "--draws of at most" in errors


BASE = {"item_id": ["a", "b"], "a": [1.0, 1.2], "b": [0.0, 0.5]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1e-300, 1.0]}, r"a from 0.001 to 100 .* found 'a' \(a 1e-300\)"),
        ({"a": [1e300, 1.0]}, "a from 0.001"),
        ({"b": [0.0, 500.0]}, r"b from -100 to 100 .* found 'b' \(b 500\)"),
        ({"a_sd": [1e-300, 0.1]}, "a_sd from 0.0001 to 100 .* --anchor-mode fixed"),
        ({"log_a_sd": [1e300, 0.1]}, "log_a_sd from"),
        ({"b_sd": [1e300, 0.1]}, "b_sd from"),
        ({"c": [2.0, 0.1]}, r"c from 0 to 0.999 .* \(c 2\)"),
        ({"c": [-0.1, 0.1]}, "c from 0"),
        ({"d": [0.0, 0.9]}, "d from 0.001"),
        ({"d": [1.5, 0.9]}, "d from"),
        ({"c": [0.9, 0.1], "d": [0.5, 0.9]}, r"c below d .* found 'a' \(c 0.9, d 0.5\)\."),
        ({"c": [0.2, 0.1], "c_sd": [1e-300, 0.1]}, "c_sd from"),
        ({"thresholds": [[0.0, 1e300], None]}, "thresholds from"),
        ({"thresholds": [[0.0, None], None]}, r"numbers in thresholds .* 'a' \(null\)"),
        ({"thresholds": [[0.0, 1.0], None], "thresholds_sd": [[1e-300, 1.0], None]}, "thresholds_sd from"),
    ],
)
def test_anchors_outside_of_any_domain_are_refused_by_id_and_value(columns, message):
    with pytest.raises(InputError, match=message):
        read_anchors(pa.table({**BASE, **columns}))


def responses(top):
    rng = np.random.default_rng(0)
    return encode(
        pa.table(
            {
                "person_id": np.repeat(np.arange(20), 2),
                "item_id": ["a", "b"] * 20,
                "response": rng.integers(0, top + 1, 40),
            }
        )
    )


@pytest.mark.parametrize(
    ("model", "top", "columns", "message"),
    [
        ("2pl", 1, {"c": [0.2, 0.0]}, r"own models, found 'a' \(c 0.2\)\. Use --model 3pl"),
        ("3pl", 1, {"c": [0.2, 0.2], "d": [1.0, 0.9]}, r"found 'b' \(d 0.9\)\. Use --model 4pl"),
        ("2pl", 1, {"thresholds": [[0.0, 1.0], None]}, r"found 'a' \(2 thresholds\)\. Use --model grm"),
        ("2pl", 1, {"thresholds": [[9.0], None]}, "1 thresholds"),
        ("grm", 2, {"thresholds": [[1.0, 0.0], None]}, r"ascend, found 'a' \(1 before 0\)"),
        ("grm", 2, {"thresholds": [[0.0, 0.0], None]}, r"\(0 before 0\)"),
        ("grm", 2, {"thresholds": [[0.0], None]}, r"found 'a' \(1 thresholds, 3 categories\)"),
        ("gpcm", 2, {"thresholds": [[0.0], None]}, "3 categories"),
    ],
)
def test_anchors_of_another_model_are_refused(model, top, columns, message):
    coded = responses(top)
    aligned = align_anchors(coded, read_anchors(pa.table({**BASE, **columns})))
    with pytest.raises(InputError, match=message):
        code_models(coded, make_options(model=model), aligned)


def test_anchors_with_the_parameters_of_their_own_models_are_taken():
    coded = responses(1)
    known = {**BASE, "c": [0.2, None], "d": [1.0, None], "thresholds": [None, [0.5]]}
    aligned = align_anchors(coded, read_anchors(pa.table(known)))
    of_two = code_items([MODELS["3pl"], MODELS["2pl"]], np.array([0, 1]), np.array([2, 2]))
    refuse_other_models(coded, of_two, aligned)
    with pytest.raises(InputError, match=r"'a' \(c 0.2\)"):
        refuse_other_models(
            coded, code_items([MODELS["3pl"], MODELS["2pl"]], np.array([1, 0]), np.array([2, 2])), aligned
        )
    descending = align_anchors(responses(2), read_anchors(pa.table({**BASE, "thresholds": [[1.0, 0.0], None]})))
    code_models(responses(2), make_options(model="gpcm"), descending)


@pytest.mark.parametrize("command", ["score", "compare"])
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"model": "4pl", "c": 0.9, "d": 0.5}, "c below d"),
        ({"model": "3pl", "c": 2.0}, "c from 0"),
        ({"model": "2pl", "c": 0.2}, "column model, such as 3pl"),
        ({"model": "2pl", "thresholds": [0.0, 1.0]}, "2 thresholds"),
        ({"model": "grm", "thresholds": [1.0, 0.0]}, "ascend"),
        ({"a": 1e300}, "a from -1000"),
        ({"b": float("inf")}, "b from"),
    ],
)
def test_known_items_outside_of_their_domain_are_refused(irt, given, data, tmp_path, command, columns, message):
    items = pq.read_table(data / "true_items.parquet").to_pydict()
    table = pa.table({**items, **{name: [value] * len(items["a"]) for name, value in columns.items()}})
    pq.write_table(table, tmp_path / "bank.parquet")
    more = ("--items", "bank.parquet", "--out", "s.parquet") if command == "score" else ("bank.parquet",)
    source = data / ("responses.parquet" if command == "score" else "true_items.parquet")
    code, printed, errors = irt(command, source, *more)
    assert (code, printed, errors.count("\n")) == (3, "", 1)
    assert message in errors
    assert "'i1' (" in errors


@pytest.mark.parametrize(
    "text",
    [
        *("[free]\nb_sd = 1e308", "[free]\nb_sd = 1e-300", "[free]\nb_sd = nan", "[free]\nlog_a_mean = inf"),
        *("[free]\nb_sd = -1", "[free]\nb_sd = '1'", "[free]\nb_sd = " + "9" * 5000, "x = " + "[" * 3000 + "]" * 3000),
        *("[asymptotes]\nc = [1e308, 1]", "[asymptotes]\nc = [1e-300, 1]", "[drift]\nshare = 1e-300", b"# \xff"),
    ],
)
def test_priors_out_of_bounds_are_one_line(irt, given, tmp_path, text):
    (tmp_path / "priors.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, errors = irt("calibrate", *given["calibrate"], "--priors", "priors.toml")
    assert (code, errors.count("\n")) == (3, 1)
    assert "priors.toml" in errors


@pytest.mark.parametrize(
    "text",
    [
        *("seed = 1.5", "seed = nan", "draws = inf", "chains = [1]", "quiet = 1", "threshold = true", "also = 'x'"),
        *("also = [1]", 'priors = "a\\u0000.toml"', "a-prior-sd = 1e-300", "seed = " + "9" * 5000, b"# \xff"),
    ],
)
def test_a_configuration_with_values_of_another_kind_is_one_line(irt, given, tmp_path, text):
    (tmp_path / "job.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, errors = irt("monthly", *given["monthly"], "--config", "job.toml")
    assert code in (2, 3)
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("count", [1e12, -1.0, 2.5, float("inf"), 1.0])
def test_numbers_of_categories_that_no_item_has(irt, given, data, tmp_path, count):
    ids = pq.read_table(data / "true_items.parquet")["item_id"]
    pq.write_table(pa.table({"item_id": ids, "model": ["grm"] * 8, "categories": [count] * 8}), "models.parquet")
    code, _, errors = irt("calibrate", *given["calibrate"], "--model", "models.parquet")
    assert (code, errors.count("\n")) == (3, 1)
    assert f"{count:g}" in errors


def test_tables_to_compare_with_are_looked_at_before_the_first_fit(irt, given, data, tmp_path):
    for columns, message in (
        ({"item_id": ["other"], "a": [1.0], "b": [0.0]}, "Expected items of the responses in t"),
        ({"item_id": [1], "a": [1.0], "b": [0.0]}, "Item ids are integers in t"),
        ({"item_id": ["i1"], "a": [1.0]}, "Expected a column 'b'"),
    ):
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        code, printed, errors = irt("monthly", *given["monthly"], "--also", "t.parquet")
        assert (code, printed) == (3, ""), errors
        assert message in errors
        assert not (tmp_path / "out").exists()


def test_metrics_that_fail_late_do_not_say_that_nothing_is_there(tmp_path, monkeypatch):
    def full(*_):
        raise OutputError("the disk is full.", "Nothing was left behind.")

    monkeypatch.setattr(prometheus, "write_text_file", full)
    with pytest.raises(OutputError, match=r"the disk is full\. The run itself is written\.") as failed:
        prometheus.write_metrics(tmp_path / "run.prom", [])
    assert "Nothing was left" not in str(failed.value)


@pytest.mark.parametrize(
    "words",
    [
        ("drift", "x" * 5000),
        ("compare", "y.csv", "x" * 5000),
        ("score", "r.parquet", "--items", "x" * 300, "--out", "s.parquet"),
        ("score", "x" * 5000, "--items", "r.parquet", "--out", "s.parquet"),
        ("monthly", "r.parquet", "--also", "x" * 300, "--window-label", "w", "--out", "m"),
    ],
    ids=lambda words: words[0],
)
def test_an_input_whose_name_is_too_long_is_one_line(irt, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    code, _, errors = irt(*words)
    assert code == 3
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert len(errors) < 6_000
    assert list(tmp_path.iterdir()) == []
