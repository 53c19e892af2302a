"""Simulation studies behind tables of docs/validation.md: `python -m benchmarks.studies adaptive|anchors|drift`.

`adaptive`: recovery of the items from random and adaptive tests, with rare items kept and dropped. `anchors`: bias of
the free items when some anchors have drifted, by anchor mode. `drift`: which drifted and sound anchors `irt-jax drift`
flags, beside thresholds on the estimates. Prints one JSON line a row; means over replications with their standard
errors.
"""

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from irt_jax.calibration import calibrate
from irt_jax.errors import CalibrationWarning
from irt_jax.linking.drift import drift as find_drift
from irt_jax.results.fit import Fit
from irt_jax.study.simulate import Simulation, simulate

PERSONS, ITEMS, PER_PERSON, ANCHORS = 1000, 150, 20, 15
#: Items with fewer responses are rare.
RARE = 100
#: The priors that the items are simulated from.
TRUE = {"method": "mml", "priors": "mission", "population": "fixed"}
DRIFT = 0.6
DRIFTED = (0, 1, 2, 3, 4, 5)
BANK = {"persons": 2500, "items": 40, "per_person": 16, "anchor_items": 10}
MODES = ("soft", "fixed", "robust")
#: Responses an anchor, and how much easier two of the ten have become.
SIZES, CHANGES, CHANGED = (200, 500, 1000, 2000), (0.0, 0.3, 0.6), 2


def errors(fit: Fit, simulation: Simulation) -> dict[str, float]:
    """Bias and root mean square error of log a and b of the free items that are well measured."""
    items = fit.items
    truth = simulation.items.to_pandas().set_index("item_id").loc[items.item_id]
    used = (~items.is_anchor & (items.n_responses >= RARE)).to_numpy()
    found = {}
    for name, off in (
        ("b", items.b.to_numpy() - truth.b.to_numpy()),
        ("log_a", items.log_a.to_numpy() - np.log(truth.a.to_numpy())),
    ):
        found |= {f"{name}_bias": float(off[used].mean()), f"{name}_rmse": float(np.sqrt((off[used] ** 2).mean()))}
    return found


def adaptive(replications: int) -> Iterator[dict[str, object]]:
    """Random and adaptive tests, rare items kept or dropped."""
    for design in ("adaptive", "random"):
        for drop in (False, True):
            found = []
            for seed in range(replications):
                simulation = simulate(
                    PERSONS, ITEMS, PER_PERSON, anchor_items=ANCHORS, adaptive=design == "adaptive", seed=seed
                )
                fit = calibrate(simulation.responses, simulation.anchors, min_responses=RARE, drop_rare=drop, **TRUE)
                counts = fit.run["counts"]
                found.append(errors(fit, simulation) | {"items_dropped": counts["dropped"]["rare_items"]})
            yield {
                "study": "adaptive",
                "design": design,
                "rare": "dropped" if drop else "kept",
                **mean_and_error(found),
            }


def anchors(replications: int) -> Iterator[dict[str, object]]:
    """Anchors that have become easier or harder by `DRIFT` since, all in one direction."""
    for gone in DRIFTED:
        for mode in MODES:
            found = []
            for seed in range(replications):
                simulation = simulate(**BANK, seed=1000 + seed)
                table = simulation.anchors.to_pandas()
                table.loc[: gone - 1, "b"] -= DRIFT
                previous = pa.Table.from_pandas(table, preserve_index=False)
                fit = calibrate(simulation.responses, previous, method="mml", anchor_mode=mode)
                own = {"b_bias": errors(fit, simulation)["b_bias"]}
                if mode == "robust":
                    released = fit.items[fit.items.p_released > 0.5].item_id
                    own["found"] = float(released.isin(table.item_id[:gone]).sum())
                    own["false"] = float((~released.isin(table.item_id[:gone])).sum())
                found.append(own)
            yield {
                "study": "anchors",
                "drifted": gone,
                "of": BANK["anchor_items"],
                "mode": mode,
                **mean_and_error(found),
            }


def drift(replications: int) -> Iterator[dict[str, object]]:
    """Two of ten anchors harder than they were, by responses an anchor and size of the change."""
    for size in SIZES:
        for change in CHANGES:
            found = []
            for seed in range(replications):
                persons = size * BANK["items"] // BANK["per_person"]
                simulation = simulate(**{**BANK, "persons": persons}, seed=3000 + seed)
                table = simulation.anchors.to_pandas()
                table.loc[: CHANGED - 1, "b"] -= change
                previous = pa.Table.from_pandas(table, preserve_index=False)
                fit = calibrate(simulation.responses, previous, method="mml")
                found.append(alarms(fit.anchors_table, CHANGED if change else 0))
            yield {"study": "drift", "responses": size, "change": change, **mean_and_error(found)}


def alarms(anchors_table: pa.Table, changed: int) -> dict[str, float]:
    """Share of drifted and of sound anchors that are flagged, by `irt-jax drift` and by thresholds on the estimates."""
    frame = anchors_table.to_pandas()
    of_thresholds = ((frame.b_free - frame.b_prev).abs() > 0.25) | ((frame.a_free - frame.a_prev).abs() > 0.2)
    table = find_drift(anchors_table).table.to_pandas()
    rules = {
        "drift": table.flagged.to_numpy(),
        "thresholds": of_thresholds.to_numpy(),
    }
    found = {}
    for name, flagged in rules.items():
        if changed:
            found[f"{name}_power"] = float(flagged[:changed].mean())
        found[f"{name}_false"] = float(flagged[changed:].mean())
    return found


def mean_and_error(rows: list[dict[str, float]]) -> dict[str, object]:
    """Mean over replications, and its standard error beside it."""
    found: dict[str, object] = {"replications": len(rows)}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        found |= {name: round(values.mean(), 4), f"{name}_error": round(values.std(ddof=1) / np.sqrt(len(values)), 4)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=("adaptive", "anchors", "drift"))
    parser.add_argument("--replications", type=int, default=20)
    parser.add_argument("--result", type=Path, help="file for the lines")
    given = parser.parse_args()
    warnings.simplefilter("ignore", CalibrationWarning)
    lines = []
    for row in {"adaptive": adaptive, "anchors": anchors, "drift": drift}[given.study](given.replications):
        lines.append(json.dumps(row))
        print(lines[-1], flush=True)
        if given.result:
            given.result.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
