"""Abilities of new persons from items that are calibrated, and what the items tell about an ability."""

from irt_jax.scoring.information import information_table, item_information, test_information
from irt_jax.scoring.items import KnownItems, read_items
from irt_jax.scoring.populations import KnownPopulations, read_populations
from irt_jax.scoring.score import score

__all__ = [
    "KnownItems",
    "KnownPopulations",
    "information_table",
    "item_information",
    "read_items",
    "read_populations",
    "score",
    "test_information",
]
