"""The database's interval columns are 95 % limits, whatever interval a run was made with."""

from collections.abc import Mapping
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.contract.names import POSTERIOR_FILE
from irt_jax.errors import InputError

#: Probability mass of the limits.
MASS = 0.95
Limits = dict[str, tuple[pa.ChunkedArray, pa.ChunkedArray]]


def limits(folder: Path, about: Mapping[str, Any], items: pa.Table) -> Limits:
    """Lower and upper limits of a, b and c: the run's own if they are of 95 %, else from its draws or standard errors.

    Args:
        folder: the run's.
        about: run.json.
        items: items.parquet.

    Raises:
        InputError: the run has another interval and no draws.
    """
    options = about["options"]
    if options["interval"] == MASS:
        return {name: (items[f"{name}_lower"], items[f"{name}_upper"]) for name in "abc"}
    if options["method"] == "mml":
        factor = NormalDist().inv_cdf(0.5 + MASS / 2)
        away = {name: pc.multiply(items[f"{name}_sd"], factor) for name in "abc"}
        return {n: (pc.subtract(items[n], away[n]), pc.add(items[n], away[n])) for n in "abc"}
    file = folder / POSTERIOR_FILE
    if not file.is_file():
        problem = (
            f"The intervals of {str(folder)!r} hold {options['interval']:.3g}, not {MASS}, and there are no draws."
        )
        raise InputError(problem, f"Calibrate again with --interval {MASS}.")
    return _of_draws(file, items)


def _of_draws(file: Path, items: pa.Table) -> Limits:
    found: Limits = {}
    with open_posterior(file) as posterior:
        if posterior.sizes["item"] != items.num_rows:
            problem = f"{str(file)!r} has draws of {posterior.sizes['item']:,} items, items.parquet {items.num_rows:,}."
            raise InputError(problem, "Check the folder.")
        for name in "abc":
            if name not in posterior:  # the items' model has no such parameter, or it is given
                found[name] = (items[name], items[name])
                continue
            draws = posterior[name].transpose("item", "chain", "draw").to_numpy().reshape(items.num_rows, -1)
            bounds = np.quantile(draws, [0.5 - MASS / 2, 0.5 + MASS / 2], axis=1)
            absent = pc.is_null(items[name]).to_numpy()
            found[name] = tuple(pa.chunked_array([pa.array(bound, mask=absent)]) for bound in bounds)
    return found


def open_posterior(file: Path) -> Any:
    """The posterior group of posterior.nc, to be closed.

    Raises:
        InputError: it cannot be read.
    """
    import xarray as xr

    try:
        return xr.open_dataset(file, group="posterior", engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"Cannot read the draws in {str(file)!r}: {type(error).__name__}.", "Check the folder."
        ) from None
