"""What somebody tries against the API who means harm: another tenant, a key that may only read, raw bytes.

The whole list is ``docs/attacks.md``.
"""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.requests import SESSIONS, a_file, signed_session, uploaded
from tests.harness.databases import database_does_not_matter
from tests.harness.hooks import WEBHOOKS
from tests.harness.processor_time import seconds_of
from tests.harness.server import Json, Server, base64, ok, refused
from tests.harness.tenants import Tenant, new_tenant
from tests.pki import three_tiers
from tests.vectors import hard_pdfs

EVIL = "https://evil.example"
EVENTS = "/api/events"


@pytest.fixture(scope="module")
def victim(server: Server) -> Tenant:
    return new_tenant(server)


@pytest.fixture(scope="module")
def stranger(server: Server) -> Tenant:
    return new_tenant(server)


# -- the wall between tenants --------------------------------------------------------------------------------


def test_no_id_of_another_tenant_differs_from_one_that_does_not_exist(
    server: Server, victim: Tenant, stranger: Tenant
) -> None:
    """Every route with an id in its path, by its description, with real ids and with made-up ones."""
    ids = _ids(server, victim)
    tried = 0
    for path, verbs in ok(server.api.get("/openapi.json"))["paths"].items():
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        # Tiers and providers are the installation's.
        if not names or not path.startswith("/api/") or names in (["tier"], ["provider_id"]):
            continue
        assert set(names) <= set(ids), f"{path}: this test knows no id of that kind"
        for verb in set(verbs) & {"get", "put", "post", "delete"}:
            real, made_up = (
                server.api.request(verb.upper(), path.format(**chosen), headers=stranger.manager, **_body(verb))
                for chosen in (ids, dict.fromkeys(ids, str(uuid4())))
            )
            assert _told(real, ids) == _told(made_up, ids), f"{verb} {path}: {real.text} {made_up.text}"
            tried += 1
    assert tried > 15


def _told(answer: httpx.Response, ids: Json) -> tuple[int, str]:
    """What an answer says, without the words for people; nothing of the tenant is in it."""
    assert not [name for name, each in ids.items() if each in answer.text], answer.text
    body = answer.json()
    if answer.status_code == 200:
        assert not any(body.values()), "a key that is not found"
    return answer.status_code, body.get("code", "")


def _ids(server: Server, victim: Tenant) -> dict[str, str]:
    """One of everything that the tenant has, by the names that the routes use."""
    made = ok(server.api.post(WEBHOOKS, json={"url": "https://app.example/hook"}, headers=victim.manager))
    hook = made["webhook"]["id"]
    key = ok(server.api.post("/api/document-keys", json={}, headers=victim.worker))["key"]
    opened = ok(victim.open_session(documents=[a_file()]))
    page = server.page(opened["redirectUrl"])
    page.sign(*page.demo_key())
    session = _settled(server, victim, opened["sessionId"])
    event = ok(server.api.get(EVENTS, headers=victim.worker))["events"][0]
    test = ok(server.api.post(f"{WEBHOOKS}/{hook}/test", headers=victim.manager))
    keys = ok(server.api.get(f"/api/applications/{victim.application_id}/api-keys", headers=victim.manager))
    context = {"name": f"own-{uuid4().hex[:8]}", "roots": [base64(three_tiers.root().der)]}
    own = ok(server.api.post("/api/settings/security-contexts", json=context, headers=victim.manager))
    return {
        "context_id": own["id"],
        "key_id": keys["items"][0]["id"],
        "session_id": session["id"],
        "document_id": session["documents"][0]["id"],
        "application_id": victim.application_id,
        "webhook_id": hook,
        "delivery_id": test.get("id", str(uuid4())),
        "event_id": event["id"],
        "key": key,
    }


def _settled(server: Server, tenant: Tenant, session_id: str) -> Json:
    found = ok(server.api.get(f"{SESSIONS}/{session_id}/when-completed", headers=tenant.worker, timeout=90))
    return ok(server.api.get(f"{SESSIONS}/{session_id}", headers=tenant.worker)) if found else {}


def _body(verb: str) -> dict[str, Any]:
    return {"json": {}} if verb in {"put", "post"} else {}


def test_an_idempotency_key_of_another_tenant_is_a_new_one(server: Server, victim: Tenant, stranger: Tenant) -> None:
    again = {"Idempotency-Key": str(uuid4())}

    opened = [
        ok(server.api.post(SESSIONS, json={}, headers={**tenant.worker, **again})) for tenant in (victim, stranger)
    ]

    assert opened[0]["sessionId"] != opened[1]["sessionId"]
    assert opened[0]["redirectUrl"] != opened[1]["redirectUrl"]


