"""From responses and known items to one row a person: EAP, MAP, WLE with their errors, and plausible values."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
from jaxtyping import Array, Float

from irt_jax.abilities import Populations, draw_abilities, mean_posterior, summarise_abilities
from irt_jax.contract.bounds import check_options
from irt_jax.contract.names import GROUP, PERSON
from irt_jax.data import Responses
from irt_jax.errors import first_few
from irt_jax.inference.marginal_posterior import Problem, pose
from irt_jax.likelihood.kernel import PersonBlocks, block_posterior
from irt_jax.likelihood.marginal import item_table, node_log_weight
from irt_jax.likelihood.quadrature import even_nodes
from irt_jax.models import bank_model
from irt_jax.models.population import FixedPopulation
from irt_jax.models.priors import item_priors
from irt_jax.scoring.estimates import modes
from irt_jax.scoring.information import known_parameters
from irt_jax.scoring.items import KnownItems, item_draws, population_draws
from irt_jax.scoring.known import known_responses
from irt_jax.scoring.limits import check_draws
from irt_jax.scoring.populations import KnownPopulations, OfPersons, normal, of_persons

#: A calibration's grid is refined to this share of its spacing, and reaches this many SDs of the population further:
#: the mean and SD of a posterior are then exact to 1e-7.
FINER, FURTHER = 0.5, 2.0


def score(
    responses: Responses,
    items: KnownItems,
    *,
    mean: float = 0.0,
    sd: float = 1.0,
    populations: KnownPopulations | None = None,
    posterior: str | os.PathLike[str] | None = None,
    plausible_values: int = 0,
    seed: int = 0,
) -> tuple[pa.Table, list[str]]:
    """Score every person.

    Args:
        responses: coded responses; those to unknown items are left out and told of.
        items: from `read_items`. Of an item with a copy for each group, the person's own group's counts.
        mean: of the one population that all persons come from, on the items' scale.
        sd: of it.
        populations: by group, from `read_populations`, instead of these two.
        posterior: a run's posterior.nc with draws of the items. EAP, its SD and the plausible values then carry the
            items' uncertainty, and that of the run's populations; MAP and WLE are given the items of the table.
        plausible_values: draws of every ability from its posterior.
        seed: of the draws.

    Returns:
        Columns person_id, group (where there are groups), n_responses, theta and theta_sd (EAP), map, map_se, wle,
        wle_se, and plausible_1, ...; one row a person, null for a person without a usable response. And notes for the
        user.

    Raises:
        InputError: no known item among the responses, responses beyond an item's categories, or a group without a
            population.
        UsageError: a mean, an SD, a seed or a number of plausible values that is none, or more of these than memory
            holds.
    """
    check_options(prior_mean=mean, prior_sd=sd, plausible_values=plausible_values, seed=seed)
    check_draws(plausible_values, seed, responses.n_persons)
    known = KnownPopulations(normal(mean, sd), {}) if populations is None else populations
    population, notes = of_persons(responses, known)
    used, items, left_out = known_responses(responses, items)
    problem = _problem(used, items, population)
    eap, deviation, top = (np.asarray(part).reshape(-1)[problem.place] for part in _eap(problem, items))
    drawn = None if posterior is None else item_draws(posterior, items)
    drawn_populations = _populations(problem, 1 if drawn is None else _count(drawn), population, posterior)
    if drawn is not None:
        eap, deviation = _averaged(problem, drawn, drawn_populations)
    with jax.enable_x64(True):
        found = modes(items.coding.bank, _on_device(items), problem.data.blocks, *_start(problem, top))
    columns = {"theta": eap, "theta_sd": deviation}
    columns |= {name: np.asarray(part).reshape(-1)[problem.place] for name, part in found._asdict().items()}
    if plausible_values:
        columns |= _plausible(problem, drawn or _repeated(items), drawn_populations, plausible_values, seed)
    table, without = _table(used, columns)
    return table, [*notes, *left_out, *without]


def _table(responses: Responses, columns: dict[str, np.ndarray]) -> tuple[pa.Table, list[str]]:
    """One row a person, null without a response; and notes that name those persons."""
    count, ids, notes = responses.person_counts, responses.person_ids, []
    without, unsolved = count == 0, (count > 0) & np.isnan(columns["wle"])
    for bad, lack in ((without, "no usable response and no score"), (unsolved, "no WLE")):
        if bad.any():
            shown = first_few(ids.take(pa.array(np.flatnonzero(bad)[:5])).to_pylist(), total=int(bad.sum()))
            notes.append(f"{bad.sum():,} persons have {lack}: {shown}.")
    arrays = {PERSON: ids}
    if responses.group is not None and responses.group_ids is not None:
        arrays[GROUP] = responses.group_ids.take(pa.array(responses.group)).cast(pa.string())
    arrays["n_responses"] = pa.array(count)
    arrays |= {name: pa.array(values, mask=without | ~np.isfinite(values)) for name, values in columns.items()}
    return pa.table(arrays), notes


def _problem(responses: Responses, items: KnownItems, of_groups: OfPersons) -> Problem:
    """The persons' posteriors on a grid that fits all of them."""
    population = FixedPopulation(of_groups.mean, of_groups.sd)
    priors = item_priors(len(items.ids), coding=items.coding)
    problem = pose(bank_model(items.coding.bank), responses, priors, population)
    first, last = (population.mean - 5.0 * population.sd).min(), (population.mean + 5.0 * population.sd).max()
    problem = problem.on_grid(np.linspace(first, last, len(problem.data.nodes)))
    problem = problem.fitted(items.parameters, (population.mean, population.sd))
    nodes = np.asarray(problem.data.nodes)
    beyond, spacing = FURTHER * population.sd.max(), FINER * (nodes[1] - nodes[0])
    return problem.on_grid(even_nodes(nodes[0] - beyond, nodes[-1] + beyond, spacing))


