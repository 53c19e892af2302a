"""Samplers: each knows a log density and nothing of items, persons or files."""
