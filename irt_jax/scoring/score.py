"""From responses and known items to one row a person: EAP, MAP, WLE with their errors, and plausible values."""

import dataclasses
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Array, Float

from irt_jax.abilities import Populations, draw_abilities, mean_posterior, summarise_abilities
from irt_jax.bounds import check_options
from irt_jax.data import Responses
from irt_jax.errors import InputError, first_few
from irt_jax.likelihood.grid import even_nodes
from irt_jax.likelihood.kernel import PersonBlocks, block_posterior
from irt_jax.likelihood.marginal import item_table, node_log_weight
from irt_jax.models import bank_model
from irt_jax.models.population import FixedPopulation
from irt_jax.models.priors import item_priors
from irt_jax.names import PERSON
from irt_jax.problem import Problem, pose
from irt_jax.scoring.estimates import modes
from irt_jax.scoring.information import known_parameters
from irt_jax.scoring.items import KnownItems, item_draws

#: A calibration's grid is refined to this share of its spacing, and reaches this many SDs of the population further:
#: the mean and SD of a posterior are then exact to 1e-7.
FINER, FURTHER = 0.5, 2.0


def score(
    responses: Responses,
    items: KnownItems,
    *,
    mean: float = 0.0,
    sd: float = 1.0,
    posterior: str | os.PathLike[str] | None = None,
    plausible_values: int = 0,
    seed: int = 0,
) -> tuple[pa.Table, list[str]]:
    """Score every person.

    Args:
        responses: coded responses; those to unknown items are left out and told of.
        items: from `read_items`.
        mean: of the population that the persons come from, on the items' scale.
        sd: of it.
        posterior: a run's posterior.nc with draws of the items. EAP, its SD and the plausible values then carry the
            items' uncertainty; MAP and WLE are given the items of the table.
        plausible_values: draws of every ability from its posterior.
        seed: of the draws.

    Returns:
        Columns person_id, n_responses, theta and theta_sd (EAP), map, map_se, wle, wle_se, and plausible_1, ...; one
        row a person, null for a person without a usable response. And notes for the user.

    Raises:
        InputError: no known item among the responses, or responses beyond an item's categories.
        UsageError: a number out of its range.
    """
    check_options(prior_mean=mean, prior_sd=sd, plausible_values=plausible_values, seed=seed)
    known, items, notes = _known(responses, items)
    count = np.bincount(known.person, minlength=known.n_persons)
    problem = _problem(known, items, mean, sd)
    eap, deviation, top = (np.asarray(part).reshape(-1)[problem.place] for part in _eap(problem, items))
    drawn = None if posterior is None else item_draws(posterior, items)
    if drawn is not None:
        eap, deviation = _averaged(problem, drawn)
    with jax.enable_x64(True):
        place = problem.data.blocks.weight.shape
        found = modes(items.coding.bank, _on_device(items), problem.data.blocks, *_start(problem, top, place, mean, sd))
    columns = {"theta": eap, "theta_sd": deviation}
    columns |= {name: np.asarray(part).reshape(-1)[problem.place] for name, part in found._asdict().items()}
    if plausible_values:
        columns |= _plausible(problem, drawn or _repeated(items), plausible_values, seed)
    without = np.flatnonzero(count == 0)
    if len(without):
        ids = first_few(known.person_ids.take(pa.array(without[:5])).to_pylist(), total=len(without))
        notes.append(f"{len(without):,} persons have no usable response and no score: {ids}.")
    unsolved = (count > 0) & np.isnan(columns["wle"])
    if unsolved.any():
        ids = known.person_ids.take(pa.array(np.flatnonzero(unsolved)[:5])).to_pylist()
        notes.append(f"{unsolved.sum():,} persons have no WLE: {first_few(ids, total=int(unsolved.sum()))}.")
    arrays = {PERSON: known.person_ids, "n_responses": pa.array(count)}
    arrays |= {name: pa.array(values, mask=(count == 0) | ~np.isfinite(values)) for name, values in columns.items()}
    return pa.table(arrays), notes


