"""Which model each item has: one name for all, or a file with a name for each."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from jaxtyping import Int

from irt_jax.data.encode import Responses
from irt_jax.data.locate import first_line
from irt_jax.errors import InputError, first_few
from irt_jax.names import ITEM

MODEL = "model"


def read_item_models(path: str | os.PathLike[str], responses: Responses) -> tuple[list[str], Int[np.ndarray, " item"]]:
    """Read the model of every item of the data.

    Args:
        path: a Parquet or CSV file with the columns item_id and model; items that are not in the data do not matter.
        responses: the data.

    Returns:
        The models' names, and each item's index into them.

    Raises:
        InputError: the file cannot be read or lacks a column; an item stands in it twice, or not at all.
    """
    path = os.fspath(path)
    table = _read(path)
    for name in (ITEM, MODEL):
        if name not in table.column_names:
            found = ", ".join(table.column_names)
            raise InputError(f"Expected the columns {ITEM} and {MODEL} in {path!r}, found {found}.", "Rename them.")
    ids = table[ITEM].combine_chunks().cast(pa.large_string())
    repeated = ids.value_counts().filter(pc.greater(ids.value_counts().field("counts"), 1)).field("values")
    if len(repeated):
        raise InputError(
            f"Expected each item once in {path!r}, found repeated: {first_few(repeated.to_pylist())}.",
            "Keep one row for each item.",
        )
    place = pc.index_in(responses.item_ids.cast(pa.large_string()), value_set=ids)
    names = table[MODEL].combine_chunks().cast(pa.string()).take(place)
    missing = responses.item_ids.filter(pc.is_null(names))
    if len(missing):
        shown = first_few(missing.slice(0, 5).to_pylist(), total=len(missing))
        raise InputError(f"Expected a model for every item in {path!r}, found none for {shown}.", "Add these items.")
    coded = names.dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy()


def _read(path: str) -> pa.Table:
    try:
        if path.lower().endswith(".csv"):
            text = pa_csv.ConvertOptions(column_types={ITEM: pa.string(), MODEL: pa.string()})
            return pa_csv.read_csv(path, convert_options=text)
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"Cannot read {path!r}: {first_line(error)}", "Check the path and the file.") from error
