"""How a command runs, whatever becomes of it: one line for an error, an exit code, signals, streams that break."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from irt_jax.errors import InputError, Interrupted, IrtError, OutputError, UsageError
from irt_jax.runtime import logs, signals
from irt_jax.runtime.terminal import Streams, complain, say, shown

#: Errors of a path that nothing can be found under, which are raised where one only asks whether it is there.
UNUSABLE = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.ENOTDIR)

#: What JAX says of a variable with a value that it does not take.
_OF_VARIABLES = re.compile(r"for JAX flag jax_|for environment 'JAX_|^Unknown backend ")


def run(command: Callable[..., object], *, as_json: bool = False, advice: str = "") -> NoReturn:
    """Run a command of Typer's and end the process with its exit code.

    Args:
        command: the application, or a function that calls it with the arguments it is given.
        as_json: standard error is one JSON object a line.
        advice: what an interruption tells the user; by default to run the command again, or from its checkpoint.
    """
    streams = Streams()
    signals.listen()
    if advice:
        signals.advise(advice, settled=True)
    try:
        with signals.lost_ones_raised_again(), logs.logging_as("json" if as_json else "text"):
            code = _settled(_as_json(command) if as_json else _as_text(command), streams)
    except Interrupted as stopped:  # while the end was being told
        code = stopped.exit_code
    signals.forget()
    sys.exit(code)


def _as_json(command: Callable[..., object]) -> int:
    def called() -> int:
        code = _foreseen(lambda: command(standalone_mode=False))
        signals.check()
        return int(code) if isinstance(code, int) else 0

    return logs.exit_code_of(called)


def _as_text(command: Callable[..., object]) -> int:
    try:
        _foreseen(command)
    except SystemExit as ended:
        return int(ended.code or 0)
    except (IrtError, Interrupted) as error:
        complain(logs.without_secrets(str(error)))
        return error.exit_code
    except Exception:
        say(logs.without_secrets(traceback.format_exc().rstrip()), err=True)
        return 1
    return 0


def _foreseen(command: Callable[..., object]) -> object:
    """Call a command; what JAX says of a device that is not there, or of an interruption, becomes an error of ours."""
    try:
        return command()
    except Exception as error:
        if signals.came() is not None:  # native code makes other errors of it
            raise signals.interruption() from error
        if isinstance(error, OSError) and error.errno in UNUSABLE and error.filename is not None:
            path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
            raise InputError(f"{shown(path)} cannot be looked at: {error.strerror}.", "Check the path.") from error
        variables = sorted(name for name in os.environ if name.startswith("JAX_"))
        if variables and isinstance(error, ValueError | RuntimeError) and _OF_VARIABLES.search(str(error)):
            said = " ".join(str(error).split()).rstrip(".")
            raise UsageError(
                f"JAX cannot start as the environment says: {said}.", f"Look at {', '.join(variables)}."
            ) from error
        platform = os.environ.get("JAX_PLATFORMS")
        if not isinstance(error, RuntimeError | AssertionError) or not platform or _has_devices():
            raise
        said = " ".join(str(error).split(" (", 1)[0].split()).rstrip(".")
        raise UsageError(
            f"JAX_PLATFORMS={platform} asks for a device that JAX cannot use here{said and f': {said}'}.",
            "Unset it, or install what its device needs.",
        ) from error


def _has_devices() -> bool:
    """Whether JAX can start; it has been imported if its error is what is asked about."""
    jax = sys.modules.get("jax")
    if jax is None:
        return True
    try:
        return bool(jax.devices())
    except (RuntimeError, AssertionError):
        return False


def _settled(code: int, streams: Streams) -> int:
    """The exit code after a signal that nobody noticed, or with a standard output that could not be written."""
    number = signals.came()
    if number is not None and code in (0, 1, 4):
        stopped = signals.interruption()
        _tell(str(stopped))
        return stopped.exit_code
    lost = streams.lost()
    if lost is not None:
        _tell(f"Standard output could not be written: {lost.strerror}.")
        return code or (0 if signals.is_finished() else OutputError.exit_code)
    return code


def _tell(text: str) -> None:
    if logs.as_json():
        logs.event("error", "error", message=text)
    else:
        complain(text)
