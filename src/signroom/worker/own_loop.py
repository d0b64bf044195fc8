"""An event loop for the runs of jobs, in their thread."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Here(asyncio.SelectorEventLoop):
    """Runs at once, in the thread that asks, what is to be moved to another thread.

    Its outcome is there when it is awaited, so that the loop has no turn for it.
    """

    def run_in_executor(self, _executor: object, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        outcome: asyncio.Future[T] = self.create_future()
        try:
            outcome.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  (raised where the outcome is awaited)
            outcome.set_exception(error)
        return outcome


class _Kept:
    """The loop that a thread keeps: to make one and to close it costs more than a small question to the database."""

    def __init__(self) -> None:
        self._loop: _Here | None = None

    def take(self) -> _Here:
        """Nobody else gets it until it is given back."""
        loop, self._loop = self._loop, None
        return loop or _Here()

    def give_back(self, loop: _Here) -> None:
        """It is not kept when it has tasks left: they would go on in the next run."""
        if self._loop is not None or asyncio.all_tasks(loop):
            loop.close()
        else:
            self._loop = loop

    def __del__(self) -> None:  # the thread has ended
        if self._loop is not None:
            self._loop.close()


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.kept = _Kept()


_MINE = _OfThread()


def on_own_loop(work: Coroutine[Any, Any, T], *, in_one_thread: bool = False) -> T:
    """Run `work` to its end.

    `in_one_thread`: what it moves to threads is run in this one, which is nobody else's. That is cheaper. It is not for
    work that waits for others with a deadline: nothing could end such a wait.
    """
    context = contextvars.copy_context()
    try:
        if in_one_thread:
            return _run_here(work, context)
        with asyncio.Runner() as runner:
            return runner.run(work, context=context)
    finally:
        # What the verb has bound is for the lines about its failure, too: they are written outside of the loop.
        for variable, value in context.items():
            variable.set(value)


def _run_here(work: Coroutine[Any, Any, T], context: contextvars.Context) -> T:
    loop = _MINE.kept.take()
    try:
        return loop.run_until_complete(loop.create_task(work, context=context))
    finally:
        _MINE.kept.give_back(loop)
