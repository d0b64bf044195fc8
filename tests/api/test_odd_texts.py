"""A NUL or half of a surrogate pair in any text of a request: a coded refusal, never an error of ours.

PostgreSQL stores neither. What is not stored as text (a list in JSON, a digest) may be accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.requests import SESSIONS, TEST_CONTEXT, a_file
from tests.harness.commands import signroom
from tests.harness.server import Json, Server
from tests.harness.tenants import new_tenant
from tests.vectors import hard_pdfs

ODD = {"NUL": "a\0b", "surrogate": "a\ud800"}
_METADATA = {"customer": ["value"]}
_HOOK = {"url": "https://hooks.example/x", "description": "text", "eventTypes": ["SessionCompleted"]}
_AUTH = {"auth": "Basic", "user": "user", "secret": "secret"}

BODIES: dict[str, tuple[str, str, Json]] = {
    "session": (
        "POST",
        SESSIONS,
        {
            "returnUrl": "https://app.example/back",
            "callbackArgument": "argument",
            "webhookUrl": "https://hooks.example/x",
            "language": "en",
            "documentMetadata": _METADATA,
            "metadata": _METADATA,
            "documents": [a_file(metadata=_METADATA, documentKey="2222333344445555")],
        },
    ),
    "document by URL": ("POST", SESSIONS, {"documents": [{"file": {"url": "http://127.0.0.1:9/a", "name": "a.pdf"}}]}),
    "document by token": ("POST", SESSIONS, {"documents": [{"file": {"blobToken": "token", "name": "a.pdf"}}]}),
    "application": ("POST", "/api/applications", {"name": "name", "authorizationData": {"roles": ["Worker"]}}),
    "key": ("POST", "/api/applications/{application}/api-keys", {"description": "text", "expiresOn": "2099-01-01"}),
    "default metadata": ("PUT", "/api/applications/{application}/default-document-metadata", _METADATA),
    "return URLs": (
        "PUT",
        "/api/settings/applications/{application}/return-urls",
        {"returnUrls": ["https://a.example"]},
    ),
    "frames": (
        "PUT",
        "/api/settings/applications/{application}/frame-origins",
        {"frameOrigins": ["https://a.example"]},
    ),
    "validation": (
        "PUT",
        "/api/settings/file-validation",
        {"fileNamePattern": "text", "endpoint": {"url": "https://a.example/", **_AUTH}},
    ),
    "branding": ("PUT", "/api/settings/branding", {"name": "name", "accent": "#000000", "logo": "text"}),
    "webhook": ("POST", "/api/settings/webhooks", {**_HOOK, **_AUTH}),
    "keys": ("POST", "/api/document-keys", {"metadata": _METADATA}),
    "preflight": ("POST", "/api/documents/preflight", {"file": {"content": "eA==", "name": "a.pdf"}}),
    "inspection": ("PUT", "/api/signature-inspection", {"file": {"content": "eA==", "name": "a.pdf"}}),
    "log-in": ("POST", "/api/v2/authentication", {"securityContextId": TEST_CONTEXT}),
    "log-in done": (
        "POST",
        "/api/v2/authentication/completion",
        {"state": "x", "certificate": "eA==", "signature": "eA=="},
    ),
    "local": ("POST", "/api/signature", {"certificate": {"content": "eA=="}, **a_file(metadata=_METADATA)}),
    "local done": ("POST", "/api/signature/completion", {"state": "x", "signature": "eA=="}),
}

QUERIES = (
    "/api/documents?metadataName={odd}&metadataValue=x",
    "/api/documents?metadataName=customer&metadataValue={odd}",
    "/api/document-keys/unused?metadataName=customer&metadataValue={odd}",
    "/api/document-keys/{odd}",
    "/api/document-keys/query?key={odd}",
    SESSIONS + "?callbackArgument={odd}",
    SESSIONS + "?status={odd}",
    SESSIONS + "?cursor={odd}",
    SESSIONS + "/{odd}",
    "/api/documents/{odd}",
    "/api/events?after={odd}",
    "/api/downloads/{odd}",
    "/Api/MultipartUploads/{odd}",
    "/sign/{odd}",
)


@pytest.fixture(scope="session")
def admin(server: Server) -> tuple[str, dict[str, str]]:
    """An application of a subscription of its own, and a key that may do everything there."""
    tenant = new_tenant(server)
    key = signroom(server, "keys", "create", "--application", tenant.name, "--role", "Admin")
    return tenant.application_id, {"X-Api-Key": key, "Content-Type": "application/json"}


def variants(body: Any, odd: str) -> Iterator[Any]:
    """`body` again and again, each time with `odd` in place of one text, names of members included."""
    if isinstance(body, str):
        yield odd
        yield body + odd
    elif isinstance(body, dict):
        for name, value in body.items():
            yield from ({**body, name: other} for other in variants(value, odd))
            yield {**{n: v for n, v in body.items() if n != name}, name + odd: value}
    elif isinstance(body, list):
        for place, value in enumerate(body):
            yield from ([*body[:place], other, *body[place + 1 :]] for other in variants(value, odd))


def require_coded(answer: httpx.Response, about: str) -> None:
    assert answer.status_code < 500 or answer.status_code == 503, f"{about}: {answer.status_code} {answer.text}"
    if answer.status_code >= 400 and answer.headers["content-type"].startswith("application/json"):
        assert answer.json()["code"] not in {"", "InternalError"}, about


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("what", BODIES)
def test_an_odd_text_in_any_field_is_refused_and_never_an_error_of_ours(
    server: Server, admin: tuple[str, dict[str, str]], what: str, odd: str
) -> None:
    application, headers = admin
    method, address, body = BODIES[what]
    address = address.format(application=application)
    plain = server.api.request(method, address, content=json.dumps(body).encode(), headers=headers)
    assert plain.status_code not in {401, 403, 404, 405, 415}, plain.text
    for variant in variants(body, odd):
        answer = server.api.request(method, address, content=json.dumps(variant).encode(), headers=headers)
        require_coded(answer, f"{what} {variant}")
    if what == "validation":
        server.api.put(address, json={}, headers=headers)


@pytest.mark.parametrize("query", QUERIES)
def test_an_odd_text_in_an_address_is_refused_and_never_an_error_of_ours(server: Server, query: str) -> None:
    for odd in ("%00", "a%00b", "%ED%A0%80", "%FF"):
        require_coded(server.api.get(query.format(odd=odd)), query)


def test_an_odd_text_in_a_header_or_a_form_is_no_error_of_ours(server: Server) -> None:
    page = server.page(server.open_session()["redirectUrl"])
    for odd in ("a\0b.pdf", "\0"):
        headers = {"X-File-Name": quote(odd, safe=""), "Idempotency-Key": "k", "Accept-Language": "en"}
        require_coded(page.client.put("upload", content=hard_pdfs.make("plain"), headers=headers), odd)
        files = {"file": (odd, b"content", "text/plain")}
        require_coded(server.api.post("/api/plain-uploads", files=files), odd)
