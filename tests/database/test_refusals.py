"""What PostgreSQL refuses is one line and exit code 5, and no line ever holds the password."""

from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql
from support.databases import LABEL, Database, run_psql

import irt_jax.database.schema
from irt_jax.database.address import find_address
from irt_jax.errors import UsageError

#: Everything that addresses, shells and regular expressions treat in a way of their own.
WEIRD = "p@ss:w/o?r#d&%41 '\"\\+$ü{}"


@pytest.fixture
def refused(capsys):
    """One line, exit code 5, no secret."""

    def check(result: tuple[int, str, str], *parts: str) -> str:
        code, printed, errors = result
        assert (code, printed) == (5, ""), errors
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1
        assert "Traceback" not in errors
        for part in parts:
            assert part in errors
        return errors

    return check


@pytest.fixture(scope="session")
def locked(server) -> dict[str, object]:
    """A user with a password, whom pg_hba asks for it."""
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute("SET password_encryption = 'scram-sha-256'")
        connection.execute(sql.SQL("CREATE ROLE locked LOGIN PASSWORD {}").format(WEIRD))
        file = Path(connection.execute("SHOW hba_file").fetchone()[0])
        file.write_text("local all locked scram-sha-256\n" + file.read_text())
        connection.execute("SELECT pg_reload_conf()")
    return {**server, "user": "locked"}


def url(parameters, password: str) -> str:
    host = quote(str(parameters["host"]), safe="")
    return (
        f"postgresql://locked:{quote(password, safe='')}@/{parameters['dbname']}?host={host}&port={parameters['port']}"
    )


def test_a_wrong_password_is_not_repeated(locked, migrated_bank, call, run, refused):
    parameters = {**locked, "dbname": migrated_bank.parameters["dbname"]}
    wrong = "wr0ng" + WEIRD
    for address in (url(parameters, wrong), psycopg.conninfo.make_conninfo(**parameters, password=wrong)):
        errors = refused(
            call("load", run, "--database-url", address), 'password authentication failed for user "locked"'
        )
        for secret in (wrong, quote(wrong), quote(wrong, safe=""), "wr0ng"):
            assert secret not in errors


def test_the_right_password_from_each_of_its_places(locked, migrated_bank, call, run, refused, monkeypatch, tmp_path):
    """Past the door, the user has no rights."""
    parameters = {**locked, "dbname": migrated_bank.parameters["dbname"]}
    denied = "permission denied for schema shared_irt"
    said = [refused(call("load", run, "--database-url", url(parameters, WEIRD)), denied, "roles.sql")]
    monkeypatch.setenv("DATABASE_URL", url(parameters, WEIRD))
    said.append(refused(call("load", run), denied))
    monkeypatch.setenv("DATABASE_URL", psycopg.conninfo.make_conninfo(**parameters))
    monkeypatch.setenv("PGPASSWORD", WEIRD)
    said.append(refused(call("load", run), denied))
    monkeypatch.delenv("PGPASSWORD")
    passwords = tmp_path / "pgpass"
    escaped = WEIRD.replace("\\", "\\\\").replace(":", "\\:")
    passwords.write_text(f"*:*:*:locked:{escaped}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    said.append(refused(call("load", run), denied))
    said.append(refused(call("export", "--out", tmp_path / "out", "--window-label", LABEL), denied))
    assert len(said) == 5
    for secret in (WEIRD, quote(WEIRD), quote(WEIRD, safe="")):
        assert not any(secret in errors for errors in said)


@pytest.mark.parametrize(
    "address",
    [
        "postgres//user:s3cret@host/db",
        "postgresql://user:s3cret/x@host/db",
        "postgresql://user:12/s3cret@host/db",
        "postgresql://user:pa@s3cret@host/db",
        "postgresql://user:%zzs3cret@host/db",
        "postgresql+psycopg://user:s3cret@host/db",
        "host=h password='s3cret",
        "host=h s3cret",
        "s3cret",
    ],
)
def test_a_malformed_address_is_not_repeated(call, run, address):
    code, printed, errors = call("load", run, "--database-url", address)
    assert (code, printed) == (2, "")
    assert "s3cret" not in errors
    assert errors.count("\n") == 1
    assert "percent-encoded" in errors


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_password_survives_the_address_and_is_hidden(password):
    address = find_address(f"postgresql://user:{quote(password, safe='')}@host/db", {})
    assert address.parameters["password"] == password
    if password not in "*** ":
        for form in (password, quote(password, safe="")):
            assert password not in address.hide(f"<{form}>") or password in "<***>"


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=8))
def test_an_unencoded_password_is_read_as_it_is_or_refused(password):
    """Never cut into a host, a port or a database's name, which error messages would repeat."""
    try:
        parameters = find_address(f"postgresql://user:{password}@host/db", {}).parameters
    except UsageError as error:
        parameters = {"host": "host", "dbname": "db", "message": str(error)}
    assert (parameters["host"], parameters["dbname"]) == ("host", "db")
    assert password not in parameters.get("message", "")


