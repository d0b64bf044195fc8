"""Providers over real connections: whose turn it is, and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator

import pytest

from signroom.domain.security_context import TEST
from signroom.domain.signature import DigestAlgorithm
from signroom.domain.timestamp import HeaderCredentials, MessageImprint, TimestampProvider, TimestampRequest
from signroom.ports.timestamps import NoTimestamp
from signroom.timestamps.authorities import REST_SECONDS, SET_BACK_SECONDS, RemoteAuthorities
from tests.fetch.sites import Exchange, Site, running_site
from tests.timestamps import openssl_tsa

IMPRINT = MessageImprint(DigestAlgorithm.SHA256, hashlib.sha256(b"contract").digest())
REQUEST = TimestampRequest(IMPRINT, 5)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        paths = running.paths
        paths["/good"] = lambda e: e.answer(openssl_tsa.reply(e.body), "Content-Type: application/timestamp-reply")
        paths["/moved"] = lambda e: e.redirect(f"{running.url}/good")
        paths["/failing"] = lambda e: e.answer(b"", status=500)
        paths["/garbage"] = lambda e: e.answer(b"<html>")
        paths["/large"] = _large
        paths["/silent"] = lambda e: e.over.wait(20)
        yield running


def _large(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    for _ in range(10):
        exchange.send(bytes(1_000_000))


def provider(site: Site, path: str) -> TimestampProvider:
    return TimestampProvider(path, site.url + path, TEST, credentials=HeaderCredentials("X-Key", "secret-of-ours"))


def test_a_token_comes_with_the_credentials_of_the_provider(site: Site) -> None:
    good = provider(site, "/good")

    async def ask_twice() -> None:
        authorities = RemoteAuthorities([good])
        await authorities.ask(good, REQUEST, seconds=5)
        await authorities.ask(good, REQUEST, seconds=5)
        authorities.close()

    asyncio.run(ask_twice())

    last = site.seen[-1]
    assert last.headers["X-Key"] == "secret-of-ours"
    assert last.headers["Content-Type"] == "application/timestamp-query"
    assert "secret-of-ours" not in repr(good)


@pytest.mark.parametrize("path", ["/moved", "/failing", "/garbage", "/large", "/silent", "/not-there"])
def test_a_provider_that_does_not_keep_the_protocol_gives_no_timestamp(site: Site, path: str) -> None:
    bad = provider(site, path)

    async def ask() -> None:
        authorities = RemoteAuthorities([bad])
        try:
            await authorities.ask(bad, REQUEST, seconds=0.5)
        finally:
            authorities.close()

    with pytest.raises(NoTimestamp):
        asyncio.run(ask())


@pytest.mark.parametrize("url", ["http://127.0.0.2:99999/", "http://bad\x00host/", "http://[::1/"])
def test_an_address_that_cannot_be_asked_is_a_failure_like_others(url: str) -> None:
    wrong = TimestampProvider("wrong", url, TEST)

    with pytest.raises(NoTimestamp):
        asyncio.run(RemoteAuthorities([wrong]).ask(wrong, REQUEST, seconds=2))


def test_turns_are_even_whatever_else_is_asked_for() -> None:
    equals = [TimestampProvider(name, f"https://{name}.example", TEST) for name in ("a", "b")]
    others = [TimestampProvider(name, f"https://{name}.example", TEST, priority=2) for name in ("c", "d")]
    gold = TimestampProvider("gold", "https://gold.example", TEST, tier="gold")
    authorities = RemoteAuthorities([*equals, *others, gold])

    firsts = []
    for _ in range(100):
        firsts.append(authorities.of_tier("default")[0].name)
        authorities.of_tier("gold")

    assert Counter(firsts) == {"a": 50, "b": 50}


def test_nobody_listens() -> None:
    nobody = TimestampProvider("nobody", "http://127.0.0.2:9", TEST)

    with pytest.raises(NoTimestamp):
        asyncio.run(RemoteAuthorities([nobody]).ask(nobody, REQUEST, seconds=2))


def test_providers_of_one_priority_take_turns_and_a_failed_one_comes_last() -> None:
    now = [0.0]
    one, two, dear = (
        TimestampProvider(name, f"https://{name}.example", TEST, priority=priority)
        for name, priority in (("one", 1), ("two", 1), ("dear", 2))
    )
    elsewhere = TimestampProvider("elsewhere", "https://elsewhere.example", TEST, tier="gold")
    authorities = RemoteAuthorities([dear, one, elsewhere, two], clock=lambda: now[0])

    firsts = {authorities.of_tier("default")[0].name for _ in range(6)}
    authorities.set_back(one, "It took too long.")
    after = [found.name for found in authorities.of_tier("default")]
    now[0] += SET_BACK_SECONDS
    later = {authorities.of_tier("default")[0].name for _ in range(6)}

    assert firsts == later == {"one", "two"}
    assert after == ["two", "dear", "one"]
    assert [found.name for found in authorities.of_tier("gold")] == ["elsewhere"]
    assert authorities.of_tier("platinum") == []


def test_a_tier_rests_when_all_have_failed_and_one_caller_finds_out_whether_they_are_back() -> None:
    now = [0.0]
    one, two = (TimestampProvider(name, f"https://{name}.example", TEST) for name in ("one", "two"))
    authorities = RemoteAuthorities([one, two], clock=lambda: now[0])

    authorities.set_back(one, "It took too long.")
    assert not authorities.rests("default")
    authorities.set_back(two, "It took too long.")
    assert authorities.rests("default")

    now[0] += REST_SECONDS
    assert [authorities.rests("default") for _ in range(3)] == [False, True, True]
    now[0] += SET_BACK_SECONDS
    assert not any(authorities.rests("default") for _ in range(3))
