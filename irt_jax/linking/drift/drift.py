"""Which anchors have drifted: from anchors.parquet to one row an anchor."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from irt_jax.contract.bounds import check_options
from irt_jax.contract.names import DRIFT_A, DRIFT_B, FALSE_DISCOVERIES, ITEM
from irt_jax.errors import InputError, first_few
from irt_jax.linking.drift.discovery import discoveries
from irt_jax.linking.drift.domain import refuse_broken
from irt_jax.linking.drift.evidence import evidence, missing_reasons, usable
from irt_jax.linking.drift.mixture import DriftPrior, posterior
from irt_jax.linking.drift.power import smallest_found
from irt_jax.linking.drift.summaries import chances, change_of, limits, linking_left

#: Columns of anchors.parquet that are needed.
NEEDED = (
    *(ITEM, "n_responses", "a_prev", "log_a_prev_sd", "b_prev", "b_prev_sd"),
    *("b_free", "b_free_sd", "log_a_free", "log_a_free_sd", "cov_log_a_b_free"),
)
#: Probability with which the smallest change that is told of would be found.
POWER = 0.9
#: A change is called beyond a limit when it is likelier than this to be.
LIKELY = 0.5
#: Columns of drift.parquet that are numbers.
NUMBERS = (
    *("a_change", "a_change_sd", "b_change", "b_change_sd"),
    *("p_drift_a", "p_drift_b", "p_drift", "p_high", "p_sound", "b_detectable"),
)


class Drift(NamedTuple):
    """What `drift` finds.

    Attributes:
        table: drift.parquet, one row an anchor, in the order of anchors.parquet.
        share: posterior mean and SD of the share of anchors that have changed.
        slab_sd: posterior mean of the SD of a changed anchor's b.
        shift: how far the linking of the run was off, in b, by the anchors that seem sound; and its SD.
        threshold_a: of the change of a.
        threshold_b: of the change of b.
        fdr: expected share of false ones among the flagged.
    """

    table: pa.Table
    share: tuple[float, float]
    slab_sd: float
    shift: tuple[float, float]
    threshold_a: float
    threshold_b: float
    fdr: float


def drift(
    anchors: pa.Table,
    threshold_a: float = DRIFT_A,
    threshold_b: float = DRIFT_B,
    fdr: float = FALSE_DISCOVERIES,
    *,
    linked: bool = True,
    prior: DriftPrior | None = None,
) -> Drift:
    """Find anchors whose parameters have changed since they were estimated.

    An anchor has changed with a probability that is learned from all of them; its change then is normal with a learned
    SD. The linking is estimated again beside that, so that a few drifters do not make sound anchors look drifted. What
    all anchors have in common cannot be told from a population that moved, and is taken for that.

    Args:
        anchors: anchors.parquet of a run: `Fit.anchors_table`.
        threshold_a: largest change of a that does not matter; twice as much is severe. A change of log a counts as one
            of a at the previous a.
        threshold_b: likewise of b.
        fdr: expected share of false ones among the flagged.
        linked: whether the run learned the population's mean and SD, so that anchors were linked by one another.
        prior: of drift; one in ten anchors, weakly, when None.

    Returns:
        A table with item_id, n_responses, a_change and b_change with SDs (from the previous estimates, with the
        linking put right), p_drift_a and p_drift_b (of a change beyond each threshold), p_drift (either), p_high
        (either by twice), p_sound (of no change), b_detectable (the smallest change of b that would be flagged with
        90 % power), severity, flagged and reason. `flagged` are of those with p_drift over 1/2 the likeliest to have
        changed, with an expected share `fdr` of anchors that have not; severity is "high" for those of them with p_high
        over 1/2 and "medium" for the others, "low" for what has changed by the same rule with p_drift up to 1/2, else
        null. Numbers are null, with a reason, where an anchor has no estimate of its own. The table's metadata hold the
        thresholds and the rate.

    Raises:
        UsageError: thresholds or a rate that cannot be.
        InputError: a column is missing, an anchor stands there twice, or numbers are none that a run could
            have written.
    """
    _check(anchors, threshold_a, threshold_b, fdr)
    anchors = refuse_broken(anchors)
    known = usable(anchors)
    columns = {name: np.full(anchors.num_rows, np.nan) for name in NUMBERS}
    share, slab_sd, shift = (np.nan, np.nan), np.nan, (np.nan, np.nan)
    if known.any():
        told = evidence(anchors.filter(pa.array(known)), linked=linked)
        found = posterior(told, prior or DriftPrior())
        left, p = linking_left(found), chances(told, found, threshold_a, threshold_b)
        change, error = change_of(told, left)
        beyond = limits(told, threshold_a, threshold_b)
        now = told.a_prev * np.exp(change[:, 0])
        of_slope = np.where(told.has_slope, 1.0, np.nan)
        values = (
            of_slope * (now - told.a_prev),
            of_slope * now * np.sqrt(error[:, 0, 0]),
            change[:, 1],
            np.sqrt(error[:, 1, 1]),
            *(p.a, p.b, p.either, p.high, p.sound),
            smallest_found(told, error, found, beyond, fdr=fdr, power=POWER),
        )
        for name, value in zip(NUMBERS, values, strict=True):
            columns[name][known] = value
        shares = found.weight @ found.share_weight
        mean = float(shares @ found.nodes.share)
        share = (mean, float(np.sqrt(shares @ (found.nodes.share - mean) ** 2)))
        slab_sd = float(found.weight @ found.nodes.tau[found.tau])
        shift = (float(left.mean[0]), float(np.sqrt(left.covariance[0, 0])))
    beyond_limits = columns["p_drift"] > LIKELY
    flagged, changed = (
        discoveries(np.where(which, 1.0 - columns["p_sound"], np.nan), fdr) for which in (beyond_limits, ~beyond_limits)
    )
    severity = np.full(anchors.num_rows, None, object)
    severity[changed], severity[flagged] = "low", "medium"
    severity[flagged & (columns["p_high"] > LIKELY)] = "high"
    table = pa.table(
        {
            ITEM: anchors[ITEM],
            "n_responses": anchors["n_responses"],
            **{name: pa.array(value, mask=~np.isfinite(value)) for name, value in columns.items()},
            "severity": pa.array(severity, pa.string()),
            "flagged": pa.array(flagged),
            "reason": pa.array(missing_reasons(anchors), pa.string()),
        }
    )
    told_of = {"threshold_a": str(threshold_a), "threshold_b": str(threshold_b), "fdr": str(fdr)}
    return Drift(table.replace_schema_metadata(told_of), share, slab_sd, shift, threshold_a, threshold_b, fdr)


def _check(anchors: pa.Table, threshold_a: float, threshold_b: float, fdr: float) -> None:
    check_options(threshold_a=threshold_a, threshold_b=threshold_b, fdr=fdr)
    missing = [name for name in NEEDED if name not in anchors.column_names]
    if missing:
        raise InputError(
            f"Expected the columns of a run's anchors.parquet, found none named {first_few(missing)}.",
            "Give a run that irt-jax calibrate wrote with --anchors.",
        )
    if anchors.num_rows == 0:
        raise InputError("Expected anchors, found 0 rows.", "Calibrate with --anchors.")
