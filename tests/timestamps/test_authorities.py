"""Providers over real connections: whose turn it is, and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signroom.domain.security_context import TEST
from signroom.domain.signature import DigestAlgorithm
from signroom.domain.timestamp import (
    ClientCertificate,
    HeaderCredentials,
    MessageImprint,
    Timestamp,
    TimestampProvider,
    TimestampRequest,
)
from signroom.ports.timestamps import NoTimestamp
from signroom.timestamps.authorities import READ_AGAIN_SECONDS, REST_SECONDS, SET_BACK_SECONDS, RemoteAuthorities
from tests.fetch.sites import Exchange, Site, running_site
from tests.fetch.test_guarded import authority, certified, server_tls
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
        paths["/slowly"] = _slowly
        yield running


def _large(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    for _ in range(10):
        exchange.send(bytes(1_000_000))


def _slowly(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while not exchange.over.wait(0.1):
        exchange.send(b"0")


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


def test_a_client_certificate_is_shown_on_one_connection_and_a_renewed_one_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted, own, key = server_tls(tmp_path, x509.DNSName("localhost")), *(tmp_path / n for n in "abc")
    trusted.write_bytes(authority()[1].public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    tls.load_verify_locations(trusted)
    tls.verify_mode = ssl.CERT_REQUIRED
    now, connections = [0.0], [0]

    def count(_socket: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connections[0] += 1

    def renew() -> None:
        made, certificate = certified("signroom", authority())
        own.write_bytes(certificate.public_bytes(Encoding.PEM))
        key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        now[0] += READ_AGAIN_SECONDS

    tls.sni_callback = count
    with running_site("127.0.0.1", tls, keeps=True) as site:
        site.paths["/good"] = lambda e: e.answer(openssl_tsa.reply(e.body))
        credentials = ClientCertificate(str(own), str(key))
        mutual = TimestampProvider("mutual", f"https://localhost:{site.port}/good", TEST, credentials=credentials)
        renew()
        authorities = RemoteAuthorities(lambda: [mutual], clock=lambda: now[0])
        for expected in (1, 1, 2):
            (found,) = authorities.of_tier("default")
            asyncio.run(authorities.ask(found, REQUEST, seconds=30))
            assert connections == [expected]
            if len(site.seen) == 2:
                renew()
        authorities.close()


@pytest.mark.parametrize("path", ["/moved", "/failing", "/garbage", "/large", "/silent", "/slowly", "/not-there"])
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


def test_a_provider_that_failed_rests_and_one_caller_finds_out_whether_it_is_back() -> None:
    now = [0.0]
    one, two = (TimestampProvider(name, f"https://{name}.example", TEST) for name in ("one", "two"))
    authorities = RemoteAuthorities([one, two], clock=lambda: now[0])
    assert not authorities.all_rest("default")

    def rest(provider: TimestampProvider, *, finds_out: bool = True) -> list[bool]:
        return [authorities.rests(provider, finds_out=finds_out) for _ in range(3)]

    authorities.set_back(one, "It took too long.")
    assert (rest(one), rest(two), authorities.all_rest("default")) == ([True] * 3, [False] * 3, False)
    authorities.set_back(two, "It took too long.")
    assert (authorities.all_rest("default"), authorities.all_rest("gold")) == (True, False)

    now[0] += REST_SECONDS
    assert not authorities.all_rest("default")  # somebody may find out
    assert rest(one, finds_out=False) == [True] * 3  # nobody finds out who makes a signer wait
    assert rest(one) == [False, True, True]
    now[0] += SET_BACK_SECONDS
    assert rest(one) == [False] * 3
    authorities.set_back(one, "It took too long.")  # once more: it rests for longer
    now[0] += SET_BACK_SECONDS
    assert rest(one, finds_out=False) == [True] * 3


def test_while_it_is_not_known_that_a_provider_answers_one_caller_asks_it(site: Site) -> None:
    """Counted in requests, whatever their time."""
    hang = threading.Event()

    def hanging_path(exchange: Exchange) -> None:
        hang.wait(30)
        exchange.answer(b"?", status=503)

    site.paths["/hangs"] = hanging_path
    reply = cache(openssl_tsa.reply)  # the others come once the first was answered
    site.paths["/good"] = lambda e: e.answer(reply(e.body))
    hanging, good = provider(site, "/hangs"), provider(site, "/good")
    authorities = RemoteAuthorities([hanging, good])
    before = len(site.seen)

    async def ask(one: TimestampProvider, behind: float | None = None) -> str:
        try:
            await authorities.ask(one, REQUEST, seconds=30, behind_another=behind)
        except NoTimestamp as error:
            return "asked" if error.asked else "told"
        return "token"

    async def all_at_once() -> tuple[list[str], list[str]]:
        asking = [asyncio.create_task(ask(hanging)) for _ in range(6)]
        await asyncio.sleep(0)  # all have begun
        assert await ask(hanging, behind=0.01) == "told"  # while nobody knows yet
        hang.set()
        refused = await asyncio.gather(*asking)
        return refused, await asyncio.gather(*(ask(good) for _ in range(6)))

    refused, taken = asyncio.run(all_at_once())
    authorities.close()

    assert Counter(refused) == {"asked": 1, "told": 5}
    assert taken == ["token"] * 6
    assert [one.target for one in site.seen[before:]].count("/hangs") == 1


def test_who_hangs_up_leaves_others_to_find_out(site: Site) -> None:
    site.paths["/late"] = lambda e: e.answer(openssl_tsa.reply(e.body))
    late = provider(site, "/late")
    authorities = RemoteAuthorities([late])

    async def asked() -> Timestamp:
        first = asyncio.create_task(authorities.ask(late, REQUEST, seconds=30))
        second = asyncio.create_task(authorities.ask(late, REQUEST, seconds=30))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(asked()).policy == openssl_tsa.POLICY
    authorities.close()


def test_a_provider_that_goes_and_comes_back_meanwhile_gives_its_token(site: Site) -> None:
    begun, free, one, now = threading.Event(), threading.Event(), threading.Lock(), [0.0]
    reply = cache(openssl_tsa.reply)

    def held(exchange: Exchange) -> None:
        begun.set()
        free.wait(20)
        with one:  # the authority has one file with its serial numbers
            exchange.answer(reply(exchange.body))

    site.paths["/held"] = held
    kept = provider(site, "/held")
    configured = [kept]
    authorities = RemoteAuthorities(lambda: tuple(configured), clock=lambda: now[0])

    def read_again(*providers: TimestampProvider) -> None:
        configured[:] = providers
        now[0] += READ_AGAIN_SECONDS
        authorities.of_tier(kept.tier)

    async def asked() -> list[Timestamp]:
        first = asyncio.create_task(authorities.ask(kept, REQUEST, seconds=30))
        await asyncio.to_thread(begun.wait, 20)
        waiting = asyncio.create_task(authorities.ask(kept, REQUEST, seconds=30))
        await asyncio.sleep(0)
        read_again()
        read_again(kept)
        another = asyncio.create_task(authorities.ask(kept, REQUEST, seconds=30))
        await asyncio.sleep(0)
        free.set()
        return list(await asyncio.gather(first, waiting, another))

    assert {one.policy for one in asyncio.run(asked())} == {openssl_tsa.POLICY}
    authorities.close()
