"""Tasks in turn, in real processes: floods, refusals, callers who go, and a queue that stands still."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from signroom.domain.errors import ProcessingUnavailable, QueueFull, ShareUsed, SignroomError
from signroom.http.problems import status_of
from signroom.ports.files import Turn
from signroom.sandbox import processes
from signroom.sandbox.pool import FormatsOfTurn, PooledFormats
from signroom.sandbox.processes import Deadline
from signroom.sandbox.queue import Bounds, Kind
from tests.harness.garbage import refused_and_gone
from tests.harness.waiting import SECONDS, eventually
from tests.sandbox.calls import somebody

PATIENT = Deadline(60, 60)
SMALL = Bounds(session=4, application=8, total=16)


REFUSED: list[str] = []
"""The kinds of tasks that `pool` has refused."""


@pytest.fixture(scope="module")
def pool() -> Iterator[PooledFormats]:
    pool = PooledFormats(workers=1, refused=REFUSED.append, bounds=SMALL)
    yield pool
    pool.close()


_UNTIL = "import pathlib, time\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.005)"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Tasks last until this file is there: a machine that stands still for a second ends none of them too early."""
    gate = tmp_path / "gate"
    yield gate
    gate.touch()


async def nap(
    pool: PooledFormats, turn: Turn, until: float | Path, ended: list[str], name: str, kind: Kind = Kind.INSPECTION
) -> None:
    """A task of so many seconds, or until that file is there."""
    if isinstance(until, Path):
        await pool.of(turn).run(kind, PATIENT, exec, _UNTIL.format(str(until)))
    else:
        await pool.of(turn).run(kind, PATIENT, time.sleep, until)
    ended.append(name)


def numbers(pool: PooledFormats) -> dict[str, float]:
    return {m.labels[0][1]: m.value for m in pool.tasks() if m.name == "pool_tasks"}


async def until(pool: PooledFormats, **states: int) -> None:
    deadline = time.monotonic() + 60
    while any(numbers(pool)[state] != count for state, count in states.items()):
        assert time.monotonic() < deadline, numbers(pool)
        await asyncio.sleep(0.01)


def test_a_real_flood_delays_another_session_by_what_runs_already(pool: PooledFormats, gate: Path) -> None:
    flooding, ended = somebody(), list[str]()

    async def both() -> None:
        flood = [asyncio.create_task(nap(pool, flooding, gate, ended, "flood")) for _ in range(5)]
        await until(pool, running=1, waiting=4)
        honest = [asyncio.create_task(nap(pool, somebody(), 0, ended, "honest", kind)) for kind in Kind]
        await until(pool, running=1, waiting=4 + len(Kind))
        gate.touch()
        await asyncio.gather(*flood, *honest)

    asyncio.run(both())

    assert ended.count("flood") == 5
    assert "honest" in ended[:2]
    assert ended.index("flood", ended.index("honest")) <= 4
    assert ended[-2:] == ["flood", "flood"]


def test_no_more_tasks_are_handed_out_than_there_are_processes(pool: PooledFormats, gate: Path) -> None:
    async def three() -> list[float]:
        tasks = [asyncio.create_task(nap(pool, somebody(), gate, [], "")) for _ in range(3)]
        await until(pool, running=1, waiting=2)
        handed_out = len(pool._processes._running)  # noqa: SLF001
        gate.touch()
        await asyncio.gather(*tasks)
        return [handed_out, len(pool._processes._running)]  # noqa: SLF001

    assert asyncio.run(three()) == [1, 0]


def test_the_last_process_is_for_signing_and_for_subscriptions_that_do_not_look_yet(gate: Path, tmp_path: Path) -> None:
    """Before, two sessions of one subscription kept all processes busy with looks, and everybody waited for them."""
    pool, hostile, second = PooledFormats(workers=2, bounds=SMALL), uuid4(), tmp_path / "second gate"

    async def priority(kind: Kind, turn: Turn) -> int:
        return await pool.of(turn).run(kind, PATIENT, os.nice, 0)

    async def flooded() -> tuple[list[int], list[str]]:
        ended = list[str]()
        # Any process signs.
        signing = [asyncio.create_task(nap(pool, somebody(), gate, ended, "sign", Kind.SIGNING)) for _ in range(2)]
        await until(pool, running=2, waiting=0)
        gate.touch()
        await asyncio.gather(*signing)
        # Who has used little looks in the process of the usual priority. The other one is free: it is not for him, too.
        new = [Turn(hostile, uuid4(), uuid4()) for _ in range(2)]
        looks = [asyncio.create_task(nap(pool, turn, second, ended, "look")) for turn in new]
        await until(pool, running=1, waiting=1)
        others = await priority(Kind.INSPECTION, somebody())
        second.touch()
        await asyncio.gather(*looks)
        # Who has used much looks in the other one.
        pool._processes._spending.add(hostile, 60)  # noqa: SLF001
        much = await priority(Kind.PREVIEW, new[0])
        flood = [Turn(hostile, uuid4(), uuid4()) for _ in range(3)]
        looks = [asyncio.create_task(nap(pool, turn, 60, ended, "look")) for turn in flood]
        await until(pool, running=1, waiting=2)
        found = [others, much, *[await priority(kind, somebody()) for kind in Kind]]
        found.append(await priority(Kind.SIGNING, flood[0]))
        for task in looks:
            task.cancel()
        return found, ended

    try:
        priorities, ended = asyncio.run(flooded())
    finally:
        pool.close()

    usual, lower = os.nice(0), min(os.nice(0) + 10, 19)
    assert ended == ["sign", "sign", "look", "look"]
    assert priorities == [lower, lower, *[usual] * 4]


