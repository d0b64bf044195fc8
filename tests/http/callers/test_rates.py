"""Rate limits: 429 with ``Retry-After``, per key and per address."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from signroom.http.callers.rates import RateLimits, SlidingWindows
from tests.harness.rates import until_refused
from tests.harness.server import Server, refused, running_server


@pytest.fixture
def strict_server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with running_server(tmp_path / "strict", request.param) as server:
        yield server


@pytest.mark.parametrize("strict_server", [{"SIGNROOM_RATE_LIMIT_KEY": "5/minute"}], indirect=True)
def test_a_key_that_asks_too_often_waits(strict_server: Server) -> None:
    address = "/api/signature-sessions"
    answers = until_refused(lambda: strict_server.api.get(address), 5)
    other = httpx.get(f"{strict_server.url}{address}", headers={"X-Api-Key": "another"}, trust_env=False)

    assert len(answers) > 5
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert refused(answers[-1], 429) == "TooManyRequests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert refused(other, 401) == "Unauthorized"


@pytest.mark.parametrize("strict_server", [{"SIGNROOM_RATE_LIMIT_ADDRESS": "5/minute"}], indirect=True)
def test_an_address_that_asks_too_often_waits_whatever_its_keys(strict_server: Server) -> None:
    numbers = count()

    def guess() -> httpx.Response:
        headers = {"X-Api-Key": f"guess {next(numbers)}"}
        return httpx.get(f"{strict_server.url}/api/documents", headers=headers, trust_env=False)

    found = [answer.status_code for answer in until_refused(guess, 5)]

    assert found[-1] == 429
    assert len(found) > 4  # one was asked before, when the server started
    assert set(found[:-1]) <= {400, 401}


@pytest.mark.parametrize(
    ("hosts", "others"),
    [
        ([f"2001:db8:1:2::{n:x}" for n in range(1, 4)], "2001:db8:1:3::1"),
        (["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"], "::ffff:192.0.2.2"),
        (["fe80::1%eth0", "fe80::1%eth1", "fe80::2"], "192.0.2.1"),
    ],
)
def test_all_addresses_of_one_customer_have_one_limit(hosts: list[str], others: str) -> None:
    """Whoever has one IPv6 address has 2^64 of them."""
    answered = list[str]()

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        answered.append(scope["client"][0])

    async def nobody(*_message: Any) -> Any: ...

    limits = RateLimits(app, "100/day", "2/day")

    async def ask() -> None:
        for host in (*hosts, others):
            scope: Any = {"type": "http", "path": "/", "client": (host, 1), "headers": []}
            await limits(scope, nobody, nobody)

    asyncio.run(ask())

    assert answered == [*hosts[:2], others]


class Watch:
    """A clock that stands still until it is moved, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_asked_in_the_window_before_counts_for_less_and_less() -> None:
    watch = Watch()
    windows = SlidingWindows(10, 100, clock=watch)

    assert [windows.wait("Ana") for _ in range(10)] == [0] * 10
    assert windows.wait("Ana") == pytest.approx(100)  # nothing else was asked before
    assert windows.wait("Bia") == 0
    watch.now += 135  # of the ten, six and a half are counted
    assert [windows.wait("Ana") for _ in range(4)] == [0] * 4
    wait = windows.wait("Ana")
    assert wait == pytest.approx(5)
    watch.now += wait + 0.001
    assert windows.wait("Ana") == 0
    assert windows.wait("Ana") == pytest.approx(10, abs=0.01)
    watch.now += 200
    assert [windows.wait("Ana") for _ in range(10)] == [0] * 10


def test_who_is_refused_is_told_exactly_when_there_is_room() -> None:
    watch = Watch()
    windows = SlidingWindows(7, 60, clock=watch)
    for _ in range(300):
        wait = windows.wait("Ana")
        watch.now += 1.7
        if wait > 2:
            watch.now += wait - 1.7 - 0.01
            assert windows.wait("Ana") > 0
            watch.now += 0.02
            assert windows.wait("Ana") == 0


def test_100000_callers_cost_each_request_no_more_than_two_steps_and_no_thread() -> None:
    """The limiter before started a thread for most requests, and walked through every caller that it knew."""
    watch = Watch()
    windows = SlidingWindows(6000, 60, clock=watch)
    threads = threading.active_count()
    for number in range(100_000):
        windows.wait(f"caller {number}")
        assert len(windows) == number + 1
    watch.now += 125
    steps = 0

    while len(windows) > 1:
        before = len(windows)
        windows.wait("Ana")
        steps += 1
        assert before - len(windows) <= 2

    assert steps == 50_000
    assert threading.active_count() == threads


def test_so_many_callers_are_remembered_and_no_more() -> None:
    watch = Watch()
    windows = SlidingWindows(2, 60, clock=watch, most_callers=3)
    for caller in ("Ana", "Bia", "Caio", "Ana", "Davi"):  # Bia has been quiet for longest
        windows.wait(caller)

    assert len(windows) == 3
    assert windows.wait("Ana") > 0
    assert windows.wait("Bia") == 0
