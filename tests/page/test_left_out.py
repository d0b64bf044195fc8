"""A document that cannot be prepared after consent: named, left out, the others signed, the application told.

Pre-flight promises that this does not happen. So the file is spoiled in the store, as a failing disk would do it.
"""

from __future__ import annotations

import pytest

from signroom.domain.errors import FileChanged
from tests.api.requests import a_file
from tests.harness.server import Json, Page, Server, ok, refused, values_of
from tests.harness.tenants import new_tenant
from tests.vectors import hard_pdfs, what_a_file_is

FIRST, LAST = hard_pdfs.make("plain") + b"%first\n", hard_pdfs.make("ten-pages")
LOST = {"code": "FileChanged", "detail": None}


@pytest.fixture
def opened(server: Server) -> Json:
    """A session with three documents; the second one is spoiled in the store."""
    files = [(FIRST, "first.pdf"), (what_a_file_is.signed_pdf(), "second.pdf.p7m"), (LAST, "last.pdf")]
    opened = server.open_session(documents=[a_file(content, name) for content, name in files], returnUrl="https://a.b/")
    spoil(server, opened, what_a_file_is.signed_pdf())
    return opened


def spoil(server: Server, opened: Json, content: bytes) -> None:
    """The end of a file is lost."""
    server.stored_file(opened["sessionId"], content).write_bytes(content[:600])


def events_of(server: Server, opened: Json) -> list[str]:
    found, after = [], ""
    while events := (answer := ok(server.api.get(f"/api/events?limit=500{after}")))["events"]:
        found += [event["type"] for event in events if event["sessionId"] == opened["sessionId"]]
        after = f"&after={answer['next']}"
    return found


def by_name(documents: list[Json]) -> dict[str, Json]:
    return {d["originalFile"]["name"]: d for d in documents}


def test_the_others_are_signed_and_the_application_is_told(server: Server, opened: Json) -> None:
    page = server.page(opened["redirectUrl"])
    key, chain = page.demo_key()
    bad = next(d["id"] for d in page.load()["documents"] if d["name"] == "second.pdf.p7m")

    preparation = ok(page.prepare(chain))
    before = server.session(opened["sessionId"])
    ok(page.finish(preparation, values_of(preparation, key)))
    ended = server.wait(opened["sessionId"])

    (one,) = preparation["refused"]
    assert {name: one[name] for name in LOST} == LOST
    assert (one["documentId"], one["message"]) == (bad, FileChanged.message)
    assert [item["documentId"] for item in preparation["items"]].count(bad) == 0
    assert before["status"] == "Pending", "the signer decides"
    documents = by_name(ended["documents"])
    assert {name: d["status"] for name, d in documents.items()} == {
        "first.pdf": "Completed",
        "second.pdf.p7m": "ProcessingError",
        "last.pdf": "Completed",
    }
    assert (ended["status"], ended["processingErrorCode"]) == ("ProcessingError", "FileChanged")
    assert documents["second.pdf.p7m"]["processingErrorCode"] == LOST["code"]
    assert documents["second.pdf.p7m"]["processingErrorDetail"] == LOST["detail"]
    assert documents["first.pdf"]["processingErrorCode"] is None
    assert sorted(events_of(server, opened)) == sorted(
        ["SessionCreated", "SessionOpened", "SessionSigned", "DocumentFailed", "SessionFailed"]
        + ["DocumentSignatureCompleted"] * 2
    )
    (view,) = [d for d in page.load()["documents"] if d["id"] == bad]
    assert (view["leftOut"], view["processingErrorCode"]) == (True, "FileChanged")


def test_finishing_again_answers_the_same(server: Server, opened: Json) -> None:
    page = server.page(opened["redirectUrl"])
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    values = values_of(preparation, key)

    for _ in range(3):
        ok(page.finish(preparation, values))
    server.wait(opened["sessionId"])
    ok(page.finish(preparation, values))

    assert events_of(server, opened).count("DocumentFailed") == 1


