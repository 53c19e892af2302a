"""Item response models: each one a function from item parameters to log-probabilities of categories."""

from collections.abc import Sequence

from irt_jax.errors import InputError
from irt_jax.models.bank import Bank
from irt_jax.models.items import ItemPriors, bank_model
from irt_jax.models.logistic import FOUR, ONE, RASCH, THREE, TWO
from irt_jax.models.model import ItemModel, Model
from irt_jax.models.polytomous import GPCM, GRM, NOMINAL, PCM
from irt_jax.models.priors import item_priors
from irt_jax.models.slope_intercept import flat_model
from irt_jax.runtime.terminal import shown

#: Every model by the name that users type.
MODELS: dict[str, ItemModel] = {model.name: model for model in (RASCH, ONE, TWO, THREE, FOUR, PCM, GPCM, GRM, NOMINAL)}
#: The model of a calibration of 2pl items alone.
TWO_PARAMETER = bank_model(Bank((TWO,)))


def models_named(names: Sequence[str], where: str) -> list[ItemModel]:
    """Models by their names.

    Args:
        names: of models.
        where: they stand, for the message.

    Raises:
        InputError: a name that is no model's.
    """
    unknown = sorted(set(names) - set(MODELS))
    if unknown:
        raise InputError(
            f"Expected models of {', '.join(MODELS)} in {where}, found {', '.join(map(shown, unknown[:5]))}.",
            "Correct the column model.",
        )
    return [MODELS[name] for name in names]


__all__ = [
    "MODELS",
    "TWO_PARAMETER",
    "Bank",
    "ItemModel",
    "ItemPriors",
    "Model",
    "bank_model",
    "flat_model",
    "item_priors",
    "models_named",
]
