"""Responses cut into chunks of one shape, for what is computed of every response against the persons' posteriors."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from irt_jax.data import Responses
from irt_jax.inference.marginal_posterior import Problem
from irt_jax.likelihood.gather import on_ladder

#: Responses that are looked at together.
CHUNK = 2**17
#: Room for their number, beside what the share of the items says: data of one design then have one shape.
ROOM = 1.2


class ResponseChunks(NamedTuple):
    """Some responses, padded.

    Attributes:
        person: place of each response's person in the problem's blocks.
        row: of the table: the item's first row plus the category.
        weight: one, and zero for the padding.
    """

    person: Int[np.ndarray, "chunk response"]
    row: Int[np.ndarray, "chunk response"]
    weight: Float[np.ndarray, "chunk response"]


def response_chunks(problem: Problem, responses: Responses, which: Bool[np.ndarray, " item"]) -> ResponseChunks:
    """Cut the responses to some items.

    Args:
        problem: the posterior.
        responses: of all items.
        which: items whose responses are wanted.
    """
    used = which[responses.item]
    row = problem.model.n_categories * responses.item[used] + responses.response[used]
    person, count = problem.place[responses.person[used]], int(used.sum())
    room = on_ladder(max(count, ROOM * which.mean() * len(responses.item)) if not which.all() else count, steps=4)
    size = min(room, CHUNK)
    padding = -(-room // size) * size - count
    parts = (np.pad(part, (0, padding)).reshape(-1, size) for part in (person, row, np.ones(count, np.float32)))
    return ResponseChunks(*parts)
