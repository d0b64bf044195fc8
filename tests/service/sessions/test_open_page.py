"""`SessionOpened` is recorded before a page can do anything: once, whoever is faster, and never after the signature."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from signroom.domain.errors import BadToken
from signroom.domain.secret import hash_secret
from signroom.domain.session import Session, SessionStatus
from signroom.service.access.page_language import greeting
from signroom.service.access.page_tokens import page_link, page_token
from signroom.service.sessions.end_session import cancel_session
from signroom.service.sessions.open_page import open_page, renew_page_token
from tests.harness.costs import counting
from tests.service.conftest import Room


def with_link(room: Room, **fields: object) -> tuple[Session, str]:
    session = room.session()
    link = page_link(room.ports, session.id)
    session = replace(session, link_hash=hash_secret(link), **fields)  # type: ignore[arg-type]
    with room.ports.store.work() as work:
        work.sessions.save(session)
    return session, link


def test_the_first_token_of_a_link_opens_the_page_and_no_other_does(room: Room) -> None:
    session, link = with_link(room)

    with ThreadPoolExecutor(4) as many:
        tokens = list(many.map(lambda _: renew_page_token(room.ports, link), range(4)))
    told = room.told()
    open_page(room.ports, session.id)

    assert len(tokens) == 4
    assert told == ["SessionOpened"]
    assert room.told() == told
    with room.ports.store.read() as work:
        assert work.sessions.of_any_tenant(session.id).opened_at == room.clock.now()


def test_a_token_of_an_older_process_opens_it_with_the_first_look(room: Room) -> None:
    session, _ = with_link(room)
    page_token(room.ports, session.id, session.subscription_id)

    found = open_page(room.ports, session.id)

    assert room.told() == ["SessionOpened"]
    assert found.session.opened_at == room.clock.now()


def test_a_page_that_was_shown_a_moment_ago_is_opened_as_its_session_is_now(room: Room) -> None:
    _, link = with_link(room)
    greeting(room.ports, link, None, None)
    with counting() as costs:
        renew_page_token(room.ports, link)
    assert (costs.now.reads, room.told()) == (0, ["SessionOpened"])

    (ended, of_ended), (erased, of_erased) = with_link(room), with_link(room)
    for shown in (of_ended, of_erased):
        greeting(room.ports, shown, None, None)
    cancel_session(room.ports, ended.id)
    with room.ports.store.work() as work:
        work.sessions.save(erased.cancel(room.clock.now())[0].erase(b"link", room.clock.now()))
    renew_page_token(room.ports, of_ended)  # its page explains itself
    with pytest.raises(BadToken):
        renew_page_token(room.ports, of_erased)

    assert room.told().count("SessionOpened") == 1


def test_a_session_that_is_signed_or_over_is_not_opened_any_more(room: Room) -> None:
    for status in set(SessionStatus) - {SessionStatus.PENDING}:
        _, link = with_link(room, status=status)
        renew_page_token(room.ports, link)
    _, link = with_link(room)
    room.clock.advance(hours=5)
    renew_page_token(room.ports, link)

    assert room.told() == []
