"""What clients in the field send, form by form; the contract says: be lenient ("Requests")."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from base64 import b64decode, encodebytes, urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.api.requests import TEST_CONTEXT, a_file, demo_signer, signed_session
from tests.harness.commands import signroom
from tests.harness.server import Json, Server, base64
from tests.harness.waiting import SECONDS
from tests.vectors import hard_pdfs
from tests.wire import raw
from tests.wire.answers import answered, answered_as, read_strictly, refused_with
from tests.wire.operations import (
    APPLICATIONS,
    AUTHENTICATION,
    DOCUMENTS,
    INSPECTION,
    KEYED,
    KEYS,
    MULTIPART,
    PLAIN,
    SESSIONS,
    SIGNATURE,
    WITH_JSON,
    Operation,
)
from tests.wire.schema import unset_forms

PDF = hard_pdfs.make("plain")
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def signed(sqlite_server: Server) -> Json:
    """A session with one PDF, once it is done."""
    return signed_session(sqlite_server, a_file())


@pytest.fixture(scope="module")
def admin(sqlite_server: Server) -> dict[str, str]:
    name = f"Requests {uuid4().hex[:8]}"
    signroom(sqlite_server, "applications", "create", name, "--subscription", "Demo")
    return {"X-Api-Key": signroom(sqlite_server, "keys", "create", "--application", name, "--role", "Admin")}


def read_session(server: Server, opened: httpx.Response) -> Json:
    session_id = answered_as("POST", SESSIONS, opened)["sessionId"]
    found: Json = answered_as("GET", f"{SESSIONS}/{{id}}", server.api.get(f"{SESSIONS}/{session_id}"))
    return found


def first_document(server: Server, **document: Any) -> Json:
    """The document that a session with only this one shows."""
    session = read_session(server, server.api.post(SESSIONS, json={"documents": [document]}))
    found: Json = session["documents"][0]
    return found


# -- paths ----------------------------------------------------------------------------------------------


def other_spellings(operation: Operation) -> list[str]:
    """The path with a slash at its end, and its literal parts in other cases; ids and tokens stay as they are."""
    path, mark, query = operation.path.partition("?")

    def cased(change: Any) -> str:
        return "/".join(change(step) if re.fullmatch(r"[A-Za-z-]+|v2", step) else step for step in path.split("/"))

    spellings = {path + "/", cased(str.lower), cased(str.upper), cased(str.title), cased(str.swapcase) + "/"}
    return [spelling + mark + query for spelling in sorted(spellings - {path})]


@pytest.mark.parametrize("operation", KEYED, ids=str)
def test_any_case_and_a_trailing_slash_are_the_same_route(
    sqlite_server: Server, operation: Operation, admin: dict[str, str]
) -> None:
    wanted = operation.send(sqlite_server.api, headers=admin)

    for path in other_spellings(operation):
        answer = operation.send(sqlite_server.api, headers=admin, path=path)
        if operation.path == APPLICATIONS:
            refused_with(answer, 422, "NameTaken")
        else:
            assert answer.status_code == wanted.status_code, (path, answer.text)
            assert wanted.status_code == 200 or answer.json()["code"] == wanted.json()["code"], path


def test_a_redirect_is_never_the_answer(sqlite_server: Server) -> None:
    for path in (f"{SESSIONS}/", "/API/SIGNATURE-SESSIONS", "/Api/Signature-Sessions/"):
        answer = raw.send(
            sqlite_server, f"POST {path} HTTP/1.1", "Content-Length: 2", "Content-Type: text/json", body=b"{}"
        )
        assert "location" not in answer.headers
        answered_as("POST", SESSIONS, answer)


# -- media types ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
@pytest.mark.parametrize(
    "kind",
    [
        "application/json-patch+json",
        "text/json",
        "application/problem+json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
    ],
)
def test_each_spelling_of_json_is_taken(
    sqlite_server: Server, operation: Operation, kind: str, admin: dict[str, str]
) -> None:
    body = operation.json
    if operation.path == APPLICATIONS:
        body = {"name": f"App {uuid4().hex[:8]}"}
    wanted = operation.send(sqlite_server.api, headers=admin, json=body)

    answer = operation.send(sqlite_server.api, content=json.dumps(body), headers={**admin, "Content-Type": kind})

    if operation.path == APPLICATIONS:
        refused_with(answer, 422, "NameTaken")
    else:
        assert answer.status_code == wanted.status_code, answer.text


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "text/html", "application/octet-stream", "multipart/form-data; boundary=x", "*/*", "json"],
)
def test_what_is_not_json_gets_415(sqlite_server: Server, kind: str) -> None:
    answer = raw.send(
        sqlite_server, f"POST {SESSIONS} HTTP/1.1", "Content-Length: 2", f"Content-Type: {kind}", body=b"{}"
    )

    refused_with(answer, 415, "UnsupportedMediaType")


def test_a_get_may_carry_a_json_content_type(sqlite_server: Server, signed: Json) -> None:
    for path in (
        f"{SESSIONS}/{signed['id']}",
        f"{DOCUMENTS}/{signed['documents'][0]['id']}/signers",
        "/api/system/info",
    ):
        for headers in (["Content-Type: application/json"], ["Content-Type: application/json", "Content-Length: 0"]):
            assert raw.send(sqlite_server, f"GET {path} HTTP/1.1", *headers).status_code == 200


@pytest.mark.parametrize("accept", ["text/plain", "application/xml", "text/html,application/xhtml+xml", "image/*", ""])
def test_the_answer_is_json_whatever_is_accepted(sqlite_server: Server, accept: str) -> None:
    """Generated clients list ``text/plain`` first, browsers HTML."""
    answered_as("POST", SESSIONS, sqlite_server.api.post(SESSIONS, json={}, headers={"Accept": accept}))
    refused_with(sqlite_server.api.get("/api/nothing", headers={"Accept": accept}), 404, "RouteNotFound")
    refused_with(sqlite_server.api.post(SESSIONS, json=5, headers={"Accept": accept}), 400)


# -- the key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ["X-Api-Key: {key}"],
        ["x-api-key: {key}"],
        ["X-API-KEY:{key}"],
        ["X-Api-Key: {secret}"],
        ["X-Api-Key: other name|{secret}"],
        ["X-Api-Key: Bearer {key}"],
        ["X-Api-Key: Bearer {key}", "Authorization: Bearer {key}"],
        ["Authorization: Bearer {key}"],
        ["Authorization: bearer {key}"],
        ["Authorization: Bearer {secret}"],
        ["Authorization: ApiKey {key}"],
    ],
)
def test_the_key_is_found_wherever_clients_put_it(sqlite_server: Server, lines: list[str]) -> None:
    secret = sqlite_server.api_key.partition("|")[2]
    sent = [line.format(key=sqlite_server.api_key, secret=secret) for line in lines]

    made = raw.send(
        sqlite_server, f"POST {SESSIONS}/ HTTP/1.1", *sent, "Content-Type: application/json", "Content-Length: 2",
        body=b"{}", key=False,
    )  # fmt: skip
    session_id = answered_as("POST", SESSIONS, made)["sessionId"]
    read = raw.send(sqlite_server, f"GET {SESSIONS}/{session_id} HTTP/1.1", *sent, key=False)

    answered_as("GET", f"{SESSIONS}/{{id}}", read)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["X-Api-Key: {name}"],
        ["X-Api-Key: {name}|"],
        ["X-Api-Key: |"],
        ["X-Api-Key: {key}x"],
        ["X-Api-Key: {upper}"],
        ["Authorization: Basic {basic}"],
        ["Authorization: Bearer"],
        ["X-Api-Key: Bearer Bearer"],
        ["X-Api-Key: \xe9\xff"],
    ],
)
def test_what_is_no_key_gets_401(sqlite_server: Server, lines: list[str]) -> None:
    name, _, secret = sqlite_server.api_key.partition("|")
    fields = {
        "key": sqlite_server.api_key,
        "name": name,
        "upper": f"{name}|{secret.swapcase()}",
        "basic": base64(f"{name}:{secret}".encode()),
    }
    sent = [line.format(**fields) for line in lines]

    answer = raw.send(sqlite_server, f"GET {KEYS}/x HTTP/1.1", *sent, key=False)

    refused_with(answer, 401, "Unauthorized")


def test_x_subscription_picks_by_id_and_by_alias(sqlite_server: Server, admin: dict[str, str]) -> None:
    data = {"name": f"App {uuid4().hex[:8]}"}
    own = answered(sqlite_server.api.post(APPLICATIONS, json=data, headers=admin), "ApplicationModel")["subscriptionId"]

    for wanted in (own, own.upper(), "Demo", "demo"):
        answered_as("POST", SESSIONS, sqlite_server.api.post(SESSIONS, json={}, headers={"X-Subscription": wanted}))
    for other in (str(uuid4()), "Somebody else"):
        refused_with(sqlite_server.api.post(SESSIONS, json={}, headers={"X-Subscription": other}), 403, "Forbidden")


# -- unset fields -------------------------------------------------------------------------------------------


def right_bodies(server: Server, signed: Json) -> dict[str, tuple[str, str, Json]]:
    """Method, path and a body that is answered 200, by the model of the body."""
    _, certificate = demo_signer(server)
    file = {"content": base64(PDF), "name": "a.pdf"}
    location = signed["documents"][0]["signedFile"]["location"]
    return {
        "CreateSignatureSessionRequest": ("POST", SESSIONS, {}),
        "AllocateDocumentKeyRequest": ("POST", KEYS, {}),
        "AllocateDocumentKeyBatchRequest": ("POST", f"{KEYS}/batch", {"count": 1}),
        "PrepareSignatureRequest": ("POST", SIGNATURE, {"file": file, "certificate": {"content": base64(certificate)}}),
        "InspectSignatureRequest": ("PUT", INSPECTION, {"file": {"url": location}}),
        "PrepareAuthenticationRequest": ("POST", AUTHENTICATION, {}),
    }


UNSET = [
    (model, key, value)
    for model in (
        "CreateSignatureSessionRequest",
        "AllocateDocumentKeyRequest",
        "AllocateDocumentKeyBatchRequest",
        "PrepareSignatureRequest",
        "InspectSignatureRequest",
        "PrepareAuthenticationRequest",
    )
    for key, value in unset_forms(model)
    if key != "count"
]


@pytest.mark.parametrize(("model", "key", "value"), UNSET)
def test_a_field_is_unset_by_null_and_by_an_empty_list(
    sqlite_server: Server, signed: Json, model: str, key: str, value: object
) -> None:
    method, path, body = right_bodies(sqlite_server, signed)[model]

    answered_as(method, path, sqlite_server.api.request(method, path, json={**body, key: value}))


@pytest.mark.parametrize(("key", "value"), list(unset_forms("SignatureSessionDocumentData")))
def test_a_field_of_a_document_is_unset_too(sqlite_server: Server, key: str, value: object) -> None:
    if key == "file":
        refused_with(sqlite_server.api.post(SESSIONS, json={"documents": [{key: value}]}), 400)
    else:
        first_document(sqlite_server, **a_file(), **{key: value})


@pytest.mark.parametrize(("key", "value"), list(unset_forms("FileReferenceModel")))
def test_a_field_of_a_file_is_unset_too(sqlite_server: Server, key: str, value: object) -> None:
    file = {"content": base64(PDF), "name": "a.pdf", key: value}
    answer = sqlite_server.api.post(SESSIONS, json={"documents": [{"file": file}]})

    if key == "content":
        refused_with(answer, 400)
    else:
        read_session(sqlite_server, answer)


def test_everything_may_be_unset_at_once(sqlite_server: Server) -> None:
    for pick in (0, -1):
        body: dict[str, Any] = {}
        for key, value in unset_forms("CreateSignatureSessionRequest"):
            body[key] = body.get(key) if pick == 0 else value
        session = read_session(sqlite_server, sqlite_server.api.post(SESSIONS, json=body))
        assert (session["status"], session["documents"]) == ("Pending", [])


@pytest.mark.parametrize("key", ["authorizationData", "rootAuthorizationData"])
@pytest.mark.parametrize("value", [None, [], {}, {"roles": None}, {"roles": []}])
def test_the_roles_of_an_application_may_be_unset(
    sqlite_server: Server, admin: dict[str, str], key: str, value: object
) -> None:
    body = {"name": f"App {uuid4().hex[:8]}", key: value}

    answered(sqlite_server.api.post(APPLICATIONS, json=body, headers=admin), "ApplicationModel")


@pytest.mark.parametrize("value", [[1], ["x"], [{}], [[]], "x", 5, True])
@pytest.mark.parametrize("key", ["documentMetadata", "pdfSignatureOptions", "cmsSignatureOptions"])
def test_what_is_no_object_is_not_unset_but_refused(sqlite_server: Server, key: str, value: object) -> None:
    refused_with(sqlite_server.api.post(SESSIONS, json={key: value}), 400)


# -- metadata -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"Order": "42"}, {"Order": ["42"]}),
        ({"Order": ["42", "43"]}, {"Order": ["42", "43"]}),
        ({"Order": "42", "Year": ["2026"]}, {"Order": ["42"], "Year": ["2026"]}),
        ({"Nº de ordem": "ç"}, {"Nº de ordem": ["ç"]}),
        ({"Número-1_a b": "ç 漢 😀"}, {"Número-1_a b": ["ç 漢 😀"]}),
        ({}, {}),
        ([], {}),
        (None, {}),
    ],
)
def test_metadata_comes_as_a_text_or_as_a_list(sqlite_server: Server, given: object, kept: Json) -> None:
    body = {"documents": [{**a_file(), "metadata": given}]}

    document = read_session(sqlite_server, sqlite_server.api.post(SESSIONS, json=body))["documents"][0]["id"]

    found = answered_as("GET", f"{DOCUMENTS}/{{id}}", sqlite_server.api.get(f"{DOCUMENTS}/{document}"))
    assert found["metadata"] == kept


def test_metadata_of_a_document_wins_over_the_sessions_by_name(sqlite_server: Server) -> None:
    body = {
        "documentMetadata": {"Order": "session", "Year": "2026"},
        "documents": [{**a_file(), "metadata": {"ORDER": ["document"]}}],
    }
    document = read_session(sqlite_server, sqlite_server.api.post(SESSIONS, json=body))["documents"][0]["id"]

    found = answered_as("GET", f"{DOCUMENTS}/{{id}}", sqlite_server.api.get(f"{DOCUMENTS}/{document}"))["metadata"]

    assert {name.lower(): values for name, values in found.items()} == {"order": ["document"], "year": ["2026"]}


def test_provisional_metadata_comes_as_a_text_or_as_a_list(sqlite_server: Server) -> None:
    for given in ("42", ["42"]):
        made = sqlite_server.api.post(KEYS, json={"provisionalMetadata": {"Order": given}})
        key = answered_as("POST", KEYS, made)["key"]
        found = answered_as("GET", f"{KEYS}/{{key}}", sqlite_server.api.get(f"{KEYS}/{key}"))
        assert found["provisionalMetadata"] == {"Order": ["42"]}


# -- empty bodies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [KEYS, f"{KEYS}/", MULTIPART, f"{MULTIPART}/"])
@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ([], b""),
        (["Content-Length: 0"], b""),
        (["Content-Length: 0", "Content-Type: application/json"], b""),
        (["Content-Type: application/json"], b""),
        (["Content-Length: 0", "Content-Type: application/x-www-form-urlencoded"], b""),
        (["Transfer-Encoding: chunked", "Content-Type: application/json"], b"0\r\n\r\n"),
    ],
)
def test_a_post_may_be_empty(sqlite_server: Server, path: str, lines: list[str], body: bytes) -> None:
    answer = raw.send(sqlite_server, f"POST {path} HTTP/1.1", *lines, body=body)

    answered_as("POST", path.rstrip("/"), answer)


# -- what is ignored ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, -1, 5, 10**30, None, "12", [], {"x": 1}, 1.5])
def test_the_length_of_a_file_in_a_request_is_ignored(sqlite_server: Server, length: object) -> None:
    file = {"content": base64(PDF), "name": "a.pdf", "length": length}

    assert first_document(sqlite_server, file=file)["originalFile"]["length"] == len(PDF)


def test_unknown_fields_are_ignored_at_every_level(sqlite_server: Server, signed: Json) -> None:
    odd: Json = {"unknown": {"deep": [1, None, {"er": True}]}, "$type": "x", "": 5, "documentIds": "x"}
    _, certificate = demo_signer(sqlite_server)
    file = {"content": base64(PDF), "name": "a.pdf", **odd}

    session = {"documents": [{"file": file, "cmsSignatureOptions": {**odd}, **odd}], **odd}
    read_session(sqlite_server, sqlite_server.api.post(SESSIONS, json=session))
    answered_as("POST", KEYS, sqlite_server.api.post(KEYS, json=odd))
    answered_as("POST", f"{KEYS}/batch", sqlite_server.api.post(f"{KEYS}/batch", json={"count": 2, **odd}))
    prepare = {"file": file, "certificate": {"content": base64(certificate), **odd}, **odd}
    answered_as("POST", SIGNATURE, sqlite_server.api.post(SIGNATURE, json=prepare))
    inspect = {"file": {"url": signed["documents"][0]["signedFile"]["location"], **odd}, **odd}
    answered_as("PUT", INSPECTION, sqlite_server.api.put(INSPECTION, json=inspect))
    answered_as("POST", AUTHENTICATION, sqlite_server.api.post(AUTHENTICATION, json=odd))


# -- enums --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sent", "kind"),
    [
        ("Pdf", "Pdf", "plain"),
        ("pdf", "Pdf", "plain"),
        ("PDF", "Pdf", "plain"),
        ("Pades", "Pdf", "plain"),
        ("pades", "Pdf", "plain"),
        (None, "Pdf", "plain"),
        ("cms", "Cms", "plain"),
        ("CMS", "Cms", "text"),
        (None, "Cms", "text"),
        ("xml", "Xml", "xml"),
    ],
)
def test_enum_names_come_in_any_case_and_go_out_as_the_contract_spells_them(
    sqlite_server: Server, given: str | None, sent: str, kind: str
) -> None:
    content = b"<a id='1'/>" if kind == "xml" else hard_pdfs.make(kind)
    name = {"plain": "a.pdf", "text": "a.txt", "xml": "a.xml"}[kind]

    assert first_document(sqlite_server, **a_file(content, name), signatureType=given)["signatureType"] == sent


def test_every_other_enum_comes_in_any_case(sqlite_server: Server, admin: dict[str, str]) -> None:
    representation = {
        "text": {"text": "Signed", "horizontalAlign": "rIGHT"},
        "position": {
            "pageNumber": 1,
            "measurementUnits": "CENTIMETERS",
            "pageOptimization": {"paperSize": "a4", "pageOrientation": "AUTO"},
            "auto": {
                "container": {"left": 1, "top": 1, "right": 1, "bottom": 1},
                "signatureRectangleSize": {"height": 3, "width": 7},
                "horizontalDirection": "lefttoright",
                "verticalDirection": "TOPDOWN",
                "rowSpacing": 1,
            },
        },
    }
    body = {
        "securityContextId": TEST_CONTEXT,
        "certificateRequirements": [{"type": "CRYPTODEVICE", "argument": None}],
        "documents": [{**a_file(), "pdfSignatureOptions": {"visualRepresentation": representation}}],
    }
    read_session(sqlite_server, sqlite_server.api.post(SESSIONS, json=body))
    digest = {"algorithm": "sha256", "value": base64(hashlib.sha256(b"x").digest())}
    cms = {"detached": True, "dataHashes": [digest]}
    read_session(sqlite_server, sqlite_server.api.post(SESSIONS, json={"cmsSignatureOptions": cms}))
    roles = {"name": f"App {uuid4().hex[:8]}", "authorizationData": {"roles": ["wOrKeR"]}}
    made = answered(sqlite_server.api.post(APPLICATIONS, json=roles, headers=admin), "ApplicationModel")
    assert made["subscriptions"][0]["roles"] == ["Worker"]


# -- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encode",
    [
        base64,
        lambda content: encodebytes(content).decode(),
        lambda content: encodebytes(content).decode().replace("\n", "\r\n"),
        lambda content: base64(content).replace("/", "\\/"),
    ],
    ids=["plain", "lines", "mime", "escaped-slashes"],
)
def test_base64_comes_as_encoders_write_it(sqlite_server: Server, encode: Any) -> None:
    """PHP escapes the slash, and MIME encoders break their lines."""
    text = encode(PDF)
    quoted = f'"{text}"' if "\\/" in text else json.dumps(text)
    body = f'{{"documents": [{{"file": {{"name": "a.pdf", "content": {quoted}}}}}]}}'

    session = read_session(sqlite_server, sqlite_server.api.post(SESSIONS, content=body, headers=JSON))

    assert httpx.get(session["documents"][0]["originalFile"]["location"], trust_env=False).content == PDF


def test_json_comes_in_every_spelling(sqlite_server: Server) -> None:
    for body in (
        b'{"callbackArgument":"caf\\u00e9 \\ud83d\\ude00 \\/"}',
        '{"callbackArgument":"café 😀 /"}'.encode(),
        '\r\n\t {"callbackArgument"\n:\t"café 😀 /"} \n'.encode(),
        '{"callbackArgument": "first", "callbackArgument": "café 😀 /"}'.encode(),
    ):
        session = read_session(sqlite_server, sqlite_server.api.post(SESSIONS, content=body, headers=JSON))
        assert session["callbackArgument"] == "café 😀 /"


@pytest.mark.parametrize("alphabet", [base64, lambda digest: urlsafe_b64encode(digest).decode()])
def test_content_md5_comes_in_both_alphabets(sqlite_server: Server, alphabet: Any) -> None:
    content = next(c for c in (b"%d" % n for n in range(1000)) if {"+", "/"} <= set(base64(_md5(c))))
    address = f"{MULTIPART}/{answered_as('POST', MULTIPART, sqlite_server.api.post(MULTIPART))['blobToken']}"
    headers = {"Content-Type": "application/octet-stream", "Content-MD5": alphabet(_md5(content))}

    part = sqlite_server.api.post(f"{address}/0", content=content, headers=headers)
    end = sqlite_server.api.post(
        address, json={"partETags": [part.headers["etag"]], "completeMD5": alphabet(_md5(content))}
    )

    assert (part.status_code, end.status_code) == (200, 200), end.text


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def test_a_file_comes_by_an_address_that_we_handed_out(sqlite_server: Server, signed: Json) -> None:
    """Absolute or relative, with or without a name, and as a whole ``DocumentFileModel``."""
    file = signed["documents"][0]["originalFile"]
    relative = urlsplit(file["location"]).path

    for reference in ({"url": file["location"]}, {"url": relative}, {"url": relative, "name": None}, file):
        assert first_document(sqlite_server, file=reference)["originalFile"]["name"] == file["name"]
    named = first_document(sqlite_server, file={"url": relative, "name": "other.pdf"})
    assert named["originalFile"]["name"] == "other.pdf"


@pytest.mark.parametrize("given", [{}, {"mimeType": "application/pdf"}, {"contentType": "application/pdf"}])
def test_the_media_type_of_a_file_is_optional(sqlite_server: Server, given: Json) -> None:
    file = {"content": base64(PDF), "name": "a.pdf", **given}

    found = first_document(sqlite_server, file=file)["originalFile"]

    assert found["mimeType"] == found["contentType"] == "application/pdf"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="file"; filename="a.pdf"', "a.pdf"),
        ("form-data; name=file; filename=a.pdf; filename*=utf-8''a%C3%A7%C3%A3o.pdf", None),  # .NET
        ('form-data; name=""; filename="a.pdf"', "a.pdf"),
        ('form-data; name="x[]"; filename="C:\\docs\\a.pdf"', None),
        ('FORM-DATA; NAME="file"; FILENAME="a.pdf"', "a.pdf"),
    ],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_form_comes_as_each_library_writes_it(
    sqlite_server: Server, disposition: str, name: str | None, quote: str
) -> None:
    body = b"--%b\r\nContent-Disposition: %b\r\nContent-Type: application/pdf\r\n\r\n%b\r\n--%b--\r\n"
    boundary = b"9f2c-11ee"
    content = body % (boundary, disposition.encode(), PDF, boundary)
    kind = f"multipart/form-data; boundary={quote}{boundary.decode()}{quote}"

    found = answered_as("POST", PLAIN, sqlite_server.api.post(PLAIN, content=content, headers={"Content-Type": kind}))

    assert found["length"] == len(PDF)
    if name is not None:
        assert found["name"] == name
    else:
        assert found["name"].endswith("pdf")
        assert "/" not in found["name"]
        assert "\\" not in found["name"]


# -- the way there --------------------------------------------------------------------------------------------


def test_a_body_comes_in_chunks(sqlite_server: Server) -> None:
    lines = ["Transfer-Encoding: chunked", "Content-Type: application/json"]

    answer = raw.send(sqlite_server, f"POST {SESSIONS} HTTP/1.1", *lines, body=b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n")

    answered_as("POST", SESSIONS, answer)


def test_a_client_that_asks_before_it_sends_is_told_to_continue(sqlite_server: Server) -> None:
    """``Expect: 100-continue``: .NET and curl with larger bodies."""
    address = urlsplit(sqlite_server.url)
    assert address.hostname is not None
    head = (
        f"POST {SESSIONS}/ HTTP/1.1\r\nHost: {address.netloc}\r\nX-Api-Key: {sqlite_server.api_key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(b"{}")
        answered_as("POST", SESSIONS, raw.received(connection, "POST", SESSIONS))


def test_a_client_of_http_1_0_is_answered(sqlite_server: Server, signed: Json) -> None:
    """PHP's own streams ask so by default."""
    answered_as("GET", f"{SESSIONS}/{{id}}", raw.send(sqlite_server, f"GET {SESSIONS}/{signed['id']} HTTP/1.0"))
    file = signed["documents"][0]["signedFile"]

    answer = raw.send(sqlite_server, f"GET {urlsplit(file['location']).path} HTTP/1.0", key=False)

    assert len(answer.content) == file["length"]


