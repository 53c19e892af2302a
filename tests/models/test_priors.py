import numpy as np

from irt_jax.contract.prior_settings import PriorSettings
from irt_jax.data import align_anchors, encode, read_anchors
from irt_jax.models import item_priors


def test_free_items_have_the_missions_priors():
    priors = item_priors(3)
    np.testing.assert_array_equal(priors.log_a_mean, 0.0)
    np.testing.assert_array_equal(priors.log_a_sd, 0.2)
    np.testing.assert_array_equal(priors.b_mean, 0.0)
    np.testing.assert_array_equal(priors.b_sd, 1.0)


def test_anchors_differ_from_free_items_only_in_their_four_values(small):
    responses = encode(small.responses)
    anchors = align_anchors(responses, read_anchors(small.anchors))
    settings = PriorSettings(log_a_sd=0.3, b_sd=2.0)
    with_anchors = item_priors(responses.n_items, anchors, settings=settings)
    without = item_priors(responses.n_items, settings=settings)
    free = np.setdiff1d(np.arange(responses.n_items), anchors.item)
    for array, plain in zip(with_anchors[:4], without[:4], strict=True):
        np.testing.assert_array_equal(array[free], plain[free])
    np.testing.assert_allclose(with_anchors.log_a_mean[anchors.item], np.log(small.anchors["a"]))
    np.testing.assert_array_equal(with_anchors.b_mean[anchors.item], small.anchors["b"])
    np.testing.assert_array_equal(with_anchors.log_a_sd[anchors.item], 0.05)
    np.testing.assert_array_equal(with_anchors.b_sd[anchors.item], 0.05)
