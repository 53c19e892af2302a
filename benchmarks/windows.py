"""Many simulated windows through the monthly job's checks: `python -m benchmarks.windows [--windows 100]`.

In every window two of 20 anchors have become harder by 0.6, one free item has a wrong key, and another program's table
is wrong about three items. Each anchor has about 1,000 responses. Estimates are those of `mml`, which the job compares
with the samplers'. Prints one JSON line.
"""

import argparse
import json
import warnings
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from irt_jax.calibration import calibrate
from irt_jax.errors import CalibrationWarning
from irt_jax.linking.comparison import compare
from irt_jax.linking.drift import drift
from irt_jax.monthly import Evidence, promotion_table
from irt_jax.monthly.screening import flagged
from irt_jax.results.fit import Fit
from irt_jax.study.simulate import simulate

BANK = {"persons": 3000, "items": 60, "per_person": 20, "anchor_items": 20}
DRIFT, DRIFTED, WRONG_BY, WRONG = 0.6, 2, 0.3, 3
OPTIONS = {"method": "mml", "min_responses": 200}


class Window(NamedTuple):
    """What was found in one window.

    Attributes:
        found: drifted anchors that were flagged.
        false: sound anchors that were.
        plain_found: drifted anchors whose estimates moved by more than 0.25: the plain rule.
        plain_false: sound ones that did.
        miskeyed: whether the item with the wrong key was held back for it.
        wrongly_miskeyed: other items that were.
        wrong_found: items that the other table is wrong about and that were held back for it.
        wrong_false: other items that were.
        promoted: items that may be promoted.
    """

    found: int
    false: int
    plain_found: int
    plain_false: int
    miskeyed: int
    wrongly_miskeyed: int
    wrong_found: int
    wrong_false: int
    promoted: int


def window(seed: int) -> Window:
    """Simulate and judge one window.

    Args:
        seed: of the window.
    """
    simulation = simulate(**BANK, seed=5000 + seed)
    previous = simulation.anchors.to_pandas()
    previous.loc[: DRIFTED - 1, "b"] -= DRIFT
    drifted = previous.item_id[:DRIFTED]
    free = [name for name in simulation.items["item_id"].to_pylist() if name not in set(previous.item_id)]
    miskeyed, wrong = free[0], free[1 : 1 + WRONG]
    table = simulation.responses.to_pandas()
    turned = table.item_id == miskeyed
    table.loc[turned, "response"] = 1 - table.response[turned]
    fit = calibrate(table, previous, **OPTIONS)
    compared = compare({"mml": fit, "other": other_table(fit, wrong)})
    changed = drift(fit.anchors_table).table
    gate = promotion_table(
        fit.items_table, "mml", Evidence(differing=flagged(compared.items), drifted=flagged(changed))
    )
    reasons = dict(zip(gate["item_id"].to_pylist(), gate["reasons"].to_pylist(), strict=True))
    held = {
        name: {item for item, why in reasons.items() if name in why} for name in ("drift", "miskeyed", "methods differ")
    }
    moved = fit.anchors[(fit.anchors.b_free - fit.anchors.b_prev).abs() > 0.25].item_id
    return Window(
        found=len(held["drift"] & set(drifted)),
        false=len(held["drift"] - set(drifted)),
        plain_found=int(moved.isin(drifted).sum()),
        plain_false=int((~moved.isin(drifted)).sum()),
        miskeyed=int(miskeyed in held["miskeyed"]),
        wrongly_miskeyed=len(held["miskeyed"] - {miskeyed}),
        wrong_found=len(held["methods differ"] & set(wrong)),
        wrong_false=len(held["methods differ"] - set(wrong)),
        promoted=int(pc.sum(gate["promoted"]).as_py()),
    )


def other_table(fit: Fit, wrong: list[str]) -> pa.Table:
    """Another program's estimates, to three digits, and wrong about some items' b."""
    table = fit.items[["item_id", "a", "b"]].round(3)
    table.loc[table.item_id.isin(wrong), "b"] += WRONG_BY
    return pa.Table.from_pandas(table, preserve_index=False)


def summarise(windows: list[Window]) -> dict[str, float]:
    """Power, share of false flags among all flags of a window, and the like; means over windows.

    Args:
        windows: what was found.
    """
    of = {name: np.array([getattr(one, name) for one in windows], float) for name in Window._fields}
    share = of["false"] / np.maximum(of["found"] + of["false"], 1)
    plain = of["plain_false"] / np.maximum(of["plain_found"] + of["plain_false"], 1)
    sound = BANK["anchor_items"] - DRIFTED
    return {
        "windows": len(windows),
        "power": float(of["found"].mean() / DRIFTED),
        "false_discoveries": float(share.mean()),
        "false_discoveries_error": float(share.std(ddof=1) / np.sqrt(len(windows))),
        "false_alarms": float(of["false"].mean() / sound),
        "plain_power": float(of["plain_found"].mean() / DRIFTED),
        "plain_false_discoveries": float(plain.mean()),
        "plain_false_alarms": float(of["plain_false"].mean() / sound),
        "miskeyed_found": float(of["miskeyed"].mean()),
        "miskeyed_false": float(of["wrongly_miskeyed"].mean()),
        "wrong_table_found": float(of["wrong_found"].mean() / WRONG),
        "wrong_table_false": float(of["wrong_false"].mean()),
        "promoted": float(of["promoted"].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=100)
    warnings.simplefilter("ignore", CalibrationWarning)
    found = summarise([window(seed) for seed in range(parser.parse_args().windows)])
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    main()