def test_waiting_holds_no_thread_and_the_loop_goes_on(pool: PooledFormats) -> None:
    async def many() -> int:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        tasks = [asyncio.create_task(nap(pool, somebody(), 0.1, [], "")) for _ in range(10)]
        await until(pool, running=1)
        ticks = 0
        while not all(task.done() for task in tasks):
            await asyncio.to_thread(int)  # the only thread is free
            ticks += 1
            await asyncio.sleep(0.01)
        return ticks

    assert asyncio.run(many()) > 4, "with the thread taken it would be one"


def test_beyond_its_share_a_session_is_refused_and_told_to_wait(pool: PooledFormats, gate: Path) -> None:
    flooding, ended = somebody(), list[str]()
    REFUSED.clear()

    async def flood() -> list[object]:
        first = asyncio.create_task(nap(pool, flooding, gate, ended, "done"))
        await until(pool, running=1)
        tasks = [asyncio.create_task(nap(pool, flooding, 0, ended, "done")) for _ in range(6)]
        await until(pool, waiting=4)
        with pytest.raises(ShareUsed):
            pool.of(flooding).require_place()
        pool.of(somebody()).require_place()
        gate.touch()
        return list(await asyncio.gather(first, *tasks, return_exceptions=True))

    outcomes = asyncio.run(flood())

    assert len(ended) == 5
    assert [type(outcome) for outcome in outcomes if outcome] == [ShareUsed, ShareUsed]
    assert REFUSED == ["inspection"] * 3
    assert (status_of(ShareUsed()), ShareUsed.retry_after > 0) == (429, True)


def test_a_task_that_finds_no_place_leaves_nothing_behind(pool: PooledFormats, gate: Path) -> None:
    async def flood(refused: Callable[[FormatsOfTurn], Awaitable[None]]) -> None:
        flooding, ended = somebody(), list[str]()
        tasks = [asyncio.create_task(nap(pool, flooding, gate, ended, "done"))]
        await until(pool, running=1)
        tasks += [asyncio.create_task(nap(pool, flooding, gate, ended, "done")) for _ in range(4)]
        await until(pool, waiting=4)
        try:
            await refused(pool.of(flooding))
        finally:
            gate.touch()
            await asyncio.gather(*tasks)
            gate.unlink()

    async def require(formats: FormatsOfTurn) -> None:
        formats.require_place()

    async def run(formats: FormatsOfTurn) -> None:
        await formats.run(Kind.INSPECTION, Deadline(60, 60), int)

    for refused in (require, run):
        refused_and_gone(ShareUsed, lambda refused=refused: flood(refused))  # type: ignore[misc]


def test_where_all_places_are_taken_the_largest_loses_one_and_the_other_is_served(
    pool: PooledFormats, gate: Path
) -> None:
    portal, ended = somebody(), list[str]()
    REFUSED.clear()

    async def full() -> list[BaseException | None]:
        first = asyncio.create_task(nap(pool, somebody(), gate, ended, "first"))
        await until(pool, running=1)
        flood = [
            asyncio.create_task(nap(pool, Turn(portal.subscription_id, application, None), 0, ended, "flood"))
            for application in (somebody().application_id, somebody().application_id)
            for _ in range(8)
        ]
        await until(pool, waiting=16)
        honest = asyncio.create_task(nap(pool, somebody(), 0, ended, "honest"))
        while not REFUSED:  # noqa: ASYNC110  (the pool calls no event)
            await asyncio.sleep(0.01)
        gate.touch()
        await asyncio.gather(first, honest)
        return await asyncio.gather(*flood, return_exceptions=True)

    refused = [outcome for outcome in asyncio.run(full()) if outcome is not None]

    assert [type(outcome) for outcome in refused] == [QueueFull]
    assert ended[:3].count("honest") == 1
    assert status_of(QueueFull()) == 503


