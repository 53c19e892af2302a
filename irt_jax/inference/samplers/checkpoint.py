"""A checkpoint beside the output folder: a killed run goes on where it was, to the same draws.

Finished blocks are files of their own, written once; the sampler's state is small and replaced whole,
so that whatever moment a run is killed in, the folder holds a state and the draws that led to it.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from irt_jax.errors import InputError, Interrupted, OutputError, first_line
from irt_jax.inference.samplers.checkpoint_files import DAMAGED, OWN, STATE_FILE, refuse_other_forms
from irt_jax.runtime import signals
from irt_jax.runtime.stopwatch import Stopwatch

#: Seconds between two checkpoints of an undisturbed run.
EVERY_SECONDS = 30.0
#: When sampling ends, the last draws are kept too, as what follows may be long and take much memory; not if they took
#: less than this many seconds and are more than this many bytes.
SOON_SECONDS, MANY_BYTES = 5.0, 1 << 28

Block = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


class Saved(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        state: the sampler's state.
        done: iterations per chain finished, warm-up counted.
        blocks: kept draws (values, statistics) in order.
        timings: seconds spent so far.
    """

    state: Any
    done: int
    blocks: list[Block]
    timings: dict[str, float]


class Checkpoint:
    """Keeps a run's state and draws in a folder, and remembers whether a signal asked for the end.

    Args:
        folder: where it lies, beside the output folder.
        fingerprint: what the run is: data hash, options, versions. Another run's checkpoint is refused.
        resume: go on from what the folder holds; otherwise what it holds is discarded.
        stopwatch: of the run; the time of earlier runs is added to it.

    Attributes:
        about: further arrays that the draws depend on, kept with them; those of the run that is gone on from.

    Raises:
        InputError: `resume` and there is nothing to resume from, or it belongs to another run.
    """

    def __init__(
        self, folder: Path, fingerprint: dict[str, Any], *, resume: bool = False, stopwatch: Stopwatch | None = None
    ) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self.resume = resume
        self.about: dict[str, np.ndarray] = {}
        self._stopwatch = stopwatch or Stopwatch()
        self._requested: int | None = None
        self._chunks = 0
        self._unsaved: list[Block] = []
        self._last = time.monotonic()
        if resume:
            self._check()

    @contextmanager
    def deferred_signals(self) -> Iterator[None]:
        """Inside, SIGINT and SIGTERM end the run after the current block; a second one at once.

        The commands have handlers of their own, which are told to wait; other programs get theirs back.
        """
        if signals.listening():
            with signals.held():
                yield
            return
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, _: FrameType | None) -> None:
            self._requested = number
            signal.signal(number, signal.SIG_DFL)

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def load(self, like: Any) -> Saved | None:
        """What to go on from, or None for a fresh start (which discards what the folder held).

        Args:
            like: a state of the same run, for its structure and its places on the devices.
        """
        self._last = time.monotonic()  # compiling may have taken long
        if not self.resume:
            self.discard()
            return None
        try:
            with (self.folder / STATE_FILE).open("rb") as stream, np.load(stream) as file:
                meta = json.loads(str(file["meta"]))
                leaves = [file[f"leaf{i}"] for i in range(meta["leaves"])]
            blocks = [_read_block(self._chunk(i)) for i in range(meta["chunks"])]
            templates, structure = jax.tree.flatten(like)
            refuse_other_forms(leaves, [np.shape(_plain(leaf)) for leaf in templates], blocks)
            saved = Saved(
                jax.tree.unflatten(structure, map(_restore, leaves, templates)),
                int(meta["done"]),
                blocks,
                {str(name): float(seconds) for name, seconds in meta["timings"].items()},
            )
        except DAMAGED as error:
            raise InputError(
                f"The checkpoint {self.folder} is incomplete: {first_line(error).rstrip('.')}.",
                "Run without --resume to start anew.",
            ) from error
        self._chunks = meta["chunks"]
        return saved

    def keep(self, state: Any, done: int, block: Block | None, timings: dict[str, float]) -> None:
        """Take a finished block; write when it is time or when a signal came.

        Raises:
            Interrupted: a signal came; everything up to here lies in the folder.
            OutputError: the folder cannot be written.
        """
        if block is not None:
            self._unsaved.append(block)
        number = self._asked()
        if number is None and time.monotonic() - self._last < EVERY_SECONDS:
            return
        self._save(state, done, timings)
        if number is not None:
            raise Interrupted(number, self._advice())

    def finish(self, state: Any, done: int, timings: dict[str, float]) -> None:
        """Sampling is over: keep what was drawn since the last time, before what follows, if there is room for it."""
        size = sum(array.nbytes for block in self._unsaved for part in block for array in part.values())
        if self._unsaved and (time.monotonic() - self._last > SOON_SECONDS or size < MANY_BYTES):
            with suppress(OutputError):
                self._save(state, done, timings)
        self._unsaved = []

    def _asked(self) -> int | None:
        return self._requested if self._requested is not None else signals.came()

    def _advice(self) -> str:
        return signals.advice(f"Run the same command with --resume to go on from {self.folder}.")

    def _save(self, state: Any, done: int, timings: dict[str, float]) -> None:
        try:
            self._write(state, done, timings)
        except OSError as error:
            with suppress(OSError):
                self.folder.rmdir()  # if it was made for this
            raise OutputError(
                f"The checkpoint {self.folder} could not be written: {error.strerror or error}.",
                "Free some space or choose another --out.",
            ) from error
        self._last = time.monotonic()
        signals.advise(self._advice())

    def discard(self) -> None:
        """Remove what is in the folder: the run starts anew."""
        discard(self.folder)
        self._chunks, self._unsaved = 0, []
        signals.advise(signals.AGAIN)

    def _check(self) -> None:
        try:
            with (self.folder / STATE_FILE).open("rb") as stream, np.load(stream) as file:
                meta = json.loads(str(file["meta"]))
                found = dict(meta["fingerprint"])
                spent = {name: float(meta["spent"][name]) for name in ("total_s", "runs")} if "spent" in meta else None
                self.about = {name[6:]: file[name] for name in file.files if name.startswith("about:")}
        except FileNotFoundError as error:
            raise InputError(
                f"--resume found no checkpoint in {self.folder}.", "Run without --resume to start anew."
            ) from error
        except DAMAGED as error:
            raise InputError(
                f"The checkpoint {self.folder} is damaged: {STATE_FILE} cannot be read.",
                "Run without --resume to start anew.",
            ) from error
        differing = sorted(k for k in self.fingerprint if found.get(k) != self.fingerprint[k])
        if differing:
            raise InputError(
                f"The checkpoint {self.folder} belongs to another run; these differ: {', '.join(differing)}.",
                "Repeat the command that was interrupted, or run without --resume to start anew.",
            )
        if spent is not None:
            self._stopwatch.go_on(spent)
        signals.advise(self._advice())

    def _chunk(self, number: int) -> Path:
        return self.folder / f"draws-{number:06d}.npz"

    def _write(self, state: Any, done: int, timings: dict[str, float]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._unsaved:
            values, stats = join_blocks(self._unsaved)
            arrays = {f"v:{k}": v for k, v in values.items()} | {f"s:{k}": v for k, v in stats.items()}
            _replace(self._chunk(self._chunks), arrays)
            self._chunks += 1
            self._unsaved = []
        leaves = [np.asarray(_plain(leaf)) for leaf in jax.tree.leaves(state)]
        meta = {
            "fingerprint": self.fingerprint,
            "leaves": len(leaves),
            "done": done,
            "chunks": self._chunks,
            "timings": timings,
            "spent": self._stopwatch.spent(),
        }
        arrays = {f"leaf{i}": leaf for i, leaf in enumerate(leaves)}
        arrays |= {f"about:{name}": array for name, array in self.about.items()}
        _replace(self.folder / STATE_FILE, {**arrays, "meta": np.array(json.dumps(meta))})


def discard(folder: Path) -> None:
    """Remove a checkpoint: the run is complete. What is not its own stays where it is.

    Args:
        folder: of the checkpoint; it need not exist.
    """
    with suppress(OSError):
        (folder / STATE_FILE).unlink(missing_ok=True)  # first: without it nothing is gone on from
        for name in os.listdir(folder):
            if OWN.fullmatch(name):
                (folder / name).unlink()
        folder.rmdir()


def told_if_kept(folder: Path, error: OutputError) -> OutputError:
    """The error of a result that could not be written, with where its draws are, if they are kept.

    Args:
        folder: of the checkpoint.
        error: as it is without one.
    """
    if not (folder / STATE_FILE).exists():
        return error
    kept = f"The draws are kept: the same command with --resume goes on from {folder}."
    return OutputError(error.problem, f"{error.remedy.removeprefix('Nothing was left behind. ')} {kept}")


def join_blocks(blocks: list[Block]) -> Block:
    """Blocks of draws one after the other, along the second axis (chain, draw, ...)."""
    values, stats = zip(*blocks, strict=True)
    joined = [
        {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]} for parts in (values, stats)
    ]
    return joined[0], joined[1]


def _read_block(path: Path) -> Block:
    with path.open("rb") as stream, np.load(stream) as file:  # NumPy leaves what is damaged open
        arrays = {name: file[name] for name in file.files}
    parts = [{k[2:]: v for k, v in arrays.items() if k.startswith(kind)} for kind in ("v:", "s:")]
    return parts[0], parts[1]


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _restore(leaf: np.ndarray, template: Any) -> Any:
    array = jax.random.wrap_key_data(jnp.asarray(leaf)) if _is_key(template) else leaf
    return jax.device_put(array, template.sharding)


def _replace(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a file whole: beside it first, then renamed over it."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        with beside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
