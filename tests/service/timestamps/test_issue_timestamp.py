"""Providers in turn, until one gives a token that can be trusted."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from signroom.domain.application import Application, ApplicationCaller
from signroom.domain.errors import (
    BadInput,
    DatabaseUnavailable,
    TimestampRefused,
    TimestampTierNotFound,
    TimestampUnavailable,
)
from signroom.domain.security_context import ICP_BRASIL, TEST
from signroom.domain.signature import DigestAlgorithm
from signroom.domain.timestamp import MessageImprint, Timestamp, TimestampProvider, TimestampRequest
from signroom.ports import Ports
from signroom.ports.store import Work
from signroom.ports.timestamps import NoTimestamp
from signroom.service.timestamps import issue_timestamp as verb
from signroom.service.timestamps.issue_timestamp import issue_timestamp, require_trusted
from signroom.timestamps.authorities import RemoteAuthorities
from signroom.timestamps.messages import write_rejected
from signroom.trust.asking.answers import Ages, Answers, Question
from signroom.trust.contexts import open_trust
from signroom.trust.revocation import MAX_CRL
from tests.fetch.sites import Site, running_site
from tests.harness.waiting import eventually
from tests.service.conftest import Room
from tests.service.stores import PassingStore
from tests.timestamps import openssl_tsa
from tests.trust.fetching import FixedFetch

REQUEST = TimestampRequest(MessageImprint(DigestAlgorithm.SHA256, hashlib.sha256(b"contract").digest()), 5)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        running.paths["/good"] = lambda e: e.answer(openssl_tsa.reply(e.body))
        running.paths["/silent"] = lambda e: e.over.wait(20)
        running.paths["/garbage"] = lambda e: e.answer(b"?")
        yield running


@pytest.fixture
def ports(room: Room, tmp_path: Path) -> Ports:
    """The test context trusts openssl's authority."""
    room.clock.time = datetime.now(UTC)
    trust = open_trust(tmp_path / "no-such-folder", None, extra={TEST: [openssl_tsa.root_der()]})
    return replace(room.ports, trust=trust)


def issued(
    ports: Ports,
    *providers: TimestampProvider,
    tier: str = "default",
    request: TimestampRequest = REQUEST,
    authorities: RemoteAuthorities | None = None,
) -> Timestamp:
    shop = Application(uuid4(), uuid4(), "Shop")
    caller = ApplicationCaller(shop, shop.roles, uuid4())
    asked = RemoteAuthorities(providers) if authorities is None else authorities

    async def ask() -> Timestamp:
        try:
            return await issue_timestamp(replace(ports, timestamps=asked), caller, tier, request)
        finally:
            asked.close()

    return asyncio.run(ask())


def provider(site: Site, path: str, priority: int = 1) -> TimestampProvider:
    return TimestampProvider(path, site.url + path, TEST, priority=priority)


def test_the_next_provider_stands_in(ports: Ports, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "ONE_SECONDS", 0.3)

    found = issued(ports, provider(site, "/silent"), provider(site, "/garbage", 2), provider(site, "/good", 3))

    assert found.policy == openssl_tsa.POLICY


def test_when_none_is_of_use_the_caller_is_told_in_time(
    ports: Ports, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "ALL_SECONDS", 0.5)
    began = time.monotonic()

    with pytest.raises(TimestampUnavailable):
        issued(ports, *(replace(provider(site, "/silent"), name=str(number)) for number in range(9)))

    assert time.monotonic() - began < 15, "each would have taken twenty"


def test_a_token_of_a_stranger_is_not_handed_on(ports: Ports, room: Room, site: Site) -> None:
    """Good in itself, and its authority is nobody that the context trusts."""
    strangers = replace(ports, trust=room.ports.trust)

    with pytest.raises(TimestampUnavailable):
        issued(strangers, provider(site, "/good"))


def test_an_authority_that_was_revoked_is_set_back_as_soon_as_that_is_known(
    ports: Ports, site: Site, tmp_path: Path
) -> None:
    site.paths["/listed"] = lambda e: e.answer(openssl_tsa.reply(e.body, "listed"))
    fetch = FixedFetch(openssl_tsa.list_of_revoked())
    answers = Answers(fetch, ages=Ages(timedelta(minutes=10), timedelta(days=1)))
    knowing = replace(
        ports, trust=open_trust(tmp_path / "none", None, extra={TEST: [openssl_tsa.root_der()]}, answers=answers)
    )
    listed, good = provider(site, "/listed"), provider(site, "/good", 2)

    # Nobody waits for the list: this token is handed on.
    authorities = RemoteAuthorities([listed, good])
    first = issued(knowing, authorities=authorities)
    eventually(lambda: answers.kept(Question(openssl_tsa.LIST, MAX_CRL)))
    second = issued(knowing, authorities=RemoteAuthorities([listed, good]))

    assert first.authority.certificate != second.authority.certificate


def test_an_authority_whose_certificate_has_ended_gives_no_timestamp(ports: Ports, site: Site) -> None:
    good = provider(site, "/good")
    found = issued(ports, good)
    end = ports.trust.read(found.authority.certificate).not_after

    require_trusted(ports, good, replace(found, time=end - timedelta(seconds=1)))
    with pytest.raises(NoTimestamp, match="is not trusted in the context test"):
        require_trusted(ports, good, replace(found, time=end + timedelta(seconds=1)))


def test_a_context_without_roots_gives_no_timestamp(ports: Ports, site: Site) -> None:
    with pytest.raises(TimestampUnavailable):
        issued(ports, replace(provider(site, "/good"), context=ICP_BRASIL))


def test_an_authority_whose_clock_is_off_gives_no_timestamp(ports: Ports, room: Room, site: Site) -> None:
    room.clock.advance(minutes=6)

    with pytest.raises(TimestampUnavailable):
        issued(ports, provider(site, "/good"))


def test_who_asks_for_what_an_authority_refuses_sets_it_back_for_nobody(ports: Ports, site: Site) -> None:
    site.paths["/strict"] = lambda e: e.answer(write_rejected("unaccepted_policy", "No."))
    strict, good = provider(site, "/strict"), provider(site, "/good", 2)
    authorities = RemoteAuthorities([strict, good])

    with pytest.raises(TimestampRefused, match="unaccepted_policy"):
        issued(ports, authorities=RemoteAuthorities([strict]))
    assert issued(ports, authorities=authorities).policy == openssl_tsa.POLICY
    assert authorities.of_tier("default")[0] == strict


def test_a_tier_that_nobody_configured_is_named(ports: Ports, site: Site) -> None:
    with pytest.raises(TimestampTierNotFound):
        issued(ports, provider(site, "/good"), tier="gold")
    with pytest.raises(BadInput):
        issued(ports, provider(site, "/good"), tier="../gold")


def test_a_token_that_cannot_be_counted_is_not_handed_out(ports: Ports, site: Site) -> None:
    @dataclass
    class Away(PassingStore):
        def work(self) -> AbstractContextManager[Work]:
            raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        issued(replace(ports, store=Away(ports.store)), provider(site, "/good"))
