"""Simulation studies."""
