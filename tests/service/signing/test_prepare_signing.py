"""A preparation, while one of its documents goes."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.document import Document
from signroom.domain.errors import WrongState
from signroom.domain.preparation import RefusedDocument
from signroom.domain.signature import CertificateChain, CheckedValue
from signroom.service.erasing.erase import erase_document
from signroom.service.signing import prepare_signing as preparing
from signroom.service.signing.process_document import fail_document
from signroom.store import tables
from tests.service.conftest import Room


def failed_session(room: Room) -> list[Document]:
    """Signed, but its documents could not be processed: the signer may sign it again."""
    session = room.session()
    documents = [room.document(session, position=n) for n in range(2)]
    with room.ports.store.work() as work:
        for document in documents:
            work.documents.save(document.accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now()))
        work.sessions.save(session.sign(CertificateChain(b"certificate"), room.clock.now())[0])
    for document in documents:
        fail_document(room.ports, document.id, "InternalError")
    return documents


def test_a_document_that_is_erased_meanwhile_leaves_nothing_behind(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = failed_session(room)

    def judged(*_: Any) -> Any:
        return type("Trusted", (), {"chain": CertificateChain(b"certificate")})

    async def all_refused(outcomes: Any) -> list[list[RefusedDocument]]:
        for outcome in outcomes:
            outcome.close()
        erase_document(room.ports, room.caller, documents[0].id)
        return [[RefusedDocument(d.id, "Code", "message", "the name of the signer in it") for d in documents]]

    monkeypatch.setattr(preparing, "require_good_certificate", judged)
    monkeypatch.setattr(preparing, "_all", all_refused)

    session_id = documents[0].session_id
    assert session_id is not None
    with pytest.raises(WrongState):
        asyncio.run(preparing.prepare_signing(room.ports, session_id, CertificateChain(b"certificate")))

    with room.service.engine.connect() as connection:
        assert connection.scalars(sa.select(tables.preparations.c.refused)).all() == []
