"""Structured logs on standard error: JSON lines, or text on a terminal.

Our own lines say nothing secret. What libraries write is not ours to promise: their lines are written without their
text, and every exception without its text (`tracebacks`).
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import structlog

from signroom.cli import tracebacks

log = structlog.get_logger()

_OURS = "signroom"
_CONSTANT = frozenset({"uvicorn.error"})
"""Loggers whose messages without arguments are constants of their code."""


def configure_logs(level: int = logging.INFO) -> None:
    """Send our records and those of the libraries through one formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=tracebacks.write)]
        if sys.stderr.isatty()
        else [
            structlog.processors.ExceptionRenderer(tracebacks.describe),
            structlog.processors.JSONRenderer(),
        ]
    )
    # Our own lines go straight to the file: the way through the library of Python costs three times as much.
    structlog.configure(
        processors=[*shared, *renderers],
        logger_factory=lambda *_names: Lines(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _without_text],
            use_get_message=False,
            pass_foreign_args=True,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderers,
            ],
        )
    )
    handler.addFilter(_is_wanted)
    logging.raiseExceptions = False  # a line that cannot be formatted would be written with its arguments
    logging.captureWarnings(True)
    _take_over_uncaught()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("signroom").setLevel(level)


class Lines:
    """Writes lines to a file, each as a whole, from any thread. A line that cannot be written is lost."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, line: str) -> None:
        """Written when this returns, with all lines before it."""
        with _WRITING, suppress(OSError, ValueError):
            self._file.write("".join([*_taken(), f"{line}\n"]))
            self._file.flush()

    def later(self, line: str) -> None:
        """Written within some hundredths of a second, once `write_lines_apart` was called."""
        if not _apart.is_set():
            self.msg(line)
        elif len(_LATER) < _MOST_LATER:
            _LATER.append(f"{line}\n")
            if not _news.is_set():
                _news.set()

    log = warning = error = critical = msg
    debug = info = later


_WRITING = threading.Lock()
"""Each module has a logger of its own, and all write to the same file."""
_LATER: deque[str] = deque()
"""Lines of what went as it should, for the thread that writes them."""
_MOST_LATER = 20_000
"""A reader of our log who stands still holds nobody up. What comes beyond this many lines is lost."""
_GATHERING_SECONDS = 0.02
_apart, _news = threading.Event(), threading.Event()


def write_lines_apart() -> None:
    """Let a thread write the lines of what goes as it should, some at once.

    Each write waits for the disk, or for whoever reads our log; the loop that answers would stand still meanwhile. Who
    ends the process by `os._exit` calls `write_what_is_left` before.
    """
    if not _apart.is_set():
        _apart.set()
        atexit.register(write_what_is_left)
        threading.Thread(target=_write_again_and_again, name="signroom-log", daemon=True).start()


def write_what_is_left() -> None:
    """Write the lines that the thread has not written yet."""
    with _WRITING, suppress(OSError, ValueError):
        sys.stderr.write("".join(_taken()))
        sys.stderr.flush()


def _write_again_and_again() -> None:
    while True:
        _news.wait()
        time.sleep(_GATHERING_SECONDS)
        _news.clear()
        write_what_is_left()


def _taken() -> Iterator[str]:
    """Take the lines that wait, oldest first. Only for whoever holds `_WRITING`."""
    for _ in range(len(_LATER)):
        yield _LATER.popleft()


def _begin_alone() -> None:
    """A forked process has no such thread, and the lines that wait are its parent's."""
    _apart.clear()
    _LATER.clear()
    _WRITING.release()


# As Python's own `logging` does: a lock that another thread holds at that moment would be held for ever in the child.
os.register_at_fork(before=_WRITING.acquire, after_in_parent=_WRITING.release, after_in_child=_begin_alone)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Below a warning libraries write what they work on, whatever level somebody gives their loggers."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] == _OURS


def _without_text(_logger: Any, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A line of a library: where it was written, and its text only as far as that is a constant of its code."""
    record: logging.LogRecord = line["_record"]
    constant = bool(line.pop("positional_args", None)) or record.name in _CONSTANT
    line["event"] = str(record.msg) if constant else "library.message"
    line["logger"] = record.name
    line["where"] = f"{Path(record.pathname).name}:{record.lineno}"
    line.pop("stack_info", None)
    return line


def _take_over_uncaught() -> None:
    """Python would write exceptions that nobody caught to standard error, text and all."""

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("process.crashed", exc_info=(kind, error, trace))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        error = args.exc_value or args.exc_type()
        log.error("thread.crashed", exc_info=(args.exc_type, error, args.exc_traceback))

    def unraisable(args: Any) -> None:
        error = args.exc_value or args.exc_type()
        log.error("process.unraisable", exc_info=(args.exc_type, error, args.exc_traceback))

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable
