"""The persons' populations: normal abilities whose mean and SD are given, or free with weak priors."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Float

from irt_jax.arrays import AnyArray
from irt_jax.models.loose import Loose

#: Priors of a free population: mean ~ N(0, 2), log SD ~ N(0, 0.5), on the scale of the anchors.
MEAN_SD = 2.0
LOG_SD_SD = 0.5


class FixedPopulation(NamedTuple):
    """Populations of known mean and SD.

    Attributes:
        mean: of each group's abilities.
        sd: their standard deviation.
    """

    mean: Float[AnyArray, " group"]
    sd: Float[AnyArray, " group"]

    def sample(self) -> tuple[AnyArray, AnyArray]:
        """Mean and SD of every group, each (group,); no NumPyro site."""
        return self.mean, self.sd

    def start(self) -> dict[str, AnyArray]:
        """Nothing is sampled."""
        return {}


class FreePopulation(NamedTuple):
    """Populations whose mean is normal and whose SD is log-normal a priori.

    Attributes:
        mean_centre: prior mean of each group's mean.
        mean_sd: prior SD of it.
        log_sd_centre: prior mean of the log of each group's SD.
        log_sd_sd: prior SD of it.
    """

    mean_centre: Float[AnyArray, " group"]
    mean_sd: Float[AnyArray, " group"]
    log_sd_centre: Float[AnyArray, " group"]
    log_sd_sd: Float[AnyArray, " group"]

    def sample(self) -> tuple[AnyArray, AnyArray]:
        """NumPyro statement: sites `population_mean` and `population_log_sd`; mean and SD, each (group,)."""
        mean = numpyro.sample("population_mean", dist.Normal(self.mean_centre, self.mean_sd).to_event(1))
        log_sd = numpyro.sample("population_log_sd", dist.Normal(self.log_sd_centre, self.log_sd_sd).to_event(1))
        return mean, numpyro.deterministic("population_sd", jnp.exp(log_sd))

    def start(self) -> dict[str, AnyArray]:
        """The centres of the priors, on the scales that are sampled."""
        return {
            "population_mean": np.array(self.mean_centre, float),
            "population_log_sd": np.array(self.log_sd_centre, float),
        }


class ScaledPopulation(NamedTuple):
    """Populations of known mean, whose SD is free: the scale of models whose slopes are one.

    Attributes:
        mean: of each group's abilities.
        log_sd_precision: prior precision of the log of each group's SD, around zero; zero for none.
    """

    mean: Float[AnyArray, " group"]
    log_sd_precision: Float[AnyArray, " group"]

    def sample(self) -> tuple[AnyArray, AnyArray]:
        """NumPyro statement: site `population_log_sd`; mean and SD, each (group,)."""
        log_sd = numpyro.sample("population_log_sd", Loose(self.log_sd_precision).to_event(1))
        return self.mean, numpyro.deterministic("population_sd", jnp.exp(log_sd))

    def start(self) -> dict[str, AnyArray]:
        """An SD of one."""
        return {"population_log_sd": np.zeros(len(self.mean))}


Population = FixedPopulation | FreePopulation | ScaledPopulation


def standard_population() -> FixedPopulation:
    """One group of abilities N(0, 1)."""
    return FixedPopulation(np.zeros(1), np.ones(1))


def scaled_population(*, flat: bool = False) -> ScaledPopulation:
    """One group of mean 0 whose SD is learned.

    Args:
        flat: without the weak prior of this module.
    """
    return ScaledPopulation(np.zeros(1), np.full(1, 0.0 if flat else 1.0 / LOG_SD_SD**2))


def free_population(n_groups: int = 1) -> FreePopulation:
    """Groups with the weak priors of this module.

    Args:
        n_groups: how many.
    """
    return FreePopulation(
        np.zeros(n_groups), np.full(n_groups, MEAN_SD), np.zeros(n_groups), np.full(n_groups, LOG_SD_SD)
    )
