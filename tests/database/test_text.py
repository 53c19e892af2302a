"""Any text, short of NUL, goes in and comes out unchanged: as an id, a label, a group, a reason."""

import shutil

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from support.databases import Database
from support.monthly_folders import change_about, change_items

from irt_jax.database import filling, loading, responses, schema
from irt_jax.database.address import find_address
from irt_jax.database.connection import connect
from irt_jax.database.source import read_source
from irt_jax.database.windows import month, read_asked

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
NASTY = [
    "\ufeffid",
    '"',
    '""',
    "a,b",
    "\\.",
    "\\N",
    "NULL",
    "a\nb",
    "a\r\nb",
    "\r",
    " ",
    "'; DROP TABLE items; --",
    "%s {} $1",
]


@pytest.fixture(scope="module")
def texts(server) -> Database:
    name = "texts"
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database = Database({**server, "dbname": name})
    with database.connect() as connection:
        schema.initialise(connection)
        schema.migrate(connection)
        connection.execute("ALTER TABLE shared_irt.items DROP CONSTRAINT items_lang_check")
    return database


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=12, max_size=12, unique=True), TEXT.filter(str.strip))
@example(NASTY[:12], NASTY[12])
@example(["", *NASTY[1:12]], NASTY[11])
def test_text_survives(texts, run, tmp_path, ids, label):
    address = find_address(texts.url, {})
    start, end = month(2025, 10, "UTC")
    data = pa.table({"person_id": ids, "item_id": ids, "response": pa.array([1] * 12, pa.int32())})
    anchors = pa.table({"item_id": ids, **{name: [1.0] * 12 for name in ("a", "b", "log_a_sd", "b_sd")}})
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run, folder)
    change_items(folder, lambda items: items.set_column(0, "item_id", pa.array(ids)))
    change_about(folder, diagnostics={"ok": False})
    with connect(address, "test") as connection:
        filling.empty(connection)
        filling.fill(connection, data, anchors, start, end)
        connection.execute("UPDATE shared_irt.item_responses SET lang = user_id_hash")
        connection.commit()
    asked = read_asked(label, start.isoformat(), end.isoformat(), "UTC")
    wish = loading.Wish(asked, promote=True, forced=label)
    loading.load(address, read_source(folder, label), wish)
    found = texts.rows(
        "SELECT w.label, k.method, k.dif_metadata ->> 'forced', i.id_str, k.b_hat FROM shared_irt.item_calibration k "
        "JOIN shared_irt.windows w ON w.id = window_id JOIN shared_irt.items i ON i.id = item_id"
    )
    b = pq.read_table(run / "items.parquet")["b"].to_pylist()
    assert sorted(found) == sorted((label, label, label, name, value) for name, value in zip(ids, b, strict=True))
    notes = texts.rows("SELECT DISTINCT note FROM shared_irt.item_parameters_current WHERE note > ''")
    assert len(notes) == 1
    assert notes[0][0].startswith(f"{label}: {label}, run ")
    assert notes[0][0].endswith(f"; forced: {label}")
    with connect(address, "test") as connection:
        window = responses.Window(label, start, end, "UTC")
        counts, wanted = responses.Counts(), responses.Wish(group="lang")
        out = pa.Table.from_batches(responses.read_responses(connection, window, wanted, counts))
    assert out["person_id"].to_pylist() == out["item_id"].to_pylist() == out["group"].to_pylist() == ids


def test_a_nul_is_refused_in_one_line(migrated_bank, load, run, tmp_path):
    other = shutil.copytree(run, tmp_path / "run")
    change_items(
        other, lambda items: items.set_column(0, "item_id", pa.array(["a\0b", *items["item_id"].to_pylist()[1:]]))
    )
    code, printed, errors = load(migrated_bank, other)
    assert (code, printed) == (5, "")
    assert errors.count("\n") == 1
