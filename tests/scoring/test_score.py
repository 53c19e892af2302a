"""Scores against slow SciPy versions, and what happens to persons and responses that cannot be used."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm
from support import limits, slow_models
from support.posteriors import moments_apart
from support.seeds import seed

from irt_jax.calibration import calibrate
from irt_jax.cli import main
from irt_jax.data import encode
from irt_jax.errors import InputError, UsageError
from irt_jax.scoring import item_information, read_items, score, test_information

MODELS = ["2pl", "3pl", "grm", "gpcm", "nominal", "4pl", "rasch", "grm", "2pl", "pcm"]
CATEGORIES = [2, 2, 4, 3, 3, 2, 2, 3, 2, 4]
MEAN, SD = 0.3, 1.2
N_VALUES = 1000


@pytest.fixture(scope="module")
def items():
    rng = np.random.default_rng(4)
    return [slow_models.random_item(name, rng, count) for name, count in zip(MODELS, CATEGORIES, strict=True)]


def table_of(items, models=MODELS):
    lists = {
        name: pa.array([list(item[name]) if name in item else None for item in items], pa.list_(pa.float64()))
        for name in ("thresholds", "slopes", "intercepts")
    }
    numbers = {name: pa.array([item.get(name) for item in items], pa.float64()) for name in ("a", "b", "c", "d")}
    return pa.table({"item_id": [f"item {i}" for i in range(len(items))], "model": models, **numbers, **lists})


@pytest.fixture(scope="module")
def responses(items):
    """Most persons answer some of the items; the first two have the lowest and the highest category of all."""
    rng = np.random.default_rng(5)
    found = slow_models.draw_responses(MODELS, items, rng.normal(MEAN, SD, 25), rng)
    found[0], found[1] = 0, np.array(CATEGORIES) - 1
    seen = rng.random(found.shape) < 0.7
    seen[:2] = True
    seen[2] = np.arange(10) == 4
    person, item = np.nonzero(seen)
    return pa.table({"person_id": person, "item_id": [f"item {i}" for i in item], "response": found[seen]})


@pytest.fixture(scope="module")
def scored(items, responses):
    found, notes = score(encode(responses), read_items(table_of(items)), mean=MEAN, sd=SD)
    assert notes == []
    return found.to_pandas()


def own(responses, person):
    part = responses.to_pandas().query("person_id == @person")
    return [(int(name[5:]), y) for name, y in zip(part.item_id, part.response, strict=True)]


def log_likelihood(items, answers, theta):
    return sum(np.log(slow_models.probabilities(MODELS[i], items[i], theta)[y]) for i, y in answers)


@pytest.mark.slow
def test_eap_equals_quadrature(items, responses, scored):
    for row in scored.itertuples():
        answers = own(responses, row.person_id)
        density = lambda x, a=answers: np.exp(log_likelihood(items, a, x) + 20.0) * norm.pdf(x, MEAN, SD)  # noqa: E731
        limits = {"points": [row.theta], "epsabs": 0, "epsrel": 1e-11, "limit": 300}
        ends = MEAN - 9 * SD, MEAN + 9 * SD
        total = quad(density, *ends, **limits)[0]
        mean = quad(lambda x: x * density(x), *ends, **limits)[0] / total  # noqa: B023
        variance = quad(lambda x: (x - mean) ** 2 * density(x), *ends, **limits)[0] / total  # noqa: B023
        assert row.theta == pytest.approx(mean, abs=1e-6)
        assert row.theta_sd == pytest.approx(np.sqrt(variance), abs=1e-6)


def test_map_is_the_largest_posterior(items, responses, scored):
    for row in scored.itertuples():
        answers = own(responses, row.person_id)
        lost = lambda x, a=answers: -log_likelihood(items, a, x) - norm.logpdf(x, MEAN, SD)  # noqa: E731
        grid = np.linspace(-5, 5, 81)
        best = grid[np.argmin([lost(x) for x in grid])]
        exact = minimize_scalar(lost, (best - 0.2, best, best + 0.2), tol=1e-12).x
        assert row.map == pytest.approx(exact, abs=1e-6)
        curvature = (lost(exact + 1e-3) - 2 * lost(exact) + lost(exact - 1e-3)) / 1e-6
        assert row.map_se == pytest.approx(1 / np.sqrt(curvature), rel=1e-4)


def estimating_function(items, answers, theta, step=2e-4):
    """Warm's, from central differences of the categories' probabilities."""
    score_, information, bias = 0.0, 0.0, 0.0
    for i, y in answers:
        at = [np.array(slow_models.probabilities(MODELS[i], items[i], theta + k * step)) for k in (-2, -1, 0, 1, 2)]
        p = at[2]
        first = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * step)
        second = (16 * (at[3] + at[1]) - (at[4] + at[0]) - 30 * p) / (12 * step**2)
        score_ += first[y] / p[y]
        information += (first**2 / p).sum()
        bias += (first * second / p).sum()
    return score_ + bias / (2 * information), information


def test_wle_solves_warms_equation(items, responses, scored):
    for row in scored.itertuples():
        answers = own(responses, row.person_id)
        value = lambda x, a=answers: estimating_function(items, a, x)[0]  # noqa: E731
        exact = brentq(value, row.wle - 0.05, row.wle + 0.05, xtol=1e-10)
        assert row.wle == pytest.approx(exact, abs=1e-6)
        assert row.wle_se == pytest.approx(estimating_function(items, answers, exact)[1] ** -0.5, rel=1e-5)
    assert np.isfinite(scored.wle).all()


def test_wle_is_no_mode_under_jeffreys_prior_but_for_two_parameters(items):
    """With guessing, the derivative of log sqrt(I) is not J / (2 I)."""
    guessing = items[1]

    def half_log_information(theta):
        return 0.5 * np.log(estimating_function(items, [(1, 0)], theta)[1])

    p = slow_models.probabilities("3pl", guessing, 0.4)
    assert p[0] > 0
    slope = (half_log_information(0.401) - half_log_information(0.399)) / 0.002
    value, information = estimating_function(items, [(1, 0)], 0.4)
    at = [np.array(slow_models.probabilities("3pl", guessing, 0.4 + k * 1e-4)) for k in (-1, 1)]
    score_of_response = (np.log(at[1][0]) - np.log(at[0][0])) / 2e-4
    assert abs(slope - (value - score_of_response)) > 0.02
    assert information > 0


def test_information_equals_the_formula(items):
    known = read_items(table_of(items))
    theta = np.linspace(-3, 3, 7)
    found = item_information(known, theta)
    exact = [[estimating_function(items, [(i, 0)], x)[1] for x in theta] for i in range(len(items))]
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    total, error = test_information(known, theta)
    np.testing.assert_allclose(total, found.sum(0))
    np.testing.assert_allclose(error, total**-0.5)


@pytest.mark.statistical
def test_plausible_values_come_from_the_posterior(items, responses):
    found = score(
        encode(responses), read_items(table_of(items)), mean=MEAN, sd=SD, plausible_values=N_VALUES, seed=seed(0)
    )[0].to_pandas()
    values = found.filter(like="plausible").to_numpy()
    assert values.shape == (25, N_VALUES)
    mean, sd = found.theta.to_numpy(), found.theta_sd.to_numpy()
    z, df = moments_apart(values.T[None], mean, sd)
    assert limits.within(z, 50, df)
    for wrong in ((mean + 0.35 * sd, sd), (mean, 1.25 * sd)):
        z, df = moments_apart(values.T[None], *wrong)
        assert limits.beyond(z, 50, df).any(0).all()


def test_unknown_items_are_told_of_and_persons_without_others_stay(items, responses):
    extra = pa.table({"person_id": [900, 901, 901], "item_id": ["new", "new", "item 0"], "response": [1, 0, 1]})
    both = pa.concat_tables([responses, extra])
    found, notes = score(encode(both), read_items(table_of(items)))
    assert found.num_rows == 27
    last = found.to_pylist()[-2:]
    assert last[0] == {"person_id": 900, "n_responses": 0} | dict.fromkeys(found.column_names[2:])
    assert last[1]["n_responses"] == 1
    assert "2 responses to 1 unknown items" in notes[0]
    assert "1 persons have no usable response" in notes[1]
    assert "900" in notes[1]


def test_files_without_models_are_2pl_and_items_without_estimates_go(items, responses):
    plain = pa.table({"item_id": ["x", "y", "z"], "a": [1.0, 0.7, None], "b": [0.0, -1.0, None]})
    known = read_items(plain)
    assert known.ids.to_pylist() == ["x", "y"]
    assert known.coding.bank.models[0].name == "2pl"
    with pytest.raises(InputError, match="lack some: 'y'"):
        read_items(plain.set_column(2, "b", [pa.array([0.0, None, None], pa.float64())]))
    with pytest.raises(InputError, match="found 9pl"):
        read_items(plain.append_column("model", [["2pl", "9pl", "2pl"]]))
    with pytest.raises(InputError, match="found repeated item_id"):
        read_items(pa.concat_tables([plain, plain]))
    with pytest.raises(InputError, match="None of the 10 items"):
        score(encode(responses), known)
    with pytest.raises(UsageError, match="--prior-sd must be"):
        score(encode(responses), read_items(table_of(items)), sd=0.0)
    beyond = pa.table({"person_id": [1], "item_id": ["item 0"], "response": [2]})
    with pytest.raises(InputError, match="found others in 'item 0'"):
        score(encode(beyond), read_items(table_of(items)))


@pytest.mark.slow
def test_the_items_uncertainty_widens_the_scores(small, tmp_path):
    fit = calibrate(small.responses, small.anchors, draws=200, warmup=50)
    fit.write(tmp_path / "run")
    known = read_items(str(tmp_path / "run"))
    population = fit.run["population"]
    told = {"mean": population["mean"], "sd": population["sd"]}
    given = score(encode(small.responses), known, **told)[0].to_pandas()
    drawn, _ = score(encode(small.responses), known, posterior=tmp_path / "run" / "posterior.nc", **told)
    drawn = drawn.to_pandas()
    assert (drawn.theta_sd > given.theta_sd - 1e-3).all()
    assert drawn.theta_sd.mean() > 1.005 * given.theta_sd.mean()
    np.testing.assert_array_equal(drawn.wle, given.wle)
    np.testing.assert_allclose(drawn.theta, fit.persons.theta, atol=0.05)


def test_the_command_scores_a_file(items, responses, scored, tmp_path, capsys, monkeypatch):
    pq.write_table(responses, tmp_path / "responses.parquet")
    pq.write_table(table_of(items), tmp_path / "items.parquet")
    words = ["score", "responses.parquet", "--items", "items.parquet", "--out", "scores.parquet"]
    words += ["--prior-mean", str(MEAN), "--prior-sd", str(SD), "--information", "information.csv"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["irt-jax", *words])
    main_without_exit()
    found = pq.read_table("scores.parquet").to_pandas()
    np.testing.assert_allclose(found[scored.columns], scored, rtol=1e-12)
    lines = (tmp_path / "information.csv").read_text().splitlines()
    assert lines[0] == '"item_id","theta","information","standard_error"'
    assert len(lines) == 1 + 11 * 121
    assert "25 persons, 10 items known; population N(0.3, 1.2)" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 3
    assert "scores.parquet exists" in capsys.readouterr().err


def test_a_broken_run_beside_the_items_is_no_standard_population(items, responses, tmp_path, capsys, monkeypatch):
    pq.write_table(responses, tmp_path / "responses.parquet")
    pq.write_table(table_of(items), tmp_path / "items.parquet")
    (tmp_path / "run.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    words = ["irt-jax", "score", "responses.parquet", "--items", "items.parquet", "--out", "scores.csv"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 3
    assert "Expected the population in 'run.json'" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*words, "--prior-mean", "0", "--prior-sd", "1"])
    main_without_exit()


def test_the_command_keeps_persons_of_nulls_and_takes_groups(tmp_path, capsys, monkeypatch):
    bank = pa.table({"item_id": ["x", "y"], "a": [1.0, 0.7], "b": [0.0, -1.0]})
    pq.write_table(bank, tmp_path / "items.parquet")
    pq.write_table(
        pa.table(
            {"person_id": ["p", "q", "r"], "item_id": ["x", "y", "x"], "response": [1, 0, None], "g": ["u", "v", "v"]}
        ),
        tmp_path / "responses.parquet",
    )
    monkeypatch.chdir(tmp_path)
    words = ["irt-jax", "score", "responses.parquet", "--items", "items.parquet", "--out", "scores.parquet"]
    monkeypatch.setattr(sys, "argv", [*words, "--group-col", "g", "--group-prior", "u=1,0.5"])
    main_without_exit()
    found = pq.read_table("scores.parquet").to_pandas()
    assert found.person_id.tolist() == ["p", "q", "r"]
    assert found.group.tolist() == ["u", "v", "v"]
    assert found.theta.isna().tolist() == [False, False, True]
    told = capsys.readouterr()
    assert "population u N(1, 0.5), v N(0, 1)" in told.out
    assert "1 persons have no usable response and no score: 'r'" in told.err
    wrong = [(["--seed", "-1"], "--seed"), (["--plausible-values", "100000000000"], "--plausible-values")]
    wrong += [(["--group-prior", "w=0,1"], "found others: 'w'"), (["--prior-sd", "0"], "--prior-sd must be")]
    for more, said in wrong:
        monkeypatch.setattr(sys, "argv", [*words, "--overwrite", *more])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        assert said in capsys.readouterr().err


def test_an_item_without_b_is_scored_by_its_slope_and_intercept():
    """As a run has it where the slope may be zero; an item that its run gives a reason for and nothing else goes."""
    full = {"item_id": ["q1", "q2", "q3"], "a": [1.2, -0.8, 1.0], "b": [0.5, -0.25, 0.0]}
    plain = read_items(pa.table(full))
    run = {**full, "a": [1.2, -0.8, None], "b": [None] * 3, "intercept": [-0.6, -0.2, None]}
    known = read_items(pa.table(run | {"reason": ["the slope may be zero"] * 3}))
    assert known.ids.to_pylist() == ["q1", "q2"]
    np.testing.assert_allclose(known.parameters["b"], plain.parameters["b"][:2])
    flat = read_items(pa.table({"item_id": ["q1"], "a": [0.0], "b": pa.nulls(1, pa.float64()), "intercept": [0.7]}))
    assert flat.parameters["b"][0] == pytest.approx(-700.0)
    lost = {**full, "b": [0.5, None, 0.0]}
    with pytest.raises(InputError, match="lack some: 'q2'"):
        read_items(pa.table(lost))


def main_without_exit():
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None)
