"""The secret key is changed: what the key before has made goes on working, what is at rest is sealed anew, and what a
leaked key could forge is ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from signroom.domain.application import Operator
from signroom.domain.audit import Action
from signroom.domain.endpoint import EndpointAuth
from signroom.domain.errors import BadDownloadToken, BadInput, BadToken, HandOverNotAvailable, SecretUnreadable
from signroom.ports import Ports
from signroom.ports.secrets import SealedWith
from signroom.ports.store.rotation import SealedPlace, SealedSecret
from signroom.secrets.result_tokens import Es256ResultTokens
from signroom.secrets.sealed_secrets import AesGcmSecrets
from signroom.secrets.secret_keys import SecretKeys
from signroom.secrets.tokens import SignedTokens
from signroom.service.access.hand_over import begin_hand_over, take_over
from signroom.service.access.idempotency import Idempotency
from signroom.service.access.page_tokens import session_of_token
from signroom.service.documents.download_file import DOWNLOADS, FileKind, location, open_download
from signroom.service.maintenance import change_secret_key
from signroom.service.maintenance.change_secret_key import KeyNeeds, Resealed, examine_keys, reseal, revoke_links
from signroom.service.sessions.open_page import renew_page_token
from signroom.service.sessions.open_session import Opened, OpenSession, open_session
from signroom.service.subscriptions.manage_file_validation import SetFileValidation, secret_owner, set_file_validation
from signroom.service.subscriptions.read_audit_log import read_audit_log
from signroom.service.webhooks.deliver_webhook import credentials_owner, signing_owner
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import SetWebhook, create_webhook, rotate_secret
from signroom.store import tables
from tests.service.conftest import Room

BEFORE, AFTER = b"the key before" * 4, b"the key after" * 4
OPERATOR = Operator("operator anna")
ENDPOINT = GivenEndpoint("https://app.example/hook", EndpointAuth.BEARER, None, "token-of-the-endpoint")
TOKENS_LAST = timedelta(hours=4)


def with_keys(room: Room, current: bytes, second: bytes | None = None) -> Ports:
    """The service as a machine with these keys is."""
    keys = SecretKeys(current, second)
    return replace(
        room.ports,
        public_url="https://sign.example",
        secrets=AesGcmSecrets(keys),
        tokens=SignedTokens(keys),
        result_tokens=Es256ResultTokens(keys),
    )


def open_link(ports: Ports, room: Room, again: Idempotency | None = None) -> Opened:
    return asyncio.run(open_session(ports, room.caller, OpenSession(idempotency=again)))


def link(opened: Opened) -> str:
    return opened.redirect_url.rpartition("/")[2]


def store_secrets(ports: Ports, room: Room) -> UUID:
    """One at each place; the id of the webhook."""
    set_file_validation(ports, room.caller, SetFileValidation(None, ENDPOINT))
    webhook = create_webhook(ports, room.caller, SetWebhook(ENDPOINT)).webhook
    rotate_secret(ports, room.caller, webhook.id, timedelta(hours=1))
    return webhook.id


def at_rest(ports: Ports) -> list[SealedSecret]:
    with ports.store.read() as work:
        return [secret for place in SealedPlace for secret in work.rotation.sealed(place, None, 100)]


def owner(secret: SealedSecret) -> str:
    if secret.place is SealedPlace.VALIDATION_ENDPOINT:
        return secret_owner(secret.row_id)
    endpoint = secret.place is SealedPlace.WEBHOOK_ENDPOINT
    return credentials_owner(secret.row_id) if endpoint else signing_owner(secret.row_id)


def needs(ports: Ports) -> KeyNeeds:
    return examine_keys(ports.store, ports.secrets, ports.tokens, ports.clock.now(), TOKENS_LAST)


def test_what_either_key_has_made_works_on_every_machine_of_a_change(room: Room) -> None:
    old, new = with_keys(room, BEFORE, AFTER), with_keys(room, AFTER, BEFORE)
    document = room.document()

    for here, there in ((old, new), (new, old)):
        again = Idempotency(here.secrets.key_id * 4, bytes(32))
        opened = open_link(here, room, again)
        token = renew_page_token(there, link(opened)).token
        assert session_of_token(here, token) == opened.session_id
        assert open_link(there, room, again) == opened
        code = begin_hand_over(here, opened.session_id).address.rpartition("/")[2]
        assert take_over(there, code).link == link(opened)
        address = location(here, document, FileKind.ORIGINAL).partition(DOWNLOADS)[2]
        assert open_download(there, address).file == document.original
        webhook_id = store_secrets(here, room)
        for secret in at_rest(here):
            assert there.secrets.unseal(owner(secret), secret.value)
        assert webhook_id
    keys = [{key["kid"] for key in ports.result_tokens.key_set()["keys"]} for ports in (old, new)]  # type: ignore[attr-defined]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 2


def test_once_all_is_sealed_anew_the_key_before_may_be_removed(room: Room) -> None:
    store_secrets(with_keys(room, BEFORE), room)
    opened = open_link(with_keys(room, BEFORE), room)
    changing, changed = with_keys(room, AFTER, BEFORE), with_keys(room, AFTER)
    clear = [changing.secrets.unseal(owner(secret), secret.value) for secret in at_rest(changing)]
    assert needs(changing).second_needed_until is None
    assert needs(changed).sealed == {SealedWith.UNKNOWN: 4}

    done, repeated = reseal(changing, OPERATOR), reseal(changing, OPERATOR)

    assert (done, repeated) == (Resealed(4, 0, 0), Resealed(0, 0, 0))
    assert [changed.secrets.unseal(owner(secret), secret.value) for secret in at_rest(changed)] == clear
    found = needs(changing)
    assert (found.sealed, found.links) == ({SealedWith.CURRENT: 4}, 1)
    assert found.second_needed_until == room.clock.now() + TOKENS_LAST
    # A link is found by what is stored of it: it goes on without the key that made it.
    assert session_of_token(changed, renew_page_token(changed, link(opened)).token) == opened.session_id
    (entry,) = [c for c in read_audit_log(changed, room.caller, None, 9) if c.action is Action.SECRETS_RESEALED][:1]
    assert (entry.actor, entry.key_id) == ("operator anna", None)


def test_a_key_that_comes_back_counts_from_its_last_reseal(room: Room) -> None:
    changing = with_keys(room, AFTER, BEFORE)
    reseal(changing, OPERATOR)
    room.clock.advance(days=400)

    assert reseal(changing, OPERATOR) == Resealed(0, 0, 0)

    assert needs(changing).second_needed_until == room.clock.now() + TOKENS_LAST


def test_a_reseal_with_one_key_is_refused_and_leaves_no_date(room: Room) -> None:
    alone = with_keys(room, BEFORE)

    with pytest.raises(BadInput, match="Only one key is set here: nothing to do"):
        reseal(alone, OPERATOR)

    assert needs(alone).resealed_at is None


def test_what_needs_a_key_that_was_removed_too_early_is_refused_by_name(room: Room) -> None:
    old, changed = with_keys(room, BEFORE), with_keys(room, AFTER)
    again = Idempotency(bytes(32), bytes(32))
    opened = open_link(old, room, again)
    old_code = begin_hand_over(old, opened.session_id).address.rpartition("/")[2]
    old_address = location(old, room.document(), FileKind.ORIGINAL).partition(DOWNLOADS)[2]
    store_secrets(with_keys(room, BEFORE, AFTER), room)

    with pytest.raises(HandOverNotAvailable):
        begin_hand_over(changed, opened.session_id)
    with pytest.raises(BadToken):
        take_over(changed, old_code)
    with pytest.raises(BadDownloadToken):
        open_download(changed, old_address)
    for secret in at_rest(changed):
        with pytest.raises(SecretUnreadable, match="sealed with another SIGNROOM_SECRET_KEY"):
            changed.secrets.unseal(owner(secret), secret.value)
    assert needs(changed).sealed == {SealedWith.OTHER: 4}
    # Nobody can say the old link any more: the application that repeats its request gets one that works.
    repeated = open_link(changed, room, again)
    assert repeated.session_id == opened.session_id
    assert session_of_token(changed, renew_page_token(changed, link(repeated)).token) == opened.session_id


def test_a_damaged_row_is_told_from_a_wrong_key_and_left_as_it_is(room: Room) -> None:
    store_secrets(with_keys(room, BEFORE, AFTER), room)
    changing = with_keys(room, AFTER, BEFORE)
    damaged = next(secret for secret in at_rest(changing) if secret.place is SealedPlace.WEBHOOK_SIGNATURE)
    value = damaged.value[:-1] + bytes([damaged.value[-1] ^ 1])
    with changing.store.work() as work:
        assert work.rotation.replace_sealed(damaged, value)

    assert reseal(changing, OPERATOR) == Resealed(3, 1, 0)

    assert needs(changing).sealed == {SealedWith.CURRENT: 3, SealedWith.DAMAGED: 1}
    with pytest.raises(SecretUnreadable, match="changed in the database"):
        changing.secrets.unseal(owner(damaged), value)


def test_a_reseal_that_dies_is_gone_on_with(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        create_webhook(with_keys(room, BEFORE), room.caller, SetWebhook(ENDPOINT))
    changing = with_keys(room, AFTER, BEFORE)
    monkeypatch.setattr(change_secret_key, "_AT_ONCE", 2)
    sealed = 0

    class Dying(AesGcmSecrets):
        def seal(self, owner: str, secret: str) -> bytes:
            nonlocal sealed
            sealed += 1
            if sealed == 4:  # in the middle of a batch
                raise KeyboardInterrupt
            return super().seal(owner, secret)

    with pytest.raises(KeyboardInterrupt):
        reseal(replace(changing, secrets=Dying(SecretKeys(AFTER, BEFORE))), OPERATOR)
    assert needs(changing).sealed == {SealedWith.CURRENT: 3, SealedWith.SECOND: 3}
    assert needs(changing).resealed_at is None

    assert reseal(changing, OPERATOR) == Resealed(3, 0, 0)
    assert needs(with_keys(room, AFTER)).sealed == {SealedWith.CURRENT: 6}


def test_a_secret_that_a_manager_sets_meanwhile_is_kept(room: Room) -> None:
    webhook_id = store_secrets(with_keys(room, BEFORE, AFTER), room)
    changing = with_keys(room, AFTER, BEFORE)
    set_meanwhile = ""

    class Meanwhile(AesGcmSecrets):
        """Its first sealed secret comes too late: a manager has rotated the webhook's signing secret."""

        def sealed_with(self, owner: str, sealed: bytes) -> SealedWith:
            nonlocal set_meanwhile
            if owner == signing_owner(webhook_id) and not set_meanwhile:
                set_meanwhile = rotate_secret(changing, room.caller, webhook_id, timedelta()).text
            return super().sealed_with(owner, sealed)

    done = reseal(replace(changing, secrets=Meanwhile(SecretKeys(AFTER, BEFORE))), OPERATOR)

    assert (done.unreadable, done.changed) == (0, 1)
    assert needs(changing).resealed_at is None
    with changing.store.read() as work:
        webhook = work.of(room.caller).webhook(webhook_id)
    assert changing.secrets.unseal(signing_owner(webhook_id), webhook.signing_secret) == set_meanwhile
    assert reseal(changing, OPERATOR).changed == 0
    assert needs(changing).resealed_at == room.clock.now()