def test_a_consent_for_one_document_more_or_less_is_refused(server: Server, opened: Json) -> None:
    page = server.page(opened["redirectUrl"])
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    values = values_of(preparation, key)
    bad = preparation["refused"][0]["documentId"]

    assert refused(page.finish(preparation, {**values, bad: b"value"}), 422) == "SignatureValueMissing"
    assert refused(page.finish(preparation, dict([values.popitem()])), 422) == "SignatureValueMissing"
    assert server.session(opened["sessionId"])["status"] == "Pending"


def test_a_file_that_is_whole_again_is_signed_with_the_next_preparation(server: Server, opened: Json) -> None:
    page = server.page(opened["redirectUrl"])
    key, chain = page.demo_key()
    ok(page.finish(preparation := ok(page.prepare(chain)), values_of(preparation, key)))
    server.wait(opened["sessionId"])
    content = what_a_file_is.signed_pdf()

    server.stored_file(opened["sessionId"], content[:600]).write_bytes(content)
    again = ok(page.prepare(chain))
    ok(page.finish(again, values_of(again, key)))

    assert (len(again["items"]), again["refused"]) == (1, [])
    ended = server.wait(opened["sessionId"])
    assert ended["status"] == "Completed"
    assert {d["processingErrorCode"] for d in ended["documents"]} == {None}


def alone(server: Server) -> tuple[Json, Page]:
    """A session whose only document is lost."""
    content = what_a_file_is.signed_pdf()
    opened = server.open_session(documents=[a_file(content, "only.pdf.p7m")], returnUrl="https://a.b/")
    spoil(server, opened, content)
    return opened, server.page(opened["redirectUrl"])


def test_a_session_of_which_nothing_can_be_signed_ends_with_the_reason(server: Server) -> None:
    opened, page = alone(server)
    _, chain = page.demo_key()
    preparation = ok(page.prepare(chain))

    ended = ok(page.finish(preparation, {}))

    assert (preparation["items"], len(preparation["refused"])) == ([], 1)
    assert (ended["status"], ended["processingErrorCode"]) == ("ProcessingError", "FileChanged")
    assert ended["returnUrl"].startswith("https://a.b/")
    assert ok(page.finish(preparation, {}))["status"] == "ProcessingError"
    session = server.session(opened["sessionId"])
    assert (session["status"], session["signerCertificate"]) == ("ProcessingError", None)
    assert events_of(server, opened)[-2:] == ["DocumentFailed", "SessionFailed"]
    answer = ok(server.api.get(f"/api/signature-sessions/{opened['sessionId']}/when-completed"))
    assert answer == {"completed": True, "progress": 100}


def test_the_operator_cannot_process_what_nobody_has_signed(server: Server) -> None:
    tenant, content = new_tenant(server), what_a_file_is.signed_pdf()
    opened = ok(tenant.open_session(documents=[a_file(content, "only.pdf.p7m")]))
    spoil(server, opened, content)
    page = server.page(opened["redirectUrl"])
    _, chain = page.demo_key()
    ok(page.finish(ok(page.prepare(chain)), {}))

    answer = server.api.post(f"/api/signature-sessions/{opened['sessionId']}/retry", headers=tenant.manager)

    assert refused(answer, 422) == "BadSignatureSessionOperation"
    assert "could not be prepared" in answer.json()["detail"]


def test_a_file_that_is_gone_is_left_out_too(server: Server, opened: Json) -> None:
    server.stored_file(opened["sessionId"], what_a_file_is.signed_pdf()[:600]).unlink()
    page = server.page(opened["redirectUrl"])
    key, chain = page.demo_key()

    preparation = ok(page.prepare(chain))
    ok(page.finish(preparation, values_of(preparation, key)))

    assert [one["code"] for one in preparation["refused"]] == ["FileNotFound"]
    assert [d["status"] for d in server.wait(opened["sessionId"])["documents"]].count("Completed") == 2


def test_a_certificate_that_cannot_sign_is_no_documents_fault(server: Server, opened: Json) -> None:
    page = server.page(opened["redirectUrl"])

    assert refused(page.prepare(["AAAA"]), 400) == "BadCertificate"
