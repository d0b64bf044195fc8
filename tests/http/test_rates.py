"""Rate limits: 429 with ``Retry-After``, per key and per address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from signroom.http.rates import RateLimits
from tests.harness.server import Server, refused, running_server


@pytest.fixture
def strict_server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with running_server(tmp_path / "strict", request.param) as server:
        yield server


@pytest.mark.parametrize("strict_server", [{"SIGNROOM_RATE_LIMIT_KEY": "5/minute"}], indirect=True)
def test_a_key_that_asks_too_often_waits(strict_server: Server) -> None:
    address = "/api/signature-sessions"
    answers = [strict_server.api.get(address) for _ in range(6)]
    other = httpx.get(f"{strict_server.url}{address}", headers={"X-Api-Key": "another"}, trust_env=False)

    assert [a.status_code for a in answers[:5]] == [200] * 5
    assert refused(answers[5], 429) == "TooManyRequests"
    assert 1 <= int(answers[5].headers["retry-after"]) <= 60
    assert refused(other, 401) == "Unauthorized"


@pytest.mark.parametrize("strict_server", [{"SIGNROOM_RATE_LIMIT_ADDRESS": "5/minute"}], indirect=True)
def test_an_address_that_asks_too_often_waits_whatever_its_keys(strict_server: Server) -> None:
    def status(number: int) -> int:
        headers = {"X-Api-Key": f"guess {number}"}
        return httpx.get(f"{strict_server.url}/api/documents", headers=headers, trust_env=False).status_code

    found = [status(number) for number in range(8)]

    assert found[-2:] == [429, 429]
    assert set(found[:4]) <= {400, 401}


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

    limits = RateLimits(app, "100/minute", "2/minute")

    async def ask() -> None:
        for host in (*hosts, others):
            scope: Any = {"type": "http", "path": "/", "client": (host, 1), "headers": []}
            await limits(scope, nobody, nobody)

    asyncio.run(ask())

    assert answered == [*hosts[:2], others]
