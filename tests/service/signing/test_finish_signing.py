"""The values of a preparation, at the moment when its session's page is closed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from signroom.domain.application import Application, Subscription
from signroom.domain.errors import ApplicationDisabled
from signroom.domain.preparation import Preparation, RefusedDocument
from signroom.domain.session import SessionStatus
from signroom.domain.signature import CertificateChain
from signroom.ports.files import Turn
from signroom.service.signing.finish_signing import finish_signing
from tests.service.conftest import Room


@dataclass(frozen=True)
class Closing:
    """Formats that check no value; the application, or all of its subscription, is closed meanwhile."""

    room: Room
    closed: Application | Subscription

    def of(self, _turn: Turn) -> Closing:
        return self

    def check_few(self, _claimed: list[Any]) -> list[Any]:
        with self.room.ports.store.work() as work:
            match self.closed:
                case Application():
                    work.applications.save(replace(self.closed, disabled_at=self.room.clock.now()))
                case Subscription():
                    work.subscriptions.save(replace(self.closed, disabled_at=self.room.clock.now()))
        return []


@pytest.mark.parametrize("subscription", [False, True])
def test_a_request_that_was_let_in_before_signs_nothing_on_a_closed_page(room: Room, subscription: bool) -> None:
    session = room.session()
    document = room.document(session)
    refused = (RefusedDocument(document.id, "Code", "message", None),)
    preparation = Preparation(uuid4(), session.id, CertificateChain(b"certificate"), (), room.clock.now(), refused)
    with room.ports.store.work() as work:
        work.preparations.add(preparation)
        closed = work.subscriptions.get(session.subscription_id) if subscription else room.caller.application
    ports: Any = replace(room.ports, formats=Closing(room, closed))  # type: ignore[arg-type]

    with pytest.raises(ApplicationDisabled):
        asyncio.run(finish_signing(ports, session.id, preparation.id, {}, lambda page: page))

    with room.ports.store.read() as work:
        assert work.sessions.of_any_tenant(session.id).status is SessionStatus.PENDING
    assert room.told() == []
