"""The Inference Gym's item response theory target: a 1PL whose posterior means are known.

    logit P(response = 1) = mean_ability + ability - difficulty
    mean_ability ~ N(0.75, 1), ability ~ N(0, 1), difficulty ~ N(0, 1)

400 persons, 100 items, 30,012 responses; the ground truth of all 501 parameters is from 50,000 draws of Stan
(https://github.com/tensorflow/probability, spinoffs/inference_gym). The data folder holds
`inference_gym_irt.parquet` (person_id, item_id, response) and `inference_gym_irt.reference.csv` (parameter, index,
mean, mcse, sd).

An engine is a function `(folder, chains, draws, seed) -> dict`, listed in `ENGINES`, with a warm-up of its own
choice; what it is told is None where its own default is to hold. The dict holds the fields of
`Outcome`, with the draws `difficulty` (chain, draw, item) and `mean_ability` (chain, draw, 1), both sorted by id,
and `ability` (chain, draw, person) where the engine draws it.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RESPONSES = "inference_gym_irt.parquet"
REFERENCE = "inference_gym_irt.reference.csv"
#: Our names of the parameters, by the reference's.
NAMES = {
    "mean_student_ability": "mean_ability",
    "question_difficulty": "difficulty",
    "centered_student_ability": "ability",
}
ITEMS = ("difficulty", "mean_ability")


def read(folder: Path) -> dict[str, np.ndarray]:
    """Codes of persons and items, sorted by id, and responses."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / RESPONSES)
    person, item = (np.unique(np.asarray(table[name]), return_inverse=True)[1] for name in ("person_id", "item_id"))
    return {"person": person, "item": item, "response": table["response"].to_numpy()}


def by_numpyro(folder: Path, chains: int | None, draws: int | None, seed: int) -> dict[str, Any]:
    """The joint model as plain NumPyro, NUTS with its defaults."""
    import numpyro
    import numpyro.distributions as dist

    from benchmarks.machine import cores
    from benchmarks.outcome import Settings
    from benchmarks.peers.by_numpyro import sample

    def model(data: dict[str, np.ndarray]) -> None:
        mean_ability = numpyro.sample("mean_ability", dist.Normal(0.75, 1.0).expand([1]).to_event(1))
        with numpyro.plate("items", data["item"].max() + 1):
            difficulty = numpyro.sample("difficulty", dist.Normal(0.0, 1.0))
        with numpyro.plate("persons", data["person"].max() + 1):
            ability = numpyro.sample("ability", dist.Normal(0.0, 1.0))
        logit = mean_ability[0] + ability[data["person"]] - difficulty[data["item"]]
        with numpyro.plate("responses", len(data["response"])):
            numpyro.sample("response", dist.Bernoulli(logits=logit), obs=data["response"])

    settings = Settings(seed, cores(), chains, draws, warmup=None)
    return sample(model, read(folder), settings, tuple(NAMES.values()), ITEMS)._asdict()


def by_ours(folder: Path, chains: int | None, draws: int | None, seed: int) -> dict[str, Any]:
    """HMC with the abilities integrated out; see `gym_marginal`."""
    from benchmarks.gym_marginal import run

    return run(folder, chains, draws, seed)


ENGINES: dict[str, Callable[[Path, int | None, int | None, int], dict[str, Any]]] = {
    "ours_hmc": by_ours,
    "numpyro": by_numpyro,
}


def compare(draws: dict[str, np.ndarray], gradients: int | None, folder: Path) -> dict[str, Any]:
    """Hold draws against the ground truth.

    Args:
        draws: (chain, draw, parameter) by name.
        gradients: leapfrog steps in sampling over all chains.
        folder: of the data.

    Returns:
        `ess_moments_min`: the smallest effective sample size of a first or second moment, over all parameters
        drawn; `gradients_per_100_ess`: leapfrog steps in sampling for 100 of it; `truth_apart_max`: the largest
        distance of a mean from the ground truth, in standard errors of both.
    """
    from irt_jax.diagnostics import ess_mean, mcse_mean

    with (folder / REFERENCE).open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["index"])
    worst, apart = np.inf, 0.0
    for theirs, name in NAMES.items():
        if name in draws:
            x = draws[name]
            truth = np.array([(row["mean"], row["mcse"]) for row in rows if row["parameter"] == theirs], float).T
            worst = min(worst, ess_mean(x).min(), ess_mean(x**2).min())
            error = np.hypot(mcse_mean(x), truth[1])
            apart = max(apart, float((np.abs(x.mean((0, 1)) - truth[0]) / error).max()))
    return {
        "ess_moments_min": round(float(worst), 1),
        "gradients_per_100_ess": gradients and round(100 * gradients / worst),
        "truth_apart_max": round(apart, 2),
    }
