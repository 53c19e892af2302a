"""Every model, end to end: its marginal density, its posterior by both engines, and what comes out."""

import jax
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import beta, norm
from support import limits, slow_models
from support.posteriors import assert_one_posterior, count
from support.seeds import seed
from support.soon import soon
from whole.test_marginal import draws_of

from irt_jax.calibration import calibrate
from irt_jax.contract.options import make_options
from irt_jax.data import align_anchors, encode, read_anchors
from irt_jax.inference.laplace.hessian import compiled
from irt_jax.inference.marginal_posterior import pose
from irt_jax.inference.prior_free import prior_target
from irt_jax.likelihood.flatten import unpack
from irt_jax.models import MODELS
from irt_jax.models.population import standard_population
from irt_jax.plan import plan_coded, plan_priors

#: Errors of one bank hang together: how much larger the variance of their sums is.
TOGETHER = 2.0
#: Posterior SDs by which a mean must not be off unnoticed, nor an SD by that share.
NOTICE = 0.2
POLYTOMOUS = ("pcm", "gpcm", "grm", "nominal")
PARAMETERS = {
    "rasch": ["b"],
    "1pl": ["a", "b"],
    "2pl": ["a", "b"],
    "3pl": ["a", "b", "c"],
    "4pl": ["a", "b", "c", "d"],
    "pcm": ["thresholds"],
    "gpcm": ["a", "thresholds"],
    "grm": ["a", "thresholds"],
    "nominal": ["slopes", "intercepts"],
}


def planned_and_posed(table, anchors=None, **options):
    """The model of a calibration, and its marginal posterior on the first grid."""
    responses = encode(table)
    aligned = None if anchors is None else align_anchors(responses, read_anchors(anchors))
    plan = plan_coded(responses, aligned, [], make_options(priors="mission", population="fixed", **options))
    return plan, pose(plan.model, responses, plan_priors(plan), plan.population)


def responses_of(models, n_persons, n_categories, seed, sd=1.0):
    """Items, and one row a response, of persons N(0, sd)."""
    rng = np.random.default_rng(seed)
    items = [slow_models.random_item(name, rng, n_categories) for name in models]
    found = slow_models.draw_responses(models, items, rng.normal(0.0, sd, n_persons), rng)
    person, item = np.indices(found.shape).reshape(2, -1)
    return items, pa.table({"person_id": person, "item_id": item, "response": found.ravel()})


def log_integral(models, items, theta_sd, own_items, responses):
    """One person's likelihood integrated over a normal ability, on a fine grid."""
    nodes = np.linspace(-9.0, 9.0, 721) * theta_sd
    total = norm.logpdf(nodes, 0.0, theta_sd)
    for i, y in zip(own_items, responses, strict=True):
        total = total + np.log([slow_models.probabilities(models[i], items[i], theta)[y] for theta in nodes])
    return total.max() + np.log(np.exp(total - total.max()).sum() * (nodes[1] - nodes[0]))


def log_prior(position, priors):
    """Of every site on its unconstrained scale, by SciPy."""
    total = 0.0
    for name, value in position.items():
        if name in ("c", "d"):
            x, counts = 1.0 / (1.0 + np.exp(-value)), getattr(priors, name)
            total += (beta.logpdf(x, *counts.T) + np.log(x * (1.0 - x))).sum()
        elif name == "b_base":
            scale = np.exp(priors.b_power * position.get("log_a", position.get("log_a_own", 0.0)))
            total += norm.logpdf(value, scale * priors.b_mean, scale * priors.b_sd).sum()
        elif name == "log_a_common":
            total += norm.logpdf(value, 0.0, 0.5)
        else:
            total += norm.logpdf(value, getattr(priors, f"{name}_mean"), getattr(priors, f"{name}_sd")).sum()
    return total


def own_parameters(values, n_categories):
    """Each item's parameters, those of its own categories."""
    of_items = {key: value for key, value in values.items() if np.shape(value)[:1] == n_categories.shape}
    return [
        {key: value[i] if value[i].ndim == 0 else value[i][: count - 1] for key, value in of_items.items()}
        for i, count in enumerate(n_categories)
    ]


@pytest.mark.parametrize("name", MODELS)
def test_log_density_equals_quadrature_plus_priors(name):
    models = [name] * 4
    _, table = responses_of(models, 10, 3, seed=1)
    responses = encode(table)
    plan = plan_coded(responses, None, [], make_options(model=name, population="fixed", priors="mission"))
    problem = pose(plan.model, responses, plan_priors(plan), standard_population()).on_grid(np.linspace(-9.0, 9.0, 181))
    rng, differences = np.random.default_rng(2), []
    for _ in range(3):
        vector = rng.normal(0.0, 0.5, problem.shapes.size)
        with jax.enable_x64(True):
            latent = unpack(jax.numpy.asarray(vector), problem.shapes)
            position = {key: np.asarray(value) for key, value in latent.items()}
            found = float(problem.target.log_density(position, problem.data))
        values = problem.report(vector)
        items = own_parameters(values, plan.coding.has(4).sum(1))
        exact = log_prior(position, plan_priors(plan))
        for person in range(responses.n_persons):
            own = responses.person == person
            exact += log_integral(models, items, 1.0, responses.item[own], responses.response[own])
        differences.append(found - exact)
    np.testing.assert_allclose(np.diff(differences), 0.0, atol=2e-4)


