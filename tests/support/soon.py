"""Which of many cases every run of the tests has, and which are left to `make test-long`."""

from collections.abc import Collection, Iterable

import pytest


def soon(cases: Iterable, now: Collection) -> list:
    """All cases, those that are not among `now` marked long."""
    return [case if case in now else pytest.param(case, marks=pytest.mark.long) for case in cases]
