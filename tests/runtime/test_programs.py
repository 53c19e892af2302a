"""Compiled programs are given up when they have taken many memory maps, and not before."""

import sys

import jax
import jax.numpy as jnp
import pytest

from irt_jax.runtime import programs

traced: list[int] = []


@jax.jit
def doubled(x):
    traced.append(1)
    return 2 * x


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say how many maps a process may have")
@pytest.mark.parametrize(("full", "given_up"), [(0.0, True), (1.0, False)])
def test_programs_are_given_up_at_a_share_of_the_maps(monkeypatch, full, given_up):
    monkeypatch.setattr(programs, "FULL", full)
    traced.clear()
    doubled(jnp.ones(3))
    count = len(traced)
    assert programs.free_programs() == given_up
    doubled(jnp.ones(3))
    assert len(traced) == count + given_up
