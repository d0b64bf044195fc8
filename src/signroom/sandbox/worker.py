"""What runs in a limited process: it is loaded there, so nothing of the service may come with it."""

from __future__ import annotations

import ctypes
import gc
import importlib
import logging
import os
import pickle
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_MEMORY = 1536 << 20
"""Address space of a worker in bytes: 200,000 objects need some 250 MB, a bomb needs more than this."""
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""New objects until Python looks for garbage that refers to itself, at most some 10 MB. Its own number, 700, doubles
what a file with 200,000 objects costs, none of which is garbage."""
_MORE_THAN_BEFORE = 32 << 20
"""Bytes that a worker may keep after a task. What is beyond is given back to the system: it takes some milliseconds."""
_WORN = 300 << 20
"""Bytes that a worker has kept although it gave back what it could: four times as many as after its start."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of `mallopt` in the GNU C library."""
_AT_HAND = 8 << 20
"""Bytes of a piece of memory that is used again instead of being asked for anew: a picture of a page has some 1 MB."""
LIBRARIES = (
    "signroom.formats.pdf.visible.appearance",
    "signroom.formats.pdf.format",
    "signroom.formats.pdf.preview",
)


class Within(Generic[P, R]):
    """`function` with a clock of its own: SIGPROF ends the worker when it has used `seconds` of the processor."""

    def __init__(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> None:
        self._seconds, self._function, self._args, self._kwargs = seconds, function, args, kwargs

    def __call__(self) -> R:
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        try:
            return self._function(*self._args, **self._kwargs)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            give_back_memory()


def work(connection: Connection, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Prepare this process, say that it is ready, and do one task after the other until the pipe is closed."""
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        prepare(*arguments)
        connection.send_bytes(b"ready")
        while True:
            connection.send_bytes(_outcome(connection.recv_bytes()))


def _outcome(call: bytes) -> bytes:
    """The result of a task, the error that it raised, that error's frames and whether this process is worn."""
    try:
        value = pickle.loads(call)()  # noqa: S301  (of the process that has started this one)
        return _packed(value, None, "")
    except Exception as error:  # noqa: BLE001  (whoever has sent it decides)
        frames = traceback.format_exc()
        try:
            return _packed(None, error, frames)
        except Exception as unfit:  # noqa: BLE001  (an error that cannot be sent; its class says something)
            return _packed(None, RuntimeError(type(unfit).__name__), frames)


def _packed(value: object, error: Exception | None, frames: str) -> bytes:
    return pickle.dumps((value, error, frames, _Kept.size > _WORN), pickle.HIGHEST_PROTOCOL)


def prepare_worker(parent: int, lower: int) -> None:
    """Limit this process and load its libraries. It ends when the process `parent` does.

    Its priority is `lower` by so much than the parent's.
    """
    os.nice(lower)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.getLogger("pikepdf").setLevel(logging.CRITICAL + 1)  # what it thinks of a stranger's file fills no log
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # the libraries are no garbage, now or later
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 10, 10)
    _keep_memory_at_hand()
    give_back_memory()


def _keep_memory_at_hand() -> None:
    """Let the C library use the memory of one picture for the next one.

    By its own rules it gives such a piece back at once, and the system empties each page of the next one: that takes
    longer than to draw a simple page. `give_back_memory` gives back what is too much. A system without `mallopt` has
    rules of its own.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _AT_HAND)
        mallopt(_M_TRIM_THRESHOLD, _MORE_THAN_BEFORE)


class _Kept:
    """How many bytes of memory this process had when it last gave some back."""

    size = 0


def give_back_memory() -> None:
    """The C library keeps what a large file has needed, so the next large file would need more.

    A system without `malloc_trim` does it by itself, or not at all.
    """
    if _resident() > _Kept.size + _MORE_THAN_BEFORE:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if _Kept.size and trim is not None:
            trim(0)
        _Kept.size = _resident()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would live for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