@pytest.mark.parametrize("name", MODELS)
def test_an_items_own_prior_has_its_curvature_and_knows_of_no_other_item(name):
    _, table = responses_of([name] * 4, 10, 3, seed=1)
    _, problem = planned_and_posed(table, model=name)
    functions, n, p = compiled(prior_target(problem.model), problem.shapes), 4, problem.shapes.block_size
    vector = np.random.default_rng(3).normal(0.0, 0.5, problem.shapes.size)
    with jax.enable_x64(True):
        hessian = functions.rows_of_hessian(vector, np.eye(len(vector)), problem.data)
        blocks = functions.blocks(vector, problem.data)
    whole = np.zeros((n, p, n, p))
    whole[np.arange(n), :, np.arange(n)] = blocks
    np.testing.assert_allclose(np.asarray(hessian)[: n * p, : n * p].reshape(n, p, n, p), whole, atol=1e-9)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize("name", soon(MODELS, now=("3pl", "grm", "nominal")))
def test_joint_and_marginal_posterior_agree(name):
    _, table = responses_of([name] * 7, 150, 3, seed=seed(4), sd=1.3 if name in ("rasch", "pcm") else 1.0)
    told = {"model": name, "interval": 0.9, "seed": seed(2)}
    joint = calibrate(table, abilities="joint", warmup=1000, draws=5000, **told)
    marginal = calibrate(table, draws=1000, **told)
    assert marginal.diagnostics.ok
    names = [*PARAMETERS[name], *(["population_sd"] if name in ("rasch", "pcm") else []), "theta"]
    both = [{parameter: draws_of(fit, parameter) for parameter in names} for fit in (marginal, joint)]
    assert_one_posterior(*both, count(both[0]), notice=NOTICE)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize("name", soon(MODELS, now=("pcm",)))
