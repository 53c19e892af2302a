"""The plan for some of the items: what is theirs of the responses, the copies of groups among them."""

import numpy as np
import pyarrow as pa

from irt_jax.contract.options import Options
from irt_jax.plan import plan_calibration

PERSON, ITEM = (part.ravel() for part in np.indices((6, 3)))
TABLE = pa.table(
    {
        "person_id": PERSON,
        "item_id": ITEM,
        "response": (PERSON * 2 + ITEM) % 3 % 2,
        "group": np.where(PERSON < 3, "ann", "bob"),
    }
)


def test_copies_of_items_keep_their_groups_when_others_go():
    plan = plan_calibration(TABLE, None, Options(by_group=(1,)))
    assert plan.responses.item_labels == ["0", "1 [ann]", "1 [bob]", "2"]
    part = plan.of_items(np.array([False, True, False, True]))
    assert part.responses.item_labels == ["1 [ann]", "2"]
    assert part.responses.n_persons == plan.responses.n_persons
    used = np.isin(plan.responses.item, [1, 3])
    assert part.responses.item.tolist() == np.where(plan.responses.item == 1, 0, 1)[used].tolist()
    assert part.responses.response.tolist() == plan.responses.response[used].tolist()
    assert plan.of_items(np.ones(4, bool)) is plan
