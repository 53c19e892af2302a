"""Seconds that JAX spends compiling, told apart from what runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from irt_jax.runtime.stopwatch import Stopwatch

#: What JAX reports; tracing is left out, for nested traces are reported twice.
EVENTS = ("/jax/core/compile/jaxpr_to_mlir_module_duration", "/jax/core/compile/backend_compile_duration")


@contextmanager
def compilation_apart(stopwatch: Stopwatch, stage: str) -> Iterator[None]:
    """Measure a stage, with the compilation inside it added to the stage "compile" instead.

    Args:
        stopwatch: takes both.
        stage: see `Stopwatch.measure`.
    """
    seconds = 0.0
    listening = True

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:  # noqa: ARG001
        nonlocal seconds
        if listening and event in EVENTS:
            seconds += duration_secs

    jax.monitoring.register_event_duration_secs_listener(listen)
    started = time.perf_counter()
    try:
        yield
    finally:
        listening = False
        stopwatch.add("compile", seconds)
        stopwatch.add(stage, time.perf_counter() - started - seconds)
        _forget(listen)


def _forget(listener: object) -> None:
    """JAX has had no public way to take one listener back in every version; a deaf one does no harm."""
    forget = getattr(jax.monitoring, "unregister_event_duration_listener", None)
    if forget is not None:
        forget(listener)
