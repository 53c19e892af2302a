"""Persons of several groups: each one's own population and copy of an item, against slow quadrature."""

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from irt_jax.data import encode
from irt_jax.errors import InputError, UsageError
from irt_jax.runtime.machine import Memory
from irt_jax.scoring import KnownPopulations, read_items, read_populations, score
from irt_jax.scoring.limits import check_draws
from irt_jax.scoring.populations import Normal, of_words

GROUPS = {"low": Normal(-0.5, 0.8, True), "top": Normal(1.0, 1.3, True)}
#: Item 1 has a copy for each group, and that of `top` is far harder.
BANK = pa.table(
    {
        "item_id": ["q0", "q1", "q1", "q2"],
        "group": [None, "top", "low", None],
        "a": [1.2, 0.8, 0.9, 1.5],
        "b": [0.0, 2.0, -1.0, 0.4],
    }
)


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


@pytest.fixture(scope="module")
def responses():
    """Every pattern of three items once in each group, and a person of either group with nulls alone."""
    pattern = np.array(np.unravel_index(np.arange(8), (2, 2, 2))).T
    rows = [
        (f"{g} {k}", f"q{i}", int(y), g) for g in GROUPS for k, row in enumerate(pattern) for i, y in enumerate(row)
    ]
    rows += [("none", "q0", None, "top"), ("none", "q2", None, "top")]
    columns = ("person_id", "item_id", "response", "group")
    return pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))


@pytest.fixture(scope="module")
def coded(responses):
    return encode(responses, keep_persons=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    groups = {name: {"mean": one.mean, "sd": one.sd} for name, one in GROUPS.items()}
    (folder / "run.json").write_text(json.dumps({"population": {"mean": 0.3, "sd": 1.2, "groups": groups}}))
    return folder


def test_each_person_has_the_population_and_the_items_of_their_group(responses, coded, run):
    found, notes = score(coded, read_items(BANK), populations=read_populations(run))
    assert notes == ["1 persons have no usable response and no score: 'none'."]
    rows = responses.to_pandas().dropna()
    bank = BANK.to_pandas()
    for row in found.to_pylist():
        if row["person_id"] == "none":
            assert row == dict.fromkeys(row) | {"person_id": "none", "group": "top", "n_responses": 0}
            continue
        own = rows[rows.person_id == row["person_id"]]
        known = bank[bank.group.isna() | (bank.group == row["group"])].set_index("item_id").loc[own.item_id]

        sign = 2.0 * own.response.to_numpy(float) - 1.0

        def density(x, sign=sign, known=known, prior=GROUPS[row["group"]]):
            p = logistic(sign * known.a.to_numpy() * (x - known.b.to_numpy()))
            return p.prod() * norm.pdf(x, prior.mean, prior.sd)

        total, first, second = (quad(lambda x, k=k: x**k * density(x), -12, 12, epsabs=1e-12)[0] for k in range(3))
        assert row["theta"] == pytest.approx(first / total, abs=1e-6)
        assert row["theta_sd"] == pytest.approx(np.sqrt(second / total - (first / total) ** 2), abs=1e-6)
        assert density(row["map"]) >= max(density(row["map"] - 1e-3), density(row["map"] + 1e-3))


def test_plausible_values_come_from_the_groups_own_posteriors(coded, run):
    count = 400
    found, _ = score(coded, read_items(BANK), populations=read_populations(run), plausible_values=count)
    frame = found.to_pandas().dropna()
    z = (frame.filter(like="plausible").mean(axis=1) - frame.theta) / (frame.theta_sd / np.sqrt(count))
    assert len(z) == 16
    assert (np.abs(z) < 6.5).all()


def test_one_population_for_everybody_is_only_taken_where_it_is_asked_for(responses, coded, run):
    without = encode(responses.drop_columns("group"), keep_persons=True)
    plain = read_items(BANK.slice(2, 2).drop_columns("group"))
    with pytest.raises(InputError, match=r"each person's group, found none: the run has 2 populations .*'low', 'top'"):
        score(without, plain, populations=read_populations(run))
    assert score(without, plain, populations=read_populations(run, mean=0.0, sd=1.0))[1][1:] == [
        "1 persons have no usable response and no score: 'none'."
    ]
    with pytest.raises(InputError, match="1 of the items have parameters by group, 'q1'"):
        score(without, read_items(BANK), mean=0.0, sd=1.0)
    with pytest.raises(UsageError, match="2 populations: 'low', 'top'"):
        read_populations(run, mean=0.0)
    _, notes = score(coded, plain, populations=KnownPopulations(Normal(0.0, 1.0), {}))
    assert "2 groups share one population" in notes[0]


def test_a_group_that_the_run_does_not_know(responses, run):
    other = responses.set_column(3, "group", [["new" if g == "low" else g for g in responses["group"].to_pylist()]])
    coded = encode(other, keep_persons=True)
    with pytest.raises(InputError, match=r"found others: 'new'\. Give theirs by --group-prior"):
        score(coded, read_items(BANK), populations=read_populations(run))
    known = read_populations(run, groups=of_words(["new=-0.5,0.8"]))
    found, notes = score(coded, read_items(BANK), populations=known)
    assert (
        "8 responses of the groups 'new' are left out, to items with parameters of other groups alone: 'q1'" in notes[0]
    )
    assert set(found["n_responses"].to_pylist()) == {0, 2, 3}


@pytest.mark.parametrize("word", ["new", "new=1", "new=1,x", "=1,1", "new=0,0", "new=0,-1", "new=nan,1", "new=0,inf"])
def test_group_priors_that_are_none(word):
    with pytest.raises(UsageError, match="--group-prior"):
        of_words([word])


@pytest.mark.parametrize(
    ("mean", "sd"), [(0.0, 0.0), (0.0, -1.0), (0.0, np.nan), (0.0, np.inf), (0.0, 1e-300), (np.nan, 1.0), (np.inf, 1.0)]
)
def test_populations_that_are_none(mean, sd, coded, run):
    with pytest.raises(UsageError, match="needs a finite"):
        read_populations(run, mean=mean, sd=sd)
    with pytest.raises(UsageError, match="must be a number from"):
        score(coded, read_items(BANK), mean=mean, sd=sd)


def test_draws_that_there_cannot_be():
    room = Memory(10**9, 10**9, False)
    check_draws(20, 0, 1000, room)
    with pytest.raises(
        UsageError, match=r"100,000,000 of 1,000 persons need more memory than is free: 1.0 GB hold 22,1"
    ):
        check_draws(100_000_000, 0, 1000, room)
    for count, seed in ((-1, 0), (1, -1), (1, 2**63)):
        with pytest.raises(UsageError, match="must be a whole number"):
            check_draws(count, seed, 1000, room)
    with pytest.raises(UsageError, match="hold"):
        check_draws(10**15, 0)
