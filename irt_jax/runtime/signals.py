"""Signals of a command: the first ends it cleanly, a second one at once, and no native call outlives them for long.

An exception that is raised from a signal's handler can be lost: callbacks of weak references and destructors swallow
every one. So the handler also leaves a mark, which is looked at between stages and before anything is put in place, and
what was lost is raised again. And a handler only runs between two steps of Python: where the main thread is in a native
call, such as a long compilation, a thread of its own ends the process. That is safe at any moment, for every output is
written beside its place and then renamed.

Programs that use the library keep their own handlers: nothing here happens unless a command asks for it.
"""

import _thread
import atexit
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from irt_jax.errors import Interrupted
from irt_jax.runtime import logs

NUMBERS = (signal.SIGINT, signal.SIGTERM)
#: Seconds after a signal in which the main thread must have taken notice, and then those for what it has to put away.
GRACE_SECONDS, FAREWELL_SECONDS = 8.0, 30.0
#: A second signal so soon is the first once more: `timeout` and some shells send it to the process and to its group.
ONCE_SECONDS = 0.5
#: Seconds until a lost exception is raised again: after the callback that swallowed it.
LOST_SECONDS = 0.02
AGAIN = "Run the same command again."


class _State:
    """What came, and how far the command is. Of a class for the tests' sake: `listen` begins with a new one."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.raised = False
        self.held = 0
        self.finished = False
        self.advice = AGAIN
        self.settled = False


_state = _State()
_wake: list[int] = []


def listen() -> None:
    """Have SIGINT and SIGTERM end this command; only the main thread can ask for that."""
    global _state  # noqa: PLW0603
    if threading.current_thread() is not threading.main_thread():
        return
    _state = _State()
    for number in NUMBERS:
        signal.signal(number, _handle)
    if not _wake:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        _wake.append(writer)
        threading.Thread(target=_watch, args=(reader,), name="irt-jax signals", daemon=True).start()
        atexit.register(_ignore)  # the exit code is settled, and the interpreter's end takes a while
    signal.set_wakeup_fd(_wake[0], warn_on_full_buffer=False)


def listening() -> bool:
    """Whether a command has asked for signals to be handled here."""
    return signal.getsignal(signal.SIGTERM) is _handle


@contextmanager
def lost_ones_raised_again() -> Iterator[None]:
    """Within the block an interruption that a callback or a destructor swallowed is raised again soon."""
    before = sys.unraisablehook

    def hook(found: Any) -> None:
        if isinstance(found.exc_value, Interrupted) and _wake:
            _state.raised = False
            os.write(_wake[0], b"\0")
        else:
            before(found)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def advise(text: str, *, settled: bool = False) -> None:
    """Set what an interruption tells the user to do.

    Args:
        text: a sentence.
        settled: no later advice replaces it: the command knows better.
    """
    if settled or not _state.settled:
        _state.advice, _state.settled = text, settled


def advice(otherwise: str) -> str:
    """What an interruption tells the user to do, if the command has settled that.

    Args:
        otherwise: what it tells if not.
    """
    return _state.advice if _state.settled else otherwise


def came() -> int | None:
    """The signal that asked for the end, if one did and the result is not in place yet."""
    return None if _state.finished else _state.number


def check() -> None:
    """End here if a signal came.

    Raises:
        Interrupted: one did.
    """
    if came() is not None:
        raise interruption()


def interruption() -> Interrupted:
    """The exception for what came; from now on the command puts away what it has begun."""
    _state.raised = True
    return Interrupted(_state.number or signal.SIGTERM, _state.advice)


@contextmanager
def held() -> Iterator[None]:
    """Within the block a signal leaves its mark and raises nothing; `check` does, and so does the end of the block."""
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
    if not _state.held:
        check()


def finished() -> None:
    """The result is in place: a signal from here on no longer changes how the command ends."""
    _state.finished = True


def is_finished() -> bool:
    """Whether the result is in place."""
    return _state.finished


def forget() -> None:
    """The command is over."""
    _state.number = None
    _state.finished = True


def _handle(number: int, frame: FrameType | None) -> None:
    if _state.number is None:
        _state.number = number
    if _state.held or _state.finished or _state.raised:
        return
    if _wake and _importing(frame):  # native modules print what happens in their imports, or make other errors of it
        os.write(_wake[0], b"\0")
        return
    raise interruption()


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _watch(reader: int) -> None:
    """Read the signals as they come, which needs no step of the main thread."""
    first, since, own = 0, 0.0, 0
    while True:
        ready = select.select([reader], [], [], 0.1 if first else None)[0]
        for byte in os.read(reader, 64) if ready else b"":
            if byte == 0 and _state.number is not None:
                time.sleep(LOST_SECONDS)
                own += 1
                _thread.interrupt_main(signal.Signals(_state.number))
            elif own:
                own -= 1
            elif byte in NUMBERS and signal.getsignal(byte) is _handle:
                if first and time.monotonic() - since > ONCE_SECONDS:
                    _end(byte)
                if not first:
                    first, since = byte, time.monotonic()
        if first and not listening():
            first = 0  # a test has gone on
        if first and time.monotonic() - since > (FAREWELL_SECONDS if _state.raised else GRACE_SECONDS):
            _end(first)


def _end(number: int) -> None:
    """End the process now. Nothing is locked that the main thread may hold."""
    with suppress(OSError, ValueError):
        text = logs.last_words("Interrupted.", _state.advice, 128 + number)
        if os.isatty(2):
            text = "\x1b[?25h" + text  # progress bars hide the cursor
        if select.select([], [2], [], 0.0)[1]:
            os.write(2, text.encode())
    os._exit(128 + number)


def _ignore() -> None:
    for number in NUMBERS:
        with suppress(ValueError, OSError):
            signal.signal(number, signal.SIG_IGN)
