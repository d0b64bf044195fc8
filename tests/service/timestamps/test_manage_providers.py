"""Providers by command and API: who may, what is kept, what is never shown, and how soon it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.api.resources.installation import timestamp_providers as resource
from signroom.api.shapes.contract import TimestampProviderRequest
from signroom.domain.application import ApplicationCaller, Operator, Role, Subscription
from signroom.domain.audit import Action
from signroom.domain.errors import (
    BadTimestampProvider,
    DatabaseUnavailable,
    LastTimestampProvider,
    NameTaken,
    NotAllowed,
    TimestampProviderNotFound,
)
from signroom.domain.security_context import TEST
from signroom.domain.timestamp import ClientPem, HeaderCredentials, TimestampProvider
from signroom.domain.timestamp_provider import ProviderAuth, StoredProvider
from signroom.ports import Ports
from signroom.secrets.sealed_secrets import AesGcmSecrets
from signroom.secrets.secret_keys import SecretKeys
from signroom.secrets.tokens import SignedTokens
from signroom.service.maintenance.change_secret_key import reseal
from signroom.service.subscriptions.read_audit_log import read_audit_log, read_installation_log
from signroom.service.timestamps.manage_providers import (
    DescribeProvider,
    change_provider,
    create_provider,
    delete_provider,
    list_providers,
    try_provider,
)
from signroom.store import tables
from signroom.timestamps.authorities import READ_AGAIN_SECONDS, RemoteAuthorities
from signroom.timestamps.stored import StoredProviders
from signroom.trust.contexts import open_trust
from tests.fetch.sites import Site, running_site
from tests.service.conftest import Room
from tests.timestamps import openssl_tsa

ANNA = Operator("operator anna")
SECRET = "secret-of-the-authority"
PLAIN = DescribeProvider("Plain", "https://tsa.example/tsr", "test", tier="gold")
BASIC = replace(PLAIN, name="Basic", auth=ProviderAuth.BASIC, user="acme", secret=SECRET)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        running.paths["/good"] = lambda e: e.answer(openssl_tsa.reply(e.body))
        running.paths["/garbage"] = lambda e: e.answer(b"?")
        yield running


def pem(name: str) -> str:
    return (openssl_tsa.folder() / name).read_text("ascii")


# -- what is kept ----------------------------------------------------------------------------------


def test_a_provider_is_made_changed_and_deleted_with_a_trace_and_without_its_secret(room: Room) -> None:
    made = create_provider(room.ports, ANNA, BASIC)
    changed = change_provider(room.ports, ANNA, made.id, replace(BASIC, priority=2, secret=None))
    assert list_providers(room.ports, ANNA).stored == (changed,)
    delete_provider(room.ports, ANNA, made.id, force=True)

    assert changed.sealed_secret == made.sealed_secret
    assert SECRET.encode() not in (made.sealed_secret or b"")
    assert SECRET not in repr(made)
    log = read_installation_log(room.ports, 10)
    assert [one.action for one in log] == [
        Action.TIMESTAMP_PROVIDER_DELETED,
        Action.TIMESTAMP_PROVIDER_CHANGED,
        Action.TIMESTAMP_PROVIDER_CREATED,
    ]
    assert (log[1].actor, log[1].before, log[1].after) == (ANNA.name, {"priority": 1}, {"priority": 2})
    assert SECRET not in repr(log)
    with pytest.raises(TimestampProviderNotFound):
        delete_provider(room.ports, ANNA, made.id)


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(BASIC, url="https://mine.example/"),
        replace(BASIC, user="eve"),
        replace(BASIC, auth=ProviderAuth.BEARER, user=None),
    ],
)
def test_a_stored_secret_is_not_sent_to_another_address_or_in_another_way(
    room: Room, elsewhere: DescribeProvider
) -> None:
    made = create_provider(room.ports, ANNA, BASIC)

    with pytest.raises(BadTimestampProvider):
        change_provider(room.ports, ANNA, made.id, replace(elsewhere, secret=None))


@pytest.mark.parametrize(
    "bad",
    [
        replace(PLAIN, name=""),
        replace(PLAIN, url="ftp://tsa.example/"),
        replace(PLAIN, url="https://user:word@tsa.example/"),
        replace(PLAIN, url="https://tsa.example:99999/"),
        replace(PLAIN, context_name="any"),
        replace(PLAIN, context_name="nobody"),
        replace(PLAIN, tier="Gold"),
        replace(PLAIN, priority=0),
        replace(PLAIN, secret=SECRET),
        replace(BASIC, url="http://tsa.example/"),
        replace(BASIC, user=None),
        replace(BASIC, secret=None),
        replace(BASIC, auth=ProviderAuth.BEARER, user=None, secret="two words"),
        replace(BASIC, auth=ProviderAuth.API_KEY, user="Bad Header"),
        replace(BASIC, auth=ProviderAuth.MUTUAL_TLS, user=None, secret="no PEM"),
    ],
)
def test_what_cannot_be_used_is_refused(room: Room, bad: DescribeProvider) -> None:
    with pytest.raises(BadTimestampProvider):
        create_provider(room.ports, ANNA, bad)


def test_a_name_is_taken_once(room: Room) -> None:
    create_provider(room.ports, ANNA, PLAIN)

    with pytest.raises(NameTaken):
        create_provider(room.ports, ANNA, replace(PLAIN, url="https://other.example/"))


def test_the_last_of_a_tier_goes_by_force_alone(room: Room) -> None:
    one, two = (create_provider(room.ports, ANNA, replace(PLAIN, name=name)).id for name in ("one", "two"))
    delete_provider(room.ports, ANNA, one)

    with pytest.raises(LastTimestampProvider):
        delete_provider(room.ports, ANNA, two)
    with pytest.raises(LastTimestampProvider):
        change_provider(room.ports, ANNA, two, replace(PLAIN, tier="silver"))

    delete_provider(room.ports, ANNA, two, force=True)


def test_a_changed_secret_key_reseals_them(room: Room) -> None:
    before, after = b"the key before" * 4, b"the key after" * 4
    with_keys = [
        replace(room.ports, secrets=AesGcmSecrets(keys), tokens=SignedTokens(keys))
        for keys in (SecretKeys(before, None), SecretKeys(after, before), SecretKeys(after, None))
    ]
    made = create_provider(with_keys[0], ANNA, BASIC)

    assert reseal(with_keys[1], ANNA).resealed == 1

    (found,) = list_providers(room.ports, ANNA).stored
    assert found.sealed_secret != made.sealed_secret
    assert opened(with_keys[2], found).credentials == HeaderCredentials(
        "Authorization", "Basic YWNtZTpzZWNyZXQtb2YtdGhlLWF1dGhvcml0eQ=="
    )


def opened(ports: Ports, stored: StoredProvider) -> TimestampProvider:
    return StoredProviders(ports.store, ports.secrets).opened(stored)


@pytest.mark.parametrize(
    ("auth", "user", "header"),
    [
        (ProviderAuth.BEARER, None, HeaderCredentials("Authorization", f"Bearer {SECRET}")),
        (ProviderAuth.API_KEY, None, HeaderCredentials("X-Api-Key", SECRET)),
        (ProviderAuth.API_KEY, "X-Tsa", HeaderCredentials("X-Tsa", SECRET)),
    ],
)
def test_an_authority_is_told_who_asks(
    room: Room, auth: ProviderAuth, user: str | None, header: HeaderCredentials
) -> None:
    made = create_provider(room.ports, ANNA, replace(BASIC, auth=auth, user=user))

    assert opened(room.ports, made).credentials == header


def test_certificate_and_key_are_sealed_and_must_fit(room: Room) -> None:
    mutual = replace(BASIC, auth=ProviderAuth.MUTUAL_TLS, user=None, secret=f"{pem('good.pem')}\n{pem('key.pem')}")
    made = create_provider(room.ports, ANNA, mutual)

    found = opened(room.ports, made).credentials
    assert isinstance(found, ClientPem)
    assert "PRIVATE" in found.pem
    assert "PRIVATE" not in repr(found)
    with pytest.raises(BadTimestampProvider):
        create_provider(room.ports, ANNA, replace(mutual, secret=f"{pem('root.pem')}\n{pem('key.pem')}"))


# -- who may ---------------------------------------------------------------------------------------


def test_an_admin_who_is_alone_on_the_installation_sets_them_by_api(room: Room) -> None:
    described = TimestampProviderRequest(
        name="Api", url="https://tsa.example/", context="test", auth="Bearer", secret=SECRET
    )

    async def through() -> None:
        made = await resource.create.fn(data=described, ports=room.ports, caller=room.caller)
        assert (made.auth, made.tier, made.has_secret) == ("Bearer", "default", True)
        dear = TimestampProviderRequest(
            name="Api", url="https://tsa.example/", context="test", auth="bearer", priority=9
        )
        changed = await resource.change.fn(provider_id=made.id, data=dear, ports=room.ports, caller=room.caller)
        assert (changed.priority, changed.has_secret) == (9, True)
        listed = await resource.list_all.fn(ports=room.ports, caller=room.caller)
        assert [(one.name, one.id) for one in listed.items] == [("Api", made.id), ("demo", None)]
        await resource.remove.fn(provider_id=made.id, ports=room.ports, caller=room.caller)

    asyncio.run(through())

    assert [one.actor for one in read_audit_log(room.ports, room.caller, None, 5)] == ["application Portal"] * 3


def test_nobody_else_sets_whom_all_subscriptions_ask(room: Room) -> None:
    made = create_provider(room.ports, ANNA, PLAIN)
    manager = ApplicationCaller(room.caller.application, frozenset({Role.MANAGER}))
    refuse(room.ports, manager, made.id)
    with room.ports.store.work() as work:
        work.subscriptions.add(Subscription(uuid4(), "Another tenant"))

    refuse(room.ports, room.caller, made.id)


def refuse(ports: Ports, caller: ApplicationCaller, provider_id: UUID) -> None:
    with pytest.raises(NotAllowed):
        list_providers(ports, caller)
    with pytest.raises(NotAllowed):
        create_provider(ports, caller, replace(PLAIN, name="Mine"))
    with pytest.raises(NotAllowed):
        change_provider(ports, caller, provider_id, PLAIN)
    with pytest.raises(NotAllowed):
        delete_provider(ports, caller, provider_id, force=True)
    with pytest.raises(NotAllowed):
        asyncio.run(try_provider(ports, caller, provider_id))


# -- what holds ------------------------------------------------------------------------------------


def test_a_running_process_sees_a_change_within_seconds_and_asks_the_database_once(room: Room) -> None:
    now, statements = [0.0], []
    authorities = RemoteAuthorities(stored=StoredProviders(room.ports.store, room.ports.secrets), clock=lambda: now[0])
    assert authorities.of_tier("gold") == []
    create_provider(room.ports, ANNA, BASIC)

    now[0] += READ_AGAIN_SECONDS
    sa.event.listen(room.service.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    found = [authorities.of_tier("gold") for _ in range(20)]

    assert all([one.name for one in some] == ["Basic"] for some in found)
    assert len([one for one in statements if "timestamp_providers" in one]) == 1


def test_a_secret_that_does_not_open_takes_one_provider_away_and_a_database_that_is_down_none(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    stored = StoredProviders(room.ports.store, room.ports.secrets)
    authorities = RemoteAuthorities(stored=stored, clock=lambda: now[0])
    create_provider(room.ports, ANNA, PLAIN)
    broken = create_provider(room.ports, ANNA, BASIC)
    with room.service.engine.begin() as connection:
        t = tables.timestamp_providers
        connection.execute(sa.update(t).where(t.c.id == broken.id).values(secret=b"damaged"))
    assert [one.name for one in authorities.of_tier("gold")] == ["Plain"]

    def down() -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(stored, "all", down)
    now[0] += READ_AGAIN_SECONDS
    assert [one.name for one in authorities.of_tier("gold")] == ["Plain"]


@pytest.mark.parametrize(
    ("path", "context", "passed"),
    [
        ("/good", "test", {"Token": True, "Time": True, "Trust": True}),
        ("/good", "icp-brasil", {"Token": True, "Time": True, "Trust": False}),
        ("/garbage", "test", {"Token": False}),
    ],
)
def test_a_provider_is_tried_and_what_was_checked_is_told(
    room: Room, site: Site, path: str, context: str, passed: dict[str, bool]
) -> None:
    room.clock.time = datetime.now(UTC)
    trust = open_trust(room.files / "no-such-folder", None, extra={TEST: [openssl_tsa.root_der()]})
    ports = replace(room.ports, trust=trust)
    made = create_provider(ports, ANNA, replace(PLAIN, url=site.url + path, context_name=context))

    checks = asyncio.run(try_provider(ports, ANNA, made.id))

    assert {one.name: one.passed for one in checks} == passed
