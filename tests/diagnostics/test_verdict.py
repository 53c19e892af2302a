import json
import math

import numpy as np
import pytest

from irt_jax.diagnostics import Summary, Verdict, judge, summary
from irt_jax.diagnostics.statistics import rhat_null_quantile

N_CHAINS, N_DRAWS, N_ITEMS = 4, 500, 60
LABELS = {"a": [f"item_{i}" for i in range(N_ITEMS)], "b": [f"item_{i}" for i in range(N_ITEMS)]}


def sound_draws(seed: int = 0, n_draws: int = N_DRAWS) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.standard_normal((N_CHAINS, n_draws, N_ITEMS)) for name in LABELS}


def sound_energy(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((N_CHAINS, N_DRAWS))


def verdict_of(draws: dict[str, np.ndarray], **changes) -> Verdict:
    statistics = {name: summary(values) for name, values in draws.items()}
    options = {"n_chains": N_CHAINS, "divergences": 0, "energy": sound_energy()} | changes
    return judge(statistics, LABELS, **options)


def made_up(n_parameters: int, **changes: float) -> dict[str, Summary]:
    """A good summary of one parameter vector, whose first element is changed."""
    good = {"rhat": 1.0, "ess_bulk": 2000.0, "ess_tail": 1800.0, "mcse_mean": 0.01}
    columns = {name: np.full(n_parameters, value) for name, value in good.items()}
    for name, value in changes.items():
        columns[name][0] = value
    return {"b": Summary(**columns)}


def judge_made_up(n_parameters: int = 10, ess_limit: float = 400, **changes: float) -> Verdict:
    return judge(made_up(n_parameters, **changes), {}, n_chains=4, divergences=0, energy=None, ess_limit=ess_limit)


def assert_one_problem(verdict: Verdict, *words: str) -> None:
    assert not verdict.ok
    assert len(verdict.problems) == 1
    for word in words:
        assert word in verdict.problems[0]
    assert "--" in verdict.problems[0], "a problem needs a remedy"


def test_sound_draws_pass():
    verdict = verdict_of(sound_draws(), quadrature_error=0.001)
    assert verdict.ok
    assert verdict.problems == verdict.offenders == verdict.warnings == []
    assert verdict.bfmi_min > 1.5
    assert verdict.ess_bulk_min > 1000


def test_a_run_whose_largest_rhat_is_above_one_percent_by_chance_passes():
    verdict = verdict_of(sound_draws(n_draws=200))
    assert verdict.rhat_max > 1.01
    assert verdict.rhat_limit > verdict.rhat_max
    assert verdict.ok


def test_one_stuck_chain_fails_although_it_lowers_every_effective_size():
    draws = sound_draws()
    for values in draws.values():
        values[0] = 3 + 0.01 * values[0]
    verdict = verdict_of(draws)
    # At its own ESS the run would be excused.
    assert rhat_null_quantile(2 * N_ITEMS, verdict.ess_bulk_min, N_CHAINS) > verdict.rhat_max > 1.3
    assert verdict.rhat_limit < 1.05
    assert not verdict.ok
    assert any("R-hat" in problem for problem in verdict.problems)
    # Also where nobody asks for effective draws.
    relaxed = verdict_of(draws, ess_limit=0)
    assert [problem.split()[0] for problem in relaxed.problems] == ["R-hat"]


def test_one_stuck_parameter_is_named_and_does_not_move_the_limit():
    draws = sound_draws()
    draws["b"][0, :, 12] += 2
    verdict = verdict_of(draws)
    assert not verdict.ok
    assert verdict.rhat_limit == pytest.approx(verdict_of(sound_draws()).rhat_limit, abs=5e-4)
    assert verdict.offenders[0]["parameter"] == "b[item_12]"
    assert {offender["statistic"] for offender in verdict.offenders} >= {"rhat", "ess_bulk"}
    assert all("b[item_12]" in problem for problem in verdict.problems)


def test_slow_draws_fail_by_their_effective_size_and_say_how_many_are_needed():
    noise = sound_draws()
    for values in noise.values():
        for draw in range(1, N_DRAWS):
            values[:, draw] += 0.8 * values[:, draw - 1]
    verdict = verdict_of(noise)
    assert not verdict.ok
    assert verdict.ess_bulk_min < 400
    assert any("bulk ESS" in problem and "--draws" in problem for problem in verdict.problems)
    assert len(verdict.offenders) <= 20


@pytest.mark.parametrize("statistic", ["ess_bulk", "ess_tail"])
def test_each_effective_size_has_its_limit(statistic):
    assert judge_made_up(**{statistic: 400.0}).ok
    verdict = judge_made_up(**{statistic: 200.0})
    assert_one_problem(verdict, statistic.removeprefix("ess_"), "200", "2.0-fold", "b[0]", "1 of 10")
    assert verdict.offenders == [
        {"parameter": "b[0]", "statistic": statistic, "value": 200.0, "limit": 400.0},
    ]
    assert judge_made_up(ess_limit=150, **{statistic: 200.0}).ok


def test_rhat_limit_is_one_percent_or_the_null():
    assert judge_made_up().rhat_limit == 1.01
    assert judge_made_up(rhat=1.0099).ok
    assert_one_problem(judge_made_up(rhat=1.02), "1.020", "1.010")
    assert_one_problem(judge_made_up(rhat=math.inf), "R-hat")
    many = judge_made_up(n_parameters=5000, rhat=1.0101)
    assert many.ok
    assert many.rhat_limit == pytest.approx(rhat_null_quantile(5000, 1800, 4))


def test_the_null_counts_all_parameters_and_takes_the_least_efficient_name():
    slow = made_up(100)["b"]._replace(ess_tail=np.full(100, 500.0))
    verdict = judge({"a": slow, "b": made_up(900)["b"]}, {}, n_chains=4, divergences=0, energy=None)
    assert verdict.rhat_limit == pytest.approx(rhat_null_quantile(1000, 500, 4))


def test_divergences_fail():
    verdict = verdict_of(sound_draws(), divergences=np.int64(3))
    assert_one_problem(verdict, "3 divergent", "--target-accept")
    assert type(verdict.divergences) is int


def test_low_bfmi_in_one_chain_fails():
    energy = sound_energy()
    energy[2] = np.cumsum(energy[2])
    verdict = verdict_of(sound_draws(), energy=energy)
    assert_one_problem(verdict, "BFMI", "chain 2")
    assert verdict.bfmi_min < 0.3


def test_energies_without_variance_fail():
    assert_one_problem(verdict_of(sound_draws(), energy=np.ones((N_CHAINS, N_DRAWS))), "BFMI is nan")


def test_no_energies_are_no_failure():
    verdict = verdict_of(sound_draws(), energy=None)
    assert verdict.ok
    assert math.isnan(verdict.bfmi_min)


@pytest.mark.parametrize("error", [0.02, math.nan])
def test_a_coarse_grid_fails(error):
    assert_one_problem(verdict_of(sound_draws(), quadrature_error=error), "quadrature")


def test_a_grid_at_the_limit_passes():
    assert verdict_of(sound_draws(), quadrature_error=0.01).ok


def test_draws_that_are_not_finite_fail():
    draws = sound_draws()
    draws["a"][1, 7, 3] = np.nan
    verdict = verdict_of(draws)
    assert_one_problem(verdict, "a[item_3]", "NaN", "1 of 120")
    assert verdict.offenders[0]["statistic"] == "draws"
    assert math.isfinite(verdict.rhat_max)


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_parameter_that_never_moves_fails(value):
    draws = sound_draws()
    draws["b"][:, :, 5] = value
    assert_one_problem(verdict_of(draws), "b[item_5] never moves", "1 of 120")


def test_nothing_but_nan_fails_without_an_exception():
    verdict = verdict_of({name: np.full_like(values, np.nan) for name, values in sound_draws().items()})
    assert_one_problem(verdict, "120 of 120")
    assert len(verdict.offenders) == 20
    assert verdict.as_dict()["rhat_max"] is None
    assert "nan" in str(verdict)


def test_a_single_chain_cannot_be_judged():
    draws = {name: values[:1] for name, values in sound_draws().items()}
    verdict = verdict_of(draws, n_chains=1, energy=sound_energy()[:1], ess_limit=100)
    assert_one_problem(verdict, "--chains")


def test_tree_depth_at_its_limit_is_a_warning():
    depth = np.full((N_CHAINS, N_DRAWS), 3)
    assert verdict_of(sound_draws(), tree_depth=depth, max_tree_depth=10).warnings == []
    depth[0, :100] = 10
    verdict = verdict_of(sound_draws(), tree_depth=depth, max_tree_depth=10)
    assert verdict.ok
    assert verdict.max_tree_depth_fraction == 0.05
    assert len(verdict.warnings) == 1
    assert "5.0%" in verdict.warnings[0]


def test_at_most_twenty_offenders_worst_first():
    ess = np.linspace(10, 390, 30)
    statistics = {"b": made_up(30)["b"]._replace(ess_bulk=ess[::-1].copy())}
    labels = {"b": [f"q{i}" for i in range(30)]}
    verdict = judge(statistics, labels, n_chains=4, divergences=0, energy=None)
    assert [offender["parameter"] for offender in verdict.offenders] == [f"b[q{i}]" for i in range(29, 9, -1)]


def test_names_of_scalars_matrices_and_parameters_without_labels():
    bad = {"rhat": 1.5, "ess_bulk": 2000.0, "ess_tail": 2000.0, "mcse_mean": 0.1}
    shapes = {"population_mean": (), "steps": (2, 2), "theta": (2,)}
    statistics = {
        name: Summary(**{key: np.full(shape, value) for key, value in bad.items()}) for name, shape in shapes.items()
    }
    verdict = judge(statistics, {"steps": ["q1", "q2"]}, n_chains=4, divergences=0, energy=None)
    assert [offender["parameter"] for offender in verdict.offenders] == [
        "population_mean",
        "steps[q1, 0]",
        "steps[q1, 1]",
        "steps[q2, 0]",
        "steps[q2, 1]",
        "theta[0]",
        "theta[1]",
    ]


def test_labels_of_another_length_and_no_statistics_are_refused():
    with pytest.raises(ValueError, match="10 rows but 2 labels"):
        judge(made_up(10), {"b": ["x", "y"]}, n_chains=4, divergences=0, energy=None)
    with pytest.raises(ValueError, match="nothing to judge"):
        judge({}, {}, n_chains=4, divergences=0, energy=None)


def test_the_dictionary_is_plain_json():
    verdict = verdict_of(sound_draws(), energy=None, divergences=2, quadrature_error=np.float64(0.5))
    written = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    assert written["bfmi_min"] is None
    assert written["divergences"] == 2
    assert written["quadrature_error"] == 0.5
    assert set(written) >= {
        "ok", "rhat_max", "ess_bulk_min", "ess_tail_min", "divergences", "quadrature_error", "offenders"
    }  # fmt: skip
    bad = judge_made_up(mcse_mean=math.nan)
    assert json.loads(json.dumps(bad.as_dict(), allow_nan=False))["offenders"][0]["value"] is None


def test_the_summary_fits_the_terminal():
    assert str(judge_made_up()).splitlines()[0] == "Diagnostics: ok"
    verdict = verdict_of(sound_draws(), divergences=1234567, quadrature_error=0.2, energy=np.ones((N_CHAINS, N_DRAWS)))
    assert verdict.lines()[0] == "Diagnostics: FAILED"
    assert "1,234,567" in str(verdict)
    assert max(len(line) for line in verdict.lines()) <= 80
