"""Processes that take one task each: what goes to them, what comes back, and what becomes of those that end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from signroom.domain.errors import ProcessingUnavailable
from signroom.sandbox import crew, worker
from signroom.sandbox.crew import Crew, WorkerDied
from tests.harness.waiting import SECONDS, eventually


@pytest.fixture(scope="module")
def one() -> Iterator[Crew]:
    one = Crew(1, nothing, (), 1000)
    yield one
    one.stop()


class Call:
    """`function` with `arguments`, which can be sent to a process."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._function, self._arguments = function, arguments

    def __call__(self) -> Any:
        return self._function(*self._arguments)


def begin(crew: Crew, function: Callable[..., Any], *arguments: Any, seconds: float = 60) -> Future[Any]:
    outcome: Future[Any] = Future()

    def ended(value: Any, error: Exception | None) -> None:
        if error is None:
            outcome.set_result(value)
        else:
            outcome.set_exception(error)

    crew.schedule(Call(function, *arguments), seconds, ended)
    return outcome


def run(crew: Crew, function: Callable[..., Any], *arguments: Any, seconds: float = 60) -> Any:
    return begin(crew, function, *arguments, seconds=seconds).result(SECONDS)


def fail(error: Exception) -> None:
    raise error


class Odd(Exception):
    """Cannot be made again from what is sent of it."""

    def __init__(self, one: str, _two: str) -> None:
        super().__init__(one)


@pytest.mark.parametrize("length", [10, 1 << 10, 32 << 10, 10 << 20])
def test_what_goes_in_comes_back_whatever_its_length(one: Crew, length: int) -> None:
    content = os.urandom(length)

    assert run(one, bytes, content) == content


def test_an_error_says_where_it_was_raised(one: Crew) -> None:
    with pytest.raises(ValueError, match="wrong") as raised:
        run(one, fail, ValueError("wrong"))

    assert "in fail" in str(raised.value.__cause__)


@pytest.mark.parametrize(("function", "argument"), [(threading.Lock, None), (fail, Odd("a", "b"))])
def test_what_cannot_be_sent_back_is_an_error_of_that_task_alone(
    one: Crew, function: Callable[..., Any], argument: Any
) -> None:
    pid = run(one, os.getpid)

    with pytest.raises(Exception):  # noqa: B017, PT011  (pickle has several for it)
        run(one, _with, function, argument)

    assert run(one, os.getpid) == pid


def _with(function: Callable[..., Any], argument: Any) -> Any:
    return function() if argument is None else function(argument)


def test_what_cannot_be_sent_begins_nothing(one: Crew) -> None:
    with pytest.raises(TypeError):
        begin(one, len, threading.Lock())

    assert run(one, int) == 0


def test_the_watching_thread_sleeps_while_there_is_no_task(one: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    run(one, int)
    eventually(lambda: one._asleep)  # noqa: SLF001
    looks = list[float]()
    monkeypatch.setattr(Crew, "_end_late", lambda _self: looks.append(time.monotonic()))
    time.sleep(3 * crew._LOOK_SECONDS)  # noqa: SLF001

    assert looks == []


def test_an_old_process_works_on_until_the_next_one_is_ready(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    mine = Crew(1, _wait_for, (str(gate),), 2)
    try:
        first = run(mine, os.getpid)
        gate.unlink()
        assert [run(mine, os.getpid) for _ in range(5)] == [first] * 5
        gate.touch()
        eventually(lambda: run(mine, os.getpid) != first)
        assert not Path(f"/proc/{first}").exists()
        assert len(mine._workers) <= 2  # noqa: SLF001
    finally:
        mine.stop()


def test_a_process_that_has_kept_much_memory_is_replaced() -> None:
    mine = Crew(1, nothing, (), 1000)
    try:
        first = run(mine, os.getpid)
        run(mine, _keep, 1)
        assert run(mine, os.getpid) == first
        run(mine, _keep, 310)
        eventually(lambda: run(mine, os.getpid) != first)
    finally:
        mine.stop()


_kept: list[bytes] = []


def _keep(megabytes: int) -> None:
    _kept.append(os.urandom(megabytes << 20))
    worker.give_back_memory()


def _wait_for(gate: str) -> None:
    while not Path(gate).exists():
        time.sleep(0.01)


def nothing() -> None:
    """What a process of these tests prepares."""


def test_a_task_that_is_too_late_is_ended_with_its_process(one: Crew) -> None:
    pid = run(one, os.getpid)

    with pytest.raises(TimeoutError):
        run(one, time.sleep, 60, seconds=0.1)

    assert run(one, os.getpid) != pid
    assert not Path(f"/proc/{pid}").exists()


def test_how_a_process_has_ended_is_told(one: Crew) -> None:
    for function, argument, code in ((os._exit, 3, 3), (_end_by, signal.SIGPROF, -signal.SIGPROF)):
        with pytest.raises(WorkerDied) as raised:
            run(one, function, argument)

        assert raised.value.exitcode == code
    assert run(one, int) == 0


def _end_by(sent: int) -> None:
    os.kill(os.getpid(), sent)
    time.sleep(60)


def test_a_process_that_does_not_come_up_is_told_and_not_started_again_and_again(tmp_path: Path) -> None:
    mine = Crew(1, _count_and_end, (str(tmp_path),), 100)
    try:
        with pytest.raises(ProcessingUnavailable):
            run(mine, int)
        time.sleep(1)
        assert len(list(tmp_path.iterdir())) == 1
        with pytest.raises(ProcessingUnavailable):
            run(mine, int)
        assert len(list(tmp_path.iterdir())) == 2
    finally:
        mine.stop()


def _count_and_end(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    os._exit(1)


def test_a_fault_of_ours_ends_the_tasks_and_not_the_crew(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Crew(1, nothing, (), 100)
    monkeypatch.setattr(crew, "_AGAIN_SECONDS", 0.0)
    try:
        first = run(mine, os.getpid)
        with monkeypatch.context() as broken:
            broken.setattr(Crew, "_end_late", lambda _self: 1 / 0)
            with pytest.raises(ProcessingUnavailable):
                run(mine, time.sleep, 60)
        assert run(mine, os.getpid) != first
    finally:
        mine.stop()


def test_what_was_heard_of_a_process_that_has_left_is_nothing() -> None:
    mine = Crew(1, nothing, (), 100)
    run(mine, int)
    (left,) = mine._workers  # noqa: SLF001
    mine.stop()

    mine._look_at(left)  # noqa: SLF001


def test_several_run_side_by_side() -> None:
    mine = Crew(2, nothing, (), 100)
    try:
        first = begin(mine, time.sleep, 60)
        assert run(mine, int) == 0
        assert not first.done()
    finally:
        mine.stop()
    with pytest.raises(ProcessingUnavailable):
        first.result(SECONDS)


def test_after_its_end_nothing_is_taken_and_nothing_is_left(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    mine = Crew(2, nothing, (), 100)
    pid = run(mine, os.getpid)
    for _ in range(2):
        mine.stop()

    with pytest.raises(ProcessingUnavailable):
        begin(mine, int)
    assert not Path(f"/proc/{pid}").exists()
    assert set(os.listdir("/proc/self/fd")) == before
