import numpy as np
import pytest
from support import limits
from support.seeds import seed

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


@pytest.mark.statistical
@pytest.mark.parametrize("adaptive", [False, True])
def test_responses_follow_the_model(adaptive):
    frame = frame_with_truth(simulate(4000, 30, 15, adaptive=adaptive, seed=seed(2)))
    p = probability_correct(frame.theta.to_numpy(), frame.a.to_numpy(), frame.b.to_numpy())
    own = np.digitize(p, np.linspace(0.1, 0.9, 9)) == np.arange(10)[:, None]
    own = own[own.sum(1) > 1000]

    def apart(p):
        return (own @ (frame.response.to_numpy() - p)) / np.sqrt(own @ (p * (1 - p)))

    assert limits.within(apart(p), 10)
    flatter = probability_correct(frame.theta.to_numpy(), 0.6 * frame.a.to_numpy(), frame.b.to_numpy())
    for wrong in (flatter, np.clip(p + 0.05, 0.0, 1.0)):
        assert limits.beyond(apart(wrong), 10).any()


@pytest.mark.statistical
def test_the_truth_has_the_asked_moments():
    theta = simulate(20_000, 2, 1, ability_mean=0.5, ability_sd=1.5, seed=seed(3)).persons["theta"].to_numpy()
    items = simulate(2, 20_000, 1, seed=seed(3)).items
    a, b = items["a"].to_numpy(), items["b"].to_numpy()
    values = np.stack([theta, np.log(a), b])

    def chances(mean, sd):
        return np.concatenate(
            [limits.of_z((values.mean(1) - mean) / sd * np.sqrt(20_000)), limits.of_sds(values.std(1), 20_000, sd)]
        )

    mean, sd = np.array([0.5, 0.0, 0.0]), np.array([1.5, 0.2, 1.0])
    assert limits.likely(chances(mean, sd), 6)
    assert (chances(mean + 0.05 * sd, 1.05 * sd) < limits.level(6)).all()


@pytest.mark.statistical
def test_anchors_carry_their_own_error_and_change_nothing_else():
    options = {"anchor_log_a_sd": 0.1, "anchor_b_sd": 0.2, "seed": seed(4)}
    simulation = simulate(5, 6000, 2, anchor_items=4000, **options)
    truth = simulation.items.to_pandas().set_index("item_id")
    anchors = simulation.anchors.to_pandas().set_index("item_id")
    truth = truth.loc[anchors.index]
    assert len(anchors) == 4000
    found = np.array([np.std(np.log(anchors.a / truth.a)), np.std(anchors.b - truth.b)])
    assert limits.likely(limits.of_sds(found, 4000, np.array([0.1, 0.2])), 2)
    assert (limits.of_sds(found, 4000, np.array([0.11, 0.22])) < limits.level(2)).all()
    assert (anchors.a_sd == 0.1).all()
    assert (anchors.b_sd == 0.2).all()
    assert simulate(5, 6000, 2, **options).responses.equals(simulation.responses)


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
