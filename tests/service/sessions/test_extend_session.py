"""A signer who needs more time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signroom.domain.errors import WrongState
from signroom.service.sessions.end_session import expire_sessions
from signroom.service.sessions.extend_session import EXTENSION, can_be_extended, extend_session
from signroom.service.sessions.read_sessions import read_session
from tests.service.conftest import Room

ALMOST = timedelta(hours=3, minutes=59)


def test_a_session_lives_on_while_somebody_is_there(room: Room) -> None:
    session = room.session()
    room.clock.advance(seconds=ALMOST.total_seconds())
    extended = extend_session(room.ports, session.id)
    again = extend_session(room.ports, session.id)

    assert extended.expires_at == session.created_at + ALMOST + EXTENSION
    assert again == extended
    room.clock.advance(minutes=5)
    assert expire_sessions(room.ports) == 0
    assert read_session(room.ports, room.caller, session.id).session.expires_at == extended.expires_at
    room.clock.advance(minutes=30)
    with pytest.raises(WrongState):
        extend_session(room.ports, session.id)
    assert expire_sessions(room.ports) == 1


def test_the_longest_life_is_the_end_of_it(room: Room) -> None:
    session = room.session()
    longest = session.created_at + room.ports.limits.longest_session
    while can_be_extended(room.ports, session):
        room.clock.advance(seconds=(session.expires_at - room.clock.now()).total_seconds() - 60)
        session = extend_session(room.ports, session.id)

    assert session.expires_at == longest
    room.clock.advance(seconds=59)
    assert extend_session(room.ports, session.id) == session
