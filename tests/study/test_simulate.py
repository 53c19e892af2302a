import numpy as np
import pytest

from irt_jax.errors import UsageError
from irt_jax.study.designs import probability_correct
from irt_jax.study.simulate import simulate


def frame_with_truth(simulation):
    frame = simulation.responses.to_pandas()
    return frame.merge(simulation.items.to_pandas(), on="item_id").merge(simulation.persons.to_pandas(), on="person_id")


@pytest.mark.parametrize("adaptive", [False, True])
def test_everybody_answers_that_many_different_items(adaptive):
    frame = simulate(300, 40, 12, adaptive=adaptive, seed=1).responses.to_pandas()
    assert (frame.groupby("person_id").item_id.nunique() == 12).all()
    assert len(frame) == 300 * 12
    assert set(frame.response) == {0, 1}


@pytest.mark.parametrize("adaptive", [False, True])
def test_responses_follow_the_model(adaptive):
    frame = frame_with_truth(simulate(4000, 30, 15, adaptive=adaptive, seed=2))
    p = probability_correct(frame.theta.to_numpy(), frame.a.to_numpy(), frame.b.to_numpy())
    bins = np.digitize(p, np.linspace(0.1, 0.9, 9))
    for k in range(10):
        own = bins == k
        if own.sum() > 100:
            error = np.sqrt((p[own] * (1 - p[own])).sum()) / own.sum()
            assert abs(frame.response[own].mean() - p[own].mean()) < 4 * error


def test_the_truth_has_the_asked_moments():
    theta = simulate(20_000, 2, 1, ability_mean=0.5, ability_sd=1.5, seed=3).persons["theta"].to_numpy()
    items = simulate(2, 20_000, 1, seed=3).items
    a, b = items["a"].to_numpy(), items["b"].to_numpy()
    error = 4 / np.sqrt(20_000)
    assert abs(theta.mean() - 0.5) < 1.5 * error
    assert abs(theta.std() - 1.5) < 1.5 * error
    assert abs(np.log(a).mean()) < 0.2 * error
    assert abs(np.log(a).std() - 0.2) < 0.2 * error
    assert abs(b.std() - 1) < error


def test_anchors_carry_their_own_error_and_change_nothing_else():
    options = {"anchor_log_a_sd": 0.1, "anchor_b_sd": 0.2, "seed": 4}
    simulation = simulate(5, 3000, 2, anchor_items=2000, **options)
    truth = simulation.items.to_pandas().set_index("item_id")
    anchors = simulation.anchors.to_pandas().set_index("item_id")
    truth = truth.loc[anchors.index]
    assert len(anchors) == 2000
    assert np.std(np.log(anchors.a / truth.a)) == pytest.approx(0.1, rel=4 / np.sqrt(4000))
    assert np.std(anchors.b - truth.b) == pytest.approx(0.2, rel=4 / np.sqrt(4000))
    assert (anchors.a_sd == 0.1).all()
    assert (anchors.b_sd == 0.2).all()
    assert simulate(5, 3000, 2, **options).responses.equals(simulation.responses)


def test_adaptive_tests_choose_items_near_the_ability():
    adaptive, random = (frame_with_truth(simulate(1000, 200, 20, adaptive=chosen, seed=5)) for chosen in (True, False))
    # at 20 items out of 200, the distance to the true ability is far below that of a random choice
    assert (adaptive.theta - adaptive.b).abs().mean() < 0.6 * (random.theta - random.b).abs().mean()


def test_the_same_seed_gives_the_same_data():
    assert simulate(10, 10, 5, seed=1).responses.equals(simulate(10, 10, 5, seed=1).responses)
    assert not simulate(10, 10, 5, seed=1).responses.equals(simulate(10, 10, 5, seed=2).responses)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((0, 5, 5, 0), "--persons must be a whole number from 1 to"),
        ((5, 5, 6, 0), "--per-person 6 is more than --items 5"),
        ((5, 5, 5, 6), "--anchor-items must lie between 0 and --items 5"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    persons, items, per_person, anchors = sizes
    with pytest.raises(UsageError, match=message):
        simulate(persons, items, per_person, anchor_items=anchors)
