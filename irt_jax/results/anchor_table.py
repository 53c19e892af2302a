"""anchors.parquet: each anchor before, now, and by its own responses alone."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float
from scipy.special import chdtrc

from irt_jax.contract.names import ITEM
from irt_jax.data import Anchors
from irt_jax.errors import first_few

#: Anchors whose previous values are this unlikely, corrected for their number, are named.
UNLIKELY = 0.01
FREE = ("a_free", "a_free_sd", "b_free", "b_free_sd", "log_a_free", "log_a_free_sd", "cov_log_a_b_free")
POSTERIOR = ("a", "a_sd", "b", "b_sd", "p_released")


def anchors_table(items: pa.Table, anchors: Anchors, free: Mapping[str, np.ndarray]) -> pa.Table:
    """Build anchors.parquet, one row an anchor that is in the data.

    Columns: item_id, n_responses; a_prev, log_a_prev, log_a_prev_sd, b_prev, b_prev_sd, and cov_log_a_b_prev, null
    where it is not known; the posterior a, a_sd, b, b_sd and p_released; a_free, b_free, log_a_free with SDs, and
    p_value, of previous and free values being so far apart.

    Args:
        items: items.parquet.
        anchors: previous values.
        free: estimates without the items' own priors, (item,); null columns where empty.
    """
    rows = items.take(pa.array(anchors.item))
    columns = {ITEM: rows[ITEM], "n_responses": rows["n_responses"]}
    columns |= {"a_prev": anchors.a, "log_a_prev": anchors.log_a, "log_a_prev_sd": anchors.log_a_sd}
    columns |= {"b_prev": anchors.b, "b_prev_sd": anchors.b_sd}
    together = anchors.cov_log_a_b
    columns["cov_log_a_b_prev"] = pa.array(together, mask=~np.isfinite(together))
    columns |= {name: rows[name] for name in POSTERIOR}
    nothing = np.full(len(anchors.item), np.nan)
    of_free = {name: free[name][anchors.item] if name in free else nothing for name in FREE}
    of_free["p_value"] = p_values(anchors, of_free)
    columns |= {name: pa.array(values, mask=~np.isfinite(values)) for name, values in of_free.items()}
    return pa.table(columns)


def p_values(anchors: Anchors, free: Mapping[str, Float[np.ndarray, " anchor"]]) -> Float[np.ndarray, " anchor"]:
    """Probability of a free estimate at least so far from the previous values, were the anchor sound.

    The squared distance in the sum of both covariances is chi-squared with two degrees of freedom, or with one where
    the model has no slopes of the items' own.

    Args:
        anchors: previous values and errors.
        free: columns of `FREE`.
    """
    cross = np.nan_to_num(anchors.cov_log_a_b)
    away_a, away_b = free["log_a_free"] - anchors.log_a, free["b_free"] - anchors.b
    var_a, var_b = free["log_a_free_sd"] ** 2 + anchors.log_a_sd**2, free["b_free_sd"] ** 2 + anchors.b_sd**2
    both = np.nan_to_num(free["cov_log_a_b_free"]) + cross
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (away_a**2 * var_b - 2 * away_a * away_b * both + away_b**2 * var_a) / (var_a * var_b - both**2)
    has_slope = np.isfinite(away_a) & (free["log_a_free_sd"] > 1e-9)
    return np.where(has_slope, chdtrc(2, squared), chdtrc(1, away_b**2 / var_b))


def contradictions(table: pa.Table, *, robust: bool = False) -> list[str]:
    """Anchors whose own responses contradict their previous values and that are not released, one sentence.

    Args:
        table: from `anchors_table`.
        robust: whether anchors may release themselves already.
    """
    p = table["p_value"].to_numpy(zero_copy_only=False)
    released = pc.fill_null(pc.greater(table["p_released"], 0.5), False).to_numpy(zero_copy_only=False)
    far = np.flatnonzero((np.nan_to_num(p, nan=1.0) * len(p) < UNLIKELY) & ~released)
    if not len(far):
        return []
    far = far[np.argsort(p[far])]
    rows = table.take(pa.array(far[:5])).to_pylist()
    shown = [f"{row[ITEM]} (b {row['b_prev']:.2f}, now {row['b_free']:.2f})" for row in rows]
    listed = first_few(shown, total=len(far))
    return [
        f"{len(far):,} anchors contradict their previous values: {listed}. See anchors.parquet; "
        + ("leave out those that have changed." if robust else "--anchor-mode robust lets such anchors go.")
    ]
