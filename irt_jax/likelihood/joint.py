"""The joint posterior: abilities sampled beside the items, as a plain NumPyro model.

It is the easiest form to read and to change, and the oracle that faster forms are held against.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from irt_jax.data import Responses
from irt_jax.likelihood.log_density import Target
from irt_jax.likelihood.numpyro_target import numpyro_target
from irt_jax.models.model import Model, Parameters
from irt_jax.models.population import Population
from irt_jax.runtime.arrays import AnyArray


class JointData(NamedTuple):
    """Coded responses and priors: everything that enters the model, nothing of it compiled in.

    Attributes:
        person: code of each response's person.
        item: code of each response's item.
        response: category from 0.
        group: code of each person's population.
        population: of the groups.
        priors: the model's priors, arrays over items.
    """

    person: Int[AnyArray, " response"]
    item: Int[AnyArray, " response"]
    response: Int[AnyArray, " response"]
    group: Int[AnyArray, " person"]
    population: Population
    priors: Any

    @classmethod
    def of(cls, responses: Responses, priors: Any, population: Population) -> "JointData":
        """Arrays of coded responses.

        Args:
            responses: coded.
            priors: the model's priors, arrays over items.
            population: of the persons.
        """
        return cls(responses.person, responses.item, responses.response, responses.group_code, population, priors)


def joint_model(model: Model, data: JointData) -> None:
    """The NumPyro model: `theta` of every person, the items' parameters, and one factor for the responses.

    Use it in a notebook as `MCMC(NUTS(partial(joint_model, TWO_PARAMETER)), ...).run(key, data)`.

    Args:
        model: the response model.
        data: responses and priors.
    """
    items = model.sample(data.priors)
    mean, sd = data.population.sample()
    with numpyro.plate("person", data.group.shape[0]):
        theta = numpyro.sample("theta", dist.Normal(jnp.asarray(mean)[data.group], jnp.asarray(sd)[data.group]))
    numpyro.factor("responses", response_log_likelihood(model, items, theta, data).sum())


def response_log_likelihood(
    model: Model, items: Parameters, theta: Float[AnyArray, " person"], data: JointData
) -> Float[Array, " response"]:
    """Log-probability of every response given abilities and item parameters.

    Args:
        model: the response model.
        items: item parameters, first axis items.
        theta: abilities.
        data: codes of the responses.
    """
    known = {**items, **model.constants(data.priors)}
    of_response = {name: value[data.item] for name, value in known.items()}
    log_p = model.log_probabilities(of_response, theta[data.person])
    chosen = data.response[:, None] == jnp.arange(log_p.shape[-1])
    return jnp.where(chosen, log_p, 0.0).sum(-1)


@cache
def joint_target(model: Model) -> Target:
    """The joint posterior of a response model as a log density for an engine.

    Args:
        model: the response model; the same model gives the same object, so nothing compiles twice.
    """
    return numpyro_target(partial(joint_model, model))
