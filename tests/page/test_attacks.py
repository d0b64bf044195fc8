"""What somebody tries who means harm, as far as HTTP shows it. The whole list is ``docs/attacks.md``."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.api.requests import SESSIONS, a_file
from tests.harness.server import Page, Server, ok, refused, values_of
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs
from tests.wire import raw

RETURN = "https://app.example/back"
EVIL = "https://evil.example"
MAX_BODY = 4 << 20
"""What ``docs/page-api.md`` says."""
XML = b'<order xmlns="urn:example"><item>1</item></order>'


@pytest.fixture
def page(sqlite_server: Server) -> Page:
    return sqlite_server.page(sqlite_server.open_session(returnUrl=RETURN)["redirectUrl"])


# -- files -----------------------------------------------------------------------------------------


def test_a_file_name_adds_no_header_and_leaves_no_folder(sqlite_server: Server, page: Page) -> None:
    name = '../../a"\r\nSet-Cookie: x=1; filename=b.html'
    document = page.add(hard_pdfs.make("plain"), name)

    headers = page.client.get(f"original/{document['id']}").headers

    assert document["name"] == 'a"Set-Cookie: x=1; filename=b.html'
    assert "set-cookie" not in headers
    fallback = 'attachment; filename="a_Set-Cookie: x=1; filename=b.html"; '
    assert headers.get_list("content-disposition")[0].startswith(fallback)
    names = [f.name for f in sqlite_server.data.parent.rglob("*") if f.is_file()]
    assert not [n for n in names if "filename=b.html" in n], "blobs are named by ids"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("script.js", b"alert(1)"),
        ("unknown", b"<!doctype html><script>alert(1)</script>"),
    ],
)
def test_what_was_uploaded_never_runs_as_a_page_of_ours(page: Page, name: str, content: bytes) -> None:
    document = page.add(content, name)

    answer = page.client.get(f"original/{document['id']}")

    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/sign/assets/../../../../pyproject.toml",
        "/sign/assets/..%2f..%2froutes.py",
        "/sign/assets/%2e%2e/index.html",
        "/sign/assets/..%5c..%5croutes.py",
        "/sign/assets//etc/passwd",
        "/sign/assets/%00",
        "/sign/assets/x%00/../../index.html",
        "/sign/assets-operator/../assets/../../routes.py",
        "/sign/api/original/..%2f..%2fsecret.key",
        "/sign/api/../../secret.key",
        pytest.param(f"/sign/assets/{'a' * 300}", id="a long name"),
        pytest.param(f"/sign/assets/{'a/' * 3000}", id="a long path"),
    ],
)
def test_no_path_leads_out_of_the_page_s_files(sqlite_server: Server, path: str) -> None:
    answer = raw.send(sqlite_server, f"GET {path} HTTP/1.1", "Connection: close", key=False)

    assert answer.status_code in {400, 404, 422}, answer.text
    assert answer.headers["content-type"].startswith("application/json")


# -- other sites -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["cancel", "finish", "prepare", "upload", "renew", "load"])
def test_another_site_is_never_let_in(page: Page, verb: str) -> None:
    asked = {
        "Origin": EVIL,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-signature-session-token",
    }

    answer = page.client.request("OPTIONS", verb, headers=asked)

    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_what_a_browser_sends_by_itself_opens_nothing(page: Page) -> None:
    """CSRF: no cookie is ever set, and a form or a picture cannot send the token."""
    own = page.client.headers.pop("X-Signature-Session-Token")
    ambient = {"Origin": EVIL, "Cookie": f"X-Signature-Session-Token={own}; token={own}"}

    form = page.client.post("cancel", data={"X-Signature-Session-Token": own}, headers=ambient)
    address = page.client.post("cancel", params={"X-Signature-Session-Token": own, "token": own}, headers=ambient)
    picture = page.client.get("cancel", headers=ambient)

    assert refused(form, 422) == "SignatureSessionTokenRequired"
    assert refused(address, 422) == "SignatureSessionTokenRequired"
    assert refused(picture, 405) == "MethodNotAllowed"
    page.client.headers["X-Signature-Session-Token"] = own
    answer = page.client.get("load")
    assert ok(answer)["status"] == "Pending"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "tail",
    [
        "%2f%2fevil.example",
        "/evil.example",
        "%3Cimg%20src=x%20onerror=alert(1)%3E",
        "x?lang=%22%3E%3Cscript%3Ealert(1)",
        "x?lang=//evil.example",
    ],
)
def test_an_address_is_neither_echoed_nor_followed(sqlite_server: Server, tail: str) -> None:
    plain = httpx.get(f"{sqlite_server.url}/sign/unknown", trust_env=False)

    answer = raw.send(sqlite_server, f"GET /sign/{tail} HTTP/1.1", "Connection: close", key=False)

    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert answer.headers["content-language"] == "en"
    assert "evil" not in answer.text
    assert "alert(1)" not in answer.text
    assert len(answer.content) == len(plain.content)


def test_no_answer_is_kept_and_none_tells_where_it_was_asked_for(page: Page) -> None:
    document = page.add(hard_pdfs.make("plain"))["id"]
    page_address = str(page.client.base_url).replace("/api/", f"/{page.link}")
    addresses = ("load", f"original/{document}", f"preview/{document}/0", f"text/{document}/0", "logo", page_address)

    for address in addresses:
        headers = page.client.get(address).headers
        assert "no-store" in headers["cache-control"], address
        assert headers["referrer-policy"] == "no-referrer", address
        assert headers["x-content-type-options"] == "nosniff", address
        assert headers["cross-origin-opener-policy"] == "same-origin", address


# -- signing ---------------------------------------------------------------------------------------


def test_a_finish_that_nobody_prepared_is_refused(page: Page) -> None:
    document = page.add(hard_pdfs.make("plain"))

    forced = page.finish({"preparationId": str(uuid4())}, {document["id"]: b"\x00" * 64})

    assert refused(forced, 422) == "PreparationNotFound"
    assert page.load()["status"] == "Pending"


def test_a_document_swapped_after_the_consent_is_not_signed(page: Page) -> None:
    """Removed, and another one put in its place under the same name."""
    document = page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    ok(page.client.post("remove", json={"documentId": document["id"]}))
    other = page.add(hard_pdfs.make("ten-pages"))
    values = values_of(preparation, key)

    assert refused(page.finish(preparation, values), 422) == "BadSignatureSessionOperation"
    renamed = {other["id"]: next(iter(values.values()))}
    assert refused(page.finish(preparation, renamed), 422) == "SignatureValueMissing"
    assert page.load()["status"] == "Pending"


def test_the_canonical_form_of_another_session_is_not_shown(sqlite_server: Server) -> None:
    order = a_file(XML, "order.xml", signatureType="Xml")
    page, other = (sqlite_server.page(sqlite_server.open_session(documents=[order])["redirectUrl"]) for _ in range(2))
    own, document = (p.load()["documents"][0]["id"] for p in (page, other))
    preparation = ok(other.prepare(other.demo_key()[1]))["preparationId"]
    assert other.client.get(f"canonical/{preparation}/{document}").content == XML

    assert refused(page.client.get(f"canonical/{preparation}/{document}"), 422) == "DocumentNotFound"
    assert refused(page.client.get(f"canonical/{preparation}/{own}"), 422) == "PreparationNotFound"


def test_a_token_of_one_kind_is_none_of_another(sqlite_server: Server, page: Page) -> None:
    token = page.client.headers["X-Signature-Session-Token"]
    opened = sqlite_server.open_session(documents=[a_file()])
    location = sqlite_server.session(opened["sessionId"])["documents"][0]["originalFile"]["location"]

    as_key = httpx.get(f"{sqlite_server.url}{SESSIONS}", headers={"X-Api-Key": token}, trust_env=False)
    assert refused(as_key, 401) == "Unauthorized"
    for other in (sqlite_server.api_key, location.rpartition("/")[2], page.link, opened["sessionId"]):
        page.client.headers["X-Signature-Session-Token"] = other
        assert refused(page.client.get("load"), 422) == "BadSignatureSessionToken"


# -- load ------------------------------------------------------------------------------------------


def test_a_call_takes_a_small_body_and_no_deep_one(page: Page) -> None:
    kind = {"Content-Type": "application/json"}
    large = b'{"link": "' + b"x" * MAX_BODY + b'"}'
    deep = b'{"link": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    assert refused(page.client.post("renew", content=large, headers=kind), 413) == "RequestTooLarge"
    assert refused(page.client.post("renew", content=deep, headers=kind), 413) == "RequestTooLarge"
    deep = b'{"link": ' + b"[" * 8_000 + b"]" * 8_000
    assert refused(page.client.post("renew", content=deep, headers=kind), 400) == "BadRequest"
    assert refused(page.client.post("prepare", content=deep, headers=kind), 400) == "BadRequest"
    assert refused(page.client.post("prepare", content=large, headers=kind), 413) == "RequestTooLarge"


def test_members_that_nobody_asked_for_change_nothing(page: Page) -> None:
    body = {"__proto__": {"status": "Completed"}, "constructor": {"prototype": {}}, "status": "Completed"}

    assert set(ok(page.client.post("cancel", json=body))) == set(page.load())
    assert page.load()["status"] == "UserCancelled"


def test_uploads_that_never_end_hold_nobody_up_and_leave_nothing(sqlite_server: Server, page: Page) -> None:
    """More of them than the service has threads; each sends a byte and then waits."""
    address = urlsplit(sqlite_server.url)
    head = [
        "PUT /sign/api/upload HTTP/1.1",
        f"Host: {address.netloc}",
        f"X-Signature-Session-Token: {page.client.headers['X-Signature-Session-Token']}",
        "X-File-Name: slow.pdf",
        "Content-Length: 1000000",
    ]
    before = _originals(sqlite_server)
    with ExitStack() as slow:
        for _ in range(100):
            connection = slow.enter_context(socket.create_connection((address.hostname or "", address.port or 80)))
            connection.sendall("\r\n".join([*head, "", "%"]).encode())
        time.sleep(0.5)
        began = time.monotonic()
        page.add(hard_pdfs.make("plain"))
        assert time.monotonic() - began < 20

    assert [d["name"] for d in page.load()["documents"]] == ["contract.pdf"]
    eventually(lambda: len(_originals(sqlite_server) - before) <= 1, why=lambda: "what was broken off is still there")


def _originals(server: Server) -> set[Path]:
    return {f for f in (server.data / "files").rglob("*-original*") if f.is_file()}
