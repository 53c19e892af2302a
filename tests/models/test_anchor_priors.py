"""What an anchor file says about every parameter, as priors."""

import jax
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import beta, multivariate_normal, norm

from irt_jax.contract.options import make_options
from irt_jax.data import align_anchors, encode, read_anchors
from irt_jax.errors import InputError
from irt_jax.inference.marginal_posterior import pose
from irt_jax.likelihood.flatten import unpack
from irt_jax.models.population import standard_population
from irt_jax.plan import plan_coded, plan_priors

RESPONSES = pa.table(
    {
        "person_id": np.repeat(np.arange(6), 4),
        "item_id": np.tile(["w", "x", "y", "z"], 6),
        "response": [0, 1, 2, 1, 1, 0, 1, 0, 1, 1, 0, 2, 0, 0, 2, 0, 1, 1, 1, 1, 0, 1, 2, 2],
    }
)
ANCHORS = {"item_id": ["w", "y"], "a": [1.3, 0.8], "b": [0.4, -0.2], "a_sd": [0.1, 0.06], "b_sd": [0.2, 0.05]}


def posed(model, anchors, **options):
    binary = RESPONSES.set_column(2, "response", [pa.array([0, 1] * 12)])
    responses = encode(RESPONSES if model in ("grm", "gpcm") else binary)
    aligned = align_anchors(responses, read_anchors(pa.table(anchors)))
    plan = plan_coded(responses, aligned, [], make_options(model=model, population="fixed", **options))
    return plan, pose(plan.model, responses, plan_priors(plan), standard_population())


def log_density(problem, vector):
    with jax.enable_x64(True):
        return float(problem.target.log_density(unpack(jax.numpy.asarray(vector), problem.shapes), problem.data))


def test_a_covariance_is_part_of_the_prior():
    _, with_it = posed("2pl", {**ANCHORS, "cov_log_a_b": [0.012, -0.001]}, priors="mission")
    _, without = posed("2pl", ANCHORS, priors="mission")
    rng, apart = np.random.default_rng(0), []
    for _ in range(3):
        vector = rng.normal(0.0, 0.3, with_it.shapes.size)
        values = with_it.report(vector)
        expected = 0.0
        for item, row in ((0, 0), (2, 1)):
            point = values["log_a"][item], values["b"][item]
            sd = ANCHORS["a_sd"][row], ANCHORS["b_sd"][row]
            cross = (0.012, -0.001)[row]
            centre = np.log(ANCHORS["a"][row]), ANCHORS["b"][row]
            expected += multivariate_normal.logpdf(point, centre, [[sd[0] ** 2, cross], [cross, sd[1] ** 2]])
            expected -= norm.logpdf(point, centre, sd).sum()
        apart.append(log_density(with_it, vector) - log_density(without, vector) - expected)
    np.testing.assert_allclose(apart, 0.0, atol=1e-5)


def test_thresholds_guessing_and_slipping():
    plan, _ = posed("grm", {**ANCHORS, "thresholds": [[0.4], [-1.0, 0.6]]}, priors="mission")
    priors = plan_priors(plan)
    assert priors.n_categories.tolist() == [2, 2, 3, 3]
    assert priors.shape_mean[2, 0] == pytest.approx(np.log(1.6))
    assert priors.shape_sd[2, 0] == pytest.approx(np.sqrt(2.0) * 0.05 / 1.6)
    assert priors.shape_sd[1, 0] == 1.0
    plan, _ = posed("4pl", {**ANCHORS, "c": [0.2, None], "d": [None, 0.95]}, priors="mission")
    priors = plan_priors(plan)
    assert beta.mean(*priors.c[0]) == pytest.approx(0.2)
    assert 0.015 < beta.std(*priors.c[0]) < 0.02
    assert priors.c[2].tolist() == [5.0, 17.0]
    assert beta.mean(*priors.d[2]) == pytest.approx(0.95)


def test_their_own_sds_where_the_file_has_them():
    anchors = {**ANCHORS, "thresholds": [[0.4], [-1.0, 0.6]], "thresholds_sd": [None, [0.3, 0.4]]}
    plan, _ = posed("grm", anchors, priors="mission")
    assert plan_priors(plan).shape_sd[2, 0] == pytest.approx(0.5 / 1.6)
    plan, _ = posed("gpcm", anchors, priors="mission")
    assert plan_priors(plan).shape_sd[2, 0] == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2.0))
    plan, _ = posed("4pl", {**ANCHORS, "c": [0.2, 0.3], "c_sd": [0.07, 0.5], "d": [0.9, 0.95]}, priors="mission")
    priors = plan_priors(plan)
    assert (beta.mean(*priors.c[0]), beta.std(*priors.c[0])) == pytest.approx((0.2, 0.07))
    assert priors.c[2].tolist() == pytest.approx([0.3 * 22, 0.7 * 22]), "no vaguer than the prior of other items"
    assert (beta.mean(*priors.d[2]), beta.std(*priors.d[2])) == pytest.approx((0.95, 0.02))


def test_the_sds_of_a_run_are_those_of_its_anchors():
    parameters = {"item_id": ["y"], "a": [0.8], "b": [-0.2], "thresholds": [[-1.0, 0.6]], "thresholds_sd": [[0.3, 0.4]]}
    aligned = align_anchors(encode(RESPONSES), read_anchors(pa.table(parameters)))
    np.testing.assert_allclose(aligned.thresholds_sd, [[0.3, 0.4]])
    assert np.isnan(aligned.c_sd).all()


def test_fixed_anchors_have_their_values_whatever_the_position():
    anchors = {**ANCHORS, "thresholds": [[0.4], [-1.0, 0.6]]}
    plan, problem = posed("grm", anchors, priors="mission", anchor_mode="fixed")
    for seed in (0, 1):
        values = problem.report(np.random.default_rng(seed).normal(size=problem.shapes.size))
        np.testing.assert_allclose(values["a"][[0, 2]], ANCHORS["a"])
        np.testing.assert_allclose(values["b"][[0, 2]], ANCHORS["b"])
        np.testing.assert_allclose(values["thresholds"][2], [-1.0, 0.6])
    assert plan.coding.estimates("a", 4).tolist() == [False, True, False, True]


def test_the_mean_of_the_thresholds_is_b_whatever_the_file_says():
    plan, _ = posed("grm", {**ANCHORS, "b": [0.4, 9.0], "thresholds": [[0.4], [-1.0, 0.6]]}, priors="mission")
    assert plan_priors(plan).b_mean[2] == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("model", "anchors", "message"),
    [
        ("grm", ANCHORS, "found no thresholds: 'y'"),
        ("3pl", {**ANCHORS, "c": [0.2, None]}, "found no c: 'y'"),
        ("4pl", {**ANCHORS, "c": [0.2, 0.2], "d": [None, None]}, "found no d: 'w', 'y'"),
        ("rasch", {**ANCHORS, "a": [1.0, 0.8]}, "an a that their model does not have: 'y'"),
        ("1pl", ANCHORS, "an a that their model does not have"),
    ],
)
def test_fixed_anchors_need_every_parameter_of_their_model(model, anchors, message):
    posed(model, anchors, priors="mission")
    with pytest.raises(InputError, match=message):
        posed(model, anchors, priors="mission", anchor_mode="fixed")


def test_nominal_items_cannot_be_anchors():
    with pytest.raises(InputError, match="nominal items have none: 'w', 'y'"):
        posed("nominal", ANCHORS, priors="mission")
