"""What a session leaves that ends without signatures."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from signroom.domain.document_key import DocumentKey
from signroom.service.documents.manage_document_keys import unused_keys
from signroom.service.erasing.erase import erase_session
from signroom.service.sessions.end_session import expire_sessions, withdraw_session
from tests.service.conftest import Room

KEYS = ["2" * 16, "3" * 16]
METADATA = (("cpf", ("52998224725",)),)


def withdrawn(room: Room, session_id: UUID) -> None:
    withdraw_session(room.ports, room.caller, session_id)


def expired(room: Room, _session_id: UUID) -> None:
    room.clock.advance(days=1)
    assert expire_sessions(room.ports) == 1


@pytest.mark.parametrize("ended", [withdrawn, expired])
def test_a_key_that_is_given_back_says_nothing_of_its_document(room: Room, ended: Callable[[Room, UUID], None]) -> None:
    session = room.session()
    document = room.document(session)
    used, other = (
        DocumentKey(key, session.subscription_id, session.application_id, room.clock.now(), METADATA) for key in KEYS
    )
    with room.ports.store.work() as work:
        work.document_keys.add([used.bind(document.id), other])

    ended(room, session.id)
    erase_session(room.ports, room.caller, session.id)

    found = unused_keys(room.ports, room.caller, None, None)
    assert {key.key: key.metadata for key in found} == {used.key: (), other.key: METADATA}
    assert [key.key for key in unused_keys(room.ports, room.caller, "cpf", "52998224725")] == [other.key]
