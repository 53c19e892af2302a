"""Every ArviZ call of the tests, the same for ArviZ 0.2x (Python 3.11) and 1.x (Python 3.12 and later).

Each function takes the draws of one parameter, shape (chain, draw), and returns a float.
"""

import logging
import warnings
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import arviz

IS_ONE = int(arviz.__version__.split(".", maxsplit=1)[0]) >= 1
if IS_ONE:
    from arviz_stats.base.array import BaseArray
    from scipy.stats.mstats import mquantiles

    class _ArrayStatistics(BaseArray):
        """ArviZ 1.x on arrays, with the quantiles of 0.x.

        Both are R's type 7, but rounded differently where a quantile falls on a draw or on a tie. Whether
        those draws count as up to the quantile changes the effective sample size of the tails.
        """

        def quantile(self, ary: np.ndarray, quantile: float, axis: int | None = None) -> np.ndarray:
            return mquantiles(ary, quantile, alphap=1, betap=1, axis=axis)

    array_stats = _ArrayStatistics()
else:
    # Where Numba is installed, ArviZ 0.x uses it for variances in one pass, which lose digits (the mean
    # square less the squared mean), and returns arrays that NumPy 2.4 does not turn into floats.
    arviz.Numba.disable_numba()


def _quietly(function: Any, *args: Any, **options: Any) -> float:
    """Call ArviZ without its warnings on constant, short or non-finite draws."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return float(function(*args, **options))
    finally:
        logging.disable(logging.NOTSET)


def rhat(draws: np.ndarray) -> float:
    return _quietly((array_stats if IS_ONE else arviz).rhat, draws, method="rank")


def ess(draws: np.ndarray, method: str, probability: float | None = None) -> float:
    """Effective sample size: "bulk", "tail" (5 % and 95 %), "mean", "sd" or "quantile"."""
    if IS_ONE:
        chosen = (0.05, 0.95) if method == "tail" else probability
        return _quietly(array_stats.ess, draws, method=method, prob=chosen)
    return _quietly(arviz.ess, draws, method=method, prob=probability)


def mcse(draws: np.ndarray, method: str, probability: float | None = None) -> float:
    """Monte Carlo standard error: of the "mean", the "sd" or a "quantile"."""
    return _quietly((array_stats if IS_ONE else arviz).mcse, draws, method=method, prob=probability)


def bfmi(energy: np.ndarray) -> np.ndarray:
    """BFMI of each chain, for energies of shape (chain, draw)."""
    return np.asarray(array_stats.bfmi(energy) if IS_ONE else arviz.bfmi(energy))


def open_and_summarise(path: str, name: str) -> tuple[Any, Any]:
    """Open a NetCDF file as users do; the variable's draws (an xarray array) and ArviZ's summary of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = arviz.from_netcdf(path)
        return opened["posterior"][name].load(), arviz.summary(opened, var_names=[name])
