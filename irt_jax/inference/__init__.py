"""The marginal posterior of the items, and how to climb, whiten, sample and summarise it."""
