"""The session's table of moves: no walk leaves a final state, every move announces one event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.document import Document, DocumentStatus, StoredFile
from signroom.domain.errors import BadCallbackArgument, BadReturnUrl, TooManyDocuments, WrongState
from signroom.domain.event import Event, SessionCancelled, SessionCreated, SessionExpired, SessionFailed
from signroom.domain.security_context import ANY
from signroom.domain.session import (
    MOVES,
    Session,
    SessionStatus,
    new_session,
    require_return_url,
    with_parameter,
    with_session_id,
)
from signroom.domain.signature import INVISIBLE, CertificateChain, Inspection, SignatureType

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATE = NOON + timedelta(hours=4)
FINAL = {SessionStatus.COMPLETED, SessionStatus.USER_CANCELLED, SessionStatus.EXPIRED}


def a_session(return_url: str | None = "https://app.example/back") -> Session:
    session, event = new_session(
        id=uuid4(),
        subscription_id=uuid4(),
        application_id=uuid4(),
        link_hash=b"h" * 32,
        return_url=return_url,
        callback_argument=None,
        disable_downloads=False,
        predefined=False,
        now=NOON,
        expires_at=LATE,
        security_context_id=ANY.id,
    )
    assert event == SessionCreated(session.id, NOON)
    return session


def a_document(status: DocumentStatus, code: str | None = None) -> Document:
    return Document(
        id=uuid4(),
        subscription_id=uuid4(),
        application_id=uuid4(),
        session_id=uuid4(),
        position=0,
        status=status,
        original=StoredFile("key", "a.pdf", "application/pdf", 1, b"d" * 32),
        inspection=Inspection(SignatureType.PDF, "application/pdf", 1, 0),
        options=INVISIBLE,
        created_at=NOON,
        key="2345" * 4,
        processing_error_code=code,
    )


def step(session: Session, move: str, now: datetime) -> tuple[Session, Event]:
    if move == "sign":
        return session.sign(CertificateChain(b"certificate"), now)
    if move == "cancel":
        return session.cancel(now)
    if move == "expire":
        return session.expire(now)
    status = DocumentStatus.COMPLETED if move == "complete" else DocumentStatus.PROCESSING_ERROR
    settled = session.settle([a_document(status, "Code")], now)
    assert settled is not None
    return settled


@given(st.lists(st.tuples(st.sampled_from(["sign", "cancel", "expire", "complete", "fail"]), st.booleans())))
def test_no_walk_leaves_a_final_state_and_every_move_announces_one_event(walk: list[tuple[str, bool]]) -> None:
    session = a_session()
    for move, late in walk:
        before = session.status
        try:
            session, event = step(session, move, LATE if late else NOON)
        except WrongState:
            assert session.status is before
            continue
        assert session.status in MOVES[before]
        assert event.session_id == session.id
        assert before not in FINAL


def test_final_states_have_no_way_out() -> None:
    assert {status for status, targets in MOVES.items() if not targets} == FINAL


def test_cancelled_session_cannot_be_signed() -> None:
    session, event = a_session().cancel(NOON)

    assert event == SessionCancelled(session.id, NOON)
    with pytest.raises(WrongState):
        session.sign(CertificateChain(b"certificate"), NOON)


def test_only_a_pending_session_expires() -> None:
    signed, _ = a_session().sign(CertificateChain(b"certificate"), NOON)
    expired, event = a_session().expire(LATE)

    assert not signed.expired(LATE)
    assert expired.status is SessionStatus.EXPIRED
    assert isinstance(event, SessionExpired)
    with pytest.raises(WrongState):
        signed.expire(LATE)
    with pytest.raises(WrongState):
        a_session().expire(NOON)


def test_a_pending_session_whose_time_is_over_cannot_be_signed_or_cancelled() -> None:
    with pytest.raises(WrongState, match="Expired"):
        a_session().sign(CertificateChain(b"certificate"), LATE)
    with pytest.raises(WrongState, match="Expired"):
        a_session().cancel(LATE)


@pytest.mark.parametrize(
    ("asked_after", "ends_after"),
    [
        (timedelta(hours=1), timedelta(hours=4)),  # no earlier than it would have
        (timedelta(hours=3, minutes=55), timedelta(hours=4, minutes=25)),
        (timedelta(hours=3, minutes=59, seconds=59), timedelta(hours=4, minutes=29, seconds=59)),
    ],
)
def test_who_needs_more_time_gets_it(asked_after: timedelta, ends_after: timedelta) -> None:
    extended = a_session().extend(NOON + asked_after, timedelta(minutes=30), timedelta(hours=24))

    assert extended.expires_at == NOON + ends_after


def test_more_time_ends_with_the_longest_life() -> None:
    session = a_session()
    for _ in range(100):
        session = session.extend(session.expires_at - timedelta(seconds=1), timedelta(minutes=30), timedelta(hours=24))

    assert session.expires_at == NOON + timedelta(hours=24)
    assert a_session().extend(NOON, timedelta(minutes=30), timedelta(minutes=1)).expires_at == LATE


@pytest.mark.parametrize("move", ["sign", "cancel"])
def test_nobody_extends_what_has_ended(move: str) -> None:
    ended, _ = step(a_session(), move, NOON)
    for session, now in ((ended, NOON), (a_session(), LATE)):
        with pytest.raises(WrongState):
            session.extend(now, timedelta(minutes=30), timedelta(hours=24))


def test_session_waits_for_the_last_document() -> None:
    session, _ = a_session().sign(CertificateChain(b"certificate"), NOON)

    running = [a_document(DocumentStatus.COMPLETED), a_document(DocumentStatus.PROCESSING)]

    assert session.settle(running, NOON) is None


def test_one_failed_document_fails_the_session_with_its_code_and_it_may_be_signed_again() -> None:
    session, _ = a_session().sign(CertificateChain(b"certificate"), NOON)
    ended = [a_document(DocumentStatus.COMPLETED), a_document(DocumentStatus.PROCESSING_ERROR, "InternalError")]

    settled = session.settle(ended, NOON)

    assert settled is not None
    assert settled[0].status is SessionStatus.PROCESSING_ERROR
    assert settled[0].processing_error_code == "InternalError"
    again, _ = settled[0].sign(CertificateChain(b"certificate"), LATE)
    assert again.status is SessionStatus.PROCESSING
    assert again.processing_error_code is None


def test_an_erased_document_keeps_no_session_from_completing() -> None:
    session, _ = a_session().sign(CertificateChain(b"certificate"), NOON)
    erased = a_document(DocumentStatus.PROCESSING_ERROR, "InternalError").erase(NOON)

    together = session.settle([erased, a_document(DocumentStatus.COMPLETED)], NOON)
    alone = session.settle([erased], NOON)

    assert together is not None
    assert (together[0].status, together[0].processing_error_code) == (SessionStatus.COMPLETED, None)
    assert alone is not None
    assert alone[0].processing_error_code == "InternalError", "it ends as it did"


def test_a_session_without_a_document_that_can_be_signed_ends_with_their_errors() -> None:
    refused = [a_document(DocumentStatus.PROCESSING_ERROR, "InvalidPdf")]

    ended, event = a_session().give_up(refused, NOON)

    assert (ended.status, ended.processing_error_code) == (SessionStatus.PROCESSING_ERROR, "InvalidPdf")
    assert isinstance(event, SessionFailed)
    assert not ended.signed
    with pytest.raises(WrongState):
        a_session().give_up(refused, LATE)
    with pytest.raises(WrongState):
        a_session().give_up([a_document(DocumentStatus.PROCESSING)], NOON)


def test_at_most_a_hundred_documents() -> None:
    a_session().require_room(99)
    with pytest.raises(TooManyDocuments):
        a_session().require_room(100)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "app.example/back",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://app.example/",
        "https://",
        "https:///path",
        "https://app.example/a b",
        'https://app.example/"',
        "https://app.example/\\evil.example",
        "https://user:password@app.example/",
        "https://app.example:99999/",
        "https://[::1/",
        "https://app.example/\n",
        "https://app.example/" + "x" * 1024,
    ],
)
def test_return_url_must_be_an_absolute_http_address(url: str) -> None:
    with pytest.raises(BadReturnUrl):
        require_return_url(url)


@pytest.mark.parametrize("url", ["http://localhost:8080/SessionCallback", "HTTPS://App.example/?a=%2F&b#frag%20x"])
def test_return_url_of_an_application_is_accepted(url: str) -> None:
    require_return_url(url)


def test_callback_argument_is_limited_to_1024_characters() -> None:
    with pytest.raises(BadCallbackArgument):
        new_session(
            id=uuid4(),
            subscription_id=uuid4(),
            application_id=uuid4(),
            link_hash=b"h" * 32,
            return_url=None,
            callback_argument="x" * 1025,
            disable_downloads=False,
            predefined=False,
            now=NOON,
            expires_at=LATE,
            security_context_id=ANY.id,
        )


ID = UUID("11111111-2222-3333-4444-555555555555")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a/b", f"https://a/b?signatureSessionId={ID}"),
        ("https://a/b?", f"https://a/b?signatureSessionId={ID}"),
        ("https://a/b?x=%2F+y&x=%E9", f"https://a/b?x=%2F+y&x=%E9&signatureSessionId={ID}"),
        ("https://a/b?x=1#frag?y=2", f"https://a/b?x=1&signatureSessionId={ID}#frag?y=2"),
    ],
)
def test_session_id_is_added_and_nothing_else_changes(url: str, expected: str) -> None:
    assert with_session_id(url, ID) == expected


@pytest.mark.parametrize(
    "query",
    ["signatureSessionId=1&x=2", "x=2&signature%53essionId=3", "signatureSessionId&x=2&signatureSessionId=4"],
)
def test_a_session_id_that_was_there_already_is_not_taken_for_ours(query: str) -> None:
    assert with_session_id(f"https://a/b?{query}", ID) == f"https://a/b?x=2&signatureSessionId={ID}"
    assert with_parameter(f"https://a/b?{query}&signroomResult=forged", "signroomResult", "own").endswith(
        "&signroomResult=own"
    )
    assert "forged" not in with_parameter("https://a/b?signroomResult=forged", "signroomResult", "own")


@given(st.text("abc=&%20+;", max_size=40), st.text("abc?=&", max_size=20))
def test_session_id_can_always_be_read_back(query: str, fragment: str) -> None:
    parts = urlsplit(with_session_id(f"https://app.example/p?{query}#{fragment}", ID))

    assert parse_qs(parts.query)["signatureSessionId"][-1] == str(ID)
    assert parts.fragment == fragment
    assert parts.query.startswith(query)


def test_return_address_exists_only_once_the_session_has_ended() -> None:
    session = a_session()
    cancelled, _ = session.cancel(NOON)
    expired, _ = session.expire(LATE)

    assert session.return_address is None
    assert cancelled.return_address == f"https://app.example/back?signatureSessionId={session.id}"
    assert expired.return_address == f"https://app.example/back?signatureSessionId={session.id}"
    assert a_session(None).cancel(NOON)[0].return_address is None


def test_the_first_look_is_told_once_and_only_before_the_end() -> None:
    opened = a_session().open(NOON)

    assert opened is not None
    assert (opened[0].opened_at, opened[1].type) == (NOON, "SessionOpened")
    assert opened[0].open(NOON + timedelta(minutes=1)) is None
    assert a_session().open(LATE) is None
    assert a_session().cancel(NOON)[0].open(NOON) is None
    assert replace(a_session(), status=SessionStatus.PROCESSING).open(NOON) is None
