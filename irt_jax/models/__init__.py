"""Item response models: each one a function from item parameters to log-probabilities of categories."""

from irt_jax.models.model import Model
from irt_jax.models.priors import item_priors
from irt_jax.models.two_parameter import TWO_PARAMETER, TwoParameterPriors

#: Every model by the name that users type.
MODELS: dict[str, Model] = {model.name: model for model in (TWO_PARAMETER,)}

__all__ = ["MODELS", "TWO_PARAMETER", "Model", "TwoParameterPriors", "item_priors"]
