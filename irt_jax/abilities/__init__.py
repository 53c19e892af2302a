"""Abilities given draws of items and populations: posteriors averaged over the draws, and exact draws."""

from irt_jax.abilities.average import Marginals, marginals, mean_posterior, summarise_abilities
from irt_jax.abilities.density import Populations
from irt_jax.abilities.draws import draw_abilities
from irt_jax.abilities.quantiles import grid_quantiles

__all__ = [
    "Marginals",
    "Populations",
    "draw_abilities",
    "grid_quantiles",
    "marginals",
    "mean_posterior",
    "summarise_abilities",
]