def test_all_that_a_leaked_key_could_forge_is_ended(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    leaked, changed = with_keys(room, BEFORE), with_keys(room, AFTER)
    monkeypatch.setattr(change_secret_key, "_AT_ONCE", 2)
    again = Idempotency(bytes(32), bytes(32))
    opened = [open_link(leaked, room, again), *(open_link(leaked, room) for _ in range(3))]
    with room.service.engine.begin() as connection:
        # Links of sessions that have ended lead to their signed files.
        ended = sa.update(tables.sessions).where(tables.sessions.c.id == opened[2].session_id)
        connection.execute(ended.values(status="Completed"))
        erased = sa.update(tables.sessions).where(tables.sessions.c.id == opened.pop().session_id)
        connection.execute(erased.values(link_hash=bytes(32), erased_at=room.clock.now()))
    kept = open_link(changed, room)

    assert [revoke_links(changed, OPERATOR), revoke_links(changed, OPERATOR)] == [3, 0]

    assert room.told().count("SessionLinkRevoked") == 2, "of those that are open"
    for one in opened:
        with pytest.raises(BadToken):
            renew_page_token(changed, leaked.tokens.derive("link", str(one.session_id)))
    assert renew_page_token(changed, link(kept))
    fresh = open_link(changed, room, again)
    assert fresh.session_id == opened[0].session_id
    assert session_of_token(changed, renew_page_token(changed, link(fresh)).token) == opened[0].session_id
    revoked = [c.after for c in read_audit_log(changed, room.caller, None, 9) if c.action is Action.LINKS_REVOKED]
    assert sum(int(str(facts["number"])) for facts in revoked) == 3
