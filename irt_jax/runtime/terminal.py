"""What goes to the terminal: text that cannot steer it, through streams that may be closed or full.

Ids come from other people's files. A control character in one could rewrite what stands on the screen, and a character
that turns the direction of writing could show other numbers than there are: such characters are written as escapes.
"""

import io
import os
import re
import select
import sys
from contextlib import suppress
from typing import Any

import typer

#: Control and format characters, line and paragraph separators, and halves of surrogates; not the joiners that scripts
#: need. Tabs and line ends are ours where a text has several lines.
_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_UNSAFE = re.compile(f"[{_CONTROLS}\ud800-\udfff\U000e0000-\U000e007f]")
_UNSAFE_LINE = re.compile(f"[\t\n{_UNSAFE.pattern[1:]}")
#: Characters of an id in a table or a sentence.
LONGEST_ID = 60
#: Characters of an error.
LONGEST_LINE = 4_000


def safe(text: str) -> str:
    """Write what could steer a terminal as escapes, as Python writes them; line ends and tabs stay.

    Args:
        text: of one line or several.
    """
    return _UNSAFE.sub(_escaped, text)


def shown(value: object, longest: int = LONGEST_ID) -> str:
    """An id, or another word of the user's, on one line and not too long.

    Args:
        value: the id.
        longest: characters, before they are escaped.
    """
    text = str(value)
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return _UNSAFE_LINE.sub(_escaped, cut)


def say(text: str, *, err: bool = False) -> None:
    """Print a line, or several; every line that a command prints goes through here or through a console.

    Args:
        text: of it.
        err: on standard error.
    """
    typer.echo(safe(text), err=err)


def complain(text: str) -> None:
    """Print an error, on one line of standard error."""
    line = " ".join(text.split())
    if len(line) > LONGEST_LINE:  # a value of the user's, which may be of any length
        line = f"{line[: LONGEST_LINE // 2]}… {len(line) - LONGEST_LINE:,} characters …{line[-LONGEST_LINE // 2 :]}"
    say(f"error: {line}", err=True)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    short = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(found[0])
    return short or (
        f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
    )


class _Sink(io.RawIOBase):
    """A file descriptor that takes everything: after an error it forgets what it is given, and remembers the error."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.error: OSError | None = None

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        while self.error is None:
            try:
                return os.write(self._descriptor, content)
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.error = error
        return len(memoryview(content).cast("B"))


class Streams:
    """Standard output and error for the time of a command, neither of which can end it.

    A reader that has seen enough (`| head`) is no error. A full disk is one, which `lost` tells at the end: what a run
    has written does not depend on it.
    """

    def __init__(self) -> None:
        self._open_the_closed()
        self._sinks: dict[str, _Sink] = {}
        self._before = {"stdout": sys.stdout, "stderr": sys.stderr}
        for name, stream in self._before.items():
            if stream is getattr(sys, f"__{name}__") and stream is not None:
                with suppress(OSError, ValueError):
                    setattr(sys, name, self._guarded(name, stream))

    def _guarded(self, name: str, stream: Any) -> io.TextIOWrapper:
        stream.flush()
        self._sinks[name] = _Sink(stream.fileno())
        buffered = io.BufferedWriter(self._sinks[name])
        line_by_line = name == "stderr" or stream.isatty()
        return io.TextIOWrapper(buffered, stream.encoding, "backslashreplace", line_buffering=line_by_line)

    @staticmethod
    def _open_the_closed() -> None:
        """Where one of the three is closed, the next file that is opened would get its number, and what is printed."""
        for number in range(3):
            try:
                os.fstat(number)
            except OSError:
                with suppress(OSError):
                    os.open(os.devnull, os.O_RDWR)

    def lost(self) -> OSError | None:
        """What kept standard output from being written, other than a reader that has gone."""
        if sys.stdout is not None:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
        sink = self._sinks.get("stdout")
        return None if sink is None or isinstance(sink.error, BrokenPipeError) else sink.error
