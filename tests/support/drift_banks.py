"""Banks of anchors drawn from the model of drift, without fits."""

import numpy as np
import pyarrow as pa

from irt_jax.linking.drift.evidence import Evidence, linking
from irt_jax.linking.drift.mixture import DriftPrior

PRIOR = DriftPrior()


def errors(rng: np.random.Generator, n_anchors: int, n_responses: int) -> np.ndarray:
    """Covariances of (log a, b) as calibrations have them, previous errors of .05 included."""
    scale = np.sqrt(1000 / n_responses) * np.exp(rng.normal(0, 0.3, (2, n_anchors)))
    sd_a, sd_b, correlation = 0.12 * scale[0], 0.11 * scale[1], rng.uniform(-0.7, 0.7, n_anchors)
    found = np.empty((n_anchors, 2, 2))
    found[:, 0, 0], found[:, 1, 1] = sd_a**2 + 0.05**2, sd_b**2 + 0.05**2
    found[:, 0, 1] = found[:, 1, 0] = correlation * sd_a * sd_b
    return found


def draw_changes(rng: np.random.Generator, n_anchors: int, prior: DriftPrior = PRIOR) -> np.ndarray:
    """Changes of log a and b out of the prior; most are zero."""
    tau = prior.tau * np.exp(prior.log_tau_sd * rng.normal())
    changed = rng.random(n_anchors) < rng.beta(*prior.share)
    return changed[:, None] * rng.normal(size=(n_anchors, 2)) * tau * np.array([prior.ratio, 1.0])


def observe(rng: np.random.Generator, changes: np.ndarray, n_responses: int, *, shared: int = 2) -> Evidence:
    """What a run with all anchors linking would say of the changes; the population has moved too."""
    error = errors(rng, len(changes), n_responses)
    b = rng.normal(size=len(changes))
    link = linking(b, error[:, 1, 1], shared=shared)
    z = changes + link @ rng.normal(0, 0.3, shared)
    z = z + np.einsum("kij,kj->ki", np.linalg.cholesky(error), rng.normal(size=z.shape))
    has_slope = np.full(len(z), shared == 2)
    if shared == 1:
        z[:, 0], error[:, 0, 1], error[:, 1, 0], error[:, 0, 0] = 0.0, 0.0, 0.0, 1e4
    pull = link.swapaxes(1, 2) @ np.linalg.inv(error)
    all_linking = np.linalg.solve((pull @ link).sum(0), (pull @ z[..., None]).sum(0)[:, 0])
    return Evidence(z - link @ all_linking, error, link, has_slope, np.exp(rng.normal(0, 0.2, len(z))))


def beyond(evidence: Evidence, changes: np.ndarray, threshold_a: float = 0.2, threshold_b: float = 0.25) -> np.ndarray:
    """Which anchors have truly changed by more than the thresholds."""
    in_a = np.abs(evidence.a_prev * np.expm1(changes[:, 0])) > threshold_a
    return in_a | (np.abs(changes[:, 1]) > threshold_b)


def table_of(b_change: np.ndarray, b_sd: float | np.ndarray, *, n_responses: int = 500) -> pa.Table:
    """anchors.parquet of anchors whose own estimates moved so far; slopes stay."""
    count = len(b_change)
    b_prev = np.linspace(-1.5, 1.5, count)
    error = np.broadcast_to(b_sd, count).astype(float)
    return pa.table(
        {
            "item_id": [f"i{k:03d}" for k in range(count)],
            "n_responses": pa.array(np.full(count, n_responses), pa.int64()),
            "a_prev": np.ones(count),
            "log_a_prev": np.zeros(count),
            "log_a_prev_sd": np.full(count, 0.05),
            "b_prev": b_prev,
            "b_prev_sd": np.full(count, 0.05),
            "log_a_free": np.zeros(count),
            "log_a_free_sd": np.full(count, 0.12),
            "b_free": b_prev + b_change,
            "b_free_sd": error,
            "cov_log_a_b_free": np.zeros(count),
        }
    )
