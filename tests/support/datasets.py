"""Real data that may stand in the project."""

import numpy as np
import pyarrow as pa

#: Persons by response pattern, 00000, 00001, ..., 11111: Bock & Aitkin (1981), Psychometrika 46, table 1.
LSAT7 = (
    *(12, 19, 1, 7, 3, 19, 3, 17, 10, 5, 3, 7, 7, 23, 8, 28),
    *(7, 39, 11, 34, 14, 51, 15, 90, 6, 25, 7, 35, 18, 136, 32, 308),
)


def from_patterns(counts: tuple[int, ...], n_items: int) -> pa.Table:
    """One row a response; persons in the order of their patterns."""
    pattern = np.repeat(np.arange(len(counts)), counts)
    responses = (pattern[:, None] >> np.arange(n_items)[::-1]) & 1
    persons, items = np.indices(responses.shape)
    names = pa.array([f"item {i + 1}" for i in range(n_items)])
    return pa.table(
        {
            "person_id": persons.ravel(),
            "item_id": names.take(pa.array(items.ravel())),
            "response": responses.ravel().astype(np.int8),
        }
    )


#: Bock & Lieberman (1970), Psychometrika 35, table 1.
LSAT6 = (
    *(3, 6, 2, 11, 1, 1, 3, 4, 1, 8, 0, 16, 0, 3, 2, 15),
    *(10, 29, 14, 81, 3, 28, 15, 80, 16, 56, 21, 173, 11, 61, 28, 298),
)


def lsat6() -> pa.Table:
    """1000 persons x 5 items, section 6 of the Law School Admission Test."""
    return from_patterns(LSAT6, 5)


def lsat7() -> pa.Table:
    """1000 persons x 5 items, section 7 of the Law School Admission Test."""
    return from_patterns(LSAT7, 5)
