import numpy as np
import oracle
import pytest

from irt_jax.data import encode
from irt_jax.likelihood import adaptive
from irt_jax.models import TWO_PARAMETER
from irt_jax.study.simulate import simulate


def of_persons(a, b, responses, centre, spread, mean=0.0, sd=1.0):
    n = responses.n_persons
    return adaptive.marginal_log_likelihood(
        TWO_PARAMETER,
        {"a": a, "b": b},
        person=responses.person,
        item=responses.item,
        response=responses.response,
        centre=centre,
        spread=spread,
        ability_mean=np.full(n, mean),
        ability_sd=np.full(n, sd),
    )


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.7, 1.5)])
def test_equals_scipy_quadrature_for_every_person(mean, sd):
    simulation = simulate(40, 30, 30, seed=3, ability_mean=mean, ability_sd=sd)
    responses = encode(simulation.responses)
    a, b = (simulation.items[name].to_numpy() for name in ("a", "b"))
    rows = [responses.person == person for person in range(40)]
    moments = [oracle.posterior_moments(a, b, responses.item[own], responses.response[own], mean, sd) for own in rows]
    centre, spread = np.array(moments).T
    found = of_persons(a, b, responses, centre, spread, mean, sd)
    # a start that is off by a third of a posterior SD, as Monte Carlo estimates may be, changes nothing
    shifted = of_persons(a, b, responses, centre + 0.3 * spread, 1.3 * spread, mean, sd)
    np.testing.assert_allclose(shifted, found, atol=1e-8)
    for person in range(0, 40, 7):
        own = responses.person == person
        exact = oracle.marginal_log_likelihood(a, b, responses.item[own], responses.response[own], mean, sd)
        assert found[person] == pytest.approx(exact, abs=1e-7)


def test_blocks_of_persons_change_nothing(monkeypatch):
    simulation = simulate(50, 10, 7, seed=4)
    responses = encode(simulation.responses)
    a, b = (simulation.items[name].to_numpy() for name in ("a", "b"))
    whole = of_persons(a, b, responses, np.zeros(50), np.full(50, 0.6))
    monkeypatch.setattr(adaptive, "BLOCK_RESPONSES", 20)
    np.testing.assert_allclose(of_persons(a, b, responses, np.zeros(50), np.full(50, 0.6)), whole, rtol=1e-12)
