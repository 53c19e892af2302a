"""Maximum likelihood against published estimates, and against estimates computed elsewhere on fine grids."""

import numpy as np
import pytest
from support import datasets, shared_data

from irt_jax.calibration import calibrate
from irt_jax.results.fit import Fit

#: Published for the 2PL of LSAT6: slopes and log-likelihood (Bock & Aitkin 1981; Rizopoulos 2006).
LSAT6_SLOPES = (0.8257, 0.7227, 0.8909, 0.6884, 0.6569)
LSAT6_LOG_LIKELIHOOD = -2466.653
#: How far a last Newton step still moves a reference's own intercepts.
UNFINISHED = {"metabench_gsm8k": 0.002}


def slopes_and_intercepts(fit: Fit) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Estimates and standard errors of the slope and of the intercept -a b."""
    items = fit.items
    a, b, cross = items.a, items.b, items.cov_log_a_b * items.a
    variance = b**2 * items.a_sd**2 + a**2 * items.b_sd**2 + 2 * a * b * cross
    return {"slope": (a, items.a_sd), "intercept": (-a * b, np.sqrt(variance))}


def test_lsat6():
    fit = calibrate(datasets.lsat6(), method="mml", priors="flat")
    np.testing.assert_allclose(fit.items.a, LSAT6_SLOPES, atol=6e-5)
    assert fit.run["log_likelihood"] == pytest.approx(LSAT6_LOG_LIKELIHOOD, abs=6e-4)
    assert fit.diagnostics.ok


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize("name", shared_data.fine_grid_names())
def test_estimates_on_a_fine_grid(name):
    reference = shared_data.fine_grid(shared_data.FOLDER / f"{name}.reference.csv")
    fit = calibrate(str(shared_data.FOLDER / f"{name}.parquet"), method="mml", priors="flat", population="fixed")
    assert fit.run["diagnostics"]["quadrature_error"] < 0.01
    reference = reference.set_index("item_id").loc[[str(item) for item in fit.items.item_id]]
    for parameter, (estimate, error) in slopes_and_intercepts(fit).items():
        known = error.notna().to_numpy()
        difference = np.abs(estimate.to_numpy() - reference[parameter].to_numpy())
        apart = np.maximum(difference - UNFINISHED.get(name, 0.0), 0.0) / error.to_numpy()
        print(f"{name} {parameter}: at most {apart[known].max():.4f} standard errors apart, {known.sum()} items")
        assert known.mean() > 0.95
        assert apart[known].max() < 0.02
    assert fit.run["log_likelihood"] == pytest.approx(reference["logLik"].iloc[0], abs=0.01)


@pytest.mark.parametrize("model", ["rasch", "1pl"])
def test_lsat6_with_one_slope(model):
    """Published: slope .7551 on a population of SD 1, log-likelihood -2466.938 (Rizopoulos 2006)."""
    fit = calibrate(datasets.lsat6(), model=model, method="mml", priors="flat")
    scale = fit.run["population"]["sd"]
    np.testing.assert_allclose(fit.items.a * scale, 0.7551, atol=1e-4)
    intercepts = [2.7300, 0.9986, 0.2399, 1.3065, 2.0994]
    np.testing.assert_allclose(-fit.items.a * fit.items.b, intercepts, atol=2e-4)
    assert fit.run["log_likelihood"] == pytest.approx(-2466.938, abs=6e-4)
    assert fit.diagnostics.ok


def test_lsat6_rasch_with_a_given_population():
    """Published: log-likelihood -2473.054 for slopes and SD of 1 (Rizopoulos 2006)."""
    fit = calibrate(datasets.lsat6(), model="rasch", method="mml", priors="flat", population="fixed")
    assert fit.run["log_likelihood"] == pytest.approx(-2473.054, abs=6e-4)
    np.testing.assert_allclose(fit.items.b, [-2.872, -1.063, -0.2576, -1.3881, -2.2188], atol=1e-3)
    np.testing.assert_allclose(fit.items.b_sd, [0.1287, 0.0821, 0.0766, 0.0865, 0.1048], rtol=0.02)


@pytest.mark.slow
def test_lsat7_with_guessing_in_one_item(tmp_path):
    """The maximum, which published estimates have not reached: a 1.951, d .0819, c .298, -2658.0543."""
    models = tmp_path / "models.csv"
    models.write_text("item_id,model\n" + "".join(f"item {i},{'3pl' if i == 2 else '2pl'}\n" for i in range(1, 6)))
    fit = calibrate(datasets.lsat7(), model=str(models), method="mml", priors="flat")
    second = fit.items.iloc[1]
    assert second.a == pytest.approx(1.951, abs=2e-3)
    assert -second.a * second.b == pytest.approx(0.0819, abs=2e-3)
    assert second.c == pytest.approx(0.298, abs=1e-3)
    assert fit.run["log_likelihood"] == pytest.approx(-2658.0543, abs=2e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize("name", shared_data.graded_names())
def test_graded_responses_on_a_fine_grid(name):
    fit = calibrate(shared_data.from_zero(name), model="grm", method="mml", priors="flat", population="fixed")
    items = fit.items.set_index("item_id")
    apart = []
    for row in shared_data.graded(name).itertuples():
        item, step = items.loc[row.item_id], int(row.param[1:] or 0) - 1
        if row.param == "a":
            value, error = item.a, item.a_sd
        elif row.param.startswith("d"):
            value, error = -item.a * item.thresholds[step], row.se
        else:
            value, error = item.thresholds[step], item.thresholds_sd[step]
        assert error == pytest.approx(row.se, rel=0.01)
        apart.append(abs(value - row.value) / row.se)
    print(f"{name}: at most {max(apart):.4f} standard errors apart, {len(apart)} parameters")
    assert max(apart) < 0.02
    assert fit.run["log_likelihood"] == pytest.approx(shared_data.graded(name)["logLik"].iloc[0], abs=0.01)
    assert fit.diagnostics.ok
