"""Whose documents are processed first."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from signroom.domain.document import DocumentStatus
from signroom.domain.session import SessionStatus
from tests.service.conftest import Room


def test_a_subscription_counts_what_it_has_in_processing_and_nobody_elses(room: Room) -> None:
    session, other = room.session(), room.session()
    documents = [room.document(session, position=number) for number in range(3)]
    room.document(other)
    with room.ports.store.work() as work:
        work.sessions.save(replace(session, status=SessionStatus.PROCESSING))
        for document in documents[:2]:
            work.documents.save(replace(document, status=DocumentStatus.PROCESSING))

        assert work.documents.in_processing(session.subscription_id) == 2
        assert work.documents.in_processing(uuid4()) == 0
