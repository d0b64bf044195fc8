"""Lists, cancelling, waiting, and requests that are sent twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.requests import SESSIONS, a_file, signed_session
from tests.harness.server import Json, Server, ok, refused


def test_sessions_are_listed_newest_first_page_by_page(server: Server, other_key: str) -> None:
    argument = uuid4().hex
    ids = [server.open_session(callbackArgument=argument)["sessionId"] for _ in range(5)]
    query: dict[str, Any] = {"callbackArgument": argument, "limit": 2}

    found, cursor = [], None
    while True:
        page = ok(server.api.get(SESSIONS, params={**query, **({"cursor": cursor} if cursor else {})}))
        found += [item["id"] for item in page["items"]]
        assert len(page["items"]) <= 2
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert found == ids[::-1]
    theirs = ok(server.api.get(SESSIONS, params=query, headers={"X-Api-Key": other_key}))
    assert theirs == {"items": [], "nextCursor": None}


def test_sessions_are_filtered_by_status_and_time(server: Server) -> None:
    argument, before = uuid4().hex, datetime.now(UTC)
    pending = server.open_session(callbackArgument=argument)["sessionId"]
    done = signed_session(server, a_file(), callbackArgument=argument)["id"]

    def listed(**query: Any) -> set[str]:
        answer = ok(server.api.get(SESSIONS, params={"callbackArgument": argument, **query}))
        return {item["id"] for item in answer["items"]}

    assert listed() == {pending, done}
    assert listed(status="completed") == {done}
    assert listed(status=["Pending", "Completed"]) == {pending, done}
    assert listed(status="Expired") == set()
    assert listed(createdFrom=(before - timedelta(seconds=1)).isoformat()) == {pending, done}
    assert listed(createdBefore=before.isoformat()) == set()


@pytest.mark.parametrize(
    "query",
    [
        {"status": "Open"},
        {"cursor": "nonsense"},
        {"cursor": "MjAyNi0xMS0yNA"},
        {"limit": 0},
        {"limit": 101},
        {"createdFrom": "yesterday"},
    ],
)
def test_a_list_that_cannot_be_made_is_refused(server: Server, query: dict[str, Any]) -> None:
    assert refused(server.api.get(SESSIONS, params=query), 400) == "BadRequest"


def test_an_application_cancels_a_session_once_and_again(server: Server, other_key: str, monitor_key: str) -> None:
    opened = server.open_session(documents=[a_file()])
    address = f"{SESSIONS}/{opened['sessionId']}/cancel"

    assert refused(server.api.post(address, headers={"X-Api-Key": monitor_key}), 403) == "Forbidden"
    assert refused(server.api.post(address, headers={"X-Api-Key": other_key}), 422) == "SignatureSessionNotFound"
    for _ in range(2):
        assert ok(server.api.post(address))["status"] == "UserCancelled"
    page = server.page(opened["redirectUrl"])
    assert page.load()["status"] == "UserCancelled"
    assert refused(page.prepare(page_chain(server)), 422) == "BadSignatureSessionOperation"


def page_chain(server: Server) -> list[str]:
    opened = server.open_session(documents=[a_file()])
    return server.page(opened["redirectUrl"]).demo_key()[1]


def test_a_signed_session_cannot_be_cancelled(server: Server) -> None:
    session = signed_session(server, a_file())

    answer = server.api.post(f"{SESSIONS}/{session['id']}/cancel")

    assert refused(answer, 422) == "BadSignatureSessionOperation"


def test_waiting_ends_as_soon_as_the_documents_are_done(server: Server) -> None:
    opened = server.open_session(documents=[a_file(), a_file(name="b.pdf")])
    address = f"{SESSIONS}/{opened['sessionId']}/when-completed"

    assert refused(server.api.get(address), 422) == "BadSignatureSessionOperation"
    page = server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())
    answer = ok(server.api.get(address))

    assert answer == {"completed": True, "progress": 100}
    assert server.session(opened["sessionId"])["status"] == "Completed"
    assert ok(server.api.get(address)) == answer


# -- Idempotency-Key -------------------------------------------------------------------------------


def test_the_same_request_opens_one_session(server: Server) -> None:
    headers, argument = {"Idempotency-Key": uuid4().hex}, uuid4().hex
    body = {"callbackArgument": argument, "documents": [a_file()]}

    first = ok(server.api.post(SESSIONS, json=body, headers=headers))
    again = ok(server.api.post(SESSIONS, json=body, headers=headers))

    assert again == first
    assert server.page(again["redirectUrl"]).load()["status"] == "Pending"
    listed = ok(server.api.get(SESSIONS, params={"callbackArgument": argument}))
    assert len(listed["items"]) == 1


def test_the_same_request_at_the_same_time_opens_one_session(server: Server) -> None:
    headers, argument = {"Idempotency-Key": uuid4().hex}, uuid4().hex
    body = {"callbackArgument": argument, "documents": [a_file()]}
    answers: list[Json] = []

    def send() -> None:
        answers.append(ok(server.api.post(SESSIONS, json=body, headers=headers)))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 6
    assert len({answer["redirectUrl"] for answer in answers}) == 1
    listed = ok(server.api.get(SESSIONS, params={"callbackArgument": argument}))
    assert len(listed["items"]) == 1


def test_the_same_key_for_another_request_is_refused(server: Server, other_key: str) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    ok(server.api.post(SESSIONS, json={"callbackArgument": "1"}, headers=headers))

    other = server.api.post(SESSIONS, json={"callbackArgument": "2"}, headers=headers)
    theirs = server.api.post(SESSIONS, json={"callbackArgument": "2"}, headers={**headers, "X-Api-Key": other_key})

    assert refused(other, 422) == "IdempotencyKeyReused"
    assert theirs.status_code == 200, "keys of one application are nobody else's"


def test_a_refused_request_does_not_use_its_key_up(server: Server) -> None:
    headers = {"Idempotency-Key": uuid4().hex}

    refused(server.api.post(SESSIONS, json={"documents": [a_file(b"%PDF-broken")]}, headers=headers), 422)

    ok(server.api.post(SESSIONS, json={"documents": [a_file()]}, headers=headers))