def test_who_is_cancelled_leaves_the_queue_and_what_runs_goes_on(
    pool: PooledFormats, gate: Path, tmp_path: Path
) -> None:
    mark, ended = tmp_path / "ran", list[str]()

    async def gone() -> None:
        running = asyncio.create_task(nap(pool, somebody(), gate, ended, "running"))
        await until(pool, running=1)
        waiting = asyncio.create_task(pool.of(somebody()).run(Kind.SIGNING, PATIENT, mark.touch))
        await until(pool, waiting=1)
        for task in (waiting, running):
            task.cancel()
        await asyncio.wait({waiting, running})
        assert numbers(pool) == {"running": 1, "waiting": 0}
        gate.touch()
        await nap(pool, somebody(), 0, ended, "next")

    asyncio.run(gone())

    assert ended == ["next"]
    assert not mark.exists()
    assert numbers(pool) == {"running": 0, "waiting": 0}


def test_a_task_for_a_loop_that_has_ended_hurts_nobody(pool: PooledFormats, gate: Path) -> None:
    """A job's loop ends with its job."""

    async def begin() -> None:
        asyncio.create_task(nap(pool, somebody(), gate, [], ""))  # noqa: RUF006
        await until(pool, running=1)

    asyncio.run(begin())
    gate.touch()

    asyncio.run(nap(pool, somebody(), 0, [], ""))
    eventually(lambda: numbers(pool) == {"running": 0, "waiting": 0})


def test_closing_tells_who_waits_and_who_runs() -> None:
    pool = PooledFormats(workers=1)

    async def closed() -> list[BaseException | None]:
        tasks = [asyncio.create_task(nap(pool, somebody(), 50, [], "")) for _ in range(3)]
        await until(pool, running=1, waiting=2)
        await asyncio.to_thread(pool.close)
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(outcome, ProcessingUnavailable) for outcome in asyncio.run(closed()))


def test_a_task_that_cannot_be_started_is_told_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a free file descriptor no process can be started: whoever waited would wait for ever."""
    pool = PooledFormats(workers=1)

    def no_descriptor(*_arguments: object, **_named: object) -> None:
        raise OSError(24, "Too many open files")

    async def both() -> list[BaseException | None]:
        with monkeypatch.context() as broken:
            broken.setattr("multiprocessing.context.SpawnProcess.start", no_descriptor)
            tasks = [asyncio.create_task(nap(pool, somebody(), 0, [], "")) for _ in range(3)]
            async with asyncio.timeout(SECONDS):
                return await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(outcome, ProcessingUnavailable) for outcome in asyncio.run(both()))
    assert numbers(pool) == {"running": 0, "waiting": 0}
    asyncio.run(nap(pool, somebody(), 0, [], ""))
    pool.close()


def test_a_queue_that_stands_still_says_for_how_long(
    pool: PooledFormats, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def still() -> tuple[str | None, str | None]:
        task = asyncio.create_task(nap(pool, somebody(), gate, [], ""))
        await until(pool, running=1)
        moving = pool.standstill()
        monkeypatch.setattr(processes, "_STANDSTILL_SECONDS", 0.0)
        standing = pool.standstill()
        gate.touch()
        await task
        return moving, standing

    moving, standing = asyncio.run(still())

    assert moving is None
    assert standing is not None
    assert standing.startswith("nothing moves; the oldest task is there for ")
    assert pool.standstill() is None, "nothing is there"


def test_numbers_are_told_by_kind(pool: PooledFormats, gate: Path) -> None:
    async def busy() -> dict[tuple[str, ...], float]:
        first = asyncio.create_task(nap(pool, somebody(), gate, [], ""))
        await until(pool, running=1)
        second = asyncio.create_task(nap(pool, somebody(), 0, [], "", Kind.SIGNING))
        await until(pool, waiting=1)
        found = {tuple(v for _, v in m.labels): m.value for m in pool.tasks() if m.name == "sandbox_tasks"}
        gate.touch()
        await asyncio.gather(first, second)
        return found

    found = asyncio.run(busy())

    assert {labels for labels, value in found.items() if value} == {("inspection", "running"), ("signing", "waiting")}


@pytest.mark.parametrize(("load", "longer"), [(0.0, 1.0), (8.0, 2.0), (1000.0, 6.0)])
def test_deadlines_on_the_wall_are_longer_where_others_use_the_processors(
    monkeypatch: pytest.MonkeyPatch, load: float, longer: float
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    monkeypatch.setattr("os.cpu_count", lambda: 4)

    assert processes._busy() == longer  # noqa: SLF001


def test_a_refusal_is_of_ours() -> None:
    assert all(issubclass(kind, SignroomError) for kind in (ShareUsed, QueueFull))