# -- languages ------------------------------------------------------------------------------------------------


def test_accept_language_never_changes_an_error_message(sqlite_server: Server) -> None:
    def message(language: str) -> str:
        answer = sqlite_server.api.get(f"{SESSIONS}/{uuid4()}", headers={"Accept-Language": language})
        text: str = refused_with(answer, 422, "SignatureSessionNotFound")["message"]
        return text

    assert {message(language) for language in ("en-US", "pt-BR", "es", "pt", "*", "", "xx;q=nonsense")} == {
        message("en")
    }


# -- answers as the strictest readers need them -----------------------------------------------------------------


def test_ids_are_lower_case_even_when_they_were_asked_for_in_upper_case(sqlite_server: Server, signed: Json) -> None:
    for session_id in (signed["id"].upper(), signed["id"].replace("-", "")):
        answer = sqlite_server.api.get(f"{SESSIONS}/{session_id}")
        if answer.status_code == 400:
            assert "-" not in session_id, "a UUID without dashes may be refused, one in upper case may not"
        else:
            assert answered_as("GET", f"{SESSIONS}/{{id}}", answer)["id"] == signed["id"]


def test_numbers_are_numbers_and_dates_have_no_fraction_or_offset(sqlite_server: Server, signed: Json) -> None:
    """Read as text: a JSON library hides what a stricter one stumbles over."""
    session = sqlite_server.api.get(f"{SESSIONS}/{signed['id']}").text
    document = sqlite_server.api.get(f"{DOCUMENTS}/{signed['documents'][0]['id']}").text
    waited = sqlite_server.api.get(f"{SESSIONS}/{signed['id']}/when-completed").text
    signers = sqlite_server.api.get(f"{DOCUMENTS}/{signed['documents'][0]['id']}/signers").text

    for text in (session, document):
        assert re.search(r'"length": ?\d+[,}]', text)
        assert not re.search(r'"length": ?(\d+\.|")', text)
    assert re.search(r'"progress": ?100(\.0)?[,}]', waited)
    assert re.search(r'"serialNumber": ?"\d+"', session), "a serial number has more digits than a number may have"
    for text in (session, document, signers):
        moments = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', text)
        assert moments
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z", moment) for moment in moments), moments


