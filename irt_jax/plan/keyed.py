"""A key of nominal items: read for a calibration, and what is said of the direction that it gives."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from irt_jax.contract.options import Options
from irt_jax.data import Responses
from irt_jax.data.key import read_key
from irt_jax.errors import UsageError
from irt_jax.models.bank import Coding
from irt_jax.models.direction import key_advantage
from irt_jax.models.polytomous import NOMINAL

NO_KEY = (
    "Nothing but the signs of most slopes says which way these nominal items' scale points, so high abilities may mean "
    "low ones, and wrong keys are not looked for: give the right categories by --key FILE (item_id, category)."
)


def with_key(coding: Coding, responses: Responses, options: Options) -> tuple[Coding, list[str]]:
    """Each item's right category, and notes for the user.

    Args:
        coding: each item's model.
        responses: the data.
        options: with the key's file.

    Raises:
        InputError: see `read_key`.
        UsageError: a key, and no nominal item.
    """
    nominal = np.broadcast_to(coding.owns("slopes"), responses.n_items)
    if options.key is None:
        return coding, [NO_KEY] if coding.bank.models == (NOMINAL,) else []
    if not nominal.any():
        raise UsageError("--key is for nominal items, and there are none.", "Leave it out, or use --model nominal.")
    key = read_key(options.key, responses, coding.has(responses.n_items), nominal)
    missing = int((nominal & (key < 0)).sum())
    notes = [f"{missing:,} nominal items have no key, and no test of it."] if missing else []
    return coding._replace(key=key), notes


def direction(coding: Coding, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What run.json says of a nominal scale's direction; nothing where other models have one.

    Args:
        coding: of the items in the likelihood.
        values: of their parameters, with `slopes`.
    """
    if coding.bank.models != (NOMINAL,):
        return {}
    if coding.key is None or not (coding.key >= 0).any():
        return {"direction": {"by": "majority of slopes"}}
    with_ability = key_advantage(values["slopes"], coding.has(len(coding.key)), coding.key) > 0.0
    return {"direction": {"by": "key", "keyed": len(with_ability), "with_ability": int(with_ability.sum())}}
