"""Plain NumPyro: the joint model, NUTS with its defaults (https://num.pyro.ai)."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

from benchmarks.outcome import Outcome, Settings
from benchmarks.problem import Problem

PACKAGES = ("numpyro", "jax", "jaxlib")
#: NumPyro has no defaults for these two; its examples and Stan have these.
DRAWS = 1000
WARMUP = 1000
#: What JAX reports about its compilations; tracing is left out, for nested traces are reported twice.
COMPILING = ("/jax/core/compile/jaxpr_to_mlir_module_duration", "/jax/core/compile/backend_compile_duration")


def model(problem: Problem) -> None:
    """The mission's model: anchors are values in arrays of priors, no loops."""
    with numpyro.plate("items", problem.n_items):
        log_a = numpyro.sample("log_a", dist.Normal(problem.log_a_mean, problem.log_a_sd))
        b = numpyro.sample("b", dist.Normal(problem.b_mean, problem.b_sd))
    with numpyro.plate("persons", problem.n_persons):
        theta = numpyro.sample("theta", dist.Normal(0.0, 1.0))
    a = numpyro.deterministic("a", jnp.exp(log_a))
    logit = a[problem.item] * (theta[problem.person] - b[problem.item])
    with numpyro.plate("responses", len(problem.response)):
        numpyro.sample("response", dist.Bernoulli(logits=logit), obs=problem.response)


def run(problem: Problem, settings: Settings) -> Outcome:
    """Draw from the mission's model."""
    return sample(model, problem, settings, ("a", "b", "theta"))


def sample(
    program: Callable[[Any], None],
    data: Any,
    settings: Settings,
    names: tuple[str, ...],
    items: tuple[str, ...] = ("a", "b"),
) -> Outcome:
    """One CPU device a chain, or all chains in the vectors of a GPU, as NumPyro's documentation has it.

    JAX itself tells the seconds of compilation.

    Args:
        program: the NumPyro model.
        data: its argument.
        settings: chains, draws and so on.
        names: quantities to keep.
        items: which of them are parameters of items.
    """
    chains, warmup = settings.chains or 4, settings.warmup or WARMUP
    numpyro.set_host_device_count(chains)
    compiling = [0.0]

    def listen(event: str, seconds: float, **_: object) -> None:
        if event in COMPILING:
            compiling[0] += seconds

    jax.monitoring.register_event_duration_secs_listener(listen)
    mcmc = MCMC(
        NUTS(program),
        num_warmup=warmup,
        num_samples=settings.draws or DRAWS,
        num_chains=chains,
        chain_method="parallel" if jax.default_backend() == "cpu" else "vectorized",
        progress_bar=False,
    )
    kept = {"extra_fields": ("num_steps", "diverging")}
    key = jax.random.key(settings.seed)

    def timed(stage: Callable[..., None], key: Any, **options: Any) -> tuple[float, dict[str, Any]]:
        compiled, started = compiling[0], time.perf_counter()
        stage(key, data, **kept, **options)
        extra = jax.block_until_ready(mcmc.get_extra_fields())
        return time.perf_counter() - started - (compiling[0] - compiled), extra

    warmup_s, of_warmup = timed(mcmc.warmup, key, collect_warmup=True)
    sample_s, of_sampling = timed(mcmc.run, mcmc.post_warmup_state.rng_key)
    draws = mcmc.get_samples(group_by_chain=True)
    return Outcome(
        {name: np.asarray(draws[name]) for name in names},
        PACKAGES,
        threads=min(settings.cores, chains),
        items=items,
        warmup=warmup,
        compile_s=compiling[0],
        warmup_s=warmup_s,
        sample_s=sample_s,
        leapfrog_warmup=int(of_warmup["num_steps"].sum()),
        leapfrog_sample=int(of_sampling["num_steps"].sum()),
        divergences=int(of_sampling["diverging"].sum()),
        dtype=str(draws[names[0]].dtype),
        device=jax.devices()[0].device_kind,
    )
