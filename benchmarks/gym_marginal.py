"""The Inference Gym's target with this package: abilities integrated out, then drawn given the rest.

A marginal gradient evaluates every response at every node, so that one costs nodes-many evaluations of a joint one.
Ability there is a person's distance from the mean, here ability minus the population's mean.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist


class KnownSd(NamedTuple):
    """A population whose mean is N(centre, sd) and whose own SD is known."""

    centre: np.ndarray
    sd: np.ndarray
    own_sd: np.ndarray

    def sample(self) -> tuple[Any, Any]:
        mean = numpyro.sample("population_mean", dist.Normal(self.centre, self.sd).to_event(1))
        return mean, numpyro.deterministic("population_sd", jnp.asarray(self.own_sd))

    def start(self) -> dict[str, np.ndarray]:
        return {"population_mean": np.array(self.centre)}


class Difficulties(NamedTuple):
    """Prior of each item's difficulty."""

    mean: np.ndarray
    sd: np.ndarray


def sample_items(priors: Difficulties) -> dict[str, Any]:
    with numpyro.plate("item", len(priors.mean)):
        b = numpyro.sample("b", dist.Normal(priors.mean, priors.sd))
    return {"b": b}


def log_probabilities(items: Any, ability: Any) -> Any:
    logit = ability - items["b"]
    return jnp.stack([-jnp.logaddexp(0.0, logit), -jnp.logaddexp(0.0, -logit)], axis=-1)


def run(folder: Path, chains: int | None, draws: int | None, seed: int) -> dict[str, Any]:
    """HMC on the marginal posterior of 100 difficulties and the mean ability."""
    import time

    from benchmarks.inference_gym import ITEMS, RESPONSES
    from benchmarks.outcome import Outcome
    from irt_jax.abilities import Populations, draw_abilities
    from irt_jax.contract.options import OF_SAMPLERS, SAMPLER_DEFAULTS
    from irt_jax.contract.sampler_settings import Settings
    from irt_jax.data import encode, read_responses
    from irt_jax.inference.laplace.hessian import with_directions
    from irt_jax.inference.laplace.whitened import whitened_target
    from irt_jax.inference.marginal_posterior import pose
    from irt_jax.inference.mode import locate
    from irt_jax.models import Model
    from irt_jax.runtime.devices import prepare_devices

    prepare_devices()
    from irt_jax.inference.samplers.hmc import hmc

    started = time.perf_counter()
    responses = encode(read_responses(folder / RESPONSES))
    n = responses.n_items
    model = Model("inference gym", ("b",), sample_items, log_probabilities, 2, lambda *_: {"b": np.zeros(n)})
    population = KnownSd(np.full(1, 0.75), np.ones(1), np.ones(1))
    problem = pose(model, responses, Difficulties(np.zeros(n), np.ones(n)), population)
    problem, mode, *_ = locate(problem, {"b": np.zeros(n), **population.start()})
    metric = with_directions(problem.functions, problem.data, mode.metric, problem.shapes)
    mode_s = time.perf_counter() - started
    usual = Settings(**dict(zip(OF_SAMPLERS, SAMPLER_DEFAULTS["marginal", "hmc"], strict=True)))
    settings = usual._replace(chains=chains or usual.chains, draws=draws or usual.draws)
    found = hmc(whitened_target(problem.target, problem.shapes), (problem.data, metric), settings, seed)
    b, mean = found.values["b"], found.values["population_mean"]
    flat = b.reshape(-1, n)
    populations = Populations(mean.reshape(-1, 1), np.ones((len(flat), 1)))
    key = jax.random.key(seed + 1)
    theta = draw_abilities(model, {"b": flat}, populations, problem.for_abilities(), problem.place, key)
    ability = theta.reshape(*b.shape[:2], -1) - mean
    return Outcome(
        draws={"difficulty": b, "mean_ability": mean, "ability": ability},
        packages=("irt-jax", "blackjax", "numpyro", "jax", "jaxlib"),
        threads=len(jax.devices()),
        items=ITEMS,
        warmup=settings.warmup,
        compile_s=found.timings["compile_s"],
        warmup_s=found.timings["warmup_s"],
        sample_s=found.timings["sample_s"],
        mode_s=mode_s,
        leapfrog_sample=int(found.stats["n_steps"].sum()),
        divergences=int(found.stats["diverging"].sum()),
        device=found.device,
    )._asdict()
