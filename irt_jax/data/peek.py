"""What a source looks like before it is read: the columns and the first rows; and what kind of table that is."""

import sys
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from irt_jax.contract.names import ITEM, PERSON, RESPONSE
from irt_jax.data.check import is_string
from irt_jax.data.delimited import read_delimited, read_header
from irt_jax.data.locate import Files, parts_below
from irt_jax.data.missing import WORDS
from irt_jax.data.source import are_text, plain
from irt_jax.errors import InputError

#: Rows and columns that are looked at.
ROWS, COLUMNS = 1000, 300
#: An item has no more kinds of responses, and none is further from zero.
KINDS, FURTHEST = 12, 999
#: With fewer columns that look like items a table is not taken for a wide one.
FEW_ITEMS = 3
#: How the Item Response Warehouse names columns, by what they are here.
WAREHOUSE = {PERSON: "id", ITEM: "item", RESPONSE: "resp"}
#: Other names of a column of person ids, in any case.
PERSON_NAMES = (
    *("person_id", "personid", "person", "id", "ids", "pid", "subject_id", "subject", "subj", "sid", "student_id"),
    *("studentid", "student", "user_id", "userid", "user", "respondent_id", "respondent", "resp_id", "participant_id"),
    *("participant", "examinee_id", "examinee", "candidate_id", "candidate", "case_id", "case", "caseid", "idstud"),
    *("idstudent", "stidstd", "learner", "learner_id", "test_taker", "model", "model_id"),
)


class Peek(NamedTuple):
    """The start of a source.

    Attributes:
        names: of all columns, those that folders give included.
        rows: the first rows of the first columns; None where they cannot be had.
    """

    names: list[str]
    rows: pa.Table | None


def peek_files(files: Files, where: str) -> Peek:
    """Look at the first of the files.

    Args:
        files: Parquet or CSV.
        where: the source, for the message.

    Raises:
        InputError: the files are of several kinds, or the first is a CSV file that cannot be read.
    """
    path = files.paths[0]
    folders = [part.partition("=")[0] for part in parts_below(path, files.base)[:-1] if "=" in part]
    if are_text(files, where):
        try:
            header = read_header(files, path)
            rows = read_delimited(files, path, header, header.names[:COLUMNS], ROWS)
            return Peek(list(dict.fromkeys([*header.names, *folders])), rows)
        except OSError:  # reading says why
            return Peek([], None)
    names: list[str] = []
    try:
        with files.open(path) as stream, pq.ParquetFile(stream) as parquet:
            names = list(dict.fromkeys([*parquet.schema_arrow.names, *folders]))
            first = next(parquet.iter_batches(ROWS, columns=parquet.schema_arrow.names[:COLUMNS]), None)
            return Peek(names, None if first is None else pa.Table.from_batches([first]))
    except Exception:  # reading says why
        return Peek(names, None)


def peek_memory(source: object) -> Peek | None:
    """Look at a table in memory; None for anything else."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        names = list(map(str, source.columns))
        try:
            return Peek(names, pa.Table.from_pandas(source.iloc[:ROWS, :COLUMNS], preserve_index=False))
        except (pa.ArrowException, ValueError, TypeError):  # reading says why
            return Peek(names, None)
    if isinstance(source, pa.Table):
        return Peek(source.column_names, source.select(list(range(min(COLUMNS, source.num_columns)))).slice(0, ROWS))
    return None


def looks_like_item(column: pa.ChunkedArray) -> bool:
    """Whether a column holds what responses to an item are: few kinds of small whole numbers.

    Args:
        column: of any type.
    """
    try:
        values = pc.unique(plain(column)).drop_null()
        if is_string(values.type):
            words = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(values)), value_set=pa.array(WORDS, values.type))
            values = values.filter(pc.invert(words))
        if not 0 < len(values) <= KINDS:
            return False
        numbers = values.cast(pa.float64()) if not pa.types.is_boolean(values.type) else values.cast(pa.int8())
        whole = pc.all(pc.equal(numbers, pc.trunc(numbers.cast(pa.float64())))).as_py()
        return bool(whole and pc.max(pc.abs(numbers)).as_py() <= FURTHEST)
    except (pa.ArrowException, TypeError, OverflowError):
        return False


def item_columns(found: Peek, but: Sequence[str] = ()) -> list[str]:
    """Columns of the first rows that look like items.

    Args:
        found: the start of a source.
        but: columns that are known to be something else.
    """
    if found.rows is None:
        return []
    columns = zip(found.rows.column_names, found.rows.columns, strict=True)
    return [name for name, column in columns if name not in but and looks_like_item(column)]


def person_columns(found: Peek) -> list[str]:
    """Columns that are the persons' ids by their names, or else the only one that looks like no item and never repeats.

    Args:
        found: the start of a source.
    """
    by_name = [name for name in found.names if name.strip().lower() in PERSON_NAMES]
    if by_name or found.rows is None or len(found.names) > COLUMNS:
        return by_name
    items = item_columns(found)
    others = [name for name in found.names if name not in items]
    if len(others) != 1 or others[0] not in found.rows.column_names:
        return []
    column = plain(found.rows[others[0]])
    known = is_string(column.type) or pa.types.is_integer(column.type)
    return others if known and pc.count_distinct(column, mode="all").as_py() == len(column) else []


def nobody_named(found: Peek, but: Sequence[str] = ()) -> bool:
    """Whether every column is an item, as far as can be seen, so that none has the persons' ids.

    Args:
        found: the start of a source.
        but: columns that are something else.
    """
    if found.rows is None or len(found.names) > COLUMNS or person_columns(found):
        return False
    items = item_columns(found, but)
    once = any(pc.count_distinct(plain(found.rows[name]), mode="all").as_py() == len(found.rows) for name in items)
    return len(items) >= FEW_ITEMS and set(items) >= {name for name in found.names if name not in but} and not once


def known_names(found: Peek) -> dict[str, str]:
    """Columns of persons, items and responses whose names differ from known ones by case or spaces alone.

    Args:
        found: the start of a source.
    """
    names = {name.strip().lower(): name for name in found.names}
    if len(names) < len(found.names):
        return {}
    for known in ({name: name for name in WAREHOUSE}, WAREHOUSE):
        if set(known.values()) <= set(names) and (known is not WAREHOUSE or not set(WAREHOUSE) & set(names)):
            return {name: names[column] for name, column in known.items()}
    return {}


def is_wide(found: Peek) -> bool:
    """Whether a table has one row a person and a column for each item, by its start."""
    items = item_columns(found)
    if found.rows is None or len(items) < FEW_ITEMS or 2 * len(items) < found.rows.num_columns:
        return False
    persons = [name for name in person_columns(found) if name in found.rows.column_names]
    if not persons:
        return 5 * len(items) >= 4 * found.rows.num_columns
    return any(
        pc.count_distinct(plain(found.rows[name]), mode="all").as_py() == found.rows.num_rows for name in persons
    )


def refuse_wide(found: Peek, where: str) -> None:
    """Refuse a wide table that is read as a long one.

    Args:
        found: the start of a source whose columns are not those of a long table.
        where: the source, for the message.

    Raises:
        InputError: it looks wide.
    """
    if is_wide(found):
        problem = (
            f"{where} looks like a wide table, with one row a person and a column for each item: no column of item "
            f"ids, and {len(item_columns(found)):,} columns such as {item_columns(found)[0]!r} that hold responses."
        )
        named = PERSON in found.names or len(person_columns(found)) == 1 or nobody_named(found)
        raise InputError(problem, f"Read it with --wide{'' if named else ' and --person-col'}.")
