"""Bayesian item response theory in JAX: calibrate an item bank, with anchors, and know how sure to be."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irt_jax.calibration import calibrate as calibrate
    from irt_jax.data import Responses as Responses
    from irt_jax.data import encode as encode
    from irt_jax.data import read_anchors as read_anchors
    from irt_jax.data import read_responses as read_responses
    from irt_jax.errors import CalibrationWarning as CalibrationWarning
    from irt_jax.errors import InputError as InputError
    from irt_jax.errors import IrtError as IrtError
    from irt_jax.errors import UsageError as UsageError
    from irt_jax.results.fit import Fit as Fit
    from irt_jax.study.simulate import simulate as simulate

#: Public name -> module. Modules are imported at the first use of a name, so that the package loads at once.
_HOMES = {
    "calibrate": "irt_jax.calibration",
    "Responses": "irt_jax.data",
    "encode": "irt_jax.data",
    "read_anchors": "irt_jax.data",
    "read_responses": "irt_jax.data",
    "CalibrationWarning": "irt_jax.errors",
    "InputError": "irt_jax.errors",
    "IrtError": "irt_jax.errors",
    "UsageError": "irt_jax.errors",
    "Fit": "irt_jax.results.fit",
    "simulate": "irt_jax.study.simulate",
}
__all__ = list(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'irt_jax' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
