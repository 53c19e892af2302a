"""Point estimates and standard errors, against a slow likelihood in float64 and its numerical Hessian."""

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pytest

from irt_jax.calibration import calibrate
from irt_jax.contract.options import make_options
from irt_jax.data import encode
from irt_jax.errors import UsageError
from irt_jax.inference.laplace import covariance as covariance_module
from irt_jax.study.simulate import simulate

NODES = np.linspace(-8.0, 8.0, 161)


def slow_log_density(x, responses, priors_sd):
    """Packed (log a, b) of all items: likelihood by plain sums on a fine grid, and normal priors."""
    log_a, b = x.reshape(2, -1)
    eta = jnp.exp(log_a)[:, None] * (NODES - b[:, None])
    log_p = jnp.where(responses.response[:, None] == 1, -jnp.logaddexp(0, -eta[responses.item]), 0.0)
    log_p = jnp.where(responses.response[:, None] == 0, -jnp.logaddexp(0, eta[responses.item]), log_p)
    of_person = jax.ops.segment_sum(log_p, responses.person, responses.n_persons) - NODES**2 / 2
    prior = -0.5 * ((log_a / priors_sd[0]) ** 2).sum() - 0.5 * ((b / priors_sd[1]) ** 2).sum()
    return jax.nn.logsumexp(of_person, axis=1).sum() + prior


def numerical_covariance(x, responses, priors_sd):
    """Inverse of the negative Hessian by central differences of the slow gradient; the gradient too."""
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda at: slow_log_density(at, responses, priors_sd)))
        step = 1e-4
        rows = [np.asarray(gradient(x + e) - gradient(x - e)) / (2 * step) for e in step * np.eye(len(x))]
        slope = np.asarray(gradient(jnp.asarray(x)))
    return np.linalg.inv(-np.stack(rows)), slope


@pytest.mark.slow
@pytest.mark.parametrize("full", [True, False], ids=["in full", "by blocks"])
def test_standard_errors_equal_a_numerical_hessian(full, monkeypatch):
    monkeypatch.setattr(covariance_module, "ALWAYS_FULL", 1000 if full else 0)
    simulation = simulate(600, 60, 15, seed=4)
    responses = encode(simulation.responses)
    fit = calibrate(responses, method="mml")
    items = fit.items
    x = np.concatenate([items.log_a, items.b])
    covariance, slope = numerical_covariance(x, responses, (0.2, 1.0))
    assert np.sqrt(slope @ covariance @ slope) < 0.02  # at the mode, in standard errors of all parameters together
    errors = np.sqrt(np.diag(covariance)).reshape(2, -1)
    np.testing.assert_allclose(items.log_a_sd, errors[0], rtol=0.01)
    np.testing.assert_allclose(items.b_sd, errors[1], rtol=0.01)
    np.testing.assert_allclose(items.a_sd, items.a * errors[0], rtol=0.01)
    cross = covariance[np.arange(60), 60 + np.arange(60)]
    np.testing.assert_allclose(items.cov_log_a_b, cross, atol=0.01 * np.abs(errors[0] * errors[1]).max())
    relative = fit.run["standard_errors"]["relative_error"]
    assert relative == 0 if full else 0 < relative < 0.01
    assert fit.diagnostics.ok


def test_columns_of_draws_are_null_and_intervals_are_walds():
    simulation = simulate(200, 10, 10, seed=1)
    fit = calibrate(simulation.responses, method="mml", interval=0.9)
    for name in ("rhat", "ess_bulk", "ess_tail", "mcse", "reason"):
        assert fit.items_table[name].null_count == 10
    np.testing.assert_allclose(fit.items.b_upper - fit.items.b_lower, 2 * 1.6448536 * fit.items.b_sd)
    assert fit.run["diagnostics"]["rhat_max"] is None
    assert not fit.posterior.children


def test_what_has_no_maximum_is_null_with_a_reason_and_disturbs_nothing():
    simulation = simulate(400, 8, 8, seed=3)
    ids = simulation.responses["person_id"].unique()
    perfect = pa.table({"person_id": ids, "item_id": ["always right"] * 400, "response": np.ones(400, np.int8)})
    perfect = perfect.cast(simulation.responses.select(perfect.column_names).schema)
    alone = calibrate(simulation.responses, method="mml", priors="flat").items
    both = pa.concat_tables([simulation.responses.select(perfect.column_names), perfect])
    fit = calibrate(both, method="mml", priors="flat")
    found = fit.items.set_index("item_id")
    assert "one category" in found.reason["always right"]
    assert np.isnan(found.a["always right"])
    assert found.n_responses["always right"] == 400
    np.testing.assert_allclose(found.drop("always right").b, alone.b, atol=1e-3)
    assert found.drop("always right").reason.isna().all()
    assert any("no estimate" in warning for warning in fit.diagnostics.warnings)


def test_a_miskeyed_item_shows_by_a_negative_slope():
    simulation = simulate(1500, 10, 10, seed=6)
    table = simulation.responses
    first = np.asarray(table["item_id"]) == table["item_id"][0].as_py()
    response = table["response"].to_numpy()
    keyed = pa.array(np.where(first, 1 - response, response).astype(response.dtype))
    table = table.set_column(table.column_names.index("response"), "response", keyed)
    items = calibrate(table, method="mml", priors="flat").items
    wrong = items.item_id == simulation.responses["item_id"][0].as_py()
    assert (items.a[wrong] < 0).all()
    assert (items.a[~wrong] > 0).all()
    assert items.log_a[wrong].isna().all()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"priors": "flat"}, "improper"),
        ({"method": "hmc", "abilities": "joint"}, "integrates the abilities out"),
        ({"method": "mml", "abilities": "joint"}, "integrates the abilities out"),
        ({"method": "mml", "draws": 100}, "does not sample"),
        ({"method": "mml", "priors": "flat", "population": "free"}, "scale"),
    ],
)
def test_combinations_without_a_meaning_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        make_options(**options)


def test_a_free_population_needs_anchors():
    with pytest.raises(UsageError, match="needs anchors"):
        calibrate(simulate(50, 5, 5, seed=1).responses, population="free")
