"""The marginal posterior: the same priors as the joint one, abilities integrated out on a grid."""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro
from jaxtyping import Array, Float

from irt_jax.likelihood.flatten import Shapes
from irt_jax.likelihood.kernel import PersonBlocks, marginal_log_likelihood
from irt_jax.likelihood.log_density import Position, Target
from irt_jax.likelihood.numpyro_target import numpyro_target, position_shapes
from irt_jax.likelihood.observed_information import item_information
from irt_jax.models.model import Model, Parameters
from irt_jax.models.population import Population
from irt_jax.runtime.arrays import AnyArray

#: SD in spacings below which a population counts as narrow.
HALF = 0.5


class MarginalData(NamedTuple):
    """Everything that enters the model, nothing of it compiled in.

    Attributes:
        blocks: the responses, laid out for the kernel.
        nodes: abilities of the grid, evenly spaced.
        population: of the persons.
        priors: the model's priors, arrays over items.
    """

    blocks: PersonBlocks
    nodes: Float[AnyArray, " node"]
    population: Population
    priors: Any


def marginal_model(model: Model, data: MarginalData) -> None:
    """The NumPyro model: the items' parameters, the population's, and one factor for all responses.

    Args:
        model: the response model.
        data: responses, grid and priors.
    """
    table, log_weight = parts(model, data)
    total = marginal_log_likelihood(table.astype(jnp.float32), log_weight.astype(jnp.float32), data.blocks)
    numpyro.factor("responses", total)


def parts(model: Model, data: MarginalData) -> tuple[Float[Array, "row node"], Float[Array, "group node"]]:
    """NumPyro statements of items and population, and what the kernel takes of them: table and log weights.

    Args:
        model: the response model.
        data: responses, grid and priors.
    """
    table = item_table(model, model.sample(data.priors), data.nodes)
    return table, node_log_weight(data.nodes, *data.population.sample())


def item_table(model: Model, items: Parameters, nodes: Float[AnyArray, " node"]) -> Float[Array, "row node"]:
    """Log-probability of every category of every item at the nodes; rows are item times categories plus category.

    Args:
        model: the response model.
        items: its parameters, first axis items.
        nodes: abilities.
    """
    log_p = model.log_probabilities({name: value[:, None] for name, value in items.items()}, nodes)
    return jnp.moveaxis(log_p, -1, 1).reshape(-1, log_p.shape[1])


def node_log_weight(
    nodes: Float[AnyArray, " node"], mean: Float[AnyArray, " group"], sd: Float[AnyArray, " group"]
) -> Float[Array, "group node"]:
    """Log of the normal ability density at the nodes times their spacing, the trapezoidal rule, summing to one.

    The sum is one as it is where the spacing is small against the SD. For a population far narrower than the spacing it
    would grow without end, and a free SD would find that; so it is divided by the sum over the grid without its ends.
    Only without them: what lies beyond the grid, where nobody's posterior is, must not be given to the rest.

    Args:
        nodes: evenly spaced abilities.
        mean: of each population.
        sd: of each population.
    """
    nodes = jnp.asarray(nodes)
    spacing = nodes[1] - nodes[0]
    standard = (nodes - mean[:, None]) / sd[:, None]
    ratio = sd / spacing
    log_peak = -jnp.log(ratio) - 0.5 * jnp.log(2 * jnp.pi)
    endless = _endless_sum((mean - nodes[0]) / spacing, ratio)
    return (log_peak - endless)[:, None] - 0.5 * standard**2


def _endless_sum(place: Float[AnyArray, " group"], ratio: Float[AnyArray, " group"]) -> Float[Array, " group"]:
    """Log of the sum of a normal density over all whole numbers, to 1e-12.

    Over its transform where it is wide, and over the nearest numbers where it is narrow (Poisson's summation formula).

    Args:
        place: its mean.
        ratio: its SD.
    """
    narrow = ratio < HALF
    wide = jnp.where(narrow, HALF, ratio)
    waves = [jnp.exp(-2.0 * (jnp.pi * m * wide) ** 2) * jnp.cos(2.0 * jnp.pi * m * place) for m in (1, 2)]
    thin = jnp.where(narrow, ratio, HALF)
    apart = (place - jax.lax.stop_gradient(jnp.round(place)))[:, None] - jnp.arange(-4, 5, dtype=place.dtype)
    nearest = jax.nn.logsumexp(-0.5 * (apart / thin[:, None]) ** 2, axis=1)
    return jnp.where(narrow, nearest - jnp.log(thin) - 0.5 * jnp.log(2 * jnp.pi), jnp.log1p(2.0 * sum(waves)))


@cache
def marginal_target(model: Model) -> Target:
    """The marginal posterior of a response model as a log density for an engine.

    Args:
        model: the response model; the same model gives the same object, so nothing compiles twice.
    """

    def curvature(position: Position, data: MarginalData) -> Float[Array, "item parameter parameter"]:
        statements = partial(parts, model, data)
        return item_information(statements, marginal_shapes(model, data), data.blocks, model.n_categories, position)

    return numpyro_target(partial(marginal_model, model))._replace(curvature=curvature)


def marginal_shapes(model: Model, data: MarginalData) -> Shapes:
    """Shapes of the marginal posterior's positions.

    Args:
        model: the response model.
        data: responses, grid and priors.
    """
    leaves, structure = jax.tree.flatten(jax.tree.map(jax.typeof, data))
    return _shapes(model, structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves))


@cache
def _shapes(model: Model, structure: Any, leaves: tuple[tuple[tuple[int, ...], Any], ...]) -> Shapes:
    data = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
    return position_shapes(partial(marginal_model, model), data)
