"""Webhooks: the signature scheme of Standard Webhooks, and what a body says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from signroom_client import UNVERIFIED, EventType, SignatureType, WebhookError, parse_webhook

from signroom.domain.event import TYPES

AN_ID = "201856ce-273c-4058-a872-8937bd547d36"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = json.dumps(
    {
        "type": "DocumentSignatureCompleted",
        "document": {
            "id": AN_ID,
            "key": "ABCDEFGHJKLMNPQR",
            "formattedKey": "ABCD-EFGH-JKLM-NPQR",
            "originalFile": {"name": "a.pdf", "length": 3, "contentType": "application/pdf", "location": "https://x/1"},
            "markedFile": None,
            "signedFile": {"name": "a.pdf", "length": 9, "contentType": "application/pdf", "location": "https://x/2"},
            "status": "Completed",
            "signatureType": "Pades",
            "signers": [{"certificate": {"subjectDisplayName": "Ana"}, "date": "2026-05-01T11:59:00Z"}],
            "metadata": {"case": ["42"]},
            "availableUntil": None,
            "sessionId": AN_ID,
            "callbackArgument": "order 42",
            "eventId": "e-1",
        },
    }
).encode()


def signed(body: bytes = BODY, sent: datetime = NOW, key: bytes = b"k" * 32, identity: str = "e-1") -> dict[str, str]:
    """The headers of a webhook, made without the client's code."""
    time = str(int(sent.timestamp()))
    mac = hmac.new(key, b".".join([identity.encode(), time.encode(), body]), hashlib.sha256).digest()
    return {
        "Webhook-Id": identity,
        "Webhook-Timestamp": time,
        "Webhook-Signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def refusal(body: bytes = BODY, headers: dict[str, str] | None = None, now: datetime = NOW) -> str:
    with pytest.raises(WebhookError) as caught:
        parse_webhook(body, signed(body) if headers is None else headers, secret=SECRET, now=now)
    return caught.value.code


def test_a_signed_event_is_read() -> None:
    event = parse_webhook(BODY, signed(), secret=SECRET, now=NOW)

    assert event.type is EventType.DOCUMENT_SIGNATURE_COMPLETED
    assert (event.id, event.timestamp) == ("e-1", NOW)
    assert event.document is not None
    assert event.document.signature_type is SignatureType.PDF
    assert event.document.signed_file is not None
    assert event.document.signed_file.length == 9
    assert event.document.signers[0].certificate.subject_display_name == "Ana"
    assert event.document.metadata == {"case": ("42",)}
    assert (str(event.document.session_id), event.document.callback_argument) == (AN_ID, "order 42")


def test_the_published_vector_of_standard_webhooks_verifies() -> None:
    # github.com/standard-webhooks: the vector of the reference libraries' tests. Its body is no event of ours, so
    # that the code says how far it came.
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret, now = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)

    with pytest.raises(WebhookError) as genuine:
        parse_webhook(b'{"test": 2432232314}', headers, secret=secret, now=now)
    with pytest.raises(WebhookError) as changed:
        parse_webhook(b'{"test": 2432232315}', headers, secret=secret, now=now)

    assert genuine.value.code == WebhookError.MALFORMED
    assert changed.value.code == WebhookError.BAD_SIGNATURE


def test_any_of_several_signatures_will_do() -> None:
    headers = signed()
    own = headers["Webhook-Signature"]
    old = signed(key=b"old")["Webhook-Signature"]

    for signatures in (f"{old} {own}", f"{own} {old}", f"v1a,abc {own}", f"nonsense v1 ,, {own}"):
        assert parse_webhook(BODY, {**headers, "Webhook-Signature": signatures}, secret=SECRET, now=NOW).id == "e-1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Webhook-Id": "e-2"}, WebhookError.BAD_SIGNATURE),
        ({"Webhook-Timestamp": str(int(NOW.timestamp()) + 1)}, WebhookError.BAD_SIGNATURE),
        ({"Webhook-Signature": signed(key=b"other")["Webhook-Signature"]}, WebhookError.BAD_SIGNATURE),
        ({"Webhook-Signature": signed()["Webhook-Signature"].replace("v1,", "v2,")}, WebhookError.BAD_SIGNATURE),
        ({"Webhook-Signature": "v1,"}, WebhookError.BAD_SIGNATURE),
        ({"Webhook-Signature": "v1,é"}, WebhookError.BAD_SIGNATURE),
        ({"Webhook-Signature": ""}, WebhookError.HEADERS_MISSING),
        ({"Webhook-Id": ""}, WebhookError.HEADERS_MISSING),
        ({"Webhook-Timestamp": "now"}, WebhookError.HEADERS_MISSING),
        ({"Webhook-Timestamp": "9" * 30}, WebhookError.HEADERS_MISSING),
    ],
)
def test_anything_else_is_refused_with_a_code(changes: dict[str, str], code: str) -> None:
    assert refusal(headers={**signed(), **changes}) == code


