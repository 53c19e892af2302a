"""Simulation-based calibration of a bank that has items of nearly every model and of one of 1pl, and the controls.

The truth is drawn from the priors as docs/priors.md states them, responses by the formulas in `slow_models`; see
`test_sbc` for the method.
"""

import numpy as np
import pyarrow as pa
import pytest
from support.sbc_bands import judged
from support.seeds import seed
from support.soon import soon

from irt_jax.calibration import calibrate

#: Items that share a slope are apart: without anything shared the mode is found much faster.
BANKS = {
    "mixed": ("rasch", "2pl", "3pl", "4pl", "grm", "grm", "gpcm", "pcm", "nominal", "nominal"),
    "1pl": ("1pl",) * 8,
}
POLYTOMOUS = {"grm", "gpcm", "pcm", "nominal"}
PERSONS, REPLICATIONS, CONTROLS = 120, 120, 40
#: In every run of the tests.
FEWER = 40
SAMPLER = {"method": "hmc", "priors": "mission", "population": "fixed", "chains": 4, "warmup": 80, "draws": 200}
THIN, BINS = 4, 25
RANKED = SAMPLER["chains"] * SAMPLER["draws"] // THIN - 1


def from_the_prior(rng: np.random.Generator, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Parameters of all items; what an item's model does not have is not used."""
    n = len(names)
    log_a, b, common = rng.normal(0.0, 0.2, n), rng.normal(0.0, 1.0, n), rng.normal(0.0, 0.5)
    for i, name in enumerate(names):
        log_a[i] = {"rasch": 0.0, "pcm": 0.0, "1pl": common}.get(name, log_a[i])
    gap, contrast = np.exp(rng.normal(np.log(1.5), 1.0, n)), rng.normal(0.0, 1.0, n)
    half = np.where([name == "grm" for name in names], gap / 2.0, contrast / np.sqrt(2.0))
    return {
        "a": np.exp(log_a),
        "b": b,
        "c": rng.beta(5, 17, n),
        "d": rng.beta(17, 5, n),
        "thresholds": b[:, None] + half[:, None] * np.array([-1.0, 1.0]),
        "slopes": rng.normal(0.0, 1.0, (n, 2)),
        "intercepts": rng.normal(0.0, 1.5, (n, 2)),
        "theta": rng.normal(size=PERSONS),
    }


def category_probabilities(values: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """(person, item, category) by the formulas of each model, of one draw."""
    theta, found = values["theta"][:, None], np.zeros((PERSONS, len(names), 3))
    logistic = lambda x: 1.0 / (1.0 + np.exp(-x))  # noqa: E731
    for i, name in enumerate(names):
        own = {key: value[i] for key, value in values.items() if key != "theta"}
        if name in ("rasch", "1pl", "2pl", "3pl", "4pl"):
            c, d = own["c"] if name in ("3pl", "4pl") else 0.0, own["d"] if name == "4pl" else 1.0
            right = c + (d - c) * logistic(own["a"] * (theta[:, 0] - own["b"]))
            found[:, i, 0], found[:, i, 1] = 1.0 - right, right
        elif name == "grm":
            above = logistic(own["a"] * (theta - own["thresholds"]))
            found[:, i] = np.stack([1.0 - above[:, 0], above[:, 0] - above[:, 1], above[:, 1]], axis=1)
        else:
            if name == "nominal":
                scores = theta * own["slopes"] + own["intercepts"]
            else:
                scores = np.cumsum(own["a"] * (theta - own["thresholds"]), axis=1)
            weights = np.exp(np.concatenate([np.zeros((PERSONS, 1)), scores], axis=1))
            found[:, i] = weights / weights.sum(1, keepdims=True)
    return found


def log_likelihood(values: dict[str, np.ndarray], response: np.ndarray, names: tuple[str, ...]) -> float:
    p = category_probabilities(values, names)
    return float(np.log(np.take_along_axis(p, response[:, :, None], axis=2)).sum())


def quantities(values: dict[str, np.ndarray], response: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """What is ranked, of one draw."""
    found = {"log-likelihood": log_likelihood(values, response, names), "mean ability": values["theta"].mean()}
    found["ability of person 0"] = values["theta"][0]
    for i, name in enumerate(names):
        label = f"{name} {i}"
        if name == "nominal":
            found |= {f"{label} slope": values["slopes"][i, 1], f"{label} intercept": values["intercepts"][i, 0]}
            continue
        found[f"{label} b"] = values["b"][i]
        if name not in ("rasch", "pcm"):
            found[f"{label} a"] = values["a"][i]
        if name in ("3pl", "4pl"):
            found[f"{label} c"] = values["c"][i]
        if name == "4pl":
            found[f"{label} d"] = values["d"][i]
        if name in ("grm", "gpcm", "pcm"):
            found[f"{label} gap"] = values["thresholds"][i, 1] - values["thresholds"][i, 0]
    return found


@pytest.fixture(scope="module", params=list(BANKS))
def bank(request, tmp_path_factory):
    """The file of models, and their names."""
    names = BANKS[request.param]
    file = tmp_path_factory.mktemp("models") / "models.csv"
    rows = [f"{i},{name},{3 if name in POLYTOMOUS else 2}" for i, name in enumerate(names)]
    file.write_text("\n".join(["item_id,model,categories", *rows]) + "\n")
    return str(file), names


def replicate(number: int, bank: tuple[str, tuple[str, ...]], keep: float = 1.0, **options) -> dict[str, int]:
    """Ranks of the truth among thinned draws."""
    rng = np.random.default_rng(seed(number))
    models, names = bank
    truth = from_the_prior(rng, names)
    cumulative = category_probabilities(truth, names).cumsum(2)
    response = (rng.random((PERSONS, len(names), 1)) > cumulative).sum(2)
    person, item = np.indices(response.shape).reshape(2, -1)
    seen = np.ones(len(person), bool) if keep == 1.0 else (person + item) % 2 == 0
    table = pa.table({"person_id": person[seen], "item_id": item[seen], "response": response.ravel()[seen]})
    draws = calibrate(table, model=models, seed=seed(number), **SAMPLER, **options).posterior["posterior"]
    kept = {name: draws[name].values[:, ::THIN] for name in truth if name in draws}
    kept = {name: values.reshape(-1, *values.shape[2:])[:RANKED] for name, values in kept.items()}
    of_truth, below = quantities(truth, response, names), {}
    of_draws = [quantities({name: values[i] for name, values in kept.items()}, response, names) for i in range(RANKED)]
    for name, value in of_truth.items():
        below[name] = sum(draw[name] < value for draw in of_draws)
    return below


def not_uniform(replications: int, bank: tuple[str, tuple[str, ...]], **options) -> list[str]:
    """Quantities whose ranks leave the simultaneous bands; prints the table on the way."""
    every = [replicate(number, bank, **options) for number in range(replications)]
    return judged({name: np.array([ranks[name] for ranks in every]) for name in every[0]}, RANKED, BINS)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize(
    ("bank", "replications"),
    [("mixed", FEWER), *(pytest.param(name, REPLICATIONS, marks=pytest.mark.long) for name in BANKS)],
    indirect=["bank"],
)
def test_ranks_of_the_truth_are_uniform(bank, replications):
    assert not_uniform(replications, bank) == []


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize("bank", soon(BANKS, now=["mixed"]), indirect=True)
def test_a_wrong_prior_fails(bank):
    failed = not_uniform(CONTROLS, bank, b_prior_sd=0.2)
    assert any(name.endswith(" b") for name in failed)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
@pytest.mark.parametrize("bank", soon(BANKS, now=["1pl"]), indirect=True)
def test_an_engine_that_sees_half_of_the_responses_fails_by_the_log_likelihood(bank):
    failed = not_uniform(CONTROLS, bank, keep=0.5)
    assert "log-likelihood" in failed
