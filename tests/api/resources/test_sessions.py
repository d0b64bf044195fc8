"""``/api/signature-sessions`` and ``/api/documents`` as clients in the field call them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from signroom.secrets.secret_keys import SecretKeys
from signroom.secrets.tokens import SignedTokens
from tests.api.requests import signed_session
from tests.harness.databases import database_does_not_matter
from tests.harness.server import Json, Server, base64, ok, refused
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs

SESSIONS = "/api/signature-sessions"
SESSION_KEYS = {
    "id",
    "status",
    "processingErrorCode",
    "callbackArgument",
    "signerCertificate",
    "signerIdentityConfirmed",
    "documents",
}
DOCUMENT_KEYS = {
    "status",
    "dateSigned",
    "id",
    "key",
    "formattedKey",
    "originalFile",
    "markedFile",
    "signedFile",
    "signatureType",
    "availableUntil",
    "processingErrorCode",
    "processingErrorDetail",
    "pdfSignatureField",
    "level",
    "levelWanted",
    "levelDetail",
    "validation",
}
FILE_KEYS = {"mimeType", "content", "blobToken", "url", "name", "length", "contentType", "location"}


def a_file(content: bytes | None = None, name: str = "contract.pdf", **fields: Any) -> dict[str, Any]:
    return {"file": {"name": name, "content": base64(content or hard_pdfs.make("plain"))}, **fields}


# -- lenient in ------------------------------------------------------------------------------------


def test_a_session_is_opened_and_read(server: Server) -> None:
    opened = server.open_session(returnUrl="https://app.example/back?x=1#y", callbackArgument="order 42 ü")

    session = server.session(opened["sessionId"])

    assert set(opened) == {"sessionId", "redirectUrl"}
    assert opened["redirectUrl"].startswith(f"{server.url}/sign/")
    assert set(session) == SESSION_KEYS
    assert session["status"] == "Pending"
    assert session["callbackArgument"] == "order 42 ü"
    assert session["documents"] == []
    assert session["signerCertificate"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"returnUrl": None, "documents": None, "documentMetadata": None},
        {"documents": [], "documentMetadata": [], "pdfSignatureOptions": [], "cmsSignatureOptions": []},
        {"certificateRequirements": [], "enableBackgroundProcessing": False, "unknownField": {"x": 1}},
    ],
)
def test_unset_fields_may_be_absent_null_or_an_empty_list(server: Server, body: dict[str, Any]) -> None:
    assert ok(server.api.post(SESSIONS, json=body))["sessionId"]


@database_does_not_matter
@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json-patch+json",
        "text/json",
        "application/x+json",
    ],
)
def test_every_spelling_of_json_is_accepted(server: Server, media_type: str) -> None:
    ok(server.api.post(SESSIONS, content=b"{}", headers={"Content-Type": media_type}))


@database_does_not_matter
@pytest.mark.parametrize("path", [SESSIONS, f"{SESSIONS}/", "/Api/Signature-Sessions", "/API/SIGNATURE-SESSIONS/"])
def test_paths_match_in_any_case_and_with_a_trailing_slash_without_redirect(server: Server, path: str) -> None:
    ok(server.api.post(path, json={}))


def test_a_key_is_found_in_every_place_where_clients_send_it(server: Server) -> None:
    secret = server.api_key.partition("|")[2]
    for headers in (
        {"X-Api-Key": server.api_key},
        {"X-Api-Key": secret},
        {"X-Api-Key": f"Bearer {server.api_key}"},
        {"Authorization": f"Bearer {server.api_key}"},
        {"Authorization": f"ApiKey {server.api_key}"},
    ):
        ok(httpx.post(server.url + SESSIONS, json={}, headers=headers, trust_env=False))


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": ""}, {"X-Api-Key": "app|wrong"}, {"Authorization": "Bearer x"}])
def test_without_a_valid_key_nothing_happens(server: Server, headers: dict[str, str]) -> None:
    for method, path in (("POST", SESSIONS), ("GET", f"{SESSIONS}/{uuid4()}"), ("GET", f"/api/documents/{uuid4()}")):
        response = httpx.request(method, server.url + path, headers=headers, json={}, trust_env=False)
        assert refused(response, 401) == "Unauthorized"


@database_does_not_matter
@pytest.mark.parametrize(
    "url",
    ["", "/relative", "javascript:alert(1)", "ftp://x/", "https://a b/", 'https://a/"', "https://x/" + "x" * 1020],
)
def test_a_bad_return_url_is_refused(server: Server, url: str) -> None:
    assert refused(server.api.post(SESSIONS, json={"returnUrl": url}), 400) == "BadReturnUrl"


def test_a_long_callback_argument_is_refused(server: Server) -> None:
    ok(server.api.post(SESSIONS, json={"callbackArgument": "x" * 1024}))
    assert refused(server.api.post(SESSIONS, json={"callbackArgument": "x" * 1025}), 400) == "BadCallbackArgument"


@database_does_not_matter
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"returnUrl": 5}',
        b'{"disableDownloads": "yes"}',
        b'{"documents": {}}',
        b'{"documents": [{"file": {"name": "a.pdf", "content": "not base64!"}}]}',
        b'{"documents": [{}]}',
        b'{"documents": [{"file": {"name": "a.pdf"}}]}',
        b'{"securityContextId": "no uuid"}',
        b'{"callbackArgument": "a\\u0000b"}',
        b'{"callbackArgument": "a\\ud800b"}',
        b'{"returnUrl": "https://app.example/\\u0000"}',
        b'{"documents": [{"file": {"name": "\\u0000", "content": "AAAA"}}]}',
        b"[" * 100_000,
    ],
)
def test_what_the_schema_alone_can_tell_gets_400(server: Server, body: bytes) -> None:
    refused(server.api.post(SESSIONS, content=body, headers={"Content-Type": "application/json"}), 400)


@database_does_not_matter
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"returnUrl": "https://app.example/"', "The JSON ends too early"),
        (b'{"documents": [{"file": {"content": "data:application/pdf;base64,AAAA"}}]}', "without `data:...,`"),
    ],
)
def test_what_is_wrong_with_a_body_is_said_in_the_words_of_its_sender(server: Server, body: bytes, told: str) -> None:
    answer = server.api.post(SESSIONS, content=body, headers={"Content-Type": "application/json"})

    assert refused(answer, 400) == "BadRequest"
    assert told in answer.json()["message"]


@database_does_not_matter
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_that_is_not_json_gets_415(server: Server, media_type: str) -> None:
    response = server.api.post(SESSIONS, content=b"{}", headers={"Content-Type": media_type})

    assert refused(response, 415) == "UnsupportedMediaType"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("empty", 422, "EmptyFile"),
        ("truncated", 422, "InvalidPdf"),
        ("encrypted-user", 422, "ProtectedPdfError"),
        ("certified-no-changes", 422, "CertifiedPdf"),
    ],
)
def test_a_bad_predefined_document_creates_nothing(server: Server, name: str, status: int, code: str) -> None:
    folders = set((server.data / "files").rglob("*-original*"))
    good = a_file()
    bad = {"file": {"name": "bad.pdf", "content": base64(hard_pdfs.make(name))}}

    assert refused(server.api.post(SESSIONS, json={"documents": [good, bad]}), status) == code
    assert set((server.data / "files").rglob("*-original*")) == folders


def test_a_predefined_document_over_the_limit_gets_413(small_server: Server) -> None:
    document = a_file(hard_pdfs.make("plain") + b"%" * 210_000)

    assert refused(small_server.api.post(SESSIONS, json={"documents": [document]}), 413) == "FileTooLarge"


def test_a_body_over_the_limit_gets_413(small_server: Server) -> None:
    response = small_server.api.post(SESSIONS, json={"callbackArgument": "x" * 2_000_000})

    assert refused(response, 413) == "RequestTooLarge"


@pytest.mark.parametrize(
    "fields",
    [
        {"cmsSignatureOptions": {"dataFile": {"content": "AAAA"}}},
    ],
)
def test_what_this_version_does_not_do_is_refused_not_ignored(server: Server, fields: dict[str, Any]) -> None:
    assert refused(server.api.post(SESSIONS, json=fields), 422) == "NotSupported"


@pytest.mark.parametrize(
    ("kind", "wanted", "code"),
    [
        ("plain", "Xml", "InvalidXml"),
        ("html", "Pdf", "UnsupportedFileType"),
        ("docx", "pades", "UnsupportedFileType"),
        ("text", "Xml", "InvalidXml"),
    ],
)
def test_a_file_must_be_what_it_is_to_be_signed_as(server: Server, kind: str, wanted: str, code: str) -> None:
    document = {**a_file(hard_pdfs.make(kind)), "signatureType": wanted}

    assert refused(server.api.post(SESSIONS, json={"documents": [document]}), 422) == code


@pytest.mark.parametrize(
    ("kind", "name", "wanted", "found"),
    [
        ("plain", "a.pdf", "pDF", "Pdf"),
        ("plain", "a.pdf", None, "Pdf"),
        ("plain", "a.txt", None, "Pdf"),
        ("plain", "a.pdf", "cms", "Cms"),
        ("docx", "a.docx", None, "Cms"),
        ("html", "a", None, "Cms"),
        ("image", "a.pdf", "CAdES", "Cms"),
    ],
)
def test_what_nobody_asks_for_is_pdf_for_pdfs_and_cms_for_the_rest(
    server: Server, kind: str, name: str, wanted: str | None, found: str
) -> None:
    document = {**a_file(hard_pdfs.make(kind), name), "signatureType": wanted}
    opened = ok(server.api.post(SESSIONS, json={"documents": [document]}))

    assert server.session(opened["sessionId"])["documents"][0]["signatureType"] == found


@pytest.mark.parametrize(("kind", "code"), [("html", "UnsupportedFileType"), ("text", "InvalidPdf")])
def test_what_is_called_pdf_must_be_one_unless_something_else_is_asked_for(
    server: Server, kind: str, code: str
) -> None:
    """A CMS signature of it is hardly what anybody expects."""
    document = a_file(hard_pdfs.make(kind), "contract.PDF")

    assert refused(server.api.post(SESSIONS, json={"documents": [document]}), 422) == code


def test_a_hundred_and_one_documents_are_too_many(server: Server) -> None:
    documents = [{"file": {"name": "a.pdf", "content": "AAAA"}}] * 101

    assert refused(server.api.post(SESSIONS, json={"documents": documents}), 422) == "TooManyDocuments"


def test_unknown_ids_get_422_and_malformed_ones_400(server: Server) -> None:
    assert refused(server.api.get(f"{SESSIONS}/{uuid4()}"), 422) == "SignatureSessionNotFound"
    assert refused(server.api.get(f"/api/documents/{uuid4()}"), 422) == "DocumentNotFound"
    refused(server.api.get(f"{SESSIONS}/not-a-uuid"), 400)
    refused(server.api.get("/api/documents/not-a-uuid"), 400)


def test_unknown_routes_and_methods_get_json(server: Server) -> None:
    assert refused(server.api.get("/api/nothing"), 404) == "RouteNotFound"
    missing = server.api.get("/sign/assets/nothing.js")
    assert refused(missing, 404) == "RouteNotFound"
    assert "static" not in missing.text  # no path of the server
    assert server.api.get("/").headers["location"] == "/docs/"
    response = server.api.delete(SESSIONS)
    assert refused(response, 405) == "MethodNotAllowed"
    assert "POST" in response.headers["allow"]


def test_another_subscription_sees_nothing(server: Server, other_key: str) -> None:
    opened = server.open_session(documents=[a_file()])
    document_id = server.session(opened["sessionId"])["documents"][0]["id"]
    stranger = {"X-Api-Key": other_key}

    session = server.api.get(f"{SESSIONS}/{opened['sessionId']}", headers=stranger)
    document = server.api.get(f"/api/documents/{document_id}", headers=stranger)

    assert refused(session, 422) == "SignatureSessionNotFound"
    assert refused(document, 422) == "DocumentNotFound"


def test_a_key_that_only_monitors_opens_no_session(server: Server, monitor_key: str) -> None:
    response = server.api.post(SESSIONS, json={}, headers={"X-Api-Key": monitor_key})

    assert refused(response, 403) == "Forbidden"


def test_an_expired_key_is_refused(server: Server, expired_key: str) -> None:
    assert refused(server.api.post(SESSIONS, json={}, headers={"X-Api-Key": expired_key}), 401) == "Unauthorized"


# -- strict out ------------------------------------------------------------------------------------


def test_predefined_documents_are_listed_as_pending(server: Server) -> None:
    content = hard_pdfs.make("plain")
    opened = server.open_session(documents=[a_file(content, "Ü 合同.pdf"), a_file(content, "b.pdf")])

    documents = server.session(opened["sessionId"])["documents"]

    assert [d["originalFile"]["name"] for d in documents] == ["Ü 合同.pdf", "b.pdf"]
    for document in documents:
        assert set(document) == DOCUMENT_KEYS
        assert set(document["originalFile"]) == FILE_KEYS
        assert document["status"] == "PendingSignature"
        assert document["signatureType"] == "Pdf"
        assert document["originalFile"]["length"] == len(content)
        assert document["originalFile"]["mimeType"] == document["originalFile"]["contentType"] == "application/pdf"
        assert document["originalFile"]["url"] == document["originalFile"]["location"]
        assert document["signedFile"] is document["markedFile"] is document["dateSigned"] is None


def test_uploads_are_not_listed_before_they_are_signed(server: Server) -> None:
    opened = server.open_session()
    page = server.page(opened["redirectUrl"])
    page.add(hard_pdfs.make("plain"))

    assert server.session(opened["sessionId"])["documents"] == []
    page.sign(*page.demo_key())
    assert len(server.wait(opened["sessionId"])["documents"]) == 1


def test_a_completed_session_says_who_signed_what(server: Server) -> None:
    opened = server.open_session(documents=[a_file()])
    page = server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())

    session = server.wait(opened["sessionId"])
    document = session["documents"][0]
    model = ok(server.api.get(f"/api/documents/{document['id']}"))

    assert session["status"] == "Completed"
    assert document["status"] == "Completed"
    assert document["signedFile"]["name"] == "contract.pdf"
    assert document["dateSigned"].endswith("Z")
    signer = session["signerCertificate"]
    assert signer["subjectDisplayName"] == signer["subjectName"]["commonName"] == "Ana (DEMO)"
    assert signer["issuerName"]["organization"] == "DEMO - no legal value"
    assert signer["serialNumber"].isdecimal()
    assert signer["validityStart"].endswith("Z")
    assert signer["pkiBrazil"]["certificateType"] == "Unknown"
    assert set(signer["pkiBrazil"]) >= {"oabUF", "rgEmissorUF", "cpf"}
    assert signer["pkiItaly"] == {"certificateType": "Undefined", "codiceFiscale": None, "idCarta": None}
    assert len(signer["thumbprint"]) == 40
    assert len(signer["thumbprintSHA256"]) == 64
    assert [s["certificate"]["subjectDisplayName"] for s in model["signers"]] == ["Ana (DEMO)"]
    assert model["signedFile"]["length"] == document["signedFile"]["length"]


def test_a_location_works_in_a_plain_browser_and_only_for_its_file(server: Server) -> None:
    content = hard_pdfs.make("plain")
    opened = server.open_session(documents=[a_file(content, 'a"ü.pdf')])
    location = server.session(opened["sessionId"])["documents"][0]["originalFile"]["location"]

    got = httpx.get(location, trust_env=False)
    head = httpx.head(location, trust_env=False)

    assert got.content == content
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"].startswith(
        "attachment; filename=\"a__.pdf\"; filename*=UTF-8''a%22%C3%BC"
    )
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(content)))


def test_a_location_that_is_forged_or_over_is_refused(server: Server) -> None:
    opened = server.open_session(documents=[a_file()])
    document = server.session(opened["sessionId"])["documents"][0]
    location: str = document["originalFile"]["location"]
    tokens = SignedTokens(SecretKeys((server.data / "secret.key").read_bytes()))
    now = datetime.now(UTC)
    forged = location[:-5] + "AAAA" + location[-1]
    old = tokens.issue("download", f"{document['id']}~original", now - timedelta(hours=5))
    unsigned = tokens.issue("download", f"{document['id']}~signed", now)
    page_token = tokens.issue("page", f"{document['id']}~original", now)

    assert refused(httpx.get(forged, trust_env=False), 403) == "BadDownloadToken"
    assert refused(server.api.get(f"/api/downloads/{page_token}"), 403) == "BadDownloadToken"
    assert refused(server.api.get(f"/api/downloads/{old}"), 403) == "ExpiredDownloadToken"
    assert refused(server.api.get(f"/api/downloads/{unsigned}"), 422) == "FileNotFound"


def test_system_info_needs_no_key(server: Server) -> None:
    info = ok(httpx.get(f"{server.url}/api/system/info", trust_env=False))

    assert set(info) == {"productName", "productVersion", "apiVersion", "timestamp"}


def test_the_openapi_document_describes_what_is_there(server: Server) -> None:
    document = ok(httpx.get(f"{server.url}/openapi.json", trust_env=False))

    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/.well-known/jwks.json",
        "/api/applications",
        "/api/applications/{application_id}",
        "/api/applications/{application_id}/api-keys",
        "/api/applications/{application_id}/disable",
        "/api/applications/{application_id}/enable",
        "/api/applications/{application_id}/api-keys/{key_id}",
        "/api/applications/{application_id}/api-keys/{key_id}/rotate",
        "/api/applications/{application_id}/default-document-metadata",
        "/api/document-keys",
        "/api/document-keys/batch",
        "/api/document-keys/unused",
        "/api/document-keys/{key}",
        "/api/documents",
        "/api/events",
        "/api/events/{event_id}",
        "/api/settings/webhooks",
        "/api/settings/webhooks/{webhook_id}",
        "/api/settings/webhooks/{webhook_id}/deliveries",
        "/api/settings/webhooks/{webhook_id}/deliveries/{delivery_id}",
        "/api/settings/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
        "/api/settings/webhooks/{webhook_id}/pause",
        "/api/settings/webhooks/{webhook_id}/replay-failed",
        "/api/settings/webhooks/{webhook_id}/resume",
        "/api/settings/webhooks/{webhook_id}/rotate-secret",
        "/api/settings/webhooks/{webhook_id}/test",
        "/api/signature-sessions/{session_id}/retry",
        "/api/settings/retention",
        "/api/documents/keys/{key}",
        "/api/demo/failures",
        "/api/documents/preflight",
        "/api/documents/{document_id}/extend",
        "/api/documents/{document_id}/versions",
        "/api/documents/{document_id}",
        "/api/documents/{document_id}/signers",
        "/Api/MultipartUploads",
        "/Api/MultipartUploads/{token}",
        "/Api/MultipartUploads/{token}/{number}",
        "/api/persons/erase",
        "/api/persons/export",
        "/api/persons/find",
        "/api/plain-uploads",
        "/api/settings/applications/{application_id}/frame-origins",
        "/api/settings/applications/{application_id}/return-urls",
        "/api/settings/audit-log",
        "/api/settings/security-contexts",
        "/api/settings/security-contexts/{context_id}",
        "/api/settings/timestamp-providers",
        "/api/settings/timestamp-providers/{provider_id}",
        "/api/settings/timestamp-providers/{provider_id}/test",
        "/api/settings/branding",
        "/api/settings/file-validation",
        "/api/settings/statistics",
        "/api/signature",
        "/api/signature/completion",
        "/api/signature-inspection",
        "/api/signature-sessions",
        "/api/signature-sessions/{session_id}",
        "/api/signature-sessions/{session_id}/cancel",
        "/api/signature-sessions/{session_id}/when-completed",
        "/api/system/info",
        "/api/tsp/{tier}",
        "/tsp",
        "/tsp/{tier}",
        "/api/v2/authentication",
        "/api/v2/authentication/completion",
    }
    session = document["components"]["schemas"]["SessionModel"]
    assert set(session["required"]) == SESSION_KEYS


def test_secrets_are_not_in_the_log(server: Server) -> None:
    opened = server.open_session(documents=[a_file()], returnUrl="https://app.example/?customer=secret-customer")
    page = server.page(opened["redirectUrl"])
    page.load()
    location = server.session(opened["sessionId"])["documents"][0]["originalFile"]["location"]
    httpx.get(location, trust_env=False)
    httpx.get(opened["redirectUrl"], trust_env=False)

    eventually(lambda: json.dumps({"event": "request"})[1:-1] in server.log.read_text())
    log = server.log.read_text()
    for secret in (
        opened["redirectUrl"].rpartition("/")[2],
        location.rpartition("/")[2],
        page.client.headers["X-Signature-Session-Token"],
        server.api_key.partition("|")[2],
        "secret-customer",
    ):
        assert secret not in log


@pytest.mark.parametrize(
    ("bad", "status", "code", "told"),
    [
        (a_file(hard_pdfs.make("encrypted-user"), "c.pdf"), 422, "ProtectedPdfError", "documents[2]"),
        (a_file(hard_pdfs.make("text"), "c.pdf"), 422, "InvalidPdf", "documents[2]: It does not begin like a PDF."),
        (a_file(b"x" * 10, "n" * 300 + ".pdf"), 400, "BadFileName", "documents[2]"),
        ({"file": {"name": "c.pdf"}}, 400, "BadRequest", "documents[2]: A file is missing"),
        ({"file": {"blobToken": "unknown"}}, 422, "UploadNotFound", "documents[2]"),
        (a_file(documentKey="2222333344445555"), 422, "DocumentKeyNotFound", "documents[2]"),
        (a_file(metadata={"%": ["x"]}), 400, "BadMetadata", "documents[2]"),
        (a_file(signatureType="Word"), 400, "BadRequest", "documents[2]"),
    ],
)
def test_a_refusal_says_which_document_it_is_about(
    server: Server, bad: Json, status: int, code: str, told: str
) -> None:
    documents = [a_file(), a_file(name="b.pdf"), bad, a_file(name="d.pdf")]

    answer = server.api.post(SESSIONS, json={"documents": documents})

    assert refused(answer, status) == code
    body = answer.json()
    assert (body["detail"] if status == 422 else body["message"]).count(told) == 1
    if status == 422:
        assert body["detail"].startswith("documents[2]")


# -- an earlier document once more ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Pdf", "Cms", "Xml"])
def test_an_earlier_document_is_signed_once_more(server: Server, kind: str) -> None:
    name, content = {
        "Pdf": ("contract.pdf", hard_pdfs.make("plain")),
        "Cms": ("notes.txt", b"notes"),
        "Xml": ("order.data", b"<order/>"),
    }[kind]
    options = {"cmsSignatureOptions": {"detached": True}} if kind == "Cms" else {}
    first = signed_session(server, a_file(content, name, signatureType=kind, **options))["documents"][0]

    second = signed_session(server, {"id": first["id"], "metadata": {"Round": "2"}})["documents"][0]
    third = signed_session(server, {"id": second["id"]})["documents"][0]

    assert len({first["id"], second["id"], third["id"]}) == len({d["key"] for d in (first, second, third)}) == 3
    assert third["signatureType"] == kind
    assert third["signedFile"]["name"] == first["signedFile"]["name"]
    assert second["originalFile"]["length"] == first["signedFile"]["length"]
    for document, signers in ((first, 1), (second, 2), (third, 3)):
        assert len(ok(server.api.get(f"/api/documents/{document['id']}/signers"))) == signers
    assert ok(server.api.get(f"/api/documents/{second['id']}"))["metadata"] == {"Round": ["2"]}


def test_what_is_not_signed_is_not_signed_again(server: Server) -> None:
    opened = server.open_session(documents=[a_file()])
    document = server.session(opened["sessionId"])["documents"][0]["id"]

    answer = server.api.post(SESSIONS, json={"documents": [{"id": document}]})
    unknown = server.api.post(SESSIONS, json={"documents": [{"id": str(uuid4())}]})
    both = server.api.post(SESSIONS, json={"documents": [{"id": document, **a_file()}]})

    assert refused(answer, 422) == "BadSignatureSessionOperation"
    assert answer.json()["detail"].startswith("documents[0]")
    assert refused(unknown, 422) == "DocumentNotFound"
    assert refused(both, 400) == "BadRequest"


def test_a_document_of_others_is_not_signed_again(server: Server, other_key: str) -> None:
    document = signed_session(server, a_file())["documents"][0]["id"]

    answer = server.api.post(SESSIONS, json={"documents": [{"id": document}]}, headers={"X-Api-Key": other_key})

    assert refused(answer, 422) == "DocumentNotFound"
