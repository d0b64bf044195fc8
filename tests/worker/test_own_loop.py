"""The event loop of one run of a job."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from signroom.worker.own_loop import on_own_loop

ABOUT = contextvars.ContextVar("about", default="nothing")


async def who_works() -> int:
    ABOUT.set("a document")
    return await asyncio.to_thread(threading.get_ident)


async def fails() -> None:
    ABOUT.set("a document")
    await asyncio.to_thread(int, "no number")


async def turns_meanwhile() -> list[str]:
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "a turn")
    await asyncio.to_thread(int, "1")
    return list(turns)


@pytest.mark.parametrize("in_one_thread", [True, False])
def test_what_was_bound_is_known_after_the_run_even_when_it_fails(in_one_thread: bool) -> None:
    def run() -> str:
        with pytest.raises(ValueError, match="no number"):
            on_own_loop(fails(), in_one_thread=in_one_thread)
        return ABOUT.get()

    assert contextvars.copy_context().run(run) == "a document"


def test_a_run_in_one_thread_uses_no_other() -> None:
    mine = threading.get_ident()

    assert on_own_loop(who_works(), in_one_thread=True) == mine
    assert on_own_loop(who_works()) != mine


def test_what_is_run_at_once_costs_the_loop_no_turn() -> None:
    """Each costs as much as a small question to the database."""
    assert on_own_loop(turns_meanwhile(), in_one_thread=True) == []
    assert on_own_loop(turns_meanwhile()) == ["a turn"]


async def which_loop(left: list[asyncio.Task[None]] | None = None) -> int:
    """`left`: takes a task that is not done when the run ends."""
    if left is not None:
        left.append(asyncio.create_task(asyncio.sleep(3600)))
        await asyncio.sleep(0)
    return id(asyncio.get_running_loop())


def test_a_thread_keeps_its_loop_and_no_other_has_it() -> None:
    async def inside() -> int:
        return await asyncio.to_thread(on_own_loop, which_loop(), in_one_thread=True)

    mine, again = (on_own_loop(which_loop(), in_one_thread=True) for _ in range(2))

    assert mine == again
    assert asyncio.run(inside()) != mine
    with pytest.raises(ValueError, match="no number"):
        on_own_loop(fails(), in_one_thread=True)
    assert on_own_loop(which_loop(), in_one_thread=True) == mine


def test_what_a_run_leaves_behind_does_not_go_on_in_the_next() -> None:
    left: list[asyncio.Task[None]] = []
    on_own_loop(which_loop(left), in_one_thread=True)

    on_own_loop(which_loop(), in_one_thread=True)

    assert left[0].get_loop().is_closed()
    left[0]._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001


def test_the_loop_of_a_thread_is_closed_with_it() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def remember() -> None:
        loops.append(asyncio.get_running_loop())

    thread = threading.Thread(target=lambda: on_own_loop(remember(), in_one_thread=True))
    thread.start()
    thread.join()

    assert loops[0].is_closed()
