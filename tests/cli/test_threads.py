"""The threads of the verbs: what ``asyncio.to_thread`` promises, with one future for each call."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from signroom.cli.serve import uvicorn_loop
from signroom.cli.threads import Threads

NAME: ContextVar[str] = ContextVar("NAME", default="")


class Broken(Exception):
    pass


def run(work: Callable[[Threads], Coroutine[Any, Any, Any]], count: int = 2) -> Any:
    """In the loop that serves, with `count` threads."""

    async def inside() -> Any:
        threads = Threads(count, "verbs")
        asyncio.get_running_loop().set_default_executor(threads)
        return await work(threads)

    with uvicorn_loop() as runner:
        return runner.run(inside())


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    opened = threading.Event()
    yield opened
    opened.set()


def test_a_call_has_the_loops_own_future_and_nothing_waits_for_it_in_between() -> None:
    async def work(_threads: Threads) -> None:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(None, threading.get_ident)

        assert type(future) is type(loop.create_future())
        assert future.get_loop() is loop
        assert await future != threading.get_ident()

    run(work)


def test_results_errors_and_the_context_come_through() -> None:
    def read() -> tuple[str, str]:
        return NAME.get(), threading.current_thread().name

    def fail() -> None:
        raise Broken("no")

    async def work(_threads: Threads) -> None:
        NAME.set("ana")

        assert await asyncio.to_thread(read) == ("ana", "verbs_0")
        with pytest.raises(Broken, match="no"):
            await asyncio.to_thread(fail)
        assert await asyncio.to_thread(int, "11", base=2) == 3

    run(work)


def test_threads_are_started_when_none_waits_and_never_more_than_the_most(gate: threading.Event) -> None:
    async def work(_threads: Threads) -> list[str]:
        for _ in range(5):  # one after the other: one thread
            await asyncio.to_thread(threading.get_ident)
        busy = [asyncio.ensure_future(asyncio.to_thread(gate.wait)) for _ in range(7)]
        await asyncio.sleep(0)
        names = sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("verbs_"))
        gate.set()
        assert await asyncio.gather(*busy) == [True] * 7
        return names

    assert run(work, 3) == ["verbs_0", "verbs_1", "verbs_2"]


def test_calls_begin_in_their_order_and_one_that_was_given_up_never(gate: threading.Event) -> None:
    begun: list[int] = []

    async def work(_threads: Threads) -> None:
        first = asyncio.ensure_future(asyncio.to_thread(gate.wait))
        calls = [asyncio.ensure_future(asyncio.to_thread(begun.append, number)) for number in range(5)]
        await asyncio.sleep(0)
        calls[1].cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *calls, return_exceptions=True)

        assert calls[1].cancelled()

    run(work, 1)

    assert begun == [0, 2, 3, 4]


def test_a_call_that_has_begun_ends_though_nobody_waits_and_its_error_is_nobodys(gate: threading.Event) -> None:
    said: list[object] = []

    def fail() -> None:
        gate.wait()
        raise Broken

    async def work(_threads: Threads) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, about: said.append(about))
        waiting = asyncio.ensure_future(asyncio.to_thread(fail))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        await asyncio.to_thread(threading.get_ident)

    run(work, 1)

    assert said == []


def test_the_end_of_the_loop_waits_for_calls_and_ends_the_threads() -> None:
    done: list[str] = []

    async def work(threads: Threads) -> Threads:
        begun = threading.Event()

        def slow() -> None:
            begun.set()
            done.append("slow")

        calls = [asyncio.ensure_future(asyncio.to_thread(slow)) for _ in range(2)]
        await asyncio.to_thread(begun.wait)
        assert len(calls) == 2
        return threads

    ended: Threads = run(work)

    assert done == ["slow", "slow"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("verbs_")]
    with pytest.raises(RuntimeError, match="ended"):
        ended.submit(print)


def test_what_a_call_had_in_hand_is_let_go_of_without_a_search_for_garbage() -> None:
    class Large:
        pass

    def take(_one: Large, *, fails: bool) -> None:
        if fails:
            raise Broken

    async def work(_threads: Threads) -> list[weakref.ref[Large]]:
        held = []
        for fails in (False, True):
            large = Large()
            held.append(weakref.ref(large))
            try:
                await asyncio.to_thread(take, large, fails=fails)
            except Broken:
                assert fails
            del large
        await asyncio.to_thread(threading.get_ident)  # the thread has gone on
        return held

    gc.collect()
    gc.disable()
    try:
        assert [one() for one in run(work, 1)] == [None, None]
    finally:
        gc.enable()