def test_lists_and_objects_that_clients_use_unasked_are_never_null(sqlite_server: Server, signed: Json) -> None:
    document = signed["documents"][0]["id"]
    for path, lists in (
        (f"{SESSIONS}/{signed['id']}", {"documents"}),
        (f"{DOCUMENTS}/{document}", {"signers"}),
    ):
        body = read_strictly(sqlite_server.api.get(path))
        assert all(isinstance(body[name], list) for name in lists)
    assert isinstance(read_strictly(sqlite_server.api.get(f"{DOCUMENTS}/{document}"))["metadata"], dict)


STATES = {"session": {"Pending", "Completed"}, "document": {"PendingSignature", "Completed"}}


def test_what_a_client_switches_on_is_never_null(sqlite_server: Server, signed: Json) -> None:
    """The document lets any enum be null by its ``$ref``; a .NET client's plain enum does not."""
    pending = read_session(sqlite_server, sqlite_server.api.post(SESSIONS, json={"documents": [a_file()]}))

    for session in (pending, read_strictly(sqlite_server.api.get(f"{SESSIONS}/{signed['id']}"))):
        assert session["status"] in STATES["session"]
        for document in session["documents"]:
            assert document["status"] in STATES["document"]
            assert document["signatureType"] == "Pdf"
            assert document["originalFile"] is not None


def test_what_was_signed_is_served_as_it_was_sent(sqlite_server: Server, signed: Json) -> None:
    """The signed file begins with the original, byte for byte: an incremental update."""
    files = signed["documents"][0]
    original, done = (
        httpx.get(files[name]["location"], trust_env=False).content for name in ("originalFile", "signedFile")
    )

    assert original == PDF
    assert done.startswith(original)
    assert b64decode(base64(done)) == done
