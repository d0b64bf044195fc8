"""What a nervous network sends again adds nothing: the signer's uploads, his signature, the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from uuid import uuid4

import httpx

from tests.api.requests import a_file
from tests.harness.server import Page, Server, ok, refused
from tests.vectors import hard_pdfs


def send(page: Page, key: str, content: bytes, name: str = "contract.pdf") -> httpx.Response:
    headers = {"X-File-Name": quote(name, safe=""), "Idempotency-Key": key}
    return page.client.put("upload", content=content, headers=headers)


def test_an_upload_that_is_sent_again_is_one_document(server: Server) -> None:
    opened = server.open_session()
    page, key, content = server.page(opened["redirectUrl"]), uuid4().hex, hard_pdfs.make("plain")

    first = ok(send(page, key, content))

    assert ok(send(page, key, content)) == first
    assert refused(send(page, key, hard_pdfs.make("ten-pages")), 422) == "IdempotencyKeyReused"
    assert refused(send(page, key, content, "other.pdf"), 422) == "IdempotencyKeyReused"
    assert refused(send(page, "k" * 256, content), 400) == "BadRequest"
    assert [d["id"] for d in page.load()["documents"]] == [first["id"]]
    assert ok(send(page, uuid4().hex, content))["id"] != first["id"], "the same file, chosen twice"
    page.sign(*page.demo_key())
    assert server.wait(opened["sessionId"])["status"] == "Completed"
    assert refused(send(page, key, content), 422) == "BadSignatureSessionOperation"


def test_uploads_under_one_key_at_the_same_time_are_one_document(server: Server) -> None:
    opened = server.open_session()
    page, key, content = server.page(opened["redirectUrl"]), uuid4().hex, hard_pdfs.make("ten-pages")
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ok(send(page, key, content)), range(4)))

    (document,) = page.load()["documents"]
    assert {a["id"] for a in answers} == {document["id"]}
    assert page.client.get(f"original/{document['id']}").content == content
    assert len(server.files_of(opened["sessionId"])) == 1


def test_a_document_that_was_removed_may_come_back(server: Server) -> None:
    page, key, content = server.page(server.open_session()["redirectUrl"]), uuid4().hex, hard_pdfs.make("plain")
    first = ok(send(page, key, content))
    ok(page.client.post("remove", json={"documentId": first["id"]}))

    assert refused(page.client.post("remove", json={"documentId": first["id"]}), 422) == "DocumentNotFound"
    ok(send(page, key, content))

    assert len(page.load()["documents"]) == 1


def test_cancelling_twice_is_one_event(server: Server) -> None:
    opened = server.open_session()
    page = server.page(opened["redirectUrl"])
    ok(page.client.post("cancel", json={}))

    assert refused(page.client.post("cancel", json={}), 422) == "BadSignatureSessionOperation"

    feed = ok(server.api.get("/api/events", params={"sessionId": opened["sessionId"]}))["events"]
    assert [e["type"] for e in feed] == ["SessionCreated", "SessionOpened", "SessionCancelled"]


def test_more_time_is_given_once_however_often_it_is_asked_for(server: Server) -> None:
    opened = server.open_session(documents=[a_file()])
    page = server.page(opened["redirectUrl"])
    before = page.load()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ok(page.client.post("extend", json={})), range(4)))

    assert before["extensible"] is True
    assert answers == [before] * 4, "four hours are left: half an hour from now adds nothing"
    ok(page.client.post("cancel", json={}))
    assert refused(page.client.post("extend", json={}), 422) == "BadSignatureSessionOperation"
