"""Commands of `irt-jax`, one a file; `irt_jax.cli` registers them. Heavy imports are inside them."""
