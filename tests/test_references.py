"""Maximum likelihood against published estimates, and against estimates computed elsewhere on fine grids."""

import datasets
import numpy as np
import pytest
import shared_data

from irt_jax.calibration import calibrate
from irt_jax.fit import Fit

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
    fit = calibrate(str(shared_data.FOLDER / f"{name}.parquet"), method="mml", priors="flat")
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
