"""The threads that run the verbs, for ``asyncio.to_thread``.

The executor of Python's library makes a future of its own for each call, with a lock, and asyncio makes a second one
that waits for it. Here a call has one future, the loop's, and one message back to the loop (docs/decisions/0073).
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from queue import SimpleQueue
from typing import Any

_Call = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Threads(Executor):
    """At most `count` threads, each of which is started when a call finds no thread that waits for one.

    Calls are begun in the order in which they come. All are made by a coroutine of a running loop.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._waiting: deque[None] = deque()
        """One for each thread that waits for a call. Appending and popping are safe between threads."""
        self._ended = False

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """The future is the running loop's: ``asyncio.wrap_future`` gives such a one back as it is.

        A call whose future is cancelled before a thread takes it is never begun. Raises: RuntimeError after
        `shutdown`, and where no loop runs.
        """
        if self._ended:
            raise RuntimeError("the threads have ended")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._calls.put((loop, future, call, args, named))
        try:
            self._waiting.pop()
        except IndexError:
            if len(self._threads) < self._count:
                self._start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and end each thread once all calls before this one are done. With `wait` return after.

        With `cancel_futures` calls that no thread has taken are dropped.
        """
        self._ended = True
        while cancel_futures and not self._calls.empty():
            self._calls.get()
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _start(self) -> None:
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (taken := self._calls.get()) is not None:
            _run(*taken)
            del taken  # what a call has in hand does not stay until the next one comes
            self._waiting.append(None)


def _run(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    call: Callable[..., Any],
    args: tuple[Any, ...],
    named: dict[str, Any],
) -> None:
    if future.cancelled():
        return
    try:
        result = call(*args, **named)
    except BaseException as error:  # noqa: BLE001  (whoever waits gets it)
        _tell(loop, _fail, future, error)
        del future, call, args, named  # the error holds this frame: only the search for garbage would find them
    else:
        _tell(loop, _end, future, result)


def _tell(loop: asyncio.AbstractEventLoop, end: Callable[[asyncio.Future[Any], Any], None], *about: Any) -> None:
    try:
        loop.call_soon_threadsafe(end, *about)
    except RuntimeError:  # the loop is closed, and nobody waits
        if not loop.is_closed():
            raise


def _end(future: asyncio.Future[Any], result: Any) -> None:
    if not future.cancelled():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.cancelled():
        future.set_exception(error)
