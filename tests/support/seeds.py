"""Seeds of the statistical tests, which `--seed-shift` moves: other data and other draws by the same command."""

#: Seeds of one shift lie apart from those of the next, also of tests that take hundreds in a row.
APART = 10_000

shift = 0


def seed(number: int) -> int:
    """The seed of a test's data or draws in this run.

    Args:
        number: the seed without a shift, below `APART`.
    """
    assert 0 <= number < APART
    return number + APART * shift
