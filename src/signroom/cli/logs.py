"""Structured logs on standard error: JSON lines, or text on a terminal.

Our own lines say nothing secret. What libraries write is not ours to promise: their lines are written without their
text, and every exception without its text (`tracebacks`).
"""

from __future__ import annotations

import atexit
import logging
import os
import select
import sys
import threading
from collections import deque
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
    handler = logging.StreamHandler(_ThroughLines(Lines(sys.stderr)))
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


def configure_command_logs() -> None:
    """For commands: lines go to the standard error, in structlog's own form but for exceptions.

    Its own form of those shows what the frames had in hand: secrets, contents of files.
    """
    *before, _renderer = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(colors=_colours(), exception_formatter=tracebacks.write)
    structlog.configure(processors=[*before, renderer], logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _colours() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


class Lines:
    """Writes lines to a file, each as a whole, from any thread. Lines that cannot be written are counted, and the log
    says how many they were as soon as it can be written again.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, line: str) -> None:
        """Written when this returns, with all lines before it, unless whoever reads them stands still."""
        if _apart.is_set():
            _wait_for(line)
            return
        _write_here(self._file, f"{line}\n")

    def later(self, line: str) -> None:
        """Written within some hundredths of a second, once `write_lines_apart` was called."""
        if _apart.is_set():
            _put(f"{line}\n")
        else:
            self.msg(line)

    log = warning = error = critical = msg
    debug = info = later


class _ThroughLines:
    """What a handler of Python's `logging` takes for its stream."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        self._lines.msg(text.removesuffix("\n"))

    def flush(self) -> None:
        """All is written already."""


_WRITING = threading.Lock()
"""Each module has a logger of its own, and all write to the same file."""
_LATER: deque[str | threading.Event] = deque()
"""Lines for the thread that writes them. An event is set when all before it are written."""
_MOST_LATER = 20_000
"""A reader of our log who stands still holds nobody up. What comes beyond this many lines is lost, and counted.
Warnings have as many places more."""
_GATHERING_SECONDS = 0.02
_PATIENCE_SECONDS = 1.0
"""For a warning to be written. After one has waited so long, the next ones do not wait until something was written."""
_LAST_SECONDS = 5.0
_apart, _news, _hurry, _stands_still = (threading.Event() for _ in range(4))


class _Lost:
    """Lines that were lost and that the log has not told of."""

    def __init__(self) -> None:
        self._count, self._lock = 0, threading.Lock()

    def add(self, count: int) -> None:
        if count:
            with self._lock:
                self._count += count

    def take(self) -> int:
        with self._lock:
            count, self._count = self._count, 0
        return count


_lost = _Lost()
_torn = False
"""Whether a line was begun and could not be ended. The next one begins on a line of its own."""


def write_lines_apart() -> None:
    """Let a thread write the lines: those of what goes as it should some at once, warnings and errors immediately.

    Each write waits for the disk, or for whoever reads our log; the loop that answers would stand still meanwhile. Who
    ends the process by `os._exit` calls `write_what_is_left` before.
    """
    if not _apart.is_set():
        _apart.set()
        atexit.register(write_what_is_left)
        threading.Thread(target=_write_until_it_fails, name=_THREAD, daemon=True).start()


def write_what_is_left() -> None:
    """Let the thread write what it has not written yet. Returns after five seconds at the latest."""
    if _apart.is_set():
        _asked_to_write().wait(_LAST_SECONDS)
    if not _apart.is_set():  # the thread ends, and may have some lines in hand
        for thread in threading.enumerate():
            if thread.name == _THREAD:
                thread.join(_LAST_SECONDS)


def _put(*items: str | threading.Event, most: int = _MOST_LATER) -> None:
    if len(_LATER) < most:
        _LATER.extend(items)
    else:
        _lost.add(sum(isinstance(item, str) for item in items))
    if not _news.is_set():
        _news.set()
    if not _apart.is_set():  # the thread has ended meanwhile
        _write_left([])


def _asked_to_write(*lines: str) -> threading.Event:
    """Set when `lines`, and all before them, are written."""
    written = threading.Event()
    _put(*lines, written, most=2 * _MOST_LATER)
    _hurry.set()
    return written


def _wait_for(line: str) -> None:
    written = _asked_to_write(f"{line}\n")
    is_writer = threading.current_thread().name == _THREAD
    if not is_writer and not _stands_still.is_set() and not written.wait(_PATIENCE_SECONDS):
        _stands_still.set()


def _write_until_it_fails() -> None:
    """After an error that nobody has thought of, each line is written by whoever says it, as before this thread."""
    in_hand: list[str | threading.Event] = []
    try:
        _write_again_and_again(in_hand)
    except BaseException:
        _apart.clear()
        _write_left(in_hand)
        log.exception("log.thread_ended")


def _write_again_and_again(in_hand: list[str | threading.Event]) -> None:
    """`in_hand` has what was taken and not written yet."""
    while True:
        _news.wait()
        _hurry.wait(_GATHERING_SECONDS)
        _news.clear()
        _hurry.clear()
        in_hand += [_LATER.popleft() for _ in range(len(_LATER))]
        lost = _write(sys.stderr, "".join(item for item in in_hand if isinstance(item, str)))
        _stands_still.clear()
        in_hand[:] = [item for item in in_hand if isinstance(item, threading.Event)]
        _lost.add(lost)
        if not lost:
            _tell_of_lost(sys.stderr)
        _set_events(in_hand)
        in_hand.clear()


def _write_left(in_hand: list[str | threading.Event]) -> None:
    """Write what the thread has left, `in_hand` first."""
    while _LATER:
        with suppress(IndexError):  # another one has taken it
            in_hand.append(_LATER.popleft())
    for item in in_hand:
        if isinstance(item, str):
            _write_here(sys.stderr, item)
    _set_events(in_hand)


def _set_events(items: list[str | threading.Event]) -> None:
    for item in items:
        if isinstance(item, threading.Event):
            item.set()


def _write_here(file: TextIO, line: str) -> None:
    """Write a line in the thread that says it."""
    with _WRITING:
        lost = _write(file, line)
        _lost.add(lost)
    if not lost:
        _tell_of_lost(file)


def _tell_of_lost(file: TextIO) -> None:
    """Write how many lines were lost, if any were. Where that cannot be written they stay counted."""
    lost = _lost.take()
    if not lost:
        return
    told = _Formatted()
    structlog.wrap_logger(told).warning("log.lines_lost", lines=lost)
    with _WRITING:
        untold = _write(file, told.text)
    if untold:
        _lost.add(lost)


class _Formatted:
    """Takes a line as the log formats it, for whoever has to know whether it was written."""

    text = ""
    """Empty where the log leaves lines of this level out."""

    def warning(self, line: str) -> None:
        self.text = f"{line}\n"


def _write(file: TextIO, text: str) -> int:
    """Past Python's own buffer: a process that is forked meanwhile would wait for its lock for ever. Returns how many
    lines were lost.
    """
    global _torn  # noqa: PLW0603
    octets = (b"\n" if _torn else b"") + text.encode("utf-8", "backslashreplace")
    left = memoryview(octets)
    try:
        descriptor = file.fileno()
    except (OSError, ValueError):  # it is no file of the system, or closed
        return _write_to_object(file, text)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:  # whoever shares our standard error has made it so, and its reader is slow
            _wait_for_room(descriptor)
        except OSError:
            written = len(octets) - len(left)
            if written:
                _torn = octets[written - 1 : written] != b"\n"
            return bytes(left).count(b"\n") - (not written and octets[:1] == b"\n")
    _torn = False
    return 0


def _wait_for_room(descriptor: int) -> None:
    poller = select.poll()
    poller.register(descriptor, select.POLLOUT)
    poller.poll()


def _write_to_object(file: TextIO, text: str) -> int:
    try:
        file.write(text)
        file.flush()
    except (OSError, ValueError):
        return text.count("\n")
    return 0


def _begin_alone() -> None:
    """A forked process has no such thread, and the lines that wait are its parent's."""
    global _WRITING, _lost
    _WRITING, _lost = threading.Lock(), _Lost()
    _apart.clear()
    _LATER.clear()


_THREAD = "signroom-log"
os.register_at_fork(after_in_child=_begin_alone)


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
