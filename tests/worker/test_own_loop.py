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
