"""The marginal posterior, end to end; it is held against PyMC in tests/peers and against the joint one here."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from irt_jax.calibration import calibrate
from irt_jax.diagnostics import mcse_mean, mcse_quantile, mcse_sd
from irt_jax.study.simulate import simulate


@pytest.fixture(scope="module")
def simulation():
    return simulate(150, 12, 9, anchor_items=4, seed=8)


@pytest.fixture(scope="module")
def fits(simulation):
    options = {"chains": 4, "warmup": 300, "draws": 3000, "interval": 0.9}
    return {
        abilities: calibrate(simulation.responses, simulation.anchors, abilities=abilities, **options)
        for abilities in ("joint", "marginal")
    }


def test_both_are_good_and_the_grid_is_fine_enough(fits):
    assert fits["joint"].diagnostics.ok
    assert fits["marginal"].diagnostics.ok
    assert fits["marginal"].run["diagnostics"]["quadrature_error"] < 1e-3
    assert fits["joint"].run["diagnostics"]["quadrature_error"] is None


@pytest.mark.parametrize("name", ["a", "b"])
def test_items_agree_with_the_joint_posterior(fits, name):
    one, other = (fits[abilities].posterior["posterior"][name].values for abilities in ("joint", "marginal"))
    for statistic, error in (
        (lambda x: x.mean((0, 1)), mcse_mean),
        (lambda x: x.std((0, 1)), mcse_sd),
        (lambda x: np.quantile(x, 0.05, (0, 1)), lambda x: mcse_quantile(x, 0.05)),
        (lambda x: np.quantile(x, 0.95, (0, 1)), lambda x: mcse_quantile(x, 0.95)),
    ):
        apart = (statistic(one) - statistic(other)) / np.hypot(error(one), error(other))
        assert np.abs(apart).max() < 4


def test_abilities_agree_with_the_joint_posterior(fits):
    theta = fits["joint"].posterior["posterior"]["theta"].values.astype(float)
    persons = fits["marginal"].persons
    for found, wanted, error in (
        (persons.theta, theta.mean((0, 1)), mcse_mean(theta)),
        (persons.theta_sd, theta.std((0, 1)), mcse_sd(theta)),
        (persons.theta_lower, np.quantile(theta, 0.05, (0, 1)), mcse_quantile(theta, 0.05)),
        (persons.theta_upper, np.quantile(theta, 0.95, (0, 1)), mcse_quantile(theta, 0.95)),
    ):
        assert np.abs((found - wanted) / error).max() < 4.5  # of 150 persons


def test_log_likelihoods_agree(fits):
    of_joint, of_marginal = (fits[abilities].run["log_likelihood"] for abilities in ("joint", "marginal"))
    assert of_joint == pytest.approx(of_marginal, abs=0.05)


def test_the_files_are_the_same_but_for_the_draws_of_abilities(fits, tmp_path):
    run = fits["marginal"].write(tmp_path / "run")
    assert pq.read_table(run / "persons.parquet").num_rows == 150
    with xr.open_datatree(run / "posterior.nc", engine="h5netcdf") as tree:
        assert set(tree["posterior"].data_vars) == {"a", "b", "log_a"}


def test_the_same_seed_gives_the_same_items(simulation):
    short = {"abilities": "marginal", "chains": 2, "warmup": 100, "draws": 100, "seed": 3}
    one, other = (calibrate(simulation.responses, **short).items_table for _ in range(2))
    assert one.equals(other)


def test_extreme_records_are_no_trouble():
    """All correct, all wrong, one response, an item that everybody got right."""
    rng = np.random.default_rng(0)
    response = (rng.random((80, 6)) < 0.6).astype(int)
    response[0], response[1], response[:, 5] = 1, 0, 1
    person, item = np.nonzero(np.ones_like(response))
    keep = (person != 2) | (item == 0)
    table = pa.table({"person_id": person[keep], "item_id": item[keep], "response": response.ravel()[keep]})
    fit = calibrate(table, abilities="marginal", chains=4, warmup=200, draws=1000)
    assert fit.diagnostics.ok
    assert fit.persons.theta[0] > fit.persons.theta[1]
    assert fit.persons.theta_sd[2] > fit.persons.theta_sd[3]
