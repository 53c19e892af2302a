"""The way between the users' database and irt_jax's files."""