def test_no_address(call, run):
    code, _, errors = call("load", run)
    assert code == 2
    assert "DATABASE_URL" in errors


def test_nobody_listens(call, run, tmp_path, refused):
    errors = refused(call("load", run, "--database-url", "postgresql://u:s3cret@127.0.0.1:1/db"), "Connection refused")
    assert "s3cret" not in errors
    errors = refused(call("load", run, "--database-url", f"host={tmp_path}"), "No such file or directory")
    assert errors.startswith("error: ")


def test_no_such_database_and_no_schema(empty, call, run, refused, tmp_path):
    gone = Database({**empty.parameters, "dbname": "nowhere"})
    refused(call("load", run, "--database-url", gone.url), 'database "nowhere" does not exist')
    missing = "found no items, windows, item_calibration, drift_alerts, item_parameters_current"
    refused(call("load", run, "--database-url", empty.url), missing, "--init")
    refused(call("export", "--database-url", empty.url, "--out", tmp_path / "out"), "found no items", "--init")
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_server(bank, call, run, refused):
    url = psycopg.conninfo.make_conninfo(**bank.parameters, options="-c default_transaction_read_only=on")
    before = bank.everything()
    refused(call("load", run, "--database-url", url, "--window-label", LABEL), "read-only transaction", "primary")
    assert bank.everything() == before


def test_the_roles_can_do_their_work_and_no_more(migrated_bank, call, run, refused, tmp_path):
    bank = migrated_bank
    name = bank.parameters["dbname"]
    with bank.connect() as connection:
        for role in ("exporter", "loader"):
            connection.execute(f"DROP ROLE IF EXISTS {role}")
            connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    roles = Path(irt_jax.database.schema.SQL) / "roles.sql"
    for _ in range(2):
        done = run_psql(bank.parameters, "-v", "exporter=exporter", "-v", "loader=loader", "-f", str(roles))
        assert (done.returncode, done.stderr) == (0, "")
    exporter, loader = (Database({**bank.parameters, "user": role}) for role in ("exporter", "loader"))
    out = ("--out", tmp_path / "out", "--window-label", LABEL)
    assert call("export", "--database-url", exporter.url, *out)[0] == 0
    assert call("export", "--database-url", exporter.url, *out, "--group-col", "lang", "--overwrite")[0] == 0
    assert call("load", run, "--database-url", loader.url, "--window-label", LABEL, "--promote")[0] == 0
    assert call("load", run, "--database-url", loader.url, "--window-label", LABEL, "--promote")[0] == 0
    refused(call("load", run, "--database-url", exporter.url), "permission denied", "roles.sql")
    refused(
        call("export", "--database-url", loader.url, *out, "--overwrite"), "permission denied for table item_responses"
    )
    refused(call("load", "--migrate", "--database-url", loader.url), "must be owner of table item_calibration")
    for query in (
        "DELETE FROM shared_irt.item_calibration",
        "SELECT stem FROM shared_irt.items",
        "DROP TABLE shared_irt.windows",
    ):
        for user in (exporter, loader):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                user.rows(query)