def test_a_cursor_of_the_feed_opens_nothing_of_its_tenant(server: Server, victim: Tenant, stranger: Tenant) -> None:
    ok(victim.open_session())
    own = ok(server.api.get(EVENTS, headers=victim.worker))["events"]

    seen = ok(server.api.get(EVENTS, params={"after": own[0]["cursor"]}, headers=stranger.worker))["events"]

    assert not {event["id"] for event in seen} & {event["id"] for event in own}


def test_what_was_uploaded_for_one_tenant_is_signed_for_no_other(
    server: Server, victim: Tenant, stranger: Tenant
) -> None:
    token = uploaded(server, hard_pdfs.make("plain"))

    answer = stranger.open_session(documents=[{"file": {"blobToken": token}}])

    assert refused(answer, 422) == refused(
        stranger.open_session(documents=[{"file": {"blobToken": "x" * len(token)}}]), 422
    )


@pytest.mark.parametrize("value", ["' OR '1'='1", "%", "_", "a' --", "a\\", "*", "a%", 'a"', "$1", ":value"])
def test_what_is_searched_for_is_never_a_pattern_nor_sql(server: Server, value: str) -> None:
    name = f"n{uuid4().hex[:12]}"
    kept = a_file(metadata={name: ["a"]})
    ok(server.api.post(SESSIONS, json={"documents": [kept]}))

    found = server.api.get("/api/documents", params={"metadataName": name, "metadataValue": value})

    assert ok(found)["items"] == []
    assert len(ok(server.api.get("/api/documents", params={"metadataName": name, "metadataValue": "a"}))["items"]) == 1


def test_members_that_no_caller_may_set_are_ignored(server: Server, victim: Tenant, stranger: Tenant) -> None:
    forged = {
        "id": str(UUID(int=1)),
        "status": "Completed",
        "subscriptionId": victim.application_id,
        "applicationId": victim.application_id,
        "expiresAt": "2099-01-01T00:00:00Z",
        "completedAt": "2020-01-01T00:00:00Z",
    }

    opened = ok(stranger.open_session(documents=[a_file()], **forged))

    session = ok(server.api.get(f"{SESSIONS}/{opened['sessionId']}", headers=stranger.worker))
    assert session["id"] != forged["id"]
    assert session["status"] == "Pending"
    assert not (session.get("expiresAt") or "").startswith("2099")
    assert refused(server.api.get(f"{SESSIONS}/{opened['sessionId']}", headers=victim.worker), 422)


# -- keys ----------------------------------------------------------------------------------------------------


@database_does_not_matter
@pytest.mark.parametrize(
    "name", ["X-Api-Key", "x-api-key", "apiKey", "api_key", "key", "access_token", "authorization"]
)
def test_a_key_in_an_address_or_a_cookie_opens_nothing(server: Server, name: str) -> None:
    """It would be in logs and histories, and a browser would send it by itself."""
    answer = httpx.get(
        f"{server.url}{SESSIONS}",
        params={name: server.api_key},
        headers={"Cookie": f"{name}={server.api_key}"},
        trust_env=False,
    )

    assert refused(answer, 401) == "Unauthorized"


@pytest.mark.parametrize("change", ["first", "last", "shorter", "longer", "case", "nothing"])
def test_a_key_that_is_almost_right_opens_nothing(server: Server, change: str) -> None:
    name, _, secret = server.api_key.partition("|")
    almost = {
        "first": f"{name}|{'A' if secret[0] != 'A' else 'B'}{secret[1:]}",
        "last": f"{name}|{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}",
        "shorter": f"{name}|{secret[:-1]}",
        "longer": f"{name}|{secret}A",
        "case": f"{name}|{secret.swapcase()}",
        "nothing": f"{name}|",
    }[change]

    answer = httpx.get(f"{server.url}{SESSIONS}", headers={"X-Api-Key": almost}, trust_env=False)

    assert refused(answer, 401) == "Unauthorized"


# -- HTTP ----------------------------------------------------------------------------------------------------


def _raw(server: Server, data: bytes) -> bytes:
    """Everything that comes back until the server closes, or says nothing for a second."""
    address = urlsplit(server.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=30) as connection:
        connection.sendall(data)
        received = b""
        connection.settimeout(1.5)
        try:
            while part := connection.recv(65536):
                received += part
        except TimeoutError:
            pass
        return received


