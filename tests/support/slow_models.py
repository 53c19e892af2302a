"""Category probabilities of every model, one item and one ability at a time, from the formulas in docs/models.md."""

import math

import numpy as np


def logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def probabilities(model: str, item: dict, theta: float) -> list[float]:
    """P(Y = 0), P(Y = 1), ... of one item.

    Args:
        model: name.
        item: the item's parameters: a, b, c, d, thresholds, slopes, intercepts, as the model has them.
        theta: ability.
    """
    if model in ("rasch", "1pl", "2pl", "3pl", "4pl"):
        c, d = item.get("c", 0.0), item.get("d", 1.0)
        right = c + (d - c) * logistic(item["a"] * (theta - item["b"]))
        return [1.0 - right, right]
    if model == "grm":
        above = [1.0, *(logistic(item["a"] * (theta - b)) for b in item["thresholds"]), 0.0]
        return [above[k] - above[k + 1] for k in range(len(above) - 1)]
    if model in ("gpcm", "pcm"):
        scores = [0.0]
        for b in item["thresholds"]:
            scores.append(scores[-1] + item["a"] * (theta - b))
    else:
        scores = [0.0, *(s * theta + t for s, t in zip(item["slopes"], item["intercepts"], strict=True))]
    weights = [math.exp(score) for score in scores]
    return [weight / sum(weights) for weight in weights]


def random_item(model: str, rng: np.random.Generator, n_categories: int) -> dict:
    """Parameters of one item, moderate ones."""
    item = {"a": 1.0 if model in ("rasch", "pcm") else float(np.exp(rng.normal(0.0, 0.3))), "b": rng.normal()}
    if model == "1pl":
        item["a"] = 1.2
    if model in ("3pl", "4pl"):
        item["c"] = rng.beta(5, 17)
    if model == "4pl":
        item["d"] = rng.beta(17, 5)
    if model in ("grm", "gpcm", "pcm"):
        steps = item["b"] + rng.normal(0.0, 1.0, n_categories - 1)
        item["thresholds"] = np.sort(steps) if model == "grm" else steps
        item["b"] = item["thresholds"].mean()
    if model == "nominal":
        item = {
            "slopes": np.arange(1, n_categories) / 2 + rng.normal(0.0, 0.2, n_categories - 1),
            "intercepts": rng.normal(0.0, 0.7, n_categories - 1),
        }
    return item


def draw_responses(models, items, theta, rng) -> np.ndarray:
    """One response of every person to every item, (person, item)."""
    found = np.zeros((len(theta), len(items)), int)
    for u, ability in enumerate(theta):
        for i, (model, item) in enumerate(zip(models, items, strict=True)):
            found[u, i] = rng.choice(len(p := probabilities(model, item, ability)), p=p)
    return found
