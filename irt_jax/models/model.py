"""What a model is: the seam between item parameters and everything else.

An `ItemModel` is a function from the parameters of items to log-probabilities of their categories. A `Model` is what a
calibration makes of one or several of them: priors in, a table out.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int, Num

from irt_jax.runtime.arrays import AnyArray

#: Item parameters by name, each with the items (or the responses' items) along the first axis.
Parameters = Mapping[str, Num[AnyArray, "..."]]
LogProbabilities = Callable[[Parameters, Float[AnyArray, "..."]], Float[Array, "... category"]]


class ItemModel(NamedTuple):
    """A unidimensional item response model, D = 1; one function, and which parameters it takes.

    Attributes:
        name: what users type after `--model`.
        log_probabilities: `(parameters, ability) -> log P(category)`, with a last axis of categories. Parameters and
            abilities are broadcast against each other; those with one value a category have a last axis more.
        parameters: what it takes, of "a", "b" (two categories), "thresholds" (any number; b is their mean), "c", "d",
            and "slopes" with "intercepts" (one of each for every category but the first).
        slope: "own" for every item, "common" to all items of this model, or "one".
        ordered: whether the thresholds must ascend.
    """

    name: str
    log_probabilities: LogProbabilities
    parameters: tuple[str, ...] = ("a", "b")
    slope: str = "own"
    ordered: bool = False

    @property
    def polytomous(self) -> bool:
        """Whether items may have more than two categories."""
        return "thresholds" in self.parameters or "slopes" in self.parameters


class Model(NamedTuple):
    """The model of a calibration.

    Attributes:
        name: for messages.
        parameters: names of the item parameters that are reported and make up the table, on their natural scale.
        sample: a NumPyro function `priors -> parameters`; `priors` is a NamedTuple of arrays over items.
            It samples on scales where the prior is simple and returns what `log_probabilities` takes.
        log_probabilities: `(parameters, ability) -> log P(category)`, with a last axis of categories.
            The shapes of the parameters and of the abilities are broadcast against each other, so that
            the same function fills a table (items x nodes) and prices single responses.
        n_categories: the length of that last axis.
        start: `(item, response, priors) -> position`: where to look for the mode, on the scales that are sampled.
        constants: `priors -> parameters` that are known of the items and not estimated, such as which model an item
            has; `log_probabilities` takes them beside the others.
        easier: `priors -> priors` of the same shapes, of a posterior whose mode is a good second place to start from,
            where the posterior itself may have several modes; None where it has one.
        align: `(draws, priors) -> draws`, every array with chain and draw first: one of several equal modes chosen.
        reflects: whether abilities and slopes can change their signs together, so that there are two equal modes.
    """

    name: str
    parameters: tuple[str, ...]
    sample: Callable[[Any], Parameters]
    log_probabilities: LogProbabilities
    n_categories: int
    start: Callable[[Int[np.ndarray, " response"], Int[np.ndarray, " response"], Any], Parameters]
    constants: Callable[[Any], Parameters] = lambda priors: {}  # noqa: ARG005
    easier: Callable[[Any], Any] = lambda priors: None  # noqa: ARG005
    align: Callable[[dict[str, np.ndarray], Any], dict[str, np.ndarray]] = lambda draws, priors: draws  # noqa: ARG005
    reflects: bool = False
