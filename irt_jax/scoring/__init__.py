"""Abilities of new persons from items that are calibrated, and what the items tell about an ability."""

from irt_jax.scoring.information import information_table, item_information, test_information
from irt_jax.scoring.items import KnownItems, read_items
from irt_jax.scoring.score import score

__all__ = ["KnownItems", "information_table", "item_information", "read_items", "score", "test_information"]
