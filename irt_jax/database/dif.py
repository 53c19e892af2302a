"""Differential item functioning: items that a run has with parameters of their own in every group (--by-group)."""

import json
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from irt_jax.contract.names import GROUP, ITEM, POSTERIOR_FILE
from irt_jax.database.connection import table
from irt_jax.database.copying import copy_in
from irt_jax.database.intervals import open_posterior
from irt_jax.database.runs import Run, as_text
from irt_jax.database.staging import Change
from irt_jax.database.windows import Window

#: Differences in b that matter, and the probability above which one is an alert.
DIFFERENCE = 0.3
PROBABILITY = 0.9


class Dif(NamedTuple):
    """An item in the two groups whose difference in b is most probable.

    Attributes:
        item: its id as text.
        groups: their names.
        b: posterior means of b there.
        probability: that the two differ by more than `DIFFERENCE`.
    """

    item: str
    groups: tuple[str, str]
    b: tuple[float, float]
    probability: float


def differences(run: Run) -> list[Dif]:
    """Compare an item's copies by the draws in posterior.nc; empty where the run has no copies or no draws.

    Args:
        run: with items by group.
    """
    file = run.folder / POSTERIOR_FILE
    rows = np.flatnonzero(pc.is_valid(run.items[GROUP]).to_numpy())
    copies = run.items.take(pa.array(rows))
    n_groups = pc.count_distinct(copies[GROUP]).as_py()
    if n_groups < 2 or not file.is_file():
        return []
    item = as_text(copies[ITEM]).combine_chunks().dictionary_encode()
    code = item.indices.to_numpy()
    # Copies of an item stand beside each other: pairs are so many rows apart as there are groups between them.
    apart = [np.stack([np.arange(len(code) - far), np.arange(far, len(code))]) for far in range(1, n_groups)]
    first, second = np.concatenate(apart, axis=1)
    same = code[first] == code[second]
    first, second = first[same], second[same]
    with open_posterior(file) as posterior:
        draws = posterior["b"].isel(item=rows).transpose("item", "chain", "draw").to_numpy().reshape(len(rows), -1)
    probability = (np.abs(draws[first] - draws[second]) > DIFFERENCE).mean(1)
    order = np.lexsort((-probability, code[first]))
    chosen = order[np.unique(code[first][order], return_index=True)[1]]
    groups, means = copies[GROUP].to_pylist(), draws.mean(1)
    return [
        Dif(
            str(item.dictionary[code[first[pair]]]),
            (groups[first[pair]], groups[second[pair]]),
            (float(means[first[pair]]), float(means[second[pair]])),
            float(probability[pair]),
        )
        for pair in chosen
    ]


def keep_differences(connection: psycopg.Connection[Any], window: Window, found: list[Dif], ids: str) -> Change:
    """Put the differences into dif_metadata of the items' rows in the window, whatever their method.

    Args:
        connection: in the load's transaction.
        window: with its id.
        found: from `differences`.
        ids: "id_str" or "id".
    """
    connection.execute("CREATE TEMPORARY TABLE staged_dif (item text, dif jsonb) ON COMMIT DROP")
    about = [json.dumps({"dif_prob": d.probability, "groups": dict(zip(d.groups, d.b, strict=True))}) for d in found]
    staged = sql.Identifier("pg_temp", "staged_dif")
    copy_in(connection, staged, pa.table({"item": pa.array([d.item for d in found], pa.string()), "dif": about}))
    rows = sql.SQL("{} t JOIN {} i ON i.id = t.item_id JOIN {} s ON i.{}::text = s.item WHERE t.window_id = %s").format(
        table("item_calibration"), table("items"), staged, sql.Identifier(ids)
    )
    merged = "coalesce(o.dif_metadata, '{{}}'::jsonb) || f.dif"
    updated = connection.execute(
        sql.SQL(
            f"UPDATE {{}} o SET dif_metadata = {merged} FROM (SELECT t.id, s.dif FROM {{}}) f "
            f"WHERE o.id = f.id AND o.dif_metadata IS DISTINCT FROM {merged}"
        ).format(table("item_calibration"), rows),
        [window.id],
    ).rowcount
    count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(rows), [window.id]).fetchone()
    return Change("item_calibration.dif_metadata", 0, updated, (count[0] if count else 0) - updated, [])
