"""The persons' populations: normal abilities whose mean and SD are given, or free with weak priors."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Bool, Float, Int

from irt_jax.contract.prior_settings import PriorSettings
from irt_jax.models.loose import Loose
from irt_jax.runtime.arrays import AnyArray


class FixedPopulation(NamedTuple):
    """Populations of known mean and SD.

    Attributes:
        mean: of each group's abilities.
        sd: their standard deviation.
    """

    mean: Float[AnyArray, " group"]
    sd: Float[AnyArray, " group"]

    @property
    def free_mean(self) -> Int[np.ndarray, " none"]:
        """No group's mean is learned."""
        return np.zeros(0, int)

    @property
    def free_sd(self) -> Int[np.ndarray, " none"]:
        """Nor is any SD."""
        return np.zeros(0, int)

    def sample(self) -> tuple[AnyArray, AnyArray]:
        """Mean and SD of every group, each (group,); no NumPyro site."""
        return self.mean, self.sd

    def start(self) -> dict[str, AnyArray]:
        """Nothing is sampled."""
        return {}


class LearnedPopulation(NamedTuple):
    """Populations of which some means and SDs are learned: normal and log-normal priors, or none.

    Attributes:
        mean: of each group's abilities, where it is known; otherwise the centre of its prior.
        sd: their standard deviation, likewise.
        mean_precision: prior precision of the means; zero for none.
        log_sd_precision: prior precision of the log of the SDs; zero for none.
        free_mean: the groups whose mean is learned.
        free_sd: the groups whose SD is learned.
    """

    mean: Float[AnyArray, " group"]
    sd: Float[AnyArray, " group"]
    mean_precision: Float[AnyArray, " group"]
    log_sd_precision: Float[AnyArray, " group"]
    free_mean: Int[AnyArray, " free"]
    free_sd: Int[AnyArray, " scaled"]

    def sample(self) -> tuple[AnyArray, AnyArray]:
        """NumPyro statement: sites `population_mean` and `population_log_sd` of the groups that are learned.

        Where others are known, the sites are called `free_mean` and `free_log_sd`, and the mean and SD of all groups
        are deterministic. Gives mean and SD, each (group,).
        """
        mean = _filled("mean", self.mean, self.mean_precision, self.free_mean)
        log_sd = _filled("log_sd", jnp.log(self.sd), self.log_sd_precision, self.free_sd)
        if not len(self.free_sd):
            return mean, self.sd
        return mean, numpyro.deterministic("population_sd", jnp.exp(log_sd))

    def start(self) -> dict[str, AnyArray]:
        """The centres of the priors, on the scales that are sampled."""
        everywhere = {"mean": (np.array(self.mean, float), self.free_mean)}
        everywhere["log_sd"] = np.log(np.array(self.sd, float)), self.free_sd
        return {
            _site(name, len(values), len(free)): values[np.asarray(free)]
            for name, (values, free) in everywhere.items()
            if len(free)
        }


def _site(name: str, n_groups: int, n_free: int) -> str:
    return f"population_{name}" if n_free == n_groups else f"free_{name}"


def _filled(name: str, known: AnyArray, precision: AnyArray, free: AnyArray) -> AnyArray:
    """Sample what is free, and put it among what is known."""
    if not len(free):
        return known
    known, precision = jnp.asarray(known), jnp.asarray(precision)
    site = _site(name, len(known), len(free))
    values = numpyro.sample(site, Loose(precision[free], known[free]).to_event(1))
    if len(free) == len(known):
        return values
    return numpyro.deterministic(f"population_{name}", known.at[free].set(values))


Population = FixedPopulation | LearnedPopulation


def standard_population(n_groups: int = 1) -> FixedPopulation:
    """Groups of abilities N(0, 1).

    Args:
        n_groups: how many.
    """
    return FixedPopulation(np.zeros(n_groups), np.ones(n_groups))


def learned_population(
    free_mean: Bool[np.ndarray, " group"],
    free_sd: Bool[np.ndarray, " group"],
    settings: PriorSettings,
    *,
    flat: bool = False,
) -> LearnedPopulation:
    """Groups with weak priors; what is not learned is 0 and 1.

    Args:
        free_mean: whose mean is learned.
        free_sd: whose SD is learned.
        settings: numbers of the priors.
        flat: without priors.
    """
    n_groups, share = len(free_mean), 0.0 if flat else 1.0
    return LearnedPopulation(
        np.zeros(n_groups),
        np.ones(n_groups),
        np.full(n_groups, share / settings.population_mean_sd**2),
        np.full(n_groups, share / settings.population_log_sd_sd**2),
        np.flatnonzero(free_mean),
        np.flatnonzero(free_sd),
    )
