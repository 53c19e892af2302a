"""A few kills of `kill_runs.py`, which has the rest: whatever the moment, the repeated command has the same files."""

import pytest
from attack.kill_runs import Killer, kills


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_commands_are_repeated_to_the_same_bytes(tmp_path):
    killer = Killer(tmp_path, ("hmc", "replaced"))
    found = kills(killer, 8, seed=0)
    assert [row for row in found if row.wrong] == []
