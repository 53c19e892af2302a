"""Drift, wrong keys and another program's wrong numbers, through the job's checks, window after window."""

import numpy as np
import pytest

from benchmarks.windows import BANK, DRIFTED, summarise, window

#: `benchmarks/windows.py` runs a hundred.
WINDOWS = 12


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::irt_jax.errors.CalibrationWarning")
def test_what_is_wrong_is_found_and_what_is_sound_is_left_alone():
    found = summarise([window(seed) for seed in range(WINDOWS)])
    print(found)
    assert found["power"] > 0.9 - 2.5 * np.sqrt(0.9 * 0.1 / (WINDOWS * DRIFTED))
    assert found["false_discoveries"] <= 0.05 + 2.5 * found["false_discoveries_error"]
    assert found["plain_false_discoveries"] > 0.2
    assert found["miskeyed_found"] == 1.0
    assert found["miskeyed_false"] <= 0.05
    assert found["wrong_table_found"] == 1.0
    assert found["wrong_table_false"] == 0.0
    # All but the anchors, the item with the wrong key and the three that the other table is wrong about.
    assert found["promoted"] > BANK["items"] - BANK["anchor_items"] - 4 - 0.5