def _known(responses: Responses, items: KnownItems) -> tuple[Responses, KnownItems, list[str]]:
    """The responses to known items, and these items in the order of the responses', so that nothing is sorted again."""
    text = pa.large_string()
    place = pc.index_in(responses.item_ids.cast(text), value_set=items.ids.cast(text))
    known = pc.is_valid(place).to_numpy(zero_copy_only=False)
    if not known.any():
        raise InputError(
            f"None of the {responses.n_items:,} items of the responses is known: "
            f"{first_few(responses.item_ids.slice(0, 3).to_pylist(), total=responses.n_items)}; known are "
            f"{first_few(items.ids.slice(0, 3).to_pylist(), total=len(items.ids))}.",
            "Check that both files name items the same way.",
        )
    items = items.take(place.drop_null().to_numpy(zero_copy_only=False))
    usable, notes = known[responses.item], []
    if not known.all():
        unknown = responses.item_ids.filter(pa.array(~known))
        shown = first_few(unknown.slice(0, 5).to_pylist(), total=len(unknown))
        notes.append(f"{(~usable).sum():,} responses to {len(unknown):,} unknown items are left out: {shown}.")
    item = (np.cumsum(known) - 1).astype(np.int32)[responses.item[usable]]
    response = responses.response[usable]
    beyond = np.unique(item[response >= items.coding.has(len(items.ids)).sum(1)[item]])
    if len(beyond):
        shown = first_few(items.ids.take(pa.array(beyond[:5])).to_pylist(), total=len(beyond))
        raise InputError(
            f"Expected responses within the items' categories, found others, up to {response.max()}, in {shown}.",
            "Recode them; codes of missing responses are named with --missing, and --first-category 1 counts from 1.",
        )
    part = dataclasses.replace(
        responses,
        person=responses.person[usable],
        item=item,
        response=response,
        item_ids=items.ids,
        calibrated=np.ones(len(items.ids), bool),
        item_group=None,
        group=None,
        group_ids=None,
    )
    return part, items, notes


def _problem(responses: Responses, items: KnownItems, mean: float, sd: float) -> Problem:
    """The persons' posteriors on a grid that fits all of them."""
    population = FixedPopulation(np.array([mean]), np.array([sd]))
    priors = item_priors(len(items.ids), coding=items.coding)
    problem = pose(bank_model(items.coding.bank), responses, priors, population)
    problem = problem.on_grid(np.linspace(mean - 5.0 * sd, mean + 5.0 * sd, len(problem.data.nodes)))
    problem = problem.fitted(items.parameters, (population.mean, population.sd))
    nodes = np.asarray(problem.data.nodes)
    beyond, spacing = FURTHER * sd, FINER * (nodes[1] - nodes[0])
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


def _start(problem: Problem, top: np.ndarray, shape: tuple[int, ...], mean: float, sd: float) -> Any:
    """Every place's likeliest node, and the population."""
    first = np.full(int(np.prod(shape)), mean)
    first[problem.place] = top
    return jnp.asarray(first.reshape(shape)), jnp.asarray(mean), jnp.asarray(sd)


def _populations(problem: Problem, count: int) -> Populations:
    return Populations(*(np.broadcast_to(np.asarray(part), (count, 1)) for part in problem.data.population))


def _repeated(items: KnownItems) -> dict[str, np.ndarray]:
    return {name: values[None] for name, values in items.parameters.items()}


def _averaged(problem: Problem, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """EAP and SD over draws of the items; in float32, far below the Monte Carlo error."""
    count, data = len(next(iter(draws.values()))), problem.data
    posterior = mean_posterior(problem.model, draws, _populations(problem, count), data)
    found = summarise_abilities(posterior.reshape(-1, len(data.nodes)), problem.place, data.nodes, 0.95)
    return found.mean, found.sd


def _plausible(problem: Problem, draws: dict[str, np.ndarray], count: int, seed: int) -> dict[str, np.ndarray]:
    """One draw of every ability for each of as many draws of the items, evenly spaced."""
    chosen = np.linspace(0, len(next(iter(draws.values()))) - 1, count).astype(int)
    some = {name: values[chosen] for name, values in draws.items()}
    data = problem.for_abilities()
    theta = draw_abilities(problem.model, some, _populations(problem, count), data, problem.place, jax.random.key(seed))
    return {f"plausible_{number + 1}": values.astype(np.float64) for number, values in enumerate(theta)}
