import jax
import numpy as np
import pytest
from scipy.stats import norm
from support import records

from irt_jax.abilities import grid_quantiles

PROBABILITIES = np.array([0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975])


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("name", records.RECORDS)
def test_equal_fine_quadrature_on_the_coarsest_grid(name, shift):
    record = records.RECORDS[name]
    wanted = records.exact(record)
    nodes = records.widest_nodes(record)
    nodes = nodes + shift * (nodes[1] - nodes[0])
    log_density = records.log_density(record, nodes)[None]
    found = np.asarray(grid_quantiles(log_density, nodes, PROBABILITIES[:, None]))[:, 0]
    np.testing.assert_allclose(found, wanted.quantiles(PROBABILITIES), atol=3e-4 * wanted.sd)
    every = np.asarray(grid_quantiles(log_density, nodes, ((np.arange(2000) + 0.5) / 2000)[:, None]), float)[:, 0]
    assert abs(every.mean() - wanted.mean) < 3e-4 * wanted.sd
    lost = 1e-3  # of the SD, by the middles of 2,000 classes
    assert abs(every.std() / wanted.sd - 1) < 3e-4 + lost


def test_nodes_alone_would_not_be_enough():
    """A node drawn and spread over its cell: what the spline is for."""
    nodes = np.arange(-7, 8) * 0.9
    weight = norm.pdf(nodes) / norm.pdf(nodes).sum()
    assert np.sqrt(weight @ nodes**2 + 0.9**2 / 12) > 1.03


def test_narrow_densities_on_a_wide_grid_that_underflow_in_float32():
    nodes = np.linspace(-6, 6, 268)
    mean, sd = np.array([-3.0, 0.01, 4.0]), np.array([0.05, 0.05, 0.3])
    weight = np.exp(-0.5 * ((nodes - mean[:, None]) / sd[:, None]) ** 2).astype(np.float32)
    assert (weight == 0).mean() > 0.3
    with np.errstate(divide="ignore"):
        log_density = np.log(np.maximum(weight, np.float32(1e-30)))
    found = np.asarray(grid_quantiles(log_density, nodes, np.tile(PROBABILITIES[:, None], 3)))
    wanted = norm.ppf(PROBABILITIES[:, None], mean, sd)
    assert np.abs((found - wanted) / sd).max() < 5e-4


def test_probabilities_next_to_0_and_1_stay_in_the_tails():
    nodes = np.linspace(-12, 12, 40)
    probability = np.array([[2.0**-24], [1 - 2.0**-24]])
    low, high = np.asarray(grid_quantiles(-0.5 * nodes[None] ** 2, nodes, probability))[:, 0]
    assert -5.6 < low < -5.0
    assert 5.0 < high < 5.6


@pytest.mark.parametrize("x64", [False, True])
def test_more_densities_than_are_held_at_once(x64, monkeypatch):
    monkeypatch.setattr("irt_jax.abilities.quantiles.CHUNK", 10)
    grid_quantiles.clear_cache()
    nodes = np.linspace(-8, 8, 24)
    mean = np.linspace(-1, 1, 33)
    probability = np.linspace(0.1, 0.9, 66).reshape(2, 33)
    with jax.enable_x64(x64):
        found = np.asarray(grid_quantiles(-0.5 * (nodes - mean[:, None]) ** 2, nodes, probability))
    grid_quantiles.clear_cache()
    np.testing.assert_allclose(found, norm.ppf(probability, mean), atol=3e-4)
