"""What is not said of point estimates that there are: values that are no numbers, errors that are none."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from irt_jax.inference.boundary import MOST, profile_bounds
from irt_jax.inference.location import OF_ESTIMATES, uncertain
from irt_jax.inference.maximum import Maximum

NOTHING: Mapping = MappingProxyType({})
#: What errors of an item depend on the curvature by an asymptote.
WITH_ASYMPTOTES = ("a", "b", "c", "d", "intercept")
BOUNDARY = (
    "{names} at the boundary, where the curvature says nothing of errors: a and b have none, and the interval of "
    "{names} is that of the profile likelihood"
)
PASSED_OVER = f"; beyond the first {MOST} such items it was not looked for"


class Reserved(NamedTuple):
    """What of the estimates is null, and what is said instead.

    Attributes:
        no_value: by name, items whose value and error are no numbers.
        no_error: by name, items with a value whose error is not known.
        bounds: by name, lower and upper ends to take instead of Wald's; NaN for Wald's.
        remark: why, of every item; empty where nobody has one.
    """

    no_value: Mapping[str, Bool[np.ndarray, " item"]] = NOTHING
    no_error: Mapping[str, Bool[np.ndarray, " item"]] = NOTHING
    bounds: Mapping[str, tuple[np.ndarray, np.ndarray]] = NOTHING
    remark: tuple[str | None, ...] = ()

    def value(self, name: str, values: Float[np.ndarray, "item *step"]) -> Float[np.ndarray, "item *step"]:
        """Values, NaN where they are no numbers."""
        return _without(values, self.no_value.get(name))

    def error(self, name: str, errors: Float[np.ndarray, "item *step"]) -> Float[np.ndarray, "item *step"]:
        """Standard errors, NaN where they are not known."""
        return _without(_without(errors, self.no_value.get(name)), self.no_error.get(name))

    def interval(
        self, name: str, lower: Float[np.ndarray, " item"], upper: Float[np.ndarray, " item"]
    ) -> tuple[Float[np.ndarray, " item"], Float[np.ndarray, " item"]]:
        """Wald's interval, or what stands in its place."""
        if name not in self.bounds:
            return lower, upper
        ends = self.bounds[name]
        known = np.isfinite(ends[0]) & np.isfinite(ends[1])
        return np.where(known, ends[0], lower), np.where(known, ends[1], upper)


def _without(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    return values if mask is None else np.where(mask.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values)


def reservations(
    maximum: Maximum | None, values: Mapping[str, np.ndarray], errors: Mapping[str, np.ndarray], interval: float
) -> Reserved:
    """What is not to be said of estimates in slopes and intercepts.

    Args:
        maximum: of a likelihood without priors; None where there were some.
        values: reported quantities.
        errors: standard errors of some of them.
        interval: confidence.
    """
    if "slope" not in values:
        return Reserved()
    n_items = len(values["slope"])
    unsure, remark = uncertain(values["a"], errors["a"]), np.full(n_items, None, object)
    at_boundary, bounds = np.zeros(n_items, bool), dict[str, tuple[np.ndarray, np.ndarray]]()
    if maximum is not None and maximum.own:
        at_boundary = np.logical_or.reduce([np.zeros(n_items, bool), *maximum.at_boundary.values()])
        wanted = {name: _doubtful(maximum, name, values[name], errors[name]) for name in maximum.own}
        bounds = {name: profile_bounds(maximum, name, items, interval) for name, items in wanted.items()}
        for item in np.flatnonzero(at_boundary):
            names = [name for name, items in maximum.at_boundary.items() if items[item]]
            known = all(np.isfinite(bounds[name][0][item]) for name in names)
            remark[item] = BOUNDARY.format(names=" and ".join(names)) + ("" if known else PASSED_OVER)
    unsure &= ~at_boundary
    remark[unsure] = OF_ESTIMATES
    return Reserved(
        dict.fromkeys(("b", "thresholds"), unsure),
        dict.fromkeys(WITH_ASYMPTOTES, at_boundary),
        bounds,
        tuple(remark.tolist()) if (at_boundary | unsure).any() else (),
    )


def _doubtful(
    maximum: Maximum, name: str, value: Float[np.ndarray, " item"], error: Float[np.ndarray, " item"]
) -> Bool[np.ndarray, " item"]:
    """Items whose asymptote is at its boundary, or whose Wald interval of three errors passes it."""
    passes = ~np.isfinite(error) | (value - 3.0 * error < 0.0) | (value + 3.0 * error > 1.0)
    at = maximum.at_boundary.get(name, np.zeros(len(value), bool))
    return np.logical_and(at | passes, ~maximum.endless & maximum.own[name])
