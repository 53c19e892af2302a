"""Items that go together beyond the model are named with their partner; sound ones are not."""

import numpy as np
import pandas as pd
import pyarrow as pa

from irt_jax.calibration import calibrate
from irt_jax.checks.dependence import equal_columns
from irt_jax.data import encode
from irt_jax.study.simulate import simulate


def with_copies():
    """Item i07 a second time, and i03 with every tenth person's response turned around."""
    table = simulate(500, 20, 20, seed=3).responses.to_pandas()
    same, near = (table[table.item_id == name].copy() for name in ("i07", "i03"))
    same["item_id"], near["item_id"] = "same", "near"
    near["response"] = np.where(np.arange(len(near)) % 10 == 0, 1 - near["response"], near["response"])
    return pa.Table.from_pandas(pd.concat([table, same, near]), preserve_index=False)


def test_copies_are_named_and_sound_items_are_not():
    fit = calibrate(with_copies(), method="mml")
    told = [text for text in fit.diagnostics.warnings if "go together beyond the model" in text]
    assert len(told) == 1
    assert "'i07' and 'same' (all responses the same" in told[0]
    assert "'i03' and 'near' (residual correlation" in told[0]
    assert "more pairs" not in told[0]
    assert fit.diagnostics.ok


def test_equal_columns_are_found():
    responses = encode(with_copies())
    same = equal_columns(responses)
    assert [responses.item_ids[int(i)].as_py() for i in np.flatnonzero(same >= 0)] == ["i07", "same"]


def test_duplicates_are_not_blamed_on_the_prior_of_log_a(monkeypatch):
    """Two items that are one take the scale for themselves, so that the others' slopes fall."""
    whole = simulate(800, 12, 12, seed=11).responses.to_pandas()
    again = whole[whole.item_id == whole.item_id.unique()[0]].assign(item_id="again")
    table = pa.Table.from_pandas(pd.concat([whole, again]), preserve_index=False)

    def blamed():
        return [text for text in calibrate(table, method="mml").run["prior_conflicts"] if "prior of log a" in text]

    assert blamed() == []
    monkeypatch.setattr("irt_jax.results.assemble.ALIKE", 2.0)
    assert len(blamed()) == 1
