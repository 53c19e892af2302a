"""Differences between sides: against formulas written down here, and what happens where sides do not fit."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from irt_jax.calibration import calibrate
from irt_jax.errors import InputError, UsageError
from irt_jax.linking.comparison import compare
from irt_jax.report.comparison import summary_lines


def items(ids, a, b, **columns) -> pd.DataFrame:
    return pd.DataFrame({"item_id": ids, "a": a, "b": b, **columns})


def expected_score(row: dict, theta: float) -> float:
    """Share of the largest score, by the formulas of docs/comparison.md."""
    steps = row.get("thresholds")
    if row["model"] == "grm":
        return float(np.mean([1 / (1 + np.exp(-row["a"] * (theta - step))) for step in steps]))
    if row["model"] == "gpcm":
        weight = np.exp(np.concatenate([[0], np.cumsum([row["a"] * (theta - step) for step in steps])]))
        return float(weight @ np.arange(len(weight)) / weight.sum() / (len(weight) - 1))
    low, high = row.get("c", 0.0), row.get("d", 1.0)
    return low + (high - low) / (1 + np.exp(-row["a"] * (theta - row["b"])))


ONE = [
    {"model": "2pl", "a": 1.1, "b": 0.3},
    {"model": "3pl", "a": 1.4, "b": -0.5, "c": 0.2},
    {"model": "4pl", "a": 0.8, "b": 0.9, "c": 0.15, "d": 0.93},
    {"model": "grm", "a": 1.2, "b": 0.1, "thresholds": [-1.0, 0.2, 1.1]},
    {"model": "gpcm", "a": 0.7, "b": 0.0, "thresholds": [0.4, -0.4]},
]
TWO = [
    {"model": "2pl", "a": 1.3, "b": 0.1},
    {"model": "2pl", "a": 1.0, "b": -0.8},
    {"model": "4pl", "a": 0.9, "b": 0.9, "c": 0.1, "d": 0.97},
    {"model": "grm", "a": 1.1, "b": 0.2, "thresholds": [-0.8, 0.3, 1.1]},
    {"model": "gpcm", "a": 0.9, "b": 0.1, "thresholds": [0.5, -0.3]},
]


def frame(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(item_id=[f"q{k}" for k in range(len(rows))])


@pytest.mark.parametrize("population", [(0.0, 1.0), (0.8, 1.4)])
def test_the_area_is_the_weighted_integral(population):
    """Of the difference of expected scores, whatever the models; kinks limit the sum to 1e-5."""
    found = compare({"one": frame(ONE), "two": frame(TWO)}, population=population).pairs.to_pandas()
    for k, (one, two) in enumerate(zip(ONE, TWO, strict=True)):
        mean, sd = population

        def apart(theta, one=one, two=two, mean=mean, sd=sd):
            return abs(expected_score(one, theta) - expected_score(two, theta)) * norm.pdf(theta, mean, sd)

        want, _ = quad(apart, mean - 8 * sd, mean + 8 * sd, limit=400, epsabs=1e-10)
        assert found.area[k] == pytest.approx(want, abs=1e-5)
    assert found.thresholds_difference[3:].to_numpy() == pytest.approx([0.2, 0.1])
    assert found.thresholds_difference[:3].isna().all()
    assert found.model_1.tolist() == [row["model"] for row in ONE]


def test_differences_flags_and_what_explains_them():
    one = items(["x", "y", "z"], [1.0, 1.0, 1.0], [0.0, 0.5, -1.0], a_sd=0.1, b_sd=[0.2, 0.1, 0.1], mcse=0.003)
    two = items(["z", "y", "x"], [1.0, 1.12, 0.95], [-1.05, 0.5, 0.3], a_sd=0.1, b_sd=0.1, mcse=0.004)
    found = compare({"one": one, "two": two}, 0.1)
    pairs = found.pairs.to_pandas().set_index("item_id")
    assert pairs.a_difference.to_dict() == pytest.approx({"x": -0.05, "y": 0.12, "z": 0.0})
    assert pairs.b_difference.to_dict() == pytest.approx({"x": 0.3, "y": 0.0, "z": -0.05})
    assert pairs.flagged.to_dict() == {"x": True, "y": True, "z": False}
    assert pairs.b_z_monte_carlo["x"] == pytest.approx(0.3 / 0.005)
    assert pairs.a_z_monte_carlo["y"] == pytest.approx(0.12 / 0.005)
    assert pairs.b_z_posterior["x"] == pytest.approx(0.3 / np.sqrt((0.2**2 + 0.1**2) / 2))
    assert found.scales[0].n_flagged == 2
    wide = compare({"one": one, "two": two}, 0.31)
    assert not wide.items["flagged"].to_numpy().any()


def test_a_side_without_monte_carlo_error_counts_as_exact():
    one = items(["x", "y"], 1.0, [0.0, 1.0], b_sd=0.2, mcse=[0.01, np.nan])
    pairs = compare({"one": one, "two": items(["x", "y"], 1.0, [0.1, 1.1])}).pairs.to_pandas()
    assert pairs.b_z_monte_carlo[0] == pytest.approx(10.0)
    assert pairs.b_z_posterior[0] == pytest.approx(0.5)
    assert np.isnan(pairs.b_z_monte_carlo[1])
    assert pairs.a_z_posterior.isna().all()


def test_three_sides_have_all_pairs_and_one_row_an_item():
    ids = [f"q{k}" for k in range(6)]
    b = np.linspace(-1, 1, 6)
    sides = {
        "m": items(ids, 1.0, b),
        "n": items(ids, 1.0, b + np.array([0, 0, 0.02, 0, 0, 0.3])),
        "o": items(ids[1:], 1.0, b[1:] + np.array([-0.2, 0, 0, 0, 0.35])),
    }
    found = compare(sides)
    pairs, summary = found.pairs.to_pandas(), found.items.to_pandas().set_index("item_id")
    assert pairs.groupby(["side_1", "side_2"]).size().to_dict() == {("m", "n"): 6, ("m", "o"): 6, ("n", "o"): 6}
    assert pairs[pairs.worst].item_id.sort_values().tolist() == ids
    assert summary.b_difference.to_dict() == pytest.approx(dict(zip(ids, [0, 0.2, 0.02, 0, 0, 0.35], strict=True)))
    assert summary.worst_pair["q5"] == "m, o"
    assert summary.flagged.to_dict() == dict(zip(ids, [False, True, False, False, False, True], strict=True))
    assert summary.n_sides.tolist() == [2, 3, 3, 3, 3, 3]
    for name in ("a_difference", "b_difference", "area"):
        largest = pairs.assign(size=pairs[name].abs()).groupby("item_id")["size"].max()
        np.testing.assert_allclose(summary[name], largest)


def test_items_of_one_side_are_listed_with_null_differences():
    found = compare({"one": items(["x", "y", "only"], 1.0, [0.0, 1.0, 2.0]), "two": items(["y", "x"], 1.0, [1.0, 0.0])})
    row = found.pairs.to_pandas().set_index("item_id").loc["only"]
    assert row.b_1 == 2.0
    assert row[["b_2", "b_difference", "a_difference", "area", "model_2"]].isna().all()
    assert not row.flagged
    assert found.scales[0].n_only == (1, 0)
    assert any("On one side only" in line and "'only'" in line for line in summary_lines(found))


def test_a_difference_of_scale_is_named_and_not_removed():
    """The same items on a scale with another origin and unit: all differ, none would on one scale."""
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.normal(0, 0.2, 30)), rng.normal(size=30)
    ids = np.arange(30)
    found = compare({"one": items(ids, a, b), "two": items(ids, a / 1.25, 1.25 * b + 0.4)})
    scale = found.scales[0]
    assert (scale.slope, scale.intercept) == pytest.approx((1.25, 0.4))
    assert scale.factor == pytest.approx(1 / 1.25)
    assert scale.shift == pytest.approx(np.median(0.25 * b + 0.4))
    assert scale.differs
    assert scale.n_flagged > 25
    assert scale.n_without == 0
    assert any("not on one scale" in line for line in summary_lines(found))
    pairs = found.pairs.to_pandas()
    assert pairs.b_difference.to_numpy() == pytest.approx(0.25 * b + 0.4)
    few = b.copy()
    few[:4] += 0.5
    assert not compare({"one": items(ids, a, b), "two": items(ids, a, few)}).scales[0].differs


def test_integers_and_strings_that_look_alike_are_refused(tmp_path):
    numbers, texts = items([1, 2, 3], 1.0, [0.0, 1.0, 2.0]), items(["1", "2", "03"], 1.0, [0.0, 1.0, 2.0])
    with pytest.raises(InputError, match=r"integers in one \(1, 2, 3\) and strings in two .*; 2 look alike"):
        compare({"one": numbers, "two": texts})
    texts.to_csv(tmp_path / "texts.csv", index=False)  # a CSV file does not say which they are
    found = compare({"one": numbers, "two": str(tmp_path / "texts.csv")})
    assert found.scales[0].n_both == 2
    assert found.items["item_id"].to_pylist() == ["03", "1", "2", "3"]
    numbers.to_csv(tmp_path / "numbers.csv", index=False)
    found = compare({"one": numbers, "two": str(tmp_path / "numbers.csv")})
    assert found.items["item_id"].to_pylist() == [1, 2, 3]


def test_sides_that_cannot_be_compared():
    one = items(["x", "y"], 1.0, [0.0, 1.0])
    with pytest.raises(UsageError, match="at least two"):
        compare({"one": one})
    with pytest.raises(UsageError, match="--threshold"):
        compare({"one": one, "two": one}, 0.0)
    with pytest.raises(InputError, match="No item is on two sides"):
        compare({"one": one, "two": items(["u"], 1.0, 0.0)})
    with pytest.raises(InputError, match="'b'"):
        compare({"one": one, "two": one.drop(columns="b")})
    with pytest.raises(InputError, match="found repeated item_id"):
        compare({"one": one, "two": pd.concat([one, one])})
    with pytest.raises(InputError, match=r"in two \(the DataFrame\), found items that lack some: 'x'"):
        compare({"one": one, "two": one.assign(model="3pl", c=[np.nan, 0.2])})


def test_foreign_tables_take_the_models_that_their_columns_say():
    own = frame(ONE)
    foreign = own.drop(columns="model")
    found = compare({"run": own, "foreign": foreign}).pairs.to_pandas()
    assert found.model_2.tolist() == ["2pl", "3pl", "4pl", "grm", "gpcm"]
    assert found.area.abs().max() < 1e-12
    with pytest.raises(InputError, match="model of every item with thresholds"):
        compare({"one": foreign, "two": foreign})


def test_items_without_an_estimate_are_on_no_side():
    one = items(["x", "y", "none"], [1.0, 1.0, np.nan], [0.0, 1.0, np.nan])
    found = compare({"one": one, "two": items(["x", "y", "none"], 1.0, [0.0, 1.0, 2.0])})
    assert found.scales[0].n_only == (0, 1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_fits_in_memory_and_in_folders_are_the_same(small, tmp_path):
    fits = {
        "mml": calibrate(small.responses, small.anchors, method="mml"),
        "hmc": calibrate(small.responses, small.anchors, chains=2, warmup=50, draws=50),
    }
    folders = {name: str(fit.write(tmp_path / name)) for name, fit in fits.items()}
    memory, disk = compare(fits), compare(folders)
    assert memory.pairs.equals(disk.pairs)
    assert (
        memory.population
        == disk.population
        == pytest.approx((fits["mml"].run["population"]["mean"], fits["mml"].run["population"]["sd"]))
    )
    pairs = memory.pairs.to_pandas()
    assert (pairs.a_2 - fits["hmc"].items.a).abs().max() == 0.0
    mcse = fits["hmc"].items.mcse
    assert pairs.b_z_monte_carlo.to_numpy() == pytest.approx((pairs.b_difference / mcse).to_numpy())
    pq.write_table(memory.pairs, tmp_path / "pairs.parquet")
    assert pa.Table.equals(pq.read_table(tmp_path / "pairs.parquet"), memory.pairs)
