"""Levels on the wire: asked for, told, raised later, and seen again by an inspection."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.harness.server import Page, Server, base64, ok, refused
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs

Json = dict[str, Any]
FILES = {
    "Pdf": ("a.pdf", hard_pdfs.make("plain")),
    "Cms": ("a.txt", b"I owe 1 EUR"),
    "Xml": ("a.xml", b"<debt><amount>1</amount></debt>"),
}
TEST = "803517ad-3bbc-4169-b085-60053a8f6dbf"


def wanting(level: str | None, *kinds: str) -> list[Json]:
    documents = []
    for kind in kinds or FILES:
        name, content = FILES[kind]
        option = {f"{kind.lower()}SignatureOptions": {"level": level}} if level else {}
        documents.append({"file": {"name": name, "content": base64(content)}, "signatureType": kind, **option})
    return documents


def signed(server: Server, documents: list[Json], **fields: Any) -> list[Json]:
    """The documents of a session that was signed by the test certificate and is over."""
    opened = server.open_session(documents=documents, **fields)
    page = Page(opened["redirectUrl"])
    with closing(page.client):
        page.sign(*page.demo_key())
    found: list[Json] = server.wait(opened["sessionId"])["documents"]
    return found


def count(server: Server, document_id: str, event: str) -> int:
    """How often the feed tells this of the document."""
    found, after = 0, None
    while (page := ok(server.api.get("/api/events", params=query(event, after))))["events"]:
        found += sum(one["documentId"] == document_id for one in page["events"])
        after = page["next"]
    return found


def query(event: str, after: str | None) -> dict[str, str]:
    return {"type": event, "limit": "500"} | ({} if after is None else {"after": after})


def inspected(server: Server, content: bytes, **fields: Any) -> Json:
    body = {"file": {"content": base64(content)}, "validate": True, "securityContextId": TEST, **fields}
    every = ok(server.api.put("/api/signature-inspection", json=body))["signers"]
    (signer,) = [one for one in every if not one["isDocumentTimestamp"]]
    found: Json = signer
    return found


def file_of(document: Json) -> bytes:
    return httpx.get(document["location"], trust_env=False, timeout=60).raise_for_status().content


def test_each_format_reaches_the_level_that_its_document_asks_for(sqlite_server: Server) -> None:
    for document in signed(sqlite_server, wanting("LTA"), securityContextId=TEST):
        assert (document["status"], document["level"], document["levelWanted"]) == ("Completed", "B-LTA", "B-LTA")
        assert document["levelDetail"] is None
        validation = document["validation"]
        assert (validation["indication"], validation["level"]) == ("TOTAL-PASSED", "B-LTA")
        assert (validation["signingTimeSource"], validation["securityContextId"]) == ("timestamp", TEST)
        assert validation["identityConfirmed"] is True

        signer = inspected(sqlite_server, file_of(document["signedFile"]))
        assert (signer["level"], signer["hasLtv"]) == ("B-LTA", True)
        assert len(signer["timestamps"]) == 2
        assert signer["certifiedDateReference"] == validation["signingTime"]
        assert signer["validationResults"]["errors"] == []
        assert "UncertifiedDateReference" not in {one["type"] for one in signer["validationResults"]["warnings"]}


def test_what_the_session_says_holds_for_documents_that_say_nothing(sqlite_server: Server) -> None:
    options = {f"{kind}SignatureOptions": {"level": "b-t"} for kind in ("pdf", "cms", "xml")}
    documents = [*wanting(None), *wanting("B-B", "Pdf")]
    opened = sqlite_server.open_session(documents=documents, **options)

    wanted = [one["levelWanted"] for one in sqlite_server.session(opened["sessionId"])["documents"]]
    assert wanted == ["B-T", "B-T", "B-T", "B-B"]


def test_a_document_is_raised_later_and_its_first_version_stays(sqlite_server: Server) -> None:
    (document,) = signed(sqlite_server, wanting(None, "Pdf"), securityContextId=TEST)
    path = f"/api/documents/{document['id']}"
    first = file_of(document["signedFile"])
    assert (document["level"], document["levelWanted"]) == ("B-B", "B-B")
    assert inspected(sqlite_server, first)["certifiedDateReference"] is None

    asked = ok(sqlite_server.api.post(f"{path}/extend", json={"level": "LTA"}))
    assert (asked["level"], asked["levelWanted"]) == ("B-B", "B-LTA")
    eventually(lambda: ok(sqlite_server.api.get(path))["level"] == "B-LTA")

    versions = sqlite_server.api.get(f"{path}/versions").json()
    assert [one["level"] for one in versions] == ["B-B", "B-LTA"]
    assert file_of(versions[0]["file"]) == first
    assert file_of(document["signedFile"]) == first  # an address that was handed out before
    assert file_of(versions[1]["file"]) == file_of(ok(sqlite_server.api.get(path))["signedFile"])
    assert inspected(sqlite_server, file_of(versions[1]["file"]))["level"] == "B-LTA"
    types = ("DocumentSignatureCompleted", "DocumentArchived")
    assert [count(sqlite_server, document["id"], one) for one in types] == [1, 1]


@pytest.mark.parametrize("level", ["X", "B-", "B-LTV", 5])
def test_a_level_that_there_is_not_is_refused(sqlite_server: Server, level: object) -> None:
    body = {"documents": [{**wanting(None, "Pdf")[0], "pdfSignatureOptions": {"level": level}}]}
    assert refused(sqlite_server.api.post("/api/signature-sessions", json=body), 400)


def test_only_what_is_signed_is_raised(sqlite_server: Server) -> None:
    opened = sqlite_server.open_session(documents=wanting(None, "Pdf"))
    (document,) = sqlite_server.session(opened["sessionId"])["documents"]
    path = f"/api/documents/{document['id']}/extend"

    assert refused(sqlite_server.api.post(path, json={"level": "LTA"}), 422) == "BadSignatureSessionOperation"
    assert refused(sqlite_server.api.post(path, json={"level": ""}), 400)
    assert sqlite_server.api.get(f"/api/documents/{document['id']}/versions").json() == []
