"""What bad input gets: the right status and a documented code, in JSON; never a page, never a stack trace."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.requests import TEST_CONTEXT, a_file, demo_signer, signed_session
from tests.harness.databases import database_does_not_matter
from tests.harness.rates import until_refused
from tests.harness.server import Json, Server, base64, running_server
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs
from tests.wire.answers import answered_as, refused_with
from tests.wire.operations import (
    APPLICATIONS,
    AUTHENTICATED,
    AUTHENTICATION,
    COMPLETION,
    DOCUMENTS,
    INSPECTION,
    KEYED,
    KEYS,
    MULTIPART,
    PLAIN,
    SESSIONS,
    SIGNATURE,
    Operation,
)

PDF = hard_pdfs.make("plain")
JSON = {"Content-Type": "application/json"}


def post(server: Server, path: str, body: Any, **headers: str) -> httpx.Response:
    return server.api.post(path, json=body, headers=headers)


def key_of(server: Server, **fields: Any) -> str:
    key: str = answered_as("POST", KEYS, post(server, KEYS, fields))["key"]
    return key


def prepare_body(server: Server, content: bytes = PDF, **fields: Any) -> Json:
    _, certificate = demo_signer(server)
    return {**a_file(content), "certificate": {"content": base64(certificate)}, **fields}


def begun(server: Server) -> str:
    """The path of a new upload in parts."""
    return f"{MULTIPART}/{answered_as('POST', MULTIPART, server.api.post(MULTIPART))['blobToken']}"


def part(server: Server, path: str, content: bytes, **headers: str) -> httpx.Response:
    return server.api.post(path, content=content, headers={"Content-Type": "application/octet-stream", **headers})


def md5(content: bytes) -> str:
    return base64(hashlib.md5(content, usedforsecurity=False).digest())


# -- 400: what the schema alone can tell ---------------------------------------------------------------------


@database_does_not_matter
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"returnUrl": ""}, "BadReturnUrl"),
        ({"returnUrl": "/back"}, "BadReturnUrl"),
        ({"returnUrl": "back"}, "BadReturnUrl"),
        ({"returnUrl": "//app.example/back"}, "BadReturnUrl"),
        ({"returnUrl": "ftp://app.example/back"}, "BadReturnUrl"),
        ({"returnUrl": "javascript:alert(1)"}, "BadReturnUrl"),
        ({"returnUrl": "data:text/html,x"}, "BadReturnUrl"),
        ({"returnUrl": "http://"}, "BadReturnUrl"),
        ({"returnUrl": "http:///back"}, "BadReturnUrl"),
        ({"returnUrl": "http://[::1"}, "BadReturnUrl"),
        ({"returnUrl": "http://app.example:99999/"}, "BadReturnUrl"),
        ({"returnUrl": 'https://app.example/"onload="x'}, "BadReturnUrl"),
        ({"returnUrl": "https://app.example/a\nb"}, "BadReturnUrl"),
        ({"returnUrl": "https://app.example/\0"}, "BadReturnUrl"),
        ({"returnUrl": "https://app.example/?" + "x" * 1004}, "BadReturnUrl"),
        ({"returnUrl": 5}, "BadRequest"),
        ({"returnUrl": ["https://app.example"]}, "BadRequest"),
        ({"callbackArgument": "x" * 1025}, "BadCallbackArgument"),
        ({"callbackArgument": "a\0b"}, "BadCallbackArgument"),
        ({"callbackArgument": {"order": 5}}, "BadRequest"),
        ({"disableDownloads": "perhaps"}, "BadRequest"),
        ({"disableDownloads": 2}, "BadRequest"),
        ({"enableBackgroundProcessing": "yes"}, "BadRequest"),
        ({"securityContextId": "any"}, "BadRequest"),
        ({"securityContextId": ""}, "BadRequest"),
        ({"securityContextId": 5}, "BadRequest"),
        ({"documents": {}}, "BadRequest"),
        ({"documents": "x"}, "BadRequest"),
        ({"documents": [None]}, "BadRequest"),
        ({"documents": [5]}, "BadRequest"),
        ({"documents": [{}]}, "BadRequest"),
        ({"documents": [{"file": {}}]}, "BadRequest"),
        ({"documents": [{"file": "x"}]}, "BadRequest"),
        ({"certificateRequirements": [{"type": "Fingerprint"}]}, "BadRequest"),
        ({"certificateRequirements": [{"type": None}]}, "BadRequest"),
        ({"certificateRequirements": [{"type": 1}]}, "BadRequest"),
        ({"certificateRequirements": "Cpf"}, "BadRequest"),
        ({"cmsSignatureOptions": {"dataHashes": [{"algorithm": "MD4", "value": "AAAA"}]}}, "BadRequest"),
        ({"cmsSignatureOptions": {"dataHashes": [{"algorithm": "SHA256", "value": "AAAA"}]}}, "BadRequest"),
        ({"cmsSignatureOptions": {"dataHashes": [{"algorithm": "SHA256", "hexValue": "xyz"}]}}, "BadRequest"),
        ({"pdfSignatureOptions": {"visualRepresentation": {"text": {"text": "x"}}}}, "BadRequest"),
    ],
)  # fmt: skip
def test_a_session_that_cannot_be_is_refused(server: Server, body: Json, code: str) -> None:
    refused_with(post(server, SESSIONS, body), 400, code)


def test_the_longest_texts_are_taken(server: Server) -> None:
    url = "https://app.example/?" + "x" * 1003
    assert len(url) == 1024

    answered_as("POST", SESSIONS, post(server, SESSIONS, {"returnUrl": url, "callbackArgument": "ç" * 1024}))


@database_does_not_matter
@pytest.mark.parametrize(
    "content",
    ["%%%", "AAAA!", "AAA", "A", "AA=A", "====", "AAAA====", "AAAA\u00e9", "data:application/pdf;base64,AAAA", "{}"],
)
@pytest.mark.parametrize("place", ["session", "prepare", "inspect"])
def test_what_is_not_base64_is_refused(server: Server, content: str, place: str) -> None:
    file = {"file": {"name": "a.pdf", "content": content}}
    if place == "session":
        answer = post(server, SESSIONS, {"documents": [file]})
    elif place == "prepare":
        answer = post(server, SIGNATURE, prepare_body(server) | file)
    else:
        answer = server.api.put(INSPECTION, json=file)

    refused_with(answer, 400, "BadRequest")


@database_does_not_matter
@pytest.mark.parametrize("field", ["signature", "certificate"])
@pytest.mark.parametrize("value", ["%%%", "AAA", 5, None, ["AAAA"], {}])
def test_bytes_that_are_none_are_refused(server: Server, field: str, value: object) -> None:
    right = {"state": "x", "certificate": "AAAA", "signature": "AAAA"}

    for path in (COMPLETION, AUTHENTICATED) if field == "signature" else (AUTHENTICATED,):
        refused_with(post(server, path, {**right, field: value}), 400, "BadRequest")
    if field == "certificate":
        refused_with(post(server, SIGNATURE, prepare_body(server, certificate={"content": value})), 400, "BadRequest")


@database_does_not_matter
@pytest.mark.parametrize("value", ["Word", "", " Pdf", "Pdf,Cms", 1, [], {}, True])
def test_a_member_that_an_enum_does_not_have_is_refused(server: Server, value: object) -> None:
    for answer in (
        post(server, SESSIONS, {"documents": [{**a_file(), "signatureType": value}]}),
        post(server, SIGNATURE, prepare_body(server, signatureType=value)),
    ):
        if value == "":  # some clients write an unset enum so
            assert answer.status_code in {200, 400}
        else:
            refused_with(answer, 400, "BadRequest")


BAD_METADATA: list[Any] = [
    {"": "x"},
    {"x" * 51: "x"},
    {"a.b": "x"},
    {"a/b": "x"},
    {"a\nb": "x"},
    {"a\0": "x"},
    {"😀": "x"},
    {"<b>": "x"},
    {"a": "x" * 501},
    {"a": ["x", "x" * 501]},
    {"a": "x\0y"},
    {"a": "x", "A": "y"},
    {f"n{number}": "x" for number in range(1000)},
]


@database_does_not_matter
@pytest.mark.parametrize("metadata", BAD_METADATA, ids=[str(number) for number in range(len(BAD_METADATA))])
def test_metadata_out_of_bounds_is_refused_wherever_it_comes(
    server: Server, metadata: Json, admin: dict[str, str]
) -> None:
    application = answered_application(server, admin)

    for answer in (
        post(server, SESSIONS, {"documentMetadata": metadata}),
        post(server, SESSIONS, {"documents": [{**a_file(), "metadata": metadata}]}),
        post(server, KEYS, {"provisionalMetadata": metadata}),
        post(server, f"{KEYS}/batch", {"count": 1, "provisionalMetadata": metadata}),
        server.api.put(f"{application}/default-document-metadata", json=metadata, headers=admin),
    ):
        refused_with(answer, 400, "BadMetadata")


def answered_application(server: Server, admin: dict[str, str]) -> str:
    """The path of a new application."""
    answer = server.api.post(APPLICATIONS, json={"name": f"App {uuid4().hex[:8]}"}, headers=admin)
    return f"{APPLICATIONS}/{answer.json()['id']}"


@database_does_not_matter
@pytest.mark.parametrize("value", [5, 1.5, True, {"x": "y"}, [5], [["x"]], [{}]])
def test_metadata_of_another_type_is_refused(server: Server, value: object) -> None:
    refused_with(post(server, KEYS, {"provisionalMetadata": {"a": value}}), 400, "BadRequest")


def test_metadata_at_its_bounds_is_taken(server: Server) -> None:
    metadata = {"Ação_- 9" + "x" * 42: ["x" * 500, "😀" * 500, ""]}
    assert max(map(len, metadata)) == 50

    key = key_of(server, provisionalMetadata=metadata)

    found = answered_as("GET", f"{KEYS}/{{key}}", server.api.get(f"{KEYS}/{key}"))
    assert found["provisionalMetadata"] == metadata


@database_does_not_matter
@pytest.mark.parametrize("count", [0, -1, 101, "101", "five", 1 << 31, 1 << 70, 1.5, True, None, [], ...])
def test_a_batch_has_1_to_100_keys(server: Server, count: object) -> None:
    body = {} if count is ... else {"count": count}

    refused_with(post(server, f"{KEYS}/batch", body), 400, "BadRequest")


def test_a_count_that_no_number_holds_is_refused(server: Server) -> None:
    for number in ("1e999", "-1e999", "9" * 5000, "1e-1"):
        answer = server.api.post(f"{KEYS}/batch", content=f'{{"count": {number}}}', headers=JSON)
        refused_with(answer, 400, "BadRequest")


@database_does_not_matter
@pytest.mark.parametrize(
    "query",
    [
        {"metadataName": "a"},
        {"metadataValue": "a"},
        {"metadataName": "", "metadataValue": "a"},
        {"metadataName": "x" * 51, "metadataValue": "a"},
        {"metadataName": "a", "metadataValue": "x" * 501},
    ],
)
def test_a_search_by_half_of_a_name_and_a_value_is_refused(server: Server, query: Json) -> None:
    refused_with(server.api.get(f"{KEYS}/unused", params=query), 400)


@pytest.mark.parametrize(
    "text", ["\0", "a\0b", "\ud800", "\x1b[31m", "'; drop table signroom_documents; --", "😀" * 50]
)
def test_odd_texts_in_addresses_never_crash(server: Server, text: str) -> None:
    """Databases differ in what they stand."""
    encoded = "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))

    for path in (
        f"{KEYS}/{encoded}",
        f"{DOCUMENTS}/keys/{encoded}",
        f"{KEYS}/unused?metadataName={encoded}&metadataValue=x",
        f"{KEYS}/unused?metadataName=x&metadataValue={encoded}",
    ):
        answer = server.api.get(path)
        assert answer.status_code in {200, 400}, f"{path}: {answer.status_code} {answer.text}"
        if answer.status_code == 400:
            refused_with(answer, 400)
    refused_with(server.api.get(f"/api/downloads/{encoded}"), 403)


@pytest.mark.parametrize("place", ["callbackArgument", "returnUrl", "name", "metadata", "key"])
def test_half_a_surrogate_is_refused(server: Server, place: str) -> None:
    """JSON can write it, UTF-8 cannot."""
    body = {
        "callbackArgument": r'{"callbackArgument": "a\ud800"}',
        "returnUrl": r'{"returnUrl": "https://app.example/\udfff"}',
        "name": r'{"documents": [{"file": {"name": "\ud800.pdf", "content": "AAAA"}}]}',
        "metadata": r'{"documentMetadata": {"a": "\ud800"}}',
        "key": r'{"documents": [{"documentKey": "\ud800", "file": {"name": "a.pdf", "content": "AAAA"}}]}',
    }[place]

    refused_with(server.api.post(SESSIONS, content=body, headers=JSON), 400)


@database_does_not_matter
@pytest.mark.parametrize("name", [" ", "x" * 256, "\0", "..", "/"])
def test_a_name_of_a_file_is_one(server: Server, name: str) -> None:
    document = {"file": {"name": name, "content": base64(PDF)}}

    refused_with(post(server, SESSIONS, {"documents": [document]}), 400)


@pytest.mark.parametrize("name", ["a\0.pdf", "../../a.pdf", "C:\\a.pdf", "a\nb.pdf", "<b>.pdf", "\u202efdp.exe.pdf"])
def test_a_name_with_traps_is_cleaned_or_refused(server: Server, name: str) -> None:
    answer = post(server, SESSIONS, {"documents": [{"file": {"name": name, "content": base64(PDF)}}]})
    if answer.status_code != 200:
        refused_with(answer, 400)
        return

    kept = server.session(answer.json()["sessionId"])["documents"][0]["originalFile"]

    assert not set(kept["name"]) & set("/\\\0\n\u202e")
    disposition = httpx.get(kept["location"], trust_env=False).headers["content-disposition"]
    assert disposition.startswith("attachment")


@database_does_not_matter
@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("file:///etc/passwd", 400),
        ("ftp://127.0.0.1/a.pdf", 400),
        ("gopher://127.0.0.1/", 400),
        ("http://", 400),
        ("nothing", 400),
        ("http://[", 400),
        ("http://127.0.0.1:1/a.pdf", 422),
        ("http://169.254.169.254/latest/meta-data", 422),
        ("http://10.0.0.1/a.pdf", 422),
        ("http://[fe80::1]/a.pdf", 422),
        ("http://0x0a000001/a.pdf", 422),
        ("http://nothing.invalid/a.pdf", 422),
        ("/api/downloads/x", 422),
        ("/etc/passwd", 400),
        ("//169.254.169.254/x", 422),
        ("{server}/api/system/info", 400),
        ("{server}/api/downloads/../system/info", 422),
    ],
)
def test_an_address_that_must_not_be_fetched(server: Server, url: str, status: int) -> None:
    document = {"file": {"name": "a.pdf", "url": url.format(server=server.url)}}

    found = refused_with(post(server, SESSIONS, {"documents": [document]}), status)

    assert status == 400 or found["code"] in {"FileDownloadFailed", "InvalidPdf"}, found
    assert "productName" not in str(found), "what was fetched is not told"


@database_does_not_matter
@pytest.mark.parametrize("key", ["x" * 256, "x" * 10_000])
def test_an_idempotency_key_has_bounds(server: Server, key: str) -> None:
    refused_with(post(server, SESSIONS, {}, **{"Idempotency-Key": key}), 400)


@database_does_not_matter
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": "   "},
        {"name": "a|b"},
        {"name": "a\0b"},
        {"name": "x" * 101},
        {"name": 5},
        {"name": "a", "authorizationData": {"roles": ["King"]}},
        {"name": "a", "authorizationData": {"roles": "Worker"}},
        {"name": "a", "authorizationData": {"roles": [5]}},
        {"name": "a", "authorizationData": "Worker"},
    ],
)
def test_an_application_that_cannot_be_is_refused(server: Server, admin: dict[str, str], body: Json) -> None:
    refused_with(server.api.post(APPLICATIONS, json=body, headers=admin), 400, "BadRequest")


@database_does_not_matter
@pytest.mark.parametrize(
    "body", [{"expiresOn": "soon"}, {"expiresOn": 5}, {"expiresOn": "2020-01-01T00:00:00Z"}, {"description": "x" * 256}]
)
def test_an_api_key_that_cannot_be_is_refused(server: Server, admin: dict[str, str], body: Json) -> None:
    answer = server.api.post(f"{answered_application(server, admin)}/api-keys", json=body, headers=admin)

    refused_with(answer, 400, "BadRequest")


def test_numbers_and_booleans_may_come_as_texts(server: Server) -> None:
    """Clients that build JSON from forms send them so, and the original takes them."""
    answered_as("POST", SESSIONS, post(server, SESSIONS, {"disableDownloads": "true"}))
    assert len(answered_as("POST", f"{KEYS}/batch", post(server, f"{KEYS}/batch", {"count": "5"}))) == 5


# -- 401, 403 ---------------------------------------------------------------------------------------------


def test_a_key_that_is_over_gets_401(server: Server, admin: dict[str, str]) -> None:
    application = answered_application(server, admin)
    end = datetime.now(UTC) + timedelta(seconds=4)
    key = server.api.post(f"{application}/api-keys", json={"expiresOn": end.isoformat()}, headers=admin).json()["key"]
    mine = {"X-Api-Key": key}
    # A busy machine may come too late for that.
    assert server.api.get(f"{KEYS}/x", headers=mine).status_code in {200, 403} or datetime.now(UTC) > end

    def over() -> httpx.Response | None:
        answer = server.api.get(f"{KEYS}/x", headers=mine)
        return answer if answer.status_code == 401 else None

    refused_with(eventually(over), 401, "Unauthorized")


def test_who_reads_only_creates_nothing(server: Server, monitor: dict[str, str]) -> None:
    for answer in (
        server.api.post(SESSIONS, json={}, headers=monitor),
        server.api.post(KEYS, headers=monitor),
        server.api.post(PLAIN, files={"f": ("a.pdf", PDF)}, headers=monitor),
        server.api.post(SIGNATURE, json=prepare_body(server), headers=monitor),
        server.api.post(APPLICATIONS, json={"name": "mine"}, headers=monitor),
    ):
        refused_with(answer, 403, "Forbidden")


def test_a_worker_manages_nothing(server: Server, admin: dict[str, str]) -> None:
    application = answered_application(server, admin)

    for answer in (
        server.api.post(APPLICATIONS, json={"name": "mine"}),
        server.api.post(f"{application}/api-keys", json={}),
        server.api.get(f"{application}/default-document-metadata"),
        server.api.put(f"{application}/default-document-metadata", json={}),
    ):
        refused_with(answer, 403, "Forbidden")


@database_does_not_matter
@pytest.mark.parametrize("operation", [one for one in KEYED if one.takes_json], ids=str)
def test_without_a_key_the_body_does_not_matter(server: Server, operation: Operation) -> None:
    """Nobody learns from 400 against 401 what a body should be, and nothing large is read for him."""
    with httpx.Client(base_url=server.url, trust_env=False) as nobody:
        for content in (b"{", b"[]", b'{"x": "' + b"x" * 100_000 + b'"}'):
            refused_with(operation.send(nobody, content=content, headers=JSON), 401, "Unauthorized")


# -- 422: what needs state or content ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("empty", "EmptyFile"),
        ("only-header", "InvalidPdf"),
        ("truncated", "InvalidPdf"),
        ("encrypted-user", "ProtectedPdfError"),
        ("certified-no-changes", "CertifiedPdf"),
        ("xfa-dynamic", "XfaNotSupported"),
    ],
)
def test_a_document_that_cannot_be_signed_creates_nothing(server: Server, kind: str, code: str) -> None:
    key = key_of(server)
    bad = {"file": {"name": "bad.pdf", "content": base64(hard_pdfs.make(kind))}}
    documents = [{**a_file(), "documentKey": key}, bad]

    refused_with(post(server, SESSIONS, {"documents": documents}), 422, code)

    assert answered_as("GET", f"{KEYS}/{{key}}", server.api.get(f"{KEYS}/{key}"))["hasDocument"] is False


@pytest.mark.parametrize("path", [SESSIONS, SIGNATURE, AUTHENTICATION, INSPECTION])
def test_a_security_context_that_is_unknown(server: Server, path: str) -> None:
    body: Json = {"securityContextId": str(uuid4())}
    if path == SIGNATURE:
        body = prepare_body(server, **body)
    if path == INSPECTION:
        signed = signed_session(server, a_file())["documents"][0]["signedFile"]["location"]
        body |= {"file": {"url": signed}, "validate": True}

    answer = server.api.request("PUT" if path == INSPECTION else "POST", path, json=body)

    refused_with(answer, 422, "SecurityContextNotFound")


@pytest.mark.parametrize(
    "context", ["201856ce-273c-4058-a872-8937bd547d36", "c438b17e-4862-446b-86ad-6f85734f0bfe"], ids=["brazil", "italy"]
)
def test_a_security_context_without_roots(server: Server, context: str) -> None:
    for path, body in ((SESSIONS, {}), (SIGNATURE, prepare_body(server)), (AUTHENTICATION, {})):
        answer = post(server, path, {**body, "securityContextId": context})
        refused_with(answer, 422, "SecurityContextNotConfigured")


@pytest.mark.parametrize("context", [TEST_CONTEXT, "d480958c-59b0-4178-bd11-0198188bfd3c", TEST_CONTEXT.upper()])
def test_the_test_contexts_are_there(server: Server, context: str) -> None:
    answered_as("POST", SESSIONS, post(server, SESSIONS, {"securityContextId": context}))


def test_waiting_for_a_session_that_nobody_has_signed(server: Server) -> None:
    pending = answered_as("POST", SESSIONS, post(server, SESSIONS, {"documents": [a_file()]}))
    cancelled = answered_as("POST", SESSIONS, post(server, SESSIONS, {"documents": [a_file()]}))
    server.page(cancelled["redirectUrl"]).client.post("cancel").raise_for_status()

    for session in (pending, cancelled):
        answer = server.api.get(f"{SESSIONS}/{session['sessionId']}/when-completed")
        refused_with(answer, 422, "BadSignatureSessionOperation")


def test_what_another_tenant_has_does_not_exist(server: Server, stranger: dict[str, str]) -> None:
    key = key_of(server)
    opened = post(server, SESSIONS, {"documents": [{**a_file(), "documentKey": key}]})
    session = answered_as("POST", SESSIONS, opened)["sessionId"]
    document = server.session(session)["documents"][0]["id"]

    for path, code in (
        (f"{SESSIONS}/{session}", "SignatureSessionNotFound"),
        (f"{SESSIONS}/{session}/when-completed", "SignatureSessionNotFound"),
        (f"{DOCUMENTS}/{document}", "DocumentNotFound"),
        (f"{DOCUMENTS}/{document}/signers", "DocumentNotFound"),
    ):
        refused_with(server.api.get(path, headers=stranger), 422, code)
        unknown = re.sub(r"[0-9a-f-]{36}", str(uuid4()), path)
        theirs, nobodys = (server.api.get(p, headers=stranger).json() for p in (path, unknown))
        assert theirs == nobodys, "not even that it exists"
    assert server.api.get(f"{KEYS}/{key}", headers=stranger).json()["found"] is False
    assert server.api.get(f"{DOCUMENTS}/keys/{key}", headers=stranger).json()["found"] is False


def test_what_another_tenant_has_cannot_be_used(
    server: Server, admin: dict[str, str], stranger: dict[str, str]
) -> None:
    token = answered_as("POST", PLAIN, server.api.post(PLAIN, files={"f": ("a.pdf", PDF)}))["blobToken"]
    unfinished = begun(server)
    etag = part(server, f"{unfinished}/0", PDF).headers["etag"]
    key, application = key_of(server), answered_application(server, admin)
    state = answered_as("POST", SIGNATURE, post(server, SIGNATURE, prepare_body(server)))["state"]
    login = answered_as("POST", AUTHENTICATION, server.api.post(AUTHENTICATION))["state"]
    _, certificate = demo_signer(server)
    by_token = {"documents": [{"file": {"blobToken": token}}]}
    by_key = {"documents": [{**a_file(), "documentKey": key}]}
    proof = {"state": login, "certificate": base64(certificate), "signature": "AAAA"}

    for code, answer in (
        ("UploadNotFound", server.api.post(SESSIONS, json=by_token, headers=stranger)),
        ("UploadNotFound", server.api.post(f"{unfinished}/1", content=b"x", headers=stranger)),
        ("UploadNotFound", server.api.post(unfinished, json={"partETags": [etag]}, headers=stranger)),
        ("DocumentKeyNotFound", server.api.post(SESSIONS, json=by_key, headers=stranger)),
        ("BadSignatureState", post(server, COMPLETION, {"state": state, "signature": "AAAA"}, **stranger)),
        ("BadSignatureState", post(server, AUTHENTICATED, proof, **stranger)),
        ("ApplicationNotFound", post(server, f"{application}/api-keys", {}, **stranger)),
        ("ApplicationNotFound", server.api.get(f"{application}/default-document-metadata", headers=stranger)),
    ):
        refused_with(answer, 422, code)
    answered_as("POST", SESSIONS, post(server, SESSIONS, by_token))
    answered_as("POST", SESSIONS, post(server, SESSIONS, by_key))


def test_x_subscription_does_not_open_another_tenants_door(server: Server, stranger: dict[str, str]) -> None:
    answer = server.api.get(f"{KEYS}/x", headers={**stranger, "X-Subscription": "Demo"})

    refused_with(answer, 403, "Forbidden")


def test_a_document_key_serves_one_document(server: Server) -> None:
    key = key_of(server)
    with_key = {**a_file(), "documentKey": key}

    refused_with(post(server, SESSIONS, {"documents": [with_key, with_key]}), 422, "DocumentKeyInUse")
    answered_as("POST", SESSIONS, post(server, SESSIONS, {"documents": [with_key]}))

    refused_with(post(server, SESSIONS, {"documents": [with_key]}), 422, "DocumentKeyInUse")
    refused_with(post(server, SIGNATURE, prepare_body(server, documentKey=key)), 422, "DocumentKeyInUse")


@pytest.mark.parametrize("key", ["2345-6789-ABCD-EFGH", "x", "0" * 16, "\0", "é" * 16, "x" * 5000])
def test_a_document_key_that_nobody_allocated(server: Server, key: str) -> None:
    for path, body in (
        (SESSIONS, {"documents": [{**a_file(), "documentKey": key}]}),
        (SIGNATURE, prepare_body(server, documentKey=key)),
    ):
        answer = post(server, path, body)
        assert answer.status_code in {400, 422}, answer.text
        if answer.status_code == 422:
            refused_with(answer, 422, "DocumentKeyNotFound")
        else:
            refused_with(answer, 400)


@pytest.mark.parametrize(
    "change", [lambda s: s[:-3] + "xxx", lambda s: s + "x", lambda s: s[1:], lambda s: s.swapcase()]
)
def test_a_state_that_was_changed(server: Server, change: Callable[[str], str]) -> None:
    state = answered_as("POST", SIGNATURE, post(server, SIGNATURE, prepare_body(server)))["state"]
    login = answered_as("POST", AUTHENTICATION, server.api.post(AUTHENTICATION))["state"]
    _, certificate = demo_signer(server)
    proof = {"state": change(login), "certificate": base64(certificate), "signature": "AAAA"}

    refused_with(post(server, COMPLETION, {"state": change(state), "signature": "AAAA"}), 422, "BadSignatureState")
    refused_with(post(server, AUTHENTICATED, proof), 422, "BadSignatureState")
    refused_with(post(server, COMPLETION, {"state": login, "signature": "AAAA"}), 422, "BadSignatureState")


@pytest.mark.parametrize("value", ["AAAA", base64(bytes(256)), base64(b"\xff" * 512), base64(b"x" * 100_000)])
def test_a_signature_value_that_does_not_match(server: Server, value: str) -> None:
    state = answered_as("POST", SIGNATURE, post(server, SIGNATURE, prepare_body(server)))["state"]
    login = answered_as("POST", AUTHENTICATION, server.api.post(AUTHENTICATION))["state"]
    _, certificate = demo_signer(server)
    proof = {"state": login, "certificate": base64(certificate), "signature": value}

    refused_with(post(server, COMPLETION, {"state": state, "signature": value}), 422, "InvalidSignatureValue")
    refused_with(post(server, AUTHENTICATED, proof), 422, "InvalidSignatureValue")


@database_does_not_matter
@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"0\x82\xff\xff", b"\x30\x80\x00\x00", b"-----BEGIN CERTIFICATE-----", bytes(100_000)]
)
def test_a_certificate_that_cannot_be_read(server: Server, content: bytes) -> None:
    body = prepare_body(server, certificate={"content": base64(content)})

    refused_with(post(server, SIGNATURE, body), 400)


@database_does_not_matter
def test_a_private_key_is_no_certificate(server: Server) -> None:
    body = prepare_body(server, certificate={"content": base64(server.pfx.read_bytes())})

    refused_with(post(server, SIGNATURE, body), 400, "BadCertificate")


@database_does_not_matter
@pytest.mark.parametrize(
    ("kind", "code"), [("plain", "NotSigned"), ("empty", "EmptyFile"), ("truncated", "InvalidPdf")]
)
def test_a_file_that_cannot_be_inspected(server: Server, kind: str, code: str) -> None:
    file = {"content": base64(hard_pdfs.make(kind)), "mimeType": "application/pdf"}

    refused_with(server.api.put(INSPECTION, json={"file": file}), 422, code)


@database_does_not_matter
@pytest.mark.parametrize(
    "content",
    [b"x", b"<a/>", b"<a>", b"0\x82\xff\xff", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"],
)
def test_what_is_no_signature_cannot_be_inspected(server: Server, content: bytes) -> None:
    found = refused_with(server.api.put(INSPECTION, json={"file": {"content": base64(content)}}), 422)

    assert "root:" not in str(found)


def test_a_personal_number_is_never_repeated(server: Server) -> None:
    """Messages go to logs: no CPF in them, right or wrong."""
    for argument in ("11144477735", "11144477734", "111.444.777-35 "):
        requirement = {"type": "Cpf", "argument": argument}
        body = {"certificateRequirements": [requirement], "securityContextId": TEST_CONTEXT}
        answer = post(server, SESSIONS, body)
        assert answer.status_code in {200, 400, 422}
        assert argument.strip() not in answer.text
    assert "11144477735" not in server.log.read_text()


# -- uploads ----------------------------------------------------------------------------------------------


def test_a_part_is_missing(server: Server) -> None:
    first, hole, nothing = begun(server), begun(server), begun(server)
    etags = [part(server, f"{first}/0", b"a").headers["etag"]]
    holes = [part(server, f"{hole}/{number}", b"%d" % number).headers["etag"] for number in (0, 2)]

    for path, tags in (
        (first, [*etags, '"0cc175b9c0f1b6a831c399e269772661"']),
        (first, []),
        (first, ['"0cc175b9c0f1b6a831c399e269772660"']),
        (first, ["nonsense"]),
        (hole, holes),
        (nothing, ['"0cc175b9c0f1b6a831c399e269772661"']),
    ):
        refused_with(post(server, path, {"partETags": tags, "completeMD5": None}), 422, "UploadIncomplete")
    assert post(server, first, {"partETags": etags}).status_code == 200, "a wrong end takes nothing away"


def test_an_md5_that_does_not_match(server: Server) -> None:
    path, wrong = begun(server), md5(b"what was meant")

    refused_with(part(server, f"{path}/0", b"what came", **{"Content-MD5": wrong}), 422, "UploadDigestMismatch")
    refused_with(post(server, path, {"partETags": [f'"{"0" * 32}"']}), 422, "UploadIncomplete")
    etag = part(server, f"{path}/0", b"what came", **{"Content-MD5": md5(b"what came")}).headers["etag"]
    refused_with(post(server, path, {"partETags": [etag], "completeMD5": wrong}), 422, "UploadDigestMismatch")


@database_does_not_matter
@pytest.mark.parametrize("value", ["nonsense!", "c2hvcnQ=", "x" * 500, "\xe9"])
def test_an_md5_that_is_none(server: Server, value: str) -> None:
    path = begun(server)
    headers = {b"Content-MD5": value.encode("latin-1")}

    refused_with(server.api.post(f"{path}/0", content=b"x", headers=headers), 400)
    if value.isascii():
        refused_with(post(server, path, {"partETags": ['"x"'], "completeMD5": value}), 400)


@database_does_not_matter
@pytest.mark.parametrize("number", ["-1", "10000", "2147483648", "9" * 30, "one", "1.5", "0x1", "%00"])
def test_a_part_number_that_is_none(server: Server, number: str) -> None:
    answer = part(server, f"{begun(server)}/{number}", b"x")

    assert answer.status_code in {400, 404}, answer.text
    refused_with(answer, answer.status_code)


@pytest.mark.parametrize(
    "body", [{}, {"partETags": None}, {"partETags": "x"}, {"partETags": [5]}, {"partETags": {}}, {"partETags": [None]}]
)
def test_an_end_that_names_no_parts(server: Server, body: Json) -> None:
    refused_with(post(server, begun(server), body), 400, "BadRequest")


def test_an_upload_that_was_never_ended_is_no_file(server: Server) -> None:
    path = begun(server)
    part(server, f"{path}/0", PDF)
    document = {"file": {"blobToken": path.rpartition("/")[2], "name": "a.pdf"}}

    refused_with(post(server, SESSIONS, {"documents": [document]}), 422, "UploadIncomplete")


def test_an_upload_is_ended_once(server: Server) -> None:
    path = begun(server)
    etag = part(server, f"{path}/0", PDF).headers["etag"]
    assert post(server, path, {"partETags": [etag]}).status_code == 200

    refused_with(part(server, f"{path}/0", b"other"), 422, "UploadIncomplete")
    refused_with(part(server, f"{path}/1", b"more"), 422, "UploadIncomplete")


@pytest.mark.parametrize("ended", [True, False])
def test_an_abandoned_upload_is_gone_after_a_day(sqlite_server: Server, ended: bool) -> None:
    """The clock is the server's: the row is made older instead."""
    path = begun(sqlite_server)
    etag = part(sqlite_server, f"{path}/0", PDF).headers["etag"]
    if ended:
        assert post(sqlite_server, path, {"partETags": [etag]}).status_code == 200
    token = path.rpartition("/")[2]
    make_older(sqlite_server, token, days=2)
    document = {"file": {"blobToken": token, "name": "a.pdf"}}

    refused_with(post(sqlite_server, SESSIONS, {"documents": [document]}), 422, "UploadNotFound")
    refused_with(part(sqlite_server, f"{path}/1", b"more"), 422, "UploadNotFound")


