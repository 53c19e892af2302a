"""The first signal ends a command whatever swallows exceptions, a second at once, and no native call delays it long."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from irt_jax.errors import Interrupted, IrtError
from irt_jax.runtime import signals
from irt_jax.runtime.stopwatch import Stopwatch

PROGRAM = """
import gc, hashlib, os, signal, sys, time, weakref
import typer
from irt_jax.cli import process
from irt_jax.runtime import signals
signals.GRACE_SECONDS = signals.FAREWELL_SECONDS = 0.5
app = typer.Typer(pretty_exceptions_enable=False)

def term():
    os.kill(os.getpid(), signal.SIGTERM)

@app.command()
def command():
{body}

process.run(app, as_json="--json" in sys.argv and bool(sys.argv.remove("--json") is None))
"""
NATIVE = "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)  # minutes without a step of Python"


def run(body: str, *arguments: str) -> tuple[int, str, str]:
    """A command of its own in a process: exit code, standard output, standard error."""
    program = PROGRAM.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    "))
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


SWALLOWED = {
    "except Exception": """
        for _ in range(3):
            try:
                term(); time.sleep(60)
            except Exception:
                print("swallowed")
    """,
    "a weak reference's callback": """
        class Thing: pass
        thing = Thing()
        watcher = weakref.ref(thing, lambda _: term())
        del thing
        time.sleep(60)
        print("swallowed")
    """,
    "a destructor": """
        class Thing:
            def __del__(self):
                term()
        Thing()
        while True:
            time.sleep(0.01)
    """,
    "a bare except, and the end of the command": """
        try:
            term(); time.sleep(60)
        except BaseException:
            pass
    """,
    "a bare except, and the next stage": """
        from irt_jax.runtime.stopwatch import Stopwatch
        try:
            term(); time.sleep(60)
        except BaseException:
            pass
        with Stopwatch().measure("write"):
            print("swallowed")
    """,
    "an extension that makes another error of it": """
        try:
            term(); time.sleep(60)
        except BaseException as error:
            raise ImportError("Encountered an error while initializing the extension.") from error
    """,
    "a native call": f"term() if False else signal.setitimer; os.popen(f'sleep .3; kill {{os.getpid()}}'); {NATIVE}",
}


@pytest.mark.parametrize("name", SWALLOWED)
def test_a_signal_ends_a_command_that_swallows_it(name):
    code, printed, errors = run(SWALLOWED[name])
    assert (code, printed) == (143, ""), errors
    assert errors == "error: Interrupted. Run the same command again.\n"


def test_a_hard_end_is_events_too():
    body = f"os.popen(f'sleep .3; kill {{os.getpid()}}'); signals.advise('Use --resume.'); {NATIVE}"
    code, _, errors = run(body, "--json")
    assert code == 143
    error, end = (json.loads(line) for line in errors.splitlines())
    assert (error["event"], error["message"], error["remedy"]) == ("error", "Interrupted.", "Use --resume.")
    assert (end["event"], end["exit_code"]) == ("exit", 143)


def test_a_second_signal_ends_at_once_and_one_that_is_sent_twice_is_one():
    waits = """
        signals.GRACE_SECONDS = 600
        with signals.held():
            term(); term()
            print("held", flush=True)
            time.sleep({seconds})
            term()
            time.sleep(600)
    """
    code, printed, _ = run(waits.format(seconds=1.0))
    assert (code, printed) == (143, "held\n")
    code, printed, errors = run(
        "with signals.held():\n    term(); term(); time.sleep(.2); print('on')\nprint('not here')"
    )
    assert (code, printed) == (143, "on\n")
    assert "Interrupted" in errors


def test_what_is_finished_keeps_its_exit_code():
    assert run("signals.finished(); term(); time.sleep(.1); print('told')")[:2] == (0, "told\n")
    code, _, _ = run("signals.finished(); term(); raise typer.Exit(4)")
    assert code == 4


def test_other_exceptions_on_the_way_out_do_not_change_the_code():
    code, _, errors = run("with signals.held():\n    term()\n    print(1 // 1)\n")
    assert code == 143
    assert "Traceback" not in errors


def test_an_interruption_is_no_exception_that_everybody_catches():
    stopped = Interrupted(15, "Go on.")
    assert not isinstance(stopped, Exception)
    assert (stopped.exit_code, str(stopped), stopped.remedy) == (143, "Interrupted. Go on.", "Go on.")
    assert not issubclass(Interrupted, IrtError)


def test_a_program_that_uses_the_library_keeps_its_handlers(small):
    import irt_jax

    before = [signal.getsignal(number) for number in signals.NUMBERS]
    was = signals.listening()
    irt_jax.calibrate(small.responses, method="mml")
    assert [signal.getsignal(number) for number in signals.NUMBERS] == before
    assert signals.listening() is was
    signals.check()


def test_the_time_of_a_resumed_run_is_that_of_all_its_runs():
    first, second, third = Stopwatch(), Stopwatch(), Stopwatch()
    second.go_on({**first.spent(), "total_s": 100.0})
    third.go_on(second.spent())
    third.add("sample", 60.0)
    timings = third.timings()
    assert timings["runs"] == 3
    assert timings["total_s"] >= 100.0
    assert first.timings()["runs"] == 1


def test_streams_that_break_do_not_end_a_run():
    body = """
        for _ in range(20_000):
            print("a line of the result")
        print("note", file=sys.stderr)
        signals.finished()
        raise typer.Exit(4)
    """
    program = PROGRAM.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    "))
    command = [sys.executable, "-c", program]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (4, "note\n")
    done = subprocess.run(command, stdout=writer, stderr=writer, check=False)
    assert done.returncode == 4
    done = subprocess.run(["/bin/sh", "-c", '"$@" >&- 2>&-', "sh", *command], check=False)
    assert done.returncode == 4
    os.close(writer)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize(("body", "code"), [("print('the result')", 3), ("signals.finished(); print('the files')", 0)])
def test_a_full_standard_output_is_told_and_matters_where_it_is_the_result(body, code):
    program = PROGRAM.format(body=f"    {body}")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == code
    assert done.stderr == "error: Standard output could not be written: No space left on device.\n"


def test_a_device_that_is_not_there_is_one_line(small, tmp_path):
    data = small.write(tmp_path / "data") / "responses.parquet"
    command = [
        sys.executable,
        "-m",
        "irt_jax.cli",
        "calibrate",
        str(data),
        "--method",
        "mml",
        "--out",
        str(tmp_path / "r"),
    ]
    environment = {**os.environ, "JAX_PLATFORMS": "tpu9"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: JAX_PLATFORMS=tpu9 asks for a device that JAX cannot use here")
    assert done.stderr.count("\n") == 1