@database_does_not_matter
@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 40"),
        ("Content-Length: 4, 40",),
        ("Content-Length: +4",),
        ("Content-Length : 4",),
        ("Transfer-Encoding: xchunked", "Content-Length: 4"),
        ("Transfer-Encoding: chunked, identity", "Content-Length: 4"),
        ("Transfer-Encoding\x0b: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Transfer-Encoding:\tchunked"),
        ("Content-Length: 0x4",),
    ],
)
def test_a_request_whose_end_is_not_clear_is_refused_and_hides_no_second_one(
    server: Server, headers: tuple[str, ...]
) -> None:
    """Request smuggling: a proxy that reads the other header sees one request where we would see two."""
    hidden = f"GET /api/system/info HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n\r\n"
    head = ["POST /sign/api/renew HTTP/1.1", f"Host: {urlsplit(server.url).netloc}", *headers, "", ""]

    answer = _raw(server, "\r\n".join(head).encode("latin-1") + b"0\r\n\r\n" + hidden.encode())

    assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), answer
    assert b"HTTP/1.1 200" not in answer, answer
    assert answer.count(b"HTTP/1.1 ") <= 1, answer


@database_does_not_matter
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_and_no_parameter_makes_another_method_of_a_request(
    server: Server, victim: Tenant, header: str
) -> None:
    hook = ok(server.api.post(WEBHOOKS, json={"url": "https://app.example/hook"}, headers=victim.manager))["webhook"][
        "id"
    ]
    address = f"{WEBHOOKS}/{hook}"

    ok(server.api.get(address, headers={**victim.manager, header: "DELETE"}, params={"_method": "DELETE"}))

    assert ok(server.api.get(address, headers=victim.manager))["id"] == hook


@database_does_not_matter
@pytest.mark.parametrize("path", [SESSIONS, WEBHOOKS, "/api/signature", "/api/documents", "/api/settings/branding"])
def test_no_other_site_may_call_the_api_from_a_browser(server: Server, path: str) -> None:
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}

    answers = [server.api.options(path, headers=asked), server.api.get(path, headers={"Origin": EVIL})]

    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "trick",
    [
        "../settings/branding",
        "..%2fsettings%2fbranding",
        "%2e%2e/settings/branding",
        "..%5c..%5csecret.key",
        "%00",
        "%0d%0aSet-Cookie:%20x=1",
        "{00000000-0000-0000-0000-000000000000}",
        "00000000-0000-0000-0000-000000000000;x=1",
        "%F0%9F%98%80",
        "%ff%fe",
        "1%20OR%201=1",
        "x" * 4000,
    ],
)
def test_an_id_that_is_a_trick_is_an_id_that_does_not_exist(server: Server, trick: str) -> None:
    key = f"X-Api-Key: {server.api_key}"
    head = (
        f"GET {SESSIONS}/{trick} HTTP/1.1",
        f"Host: {urlsplit(server.url).netloc}",
        key,
        "Connection: close",
        "",
        "",
    )

    answer = _raw(server, "\r\n".join(head).encode("latin-1"))

    status = int(answer.split(b" ", 2)[1])
    assert status in {400, 404, 414, 422}, answer
    assert b"set-cookie" not in answer.lower()
    assert b"Traceback" not in answer


# -- bodies --------------------------------------------------------------------------------------------------


@database_does_not_matter
@pytest.mark.parametrize(
    "body",
    [
        b'{"metadata":{"n":[' + b"9" * 3_000_000 + b"]}}",
        b'{"returnUrl":' + b"1e" + b"9" * 100_000 + b"}",
        b'{"x":' + b'"\\u0000' * 100_000 + b"}",
        b'{"returnUrl":"' + b"https://a.example/" + b"a" * 3_000_000 + b'"}',
        b"[" * 3_000_000,
        b'{"a":' * 500_000,
        b"{" + b",".join(b'"k%d":1' % number for number in range(200_000)) + b"}",
    ],
)
def test_json_that_is_meant_to_take_long_is_answered_at_once(server: Server, body: bytes) -> None:
    began = seconds_of(server.process.pid)

    answer = server.api.post(SESSIONS, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in {200, 400, 413, 422}, answer.text
    assert seconds_of(server.process.pid) - began < 5


def test_an_entity_of_an_xml_file_reads_no_file_of_ours(server: Server) -> None:
    order = (
        b'<?xml version="1.0"?><!DOCTYPE order [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
        b'<order xmlns="urn:example"><item>&secret;</item></order>'
    )

    answer = server.api.post(SESSIONS, json={"documents": [a_file(order, "order.xml", signatureType="Xml")]})

    assert refused(answer, 422)
    assert "root:" not in answer.text


def test_a_signed_session_is_not_signed_or_cancelled_again_by_its_application(server: Server) -> None:
    session = signed_session(server, a_file())

    answer = server.api.post(f"{SESSIONS}/{session['id']}/cancel")

    assert refused(answer, 422)
    assert ok(server.api.get(f"{SESSIONS}/{session['id']}"))["status"] == "Completed"