def test_a_changed_body_is_refused() -> None:
    assert refusal(BODY + b" ", signed()) == WebhookError.BAD_SIGNATURE


def test_no_headers_are_refused() -> None:
    assert refusal(headers={}) == WebhookError.HEADERS_MISSING


@pytest.mark.parametrize("shift", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)])
def test_a_replay_is_refused(shift: timedelta) -> None:
    assert refusal(now=NOW + shift) == WebhookError.OUT_OF_TIME
    assert parse_webhook(BODY, signed(), secret=SECRET, now=NOW + shift * 0.99, tolerance=timedelta(minutes=5)).id


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b'{"type": 1}', b'{"document": {}}', b"[" * 100_000])
def test_a_body_that_is_no_event_is_refused(body: bytes) -> None:
    assert refusal(body, signed(body)) == WebhookError.MALFORMED


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_abc"])
def test_a_secret_that_is_none_is_our_own_fault(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        parse_webhook(BODY, signed(), secret=secret, now=NOW)


def test_a_secret_that_was_forgotten_does_not_open_the_door() -> None:
    forgotten: Any = None

    with pytest.raises(TypeError, match="UNVERIFIED"):
        parse_webhook(BODY, {}, secret=forgotten)
    with pytest.raises(TypeError, match="secret"):
        parse_webhook(BODY, {})  # type: ignore[call-arg]


def test_an_event_of_a_newer_service_is_no_error() -> None:
    body = b'{"type": "FolderSealed", "folder": {"id": 1}}'

    event = parse_webhook(body, {}, secret=UNVERIFIED)

    assert event.type == "FolderSealed"
    assert not event.type.known
    assert event.document is None


def test_an_event_of_a_session_has_one() -> None:
    session = {"id": AN_ID, "status": "Expired", "callbackArgument": "order 42", "processingErrorCode": None}
    session |= {"createdAt": "2026-05-01T08:00:00Z", "expiresAt": "2026-05-01T12:00:00Z"}
    body = json.dumps({"type": "SessionExpired", "session": session, "eventId": "e-1"}).encode()

    event = parse_webhook(body, signed(body), secret=SECRET, now=NOW)

    assert event.type is EventType.SESSION_EXPIRED
    assert event.session is not None
    assert (event.session.status, event.session.callback_argument) == ("Expired", "order 42")
    assert event.document is None


def test_without_a_secret_the_id_comes_from_header_or_document() -> None:
    headers: Any = {"WEBHOOK-ID": "e-9"}

    assert parse_webhook(BODY, headers, secret=UNVERIFIED).id == "e-9"
    assert parse_webhook(BODY, {}, secret=UNVERIFIED).id == "e-1"


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("ApiKeyRevoked", "apiKey", {"id": AN_ID, "applicationId": None}),
        ("DeliveryPaused", "webhook", {"id": AN_ID}),
        ("ApplicationDisabled", "application", {"id": AN_ID}),
        ("SessionErased", "session", {"id": AN_ID}),
        ("DocumentErased", "document", {"id": AN_ID, "key": "ABCDEFGHJKLMNPQR"}),
    ],
)
def test_an_event_says_what_it_is_about(kind: str, field: str, value: dict[str, Any]) -> None:
    body = json.dumps({"type": kind, field: value, "eventId": AN_ID}).encode()

    event = parse_webhook(body, signed(body), secret=SECRET, now=NOW)

    about = {name: getattr(event, name) for name in ("document", "session", "webhook", "api_key", "application")}
    assert EventType(event.type).known
    ((name, found),) = [(name, found) for name, found in about.items() if found is not None]
    assert (name.replace("_k", "K"), str(found.id)) == (field, AN_ID)


def test_the_event_types_are_the_services() -> None:
    assert {str(kind) for kind in EventType} == set(TYPES)
