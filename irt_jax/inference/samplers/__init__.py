"""Markov chain Monte Carlo of any log density: HMC, NUTS, runs in blocks, checkpoints."""
