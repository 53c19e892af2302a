import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from irt_jax.models.thresholds import coordinates, deviations, helmert

SHAPES = arrays(float, (5, 4), elements=st.floats(-15, 15))


def test_contrasts_are_orthonormal_and_against_those_before():
    for count in range(6):
        basis = helmert(count)
        np.testing.assert_allclose(basis @ basis.T, np.eye(count), atol=1e-14)
        np.testing.assert_allclose(basis.sum(1), 0.0, atol=1e-14)
        assert all((row[j + 2 :] == 0).all() for j, row in enumerate(basis))


@settings(deadline=None)
@given(SHAPES, arrays(bool, 5), arrays(int, 5, elements=st.integers(1, 5)))
def test_any_coordinates_give_thresholds_around_zero_and_in_order(shape, ordered, n_thresholds):
    with jax.enable_x64(True):
        found = np.asarray(deviations(shape, ordered, n_thresholds))
    for row, ascends, count in zip(found, ordered, n_thresholds, strict=True):
        own = row[:count]
        assert abs(own.mean()) < 1e-9 * max(1.0, np.abs(own).max())
        assert not ascends or (np.diff(own) >= 0).all()


@settings(deadline=None)
@given(SHAPES.map(lambda shape: shape / 5), arrays(bool, 5), arrays(int, 5, elements=st.integers(1, 5)))
def test_coordinates_are_the_inverse(shape, ordered, n_thresholds):
    with jax.enable_x64(True):
        found = np.asarray(deviations(shape, ordered, n_thresholds)) + 0.7
    own = np.arange(4) < n_thresholds[:, None] - 1
    np.testing.assert_allclose(coordinates(found, ordered, n_thresholds), np.where(own, shape, 0.0), atol=1e-9)
