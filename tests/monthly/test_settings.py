"""Which methods run with which options, and what is refused."""

import pytest

from irt_jax.contract.options import Options
from irt_jax.errors import UsageError
from irt_jax.monthly.settings import JOINT_RESPONSES, MonthlySettings, choose_methods, common_options


def methods(n_responses=1000, third="auto", **given):
    return choose_methods(common_options(given), MonthlySettings("2025-10 monthly", third=third), n_responses)


@pytest.mark.parametrize(
    ("n_responses", "third", "found"),
    [
        (JOINT_RESPONSES, "auto", "joint"),
        (JOINT_RESPONSES + 1, "auto", "hmc"),
        (10**8, "joint", "joint"),
        (10, "hmc", "hmc"),
    ],
)
def test_the_third_method(n_responses, third, found):
    chosen = methods(n_responses, third)
    assert [method.name for method in chosen] == ["mml", "nuts", found]
    assert bool(chosen[2].why) == (third == "auto")


def test_all_methods_have_the_same_model_and_only_samplers_sample():
    first, second, third = (method.options for method in methods(priors="mission", draws=50, chains=3, a_prior_sd=None))
    shared = {"priors": "mission", "min_responses": 200}
    assert first == Options(**shared, method="mml")
    assert second == Options(**shared, method="nuts", draws=50, chains=3)
    assert third == Options(**shared, method="nuts", abilities="joint")
    assert methods(third="hmc", draws=50)[2].options == Options(min_responses=200, method="hmc", draws=50)


def test_samplers_have_their_own_acceptance_unless_one_is_given():
    found = [
        [each.options.target_accept for each in methods(third="hmc", **given)] for given in ({}, {"target_accept": 0.9})
    ]
    assert found == [[None, 0.85, 0.7], [None, 0.9, 0.9]]
    assert methods(third="joint", target_accept=0.9)[2].options.target_accept == 0.9


@pytest.mark.parametrize(
    "given", [{"method": "mml"}, {"abilities": "joint"}, {"by_group": ["q"]}, {"priors": "flat"}, {"model": "5pl"}]
)
def test_what_the_job_decides_itself_is_refused(given):
    with pytest.raises(UsageError):
        methods(**given)


@pytest.mark.parametrize(
    "told",
    [
        {"window_label": "  "},
        {"window_label": "\udcff"},
        {"window_label": "2025-10\n"},
        {"window_label": "\x1b[31m2025-10"},
        {"window_label": "w" * 201},
        {"third": "brms"},
        {"threshold": 0.0},
        {"threshold_a": -1.0},
        {"threshold_b": float("nan")},
        {"fdr": 1.0},
    ],
)
def test_settings_out_of_range_are_refused(told):
    with pytest.raises(UsageError):
        MonthlySettings(**{"window_label": "2025-10 monthly", **told})
