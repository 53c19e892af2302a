"""`python -m irt_jax.cli`: the command without its launcher."""

from irt_jax.cli import main

if __name__ == "__main__":
    main()