def test_recovers_the_truth(name):
    """Errors are as large as the posterior says: their mean square in SDs is one, and 95 % intervals cover 95 %."""
    models = [name] * 20
    items, table = responses_of(models, 600, 3, seed=seed(6))
    fit = calibrate(table, model=name, a_prior_sd=0.3, seed=seed(0))
    squares, covered = [], []
    for parameter in PARAMETERS[name]:
        draws = draws_of(fit, parameter)
        truth = np.stack([item[parameter] for item in items])
        off = draws.mean((0, 1)) - truth
        squares.append(((off / draws.std((0, 1))) ** 2).ravel())
        lower, upper = np.quantile(draws, (0.025, 0.975), axis=(0, 1))
        covered.append(((lower < truth) & (truth < upper)).ravel())
        print(f"{name} {parameter}: RMSE {np.sqrt((off**2).mean()):.3f}, coverage {covered[-1].mean():.3f}")
    squares, covered = np.concatenate(squares), np.concatenate(covered)
    n = len(squares)
    print(f"{name}: mean square error {squares.mean():.2f} of the posterior variance, {n} parameters")
    assert limits.likely(limits.chi_square(squares.sum() / TOGETHER, n / TOGETHER), 2)
    assert limits.likely(limits.binomial(covered.sum(), n, 0.95, TOGETHER), 2)
    for factor in (0.2, 10.0):  # posterior variances that are too small or too large by that
        assert limits.chi_square(squares.sum() / factor / TOGETHER, n / TOGETHER) < limits.level(2)
    assert fit.diagnostics.ok


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize("name", soon([name for name in MODELS if name not in ("3pl", "4pl")], now=("grm", "nominal")))
def test_maximum_likelihood_has_no_better_neighbour(name):
    """And the log-likelihood that is reported is that of quadrature. With guessing, four items have no maximum."""
    models = [name] * 4
    _, table = responses_of(models, 120, 3, seed=19)
    fit = calibrate(table, model=name, method="mml", priors="flat")
    responses = encode(table)
    parameters = [
        p for p in ("a", "b", "thresholds", "slopes", "intercepts") if p in fit.items and fit.items[p].notna().all()
    ]
    items = [{p: np.asarray(fit.items[p][i]) for p in parameters} for i in range(4)]
    sd = fit.run["population"]["sd"]

    def log_likelihood(items):
        persons = (np.flatnonzero(responses.person == person) for person in range(responses.n_persons))
        return sum(log_integral(models, items, sd, responses.item[own], responses.response[own]) for own in persons)

    best = log_likelihood(items)
    assert fit.run["log_likelihood"] == pytest.approx(best, abs=1e-3)
    moved = "b" if name in ("rasch", "1pl", "2pl") else "intercepts" if name == "nominal" else "thresholds"
    for other in [moved] if name in ("rasch", "1pl", "pcm") else [moved, "slopes" if name == "nominal" else "a"]:
        for sign in (-1, 1):
            near = [items[0] | {other: items[0][other] + sign * 0.03}, *items[1:]]
            assert log_likelihood(near) < best


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    names = ["2pl", "3pl", "grm", "gpcm", "nominal", "rasch", "1pl", "1pl", "grm", "2pl"]
    items, table = responses_of(names, 400, 4, seed=seed(9))
    file = tmp_path_factory.mktemp("mixed") / "models.csv"
    file.write_text("item_id,model\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names)))
    return names, items, table, file


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("method", soon(["hmc", "mml"], now=["mml"]))
def test_items_of_different_models_in_one_calibration(mixed, method):
    names, items, table, file = mixed
    told = {"draws": 300, "seed": seed(0)} if method == "hmc" else {}
    fit = calibrate(table, model=str(file), method=method, population="fixed", **told)
    found = fit.items
    assert found.model.tolist() == names
    polytomous = np.isin(names, ["grm", "gpcm"])
    assert found.thresholds.notna().tolist() == polytomous.tolist()
    assert (found.thresholds[polytomous].map(len) == 3).all()
    assert found.slopes.notna().tolist() == [name == "nominal" for name in names]
    assert found.a.isna().tolist() == [name == "nominal" for name in names]
    assert found.c.notna().tolist() == [name == "3pl" for name in names]
    assert found.a[5] == 1.0
    assert found.a[6] == found.a[7] != 1.0
    np.testing.assert_allclose(found.b[polytomous], found.thresholds[polytomous].map(np.mean), atol=1e-9)
    errors = []
    for row, name, item in zip(found.to_dict("records"), names, items, strict=True):
        for parameter in PARAMETERS[name]:
            error = (np.asarray(row[parameter]) - item[parameter]) / np.asarray(row[f"{parameter}_sd"])
            errors.append(np.ravel(error)[np.isfinite(np.ravel(error))])
    errors = np.concatenate(errors)
    assert limits.within(errors, len(errors))
    assert limits.beyond(6.0 * errors, len(errors)).any()
    assert fit.diagnostics.ok
    known = fit.items_table.filter(np.array(names) != "nominal")
    anchors = align_anchors(encode(table), read_anchors(known))
    np.testing.assert_array_equal(anchors.thresholds_sd[2], found.thresholds_sd[2])
    np.testing.assert_array_equal(anchors.c_sd, found.c_sd[anchors.item])


@pytest.mark.statistical
def test_slopes_of_one_and_of_the_items_own_without_priors(tmp_path):
    """What is not of an item's model has no maximum to look for, and hides none."""
    names = ["2pl", "rasch", "2pl", "rasch", "1pl", "1pl", "2pl", "rasch"]
    items, table = responses_of(names, 600, 2, seed=seed(3))
    file = tmp_path / "models.csv"
    file.write_text("item_id,model\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names)))
    fit = calibrate(table, model=str(file), method="mml", priors="flat", population="fixed")
    assert fit.items.reason.isna().all()
    assert (fit.items.a[[1, 3, 7]] == 1.0).all()
    assert (fit.items.a_sd[[0, 2, 4, 5, 6]] > 0.02).all()
    truth = np.array([item["b"] for item in items])
    errors = (fit.items.b - truth) / fit.items.b_sd
    assert limits.within(errors, len(errors))
    assert limits.beyond((-fit.items.b - truth) / fit.items.b_sd, len(errors)).any()
    assert fit.diagnostics.ok


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Nothing but the signs:irt_jax.errors.CalibrationWarning")
def test_a_grid_that_is_too_coarse_where_draws_go_is_refined(monkeypatch):
    """The mode of few nominal responses says little of how steep slopes may be; on grids as large data have them."""
    monkeypatch.setattr("irt_jax.inference.marginal_posterior.FEW_RESPONSES", 0)
    _, table = responses_of(["nominal"] * 7, 150, 3, seed=4)
    told = {"model": "nominal", "draws": 1000, "seed": 2}
    fine = calibrate(table, **told)
    assert fine.diagnostics.quadrature_error < 0.005
    assert fine.diagnostics.ok
    monkeypatch.setattr("irt_jax.inference.sample.FINER_AFTER_DRAWS", 0)
    assert calibrate(table, **told).diagnostics.quadrature_error > 0.01
