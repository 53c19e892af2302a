"""What a model is: the seam between item parameters and everything else."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int

from irt_jax.arrays import AnyArray

#: Item parameters by name, each with the items (or the responses' items) along the first axis.
Parameters = Mapping[str, Float[AnyArray, "..."]]


class Model(NamedTuple):
    """A unidimensional item response model, D = 1.

    Attributes:
        name: what users type after `--model`.
        parameters: names of the item parameters that are reported, on their natural scale.
        sample: a NumPyro function `priors -> parameters`; `priors` is a NamedTuple of arrays over items.
            It samples on scales where the prior is simple and returns what `log_probabilities` takes.
        log_probabilities: `(parameters, ability) -> log P(category)`, with a last axis of categories.
            The shapes of the parameters and of the abilities are broadcast against each other, so that
            the same function fills a table (items x nodes) and prices single responses.
        n_categories: the length of that last axis.
        start: `(item, response, priors) -> position`: where to look for the mode, on the scales that are sampled.
    """

    name: str
    parameters: tuple[str, ...]
    sample: Callable[[Any], Parameters]
    log_probabilities: Callable[[Parameters, Float[AnyArray, "..."]], Float[Array, "... category"]]
    n_categories: int
    start: Callable[[Int[np.ndarray, " response"], Int[np.ndarray, " response"], Any], Parameters]