def make_older(server: Server, token: str, *, days: int) -> None:
    """Change when an upload was begun."""
    digest = hashlib.sha256(token.encode()).digest()
    with sqlite3.connect(server.data / "signroom.db", timeout=SECONDS) as database:
        ((created,),) = database.execute(
            "select created_at from signroom_uploads where token_hash = ?", [digest]
        ).fetchall()
        older = (datetime.fromisoformat(created) - timedelta(days=days)).isoformat(" ", "microseconds")
        database.execute("update signroom_uploads set created_at = ? where token_hash = ?", [older, digest])
    database.close()


@database_does_not_matter
@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"x", "", 415),
        (b"x", "multipart/mixed; boundary=b", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=", 400),
        (b"", "multipart/form-data; boundary=b", 400),
        (b"x", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 400),
        (b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx', "multipart/form-data; boundary=b", 400),
        (b"--b\r\n" + b"X: y\r\n" * 10_000, "multipart/form-data; boundary=b", 400),
    ],
)  # fmt: skip
def test_a_form_that_is_none(server: Server, content: bytes, kind: str, status: int) -> None:
    refused_with(server.api.post(PLAIN, content=content, headers={"Content-Type": kind}), status)


def test_an_empty_file_is_refused_before_it_is_signed(server: Server) -> None:
    answer = server.api.post(PLAIN, files={"f": ("a.pdf", b"", "application/pdf")})
    if answer.status_code != 200:
        refused_with(answer, 422, "EmptyFile")
        return
    document = {"file": {"blobToken": answer.json()["blobToken"]}}

    refused_with(post(server, SESSIONS, {"documents": [document]}), 422, "EmptyFile")


# -- 429 --------------------------------------------------------------------------------------------------


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    with running_server(tmp_path / "limited", {"SIGNROOM_RATE_LIMIT_KEY": "5/minute"}) as limited:
        answers = until_refused(lambda: limited.api.post(KEYS), 5)

    assert len(answers) > 5
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    refused_with(answers[-1], 429, "TooManyRequests")


# -- after all of it ----------------------------------------------------------------------------------------


def test_nothing_crashed_and_no_secret_was_logged(server: Server) -> None:
    log = server.log.read_text()

    assert "request.crashed" not in log
    assert "Traceback" not in log
    assert server.api_key.partition("|")[2] not in log
    assert '"status": 500' not in log