def _eap(problem: Problem, items: KnownItems) -> tuple[Array, Array, Array]:
    with jax.enable_x64(True):
        data = problem.data
        table = item_table(problem.model, _on_device(items), data.nodes)
        log_weight = node_log_weight(data.nodes, *map(jnp.asarray, data.population))
        return _moments(table, log_weight, data.nodes, data.blocks)


@jax.jit
def _moments(
    table: Float[Array, "row node"],
    log_weight: Float[Array, "group node"],
    nodes: Float[Array, " node"],
    blocks: PersonBlocks,
) -> tuple[Array, Array, Array]:
    """Mean, SD and the likeliest node of every person's posterior, (block, person)."""

    def of_block(block: PersonBlocks) -> tuple[Array, Array, Array]:
        posterior = block_posterior(table, log_weight, block)
        mean = posterior @ nodes
        variance = (posterior * (nodes - mean[:, None]) ** 2).sum(1)
        return mean, jnp.sqrt(variance), nodes[posterior.argmax(1)]

    return jax.lax.map(of_block, blocks)


def _on_device(items: KnownItems) -> dict[str, Array]:
    return {name: jnp.asarray(value) for name, value in known_parameters(items).items()}


def _start(problem: Problem, top: np.ndarray) -> tuple[Array, Array, Array]:
    """Every place's likeliest node, and its population's mean and SD."""
    group = np.asarray(problem.data.blocks.group)
    mean, sd = (np.asarray(part)[group] for part in problem.data.population)
    first = mean.copy().reshape(-1)
    first[problem.place] = top
    return jnp.asarray(first.reshape(group.shape)), jnp.asarray(mean), jnp.asarray(sd)


def _count(draws: dict[str, np.ndarray]) -> int:
    return len(next(iter(draws.values())))


def _populations(
    problem: Problem, count: int, of_groups: OfPersons, posterior: str | os.PathLike[str] | None
) -> Populations:
    """The groups' populations for each draw of the items: draws too, where they are a run's that has some."""
    mean, sd = (np.tile(np.asarray(part), (count, 1)) for part in problem.data.population)
    of_run = np.flatnonzero(of_groups.of_run)
    drawn = None
    if posterior is not None and len(of_run):
        drawn = population_draws(posterior, [of_groups.names[group] for group in of_run])
    if drawn is not None:
        mean[:, of_run], sd[:, of_run] = drawn
    return Populations(mean, sd)


def _repeated(items: KnownItems) -> dict[str, np.ndarray]:
    return {name: values[None] for name, values in items.parameters.items()}


def _averaged(
    problem: Problem, draws: dict[str, np.ndarray], populations: Populations
) -> tuple[np.ndarray, np.ndarray]:
    """EAP and SD over draws of the items; in float32, far below the Monte Carlo error."""
    posterior = mean_posterior(problem.model, draws, populations, problem.data)
    nodes = problem.data.nodes
    found = summarise_abilities(posterior.reshape(-1, len(nodes)), problem.place, nodes, 0.95)
    return found.mean, found.sd


def _plausible(
    problem: Problem, draws: dict[str, np.ndarray], populations: Populations, count: int, seed: int
) -> dict[str, np.ndarray]:
    """One draw of every ability for each of as many draws of the items, evenly spaced."""
    chosen = np.linspace(0, _count(draws) - 1, count).astype(int)
    some = {name: values[chosen] for name, values in draws.items()}
    of_them = Populations(*(part[chosen] for part in populations))
    data = problem.for_abilities()
    theta = draw_abilities(problem.model, some, of_them, data, problem.place, jax.random.key(seed))
    return {f"plausible_{number + 1}": values.astype(np.float64) for number, values in enumerate(theta)}
