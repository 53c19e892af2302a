import jax
import numpy as np
import pytest

from irt_jax.errors import UsageError
from irt_jax.runtime.devices import choose_layout, over_chains


@pytest.mark.parametrize(("chains", "devices"), [(1, None), (3, 1), (4, None), (5, None), (8, 2)])
def test_chains_are_spread_evenly(chains, devices):
    if devices and devices > len(jax.devices()):
        pytest.skip("a machine with one core")
    layout = choose_layout(chains, devices)
    assert chains % layout.mesh.size == 0
    assert layout.mesh.size <= (devices or len(jax.devices()))


def test_too_many_devices_are_refused():
    with pytest.raises(UsageError, match="found"):
        choose_layout(4, 10_000)


@pytest.mark.parametrize("vectorised", [False, True])
def test_a_function_of_one_chain_becomes_one_of_all(vectorised):
    layout = choose_layout(4)._replace(vectorised=vectorised)
    doubled = jax.jit(over_chains(lambda x, y: x * y, layout, shared=1))
    np.testing.assert_array_equal(doubled(np.arange(8.0).reshape(4, 2), 2.0), np.arange(8.0).reshape(4, 2) * 2)
