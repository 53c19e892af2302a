"""Small tables of responses, and how a refusal must read."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.errors import InputError

BASE = {"person_id": ["ann", "ann", "bob"], "item_id": ["q1", "q2", "q1"], "response": [1, 0, 1]}


def table(**columns):
    """Three responses, some columns replaced or added."""
    return pa.table({**BASE, **columns})


def write(path, **columns):
    """The same as a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(**columns), path)
    return path


def assert_refused(function, source, *parts, error=InputError, **options):
    """The function raises, in one line that ends as a sentence and says all of the parts."""
    with pytest.raises(error) as caught:
        function(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message[-1] in ".?"
    for part in parts:
        assert part in message
