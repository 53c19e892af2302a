"""What anchors.parquet says of every anchor's change, with the linking taken apart from it.

An anchor's free estimate is linked by the other anchors: its SD contains the error of their mean and spread, and if
some of them have drifted it has moved the other way. To first order the linking is an error c of the population's mean
and log SD. It moves (log a, b) of an anchor by G c with G = [[0, -1], [1, b - centre]], and by all but the anchor
itself it is estimated as c_(-k), so that

    change seen = z_k - G_k c_(-k)   of covariance   T_k = V_k + G_k M_(-k)^-1 G_k'
    M_(-k) = sum over j != k of G_j' V_j^-1 G_j

with z_k = change + G_k c + an error of covariance V_k. T_k is in the file. V_k is found from it, and with it what is
left of z after the linking of all, z_k - G_k c_hat = change seen - G_k M^-1 G_k' V_k^-1 (change seen): the
leave-one-out residual undone. Given c these are independent, so that c can be estimated again beside who has drifted.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float

from irt_jax.data.item_table import numbers_or_nan

#: Slopes with a smaller error are given, not estimated.
GIVEN = 1e-9
#: Variance of log a where there is no estimate of it: nothing is said, in numbers.
NOTHING = 1e4
#: Of the iteration for V: how far it goes each time, how often, until what change, and no less of T than the last.
DAMPED, ROUNDS, CLOSE, LEAST = 0.5, 500, 1e-12, 0.02


class Evidence(NamedTuple):
    """Of the anchors that have a free estimate; log a first, then b.

    Attributes:
        change: from previous to present with all anchors linking, [anchor, 2].
        error: covariance of that change's error, given the linking, [anchor, 2, 2].
        link: how the linking's error moves each anchor, [anchor, 2, shared]; shared is one where all slopes are one,
            so that the scale cannot stretch.
        has_slope: whether log a is estimated, [anchor].
        a_prev: previous slope, [anchor].
    """

    change: Float[np.ndarray, "anchor 2"]
    error: Float[np.ndarray, "anchor 2 2"]
    link: Float[np.ndarray, "anchor 2 shared"]
    has_slope: Bool[np.ndarray, " anchor"]
    a_prev: Float[np.ndarray, " anchor"]


def usable(anchors: pa.Table) -> Bool[np.ndarray, " anchor"]:
    """Which anchors have a free estimate of b.

    Args:
        anchors: anchors.parquet.
    """
    columns = ("b_free", "b_free_sd", "b_prev", "b_prev_sd")
    return np.all([np.isfinite(numbers_or_nan(anchors, name)) for name in columns], axis=0)


def evidence(anchors: pa.Table, *, linked: bool = True) -> Evidence:
    """Take the linking apart from the changes.

    Args:
        anchors: anchors.parquet, those that are `usable`.
        linked: whether mean and SD of the population were learned, with the anchors linking.
    """
    column = {name: numbers_or_nan(anchors, name) for name in anchors.column_names if name != "item_id"}
    has_slope = np.isfinite(column["log_a_free"]) & (column["log_a_free_sd"] > GIVEN)
    log_a = np.log(column["a_prev"]) if "log_a_prev" not in column else column["log_a_prev"]
    together = np.nan_to_num(column["cov_log_a_b_free"])
    together = together + np.nan_to_num(column.get("cov_log_a_b_prev", np.zeros(len(together))))
    seen = np.stack([column["log_a_free"] - log_a, column["b_free"] - column["b_prev"]], axis=1)
    whole = np.empty((len(seen), 2, 2))
    whole[:, 0, 0] = column["log_a_free_sd"] ** 2 + column["log_a_prev_sd"] ** 2
    whole[:, 1, 1] = column["b_free_sd"] ** 2 + column["b_prev_sd"] ** 2
    whole[:, 0, 1] = whole[:, 1, 0] = together
    seen[~has_slope, 0] = 0.0
    whole[~has_slope, 0, :] = whole[~has_slope, :, 0] = 0.0
    whole[~has_slope, 0, 0] = NOTHING
    stretches = has_slope.any() or np.any(np.abs(np.nan_to_num(column["log_a_free"])) > GIVEN)
    link = linking(column["b_prev"], whole[:, 1, 1], shared=2 if stretches else 1)
    counts = 1.0 - np.nan_to_num(column.get("p_released", np.zeros(len(seen))))
    if linked and len(seen) > 1:
        seen, whole = without_linking(seen, whole, link, counts)
    return Evidence(seen, whole, link, has_slope, column["a_prev"])


def linking(
    b: Float[np.ndarray, " anchor"], variance: Float[np.ndarray, " anchor"], *, shared: int
) -> Float[np.ndarray, "anchor 2 shared"]:
    """How errors of the population's mean, and of its log SD, move log a and b.

    Args:
        b: of the anchors.
        variance: of b, so that the centre is where it is best known.
        shared: 1 for the mean alone, 2 for both.
    """
    centre = np.average(b, weights=1.0 / variance)
    link = np.zeros((len(b), 2, shared))
    link[:, 1, 0] = 1.0
    if shared == 2:
        link[:, 0, 1] = -1.0
        link[:, 1, 1] = b - centre
    return link


def without_linking(
    seen: Float[np.ndarray, "anchor 2"],
    whole: Float[np.ndarray, "anchor 2 2"],
    link: Float[np.ndarray, "anchor 2 shared"],
    counts: Float[np.ndarray, " anchor"] | None = None,
) -> tuple[Float[np.ndarray, "anchor 2"], Float[np.ndarray, "anchor 2 2"]]:
    """Undo that every change is linked by the others: changes with all linking, and their covariances given the link.

    Args:
        seen: changes, each linked by the others.
        whole: their covariances, the linking's error among them.
        link: see `linking`.
        counts: how much each anchor counts in the linking, from 0 to 1; a robust anchor that is released counts less.
    """
    weight = np.ones(len(seen)) if counts is None else counts
    weight = np.maximum(weight, 1e-6)[:, None, None]
    values, vectors = np.linalg.eigh(whole)
    root = (vectors * np.sqrt(values)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    back = np.linalg.inv(root)
    own = whole * (1.0 - 1.0 / len(seen))
    for _ in range(ROUNDS):
        held = back @ (whole - of_others(own, link, weight)) @ back
        share, axes = np.linalg.eigh((held + np.swapaxes(held, 1, 2)) / 2)
        new = root @ ((axes * np.clip(share, LEAST, 1.0)[:, None, :]) @ np.swapaxes(axes, 1, 2)) @ root
        change = np.abs(back @ (new - own) @ back).max()
        own = own + DAMPED * (new - own)
        if change < CLOSE:
            break
    pull = link.swapaxes(1, 2) @ np.linalg.inv(own)
    total = (weight * (pull @ link)).sum(0)
    leverage = weight * (link @ np.linalg.solve(total, pull))
    return seen - np.einsum("kij,kj->ki", leverage, seen), own


def of_others(
    own: Float[np.ndarray, "anchor 2 2"],
    link: Float[np.ndarray, "anchor 2 shared"],
    weight: Float[np.ndarray, "anchor 1 1"],
) -> Float[np.ndarray, "anchor 2 2"]:
    """Covariance that the linking by all others adds to each anchor's change."""
    each = weight * (link.swapaxes(1, 2) @ np.linalg.inv(own) @ link)
    total = each.sum(0)
    others = total - each
    # One anchor may hold the linking nearly alone; the rest then says next to nothing, which must stay invertible.
    others = others + 1e-9 * np.trace(total) * np.eye(len(total))
    return link @ np.linalg.inv(others) @ link.swapaxes(1, 2)


def missing_reasons(anchors: pa.Table) -> list[str | None]:
    """Why an anchor has no estimate of its change, or None.

    Args:
        anchors: anchors.parquet.
    """
    few = pc.equal(anchors["n_responses"], 0).to_pylist()
    reason = ["no responses" if none else "fixed, or its responses alone do not determine it" for none in few]
    return [None if fine else text for fine, text in zip(usable(anchors), reason, strict=True)]
