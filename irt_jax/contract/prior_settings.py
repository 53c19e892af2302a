"""The numbers of the priors, and the TOML file that sets them.

    [free]          # of free items
    learned = true  # mean and SD of log a and of b; otherwise as given here
    log_a_mean = 0.0
    ...

Every key of `PriorSettings` stands in a table named after its part before the dot in `KEYS`; what is left out has its
default.
"""

import os
from typing import Any, NamedTuple

from irt_jax.contract.bounds import SD, Bound, shown
from irt_jax.contract.read_toml import read_toml
from irt_jax.errors import InputError, first_few, first_line


class PriorSettings(NamedTuple):
    """Numbers of the priors; SDs and centres on the scales of log a and of ability.

    Attributes:
        learned: whether the free items' means and SDs of log a and b are learned; None for the option's choice.
        log_a_mean: of free items, where it is not learned.
        log_a_sd: likewise.
        b_mean: likewise.
        b_sd: likewise.
        log_a_mean_sd: of the learned mean of log a, around log_a_mean.
        log_a_sd_centre: median of its learned SD.
        b_mean_sd: of the learned mean of b, around b_mean.
        b_sd_centre: median of its learned SD.
        log_sd_sd: SD of the log of both learned SDs.
        slope_mean: of slopes that may be negative.
        slope_sd: likewise.
        intercept_sd: of their intercepts around zero.
        asymptote_logit_sd: of the log odds of c around -1.2, and of d around 1.2, beside such slopes.
        c: counts of the beta prior of guessing.
        d: counts of the beta prior of not slipping.
        anchor_asymptote_sd: of an anchor's c and d around their previous values.
        span: ascending thresholds have gaps whose median is this, divided by their number.
        log_gap_sd: SD of the log of these gaps.
        contrast_sd: SD of the contrasts of other thresholds.
        nominal_slope_sd: of nominal slopes around zero.
        nominal_intercept_sd: of nominal intercepts around zero.
        common_log_a_sd: of the log of a slope that all items share.
        population_mean_sd: of a learned population's mean around zero.
        population_log_sd_sd: of the log of its SD around zero.
        drift_share: prior probability that a robust anchor has drifted.
        drift_log_a_sd: SD of a drifted anchor's log a around its previous value.
        drift_b_sd: of its b.
    """

    learned: bool | None = None
    log_a_mean: float = 0.0
    log_a_sd: float = 0.2
    b_mean: float = 0.0
    b_sd: float = 1.0
    log_a_mean_sd: float = 0.5
    log_a_sd_centre: float = 0.3
    b_mean_sd: float = 2.0
    b_sd_centre: float = 1.0
    log_sd_sd: float = 0.6
    slope_mean: float = 1.0
    slope_sd: float = 0.7
    intercept_sd: float = 1.5
    asymptote_logit_sd: float = 0.5
    c: tuple[float, float] = (5.0, 17.0)
    d: tuple[float, float] = (17.0, 5.0)
    anchor_asymptote_sd: float = 0.02
    span: float = 3.0
    log_gap_sd: float = 1.0
    contrast_sd: float = 1.0
    nominal_slope_sd: float = 1.0
    nominal_intercept_sd: float = 1.5
    common_log_a_sd: float = 0.5
    population_mean_sd: float = 2.0
    population_log_sd_sd: float = 0.5
    drift_share: float = 0.05
    drift_log_a_sd: float = 0.5
    drift_b_sd: float = 1.0


#: Tables of the file, their keys, and the fields these are.
KEYS: dict[str, dict[str, str]] = {
    "free": {name: name for name in ("learned", "log_a_mean", "log_a_sd", "b_mean", "b_sd")},
    "learned": {name: name for name in ("log_a_mean_sd", "log_a_sd_centre", "b_mean_sd", "b_sd_centre", "log_sd_sd")},
    "sign_free": {name: name for name in ("slope_mean", "slope_sd", "intercept_sd", "asymptote_logit_sd")},
    "asymptotes": {"c": "c", "d": "d", "anchor_sd": "anchor_asymptote_sd"},
    "thresholds": {name: name for name in ("span", "log_gap_sd", "contrast_sd")},
    "nominal": {"slope_sd": "nominal_slope_sd", "intercept_sd": "nominal_intercept_sd"},
    "one_slope": {"log_a_sd": "common_log_a_sd"},
    "population": {"mean_sd": "population_mean_sd", "log_sd_sd": "population_log_sd_sd"},
    "drift": {"share": "drift_share", "log_a_sd": "drift_log_a_sd", "b_sd": "drift_b_sd"},
}
#: Fields that may be zero or negative.
ANY_SIGN = ("log_a_mean", "b_mean", "slope_mean")
#: What these, the counts of a beta prior, and a probability may be; everything else is an SD.
CENTRE, COUNT, SHARE = Bound(-100.0, 100.0), Bound(1e-3, 1e6), Bound(1e-6, 1.0 - 1e-6)


def read_prior_settings(path: str | os.PathLike[str]) -> PriorSettings:
    """Read a TOML file.

    Args:
        path: of the file.

    Raises:
        InputError: it cannot be read, has a table or key that there is not, or a value out of range.
    """
    where = repr(os.fspath(path))
    try:
        content = read_toml(path)
    except (OSError, ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of thousands of digits
        reason = error.strerror if isinstance(error, OSError) else first_line(error)
        raise InputError(f"Cannot read the priors from {where}: {reason}.", "Check the path and the file.") from error
    known = {f"{table}.{key}": field for table, keys in KEYS.items() for key, field in keys.items()}
    given: dict[str, Any] = {}
    for table, keys in content.items():
        given |= {f"{table}.{key}": value for key, value in keys.items()} if isinstance(keys, dict) else {table: keys}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError(
            f"Expected other keys in {where}, found {first_few(unknown, total=len(unknown))}.",
            f"The keys are {', '.join(known)}.",
        )
    return PriorSettings(**{known[key]: _checked(key, known[key], value, where) for key, value in given.items()})


def _checked(key: str, field: str, value: Any, where: str) -> Any:
    bound = SHARE if field == "drift_share" else COUNT if field in ("c", "d") else CENTRE if field in ANY_SIGN else SD
    expected, remedy = "a positive number", f"It must be {bound.text}."
    if field == "learned":
        good, expected, remedy = isinstance(value, bool), "true or false", "Correct the file."
    elif field in ("c", "d"):
        good = isinstance(value, list) and len(value) == 2 and all(bound.holds(part) for part in value)
        value, expected, remedy = tuple(value) if good else value, "two positive counts", f"Each must be {bound.text}."
    else:
        good = bound.holds(value)
        expected = {"drift_share": "a number between 0 and 1"}.get(field, "a number" if bound is CENTRE else expected)
    if not good:
        raise InputError(f"Expected {expected} for {key} in {where}, found {shown(value)}.", remedy)
    return value
