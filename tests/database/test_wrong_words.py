"""Words and files that no database takes, told in one line; without a server."""

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irt_jax.database.address import find_address
from irt_jax.database.connection import explained
from irt_jax.database.runs import read_table
from irt_jax.errors import DatabaseError, InputError, UsageError


def test_a_label_of_bytes_that_are_no_text():
    address = find_address("postgresql://user@host/db")
    with pytest.raises(UsageError, match=r"Expected words in UTF-8, found '2025\\udcff'"), explained(address):
        "2025\udcff".encode()


def test_tables_without_a_column_for_methods_are_told_to_be_migrated():
    address = find_address("postgresql://user@host/db")
    with pytest.raises(DatabaseError, match=r"x\.method does not exist\. .*--migrate"), explained(address):
        raise psycopg.errors.UndefinedColumn("column x.method does not exist")


@pytest.mark.parametrize("name", ["a", "b_sd", "c_lower", "p_drift"])
def test_a_run_with_text_among_its_numbers(tmp_path, name):
    pq.write_table(pa.table({"item_id": ["q"], "calibrated": [True], name: ["one"]}), tmp_path / "items.parquet")
    with pytest.raises(InputError, match=f"Expected numbers in {name}, found string"):
        read_table(tmp_path / "items.parquet", ["item_id", "calibrated", name])
