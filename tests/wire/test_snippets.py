"""Each snippet of the published guide, as the bytes its library writes, against the demo as it stands.

The guide and its linked pages: creating a session, the callback handler, predefined documents, referencing files,
disabled downloads, the webhook flow, background processing, metadata, certificate requirements, PDF/A, webhooks and
file validation (what we send is in ``tests/journeys/test_webhooks.py`` and ``tests/page/test_file_validation.py``).
What a snippet reads of the answer is checked as its library reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import httpx
import pytest

from tests.api.requests import a_file, signed_session, uploaded
from tests.fetch.sites import running_site
from tests.harness.server import Json, Server, base64, ok
from tests.vectors import hard_pdfs
from tests.wire.answers import answered_as, refused_with
from tests.wire.operations import DOCUMENTS, KEYS, PLAIN, SESSIONS
from tests.wire.recorded import Recorded, recorded

PDF = hard_pdfs.make("plain")
XML = b'<?xml version="1.0"?><order id="1"/>'
METADATA = {"organization": ["Patorum Inc."], "priority": ["10"], "categories": ["Document", "Forms"]}


@pytest.fixture(scope="module")
def done(sqlite_server: Server) -> Json:
    """A session with one PDF, once it is signed."""
    return signed_session(sqlite_server, a_file(name="doc1.pdf"), returnUrl="http://localhost:8080/SessionCallback")


@pytest.fixture(scope="module")
def words(sqlite_server: Server, done: Json) -> Iterator[Mapping[str, str | bytes]]:
    """What the recorded requests need of this run. The demo fetches from loopback."""
    with running_site() as site:
        site.paths["/docs/document1.pdf"] = lambda exchange: exchange.answer(PDF, "Content-Type: application/pdf")
        yield {
            "pdf": base64(PDF),
            "xml": base64(XML),
            "bytes": PDF,
            "address": f"{site.url}/docs/document1.pdf?token=xxxxxxxxx",
            "session": done["id"],
            "document": done["documents"][0]["id"],
            "blob": uploaded(sqlite_server, PDF, "doc1.pdf"),
        }


def of(section: str) -> pytest.MarkDecorator:
    """The recorded requests whose section begins so."""
    found = [one for one in recorded() if one.section.split(",")[0] == section]
    return pytest.mark.parametrize("request_", found, ids=str)


def opened(server: Server, request: Recorded, words: Mapping[str, str | bytes]) -> tuple[Json, Json]:
    """The answer that the snippet redirects by, and the session as the callback handler reads it."""
    answer = request.send(server, words)
    made = answered_as("POST", SESSIONS, answer)
    assert "signroom-ignored" not in answer.headers, "every field that the client writes is known"
    assert made["redirectUrl"].startswith(f"{server.url}/sign/")
    assert httpx.get(made["redirectUrl"], trust_env=False).status_code == 200, "the user's browser follows it"
    read = server.api.get(f"{SESSIONS}/{made['sessionId']}")
    return made, answered_as("GET", f"{SESSIONS}/{{id}}", read)


def page_of(server: Server, made: Json) -> Json:
    return server.page(made["redirectUrl"]).load()


@of("Creating a signature session")
def test_creating_a_session(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    made, session = opened(sqlite_server, request_, words)

    assert (session["status"], session["documents"]) == ("Pending", [])
    page = sqlite_server.page(made["redirectUrl"])
    ok(page.client.post("cancel"))
    back = page.load()["returnUrl"]
    assert back.startswith("http://localhost:"), "no property was lost: the user comes back"
    assert back.endswith(f"?signatureSessionId={made['sessionId']}")


@of("Implementing the callback handler")
def test_the_callback_handler(
    sqlite_server: Server, words: Mapping[str, str | bytes], done: Json, request_: Recorded
) -> None:
    session = answered_as("GET", f"{SESSIONS}/{{id}}", request_.send(sqlite_server, words))

    assert session["status"] == "Completed"
    (document,) = session["documents"]
    assert document["status"] == "Completed"
    assert document["signedFile"]["name"] == "doc1.pdf"
    file = httpx.get(document["signedFile"]["location"], trust_env=False)  # <a href="...">
    assert file.content.startswith(PDF)
    assert len(file.content) == document["signedFile"]["length"]


@of("Predefining documents")
def test_predefining_documents(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    if "upload" in request_.section:
        reference = answered_as("POST", PLAIN, request_.send(sqlite_server, words))
        assert (reference["name"], reference["length"]) == ("doc1.pdf", len(PDF))
        assert reference["blobToken"]
        return
    _, session = opened(sqlite_server, request_, words)

    first, second = session["documents"]
    assert first["status"] == second["status"] == "PendingSignature"
    assert first["signatureType"] == "Pdf"
    assert first["originalFile"]["length"] == len(PDF)
    assert second["originalFile"]["name"] in {"doc.xml", "document1.pdf"}
    assert first["originalFile"]["name"] in {"doc1.pdf", "document.pdf"}, "one client drops the name of a path"


@of("Referencing files")
def test_referencing_files(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    _, session = opened(sqlite_server, request_, words)

    (document,) = session["documents"]
    assert (document["originalFile"]["name"], document["originalFile"]["length"]) == ("document1.pdf", len(PDF))


@of("Disabling downloads")
def test_disabling_downloads(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    made, _ = opened(sqlite_server, request_, words)

    assert page_of(sqlite_server, made)["disableDownloads"] is True


@of("Webhook flow")
def test_the_webhook_flow(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    made, session = opened(sqlite_server, request_, words)

    assert session["status"] == "Pending"
    view = page_of(sqlite_server, made)
    assert (view["returnUrl"], view["background"]) == (None, True)


@of("Background processing")
def test_background_processing(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    made, _ = opened(sqlite_server, request_, words)

    page = sqlite_server.page(made["redirectUrl"])
    page.add(PDF)
    page.sign(*page.demo_key())
    found = sqlite_server.session(made["sessionId"])
    assert found["status"] in {"Processing", "Completed"}, "the callback of the guide takes both"
    for document in found["documents"]:
        assert document["originalFile"]["name"], "shown while it is processed"
    assert sqlite_server.wait(made["sessionId"])["documents"][0]["signedFile"]["location"]


@of("Document metadata")
def test_document_metadata(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    made, session = opened(sqlite_server, request_, words)

    if not session["documents"]:  # uploads have it too
        sqlite_server.page(made["redirectUrl"]).add(PDF)
        page = sqlite_server.page(made["redirectUrl"])
        page.sign(*page.demo_key())
        session = sqlite_server.wait(made["sessionId"])
    document = ok(sqlite_server.api.get(f"{DOCUMENTS}/{session['documents'][0]['id']}"))
    assert document["metadata"] == METADATA


@of("Certificate requirements")
def test_certificate_requirements(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    made, session = opened(sqlite_server, request_, words)

    assert session["status"] == "Pending"
    (requirement,) = page_of(sqlite_server, made)["requirements"]
    assert requirement["type"] in {"CryptoDevice", "Cpf"}


@of("Conversion to PDF/A")
def test_conversion_to_pdf_a(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    refused_with(request_.send(sqlite_server, words), 422, "PdfAConversionNotAvailable")


@of("Get started")
def test_a_culture(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    made, _ = opened(sqlite_server, request_, words)

    page = httpx.get(made["redirectUrl"], trust_env=False)
    assert '<html lang="pt-BR"' in page.text


@of("Document keys")
def test_document_keys(sqlite_server: Server, words: Mapping[str, str | bytes], request_: Recorded) -> None:
    assert answered_as("POST", KEYS, request_.send(sqlite_server, words))["formattedKey"]


def test_no_recorded_request_is_left_out() -> None:
    tried = {
        argument.section
        for name, test in globals().items()
        if name.startswith("test_")
        for mark in getattr(test, "pytestmark", ())
        for argument in mark.args[1]
    }
    assert {one.section for one in recorded()} == tried
