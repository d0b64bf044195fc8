"""An erasure in a process that SIGKILL ends at a random moment: before it, in one of its steps, or after it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from signroom.domain.document import Document
from signroom.domain.errors import SignatureSessionErased
from signroom.domain.session import Session
from signroom.service.erasing.erase import erase_session
from signroom.service.sessions.read_sessions import read_session
from tests.harness.killed import kill_after, seconds_of
from tests.service.conftest import Room
from tests.service.erasing.test_erase import kept, signed_session

KILLS = 4


def test_it_ends_in_one_state(room: Room, database_url: str, tmp_path: Path) -> None:
    settings = {
        "SIGNROOM_PUBLIC_URL": "http://127.0.0.1:8400",
        "SIGNROOM_DATA": str(tmp_path / "data"),
        "SIGNROOM_DATABASE_URL": database_url,
    }
    undisturbed, _ = signed_session(room)
    whole = seconds_of(settings, "sessions", "erase", str(undisturbed.id), "--yes")
    moments = random.Random()
    for number in range(KILLS):
        session, documents = signed_session(room)
        moment = moments.uniform(0, whole)

        kill_after(moment, settings, "sessions", "erase", str(session.id), "--yes")

        assert is_erased_or_untouched(room, session, documents), f"killed after {moment} s"
        erase_session(room.ports, room.caller, session.id)
        is_erased(room, session, documents)
        assert not any(room.has(key) for document in documents for key in document.file_keys)
        assert room.told().count("SessionErased") == number + 2


def is_erased_or_untouched(room: Room, session: Session, documents: list[Document]) -> bool:
    """Either all that is personal is in the database and all files are there, or nothing of it is handed out."""
    with room.ports.store.read() as work:
        marked = work.erasures.find(session.id) is not None
    if marked:
        is_erased(room, session, documents)
        return True
    untouched = [kept(room, document) for document in documents] == documents
    return untouched and all(room.has(key) for document in documents for key in document.file_keys)


def is_erased(room: Room, session: Session, documents: list[Document]) -> None:
    with pytest.raises(SignatureSessionErased):
        read_session(room.ports, room.caller, session.id)
    for document in documents:
        after = kept(room, document)
        assert (after.original.name, after.signature_value, after.metadata) == ("", None, ())
        assert after.signed is not None
        assert document.signed is not None
        assert after.signed.sha256 == document.signed.sha256
