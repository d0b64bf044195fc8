"""Webhooks: what they say, and whether they are the service's (Standard Webhooks).

@app.post("/webhook")
async def webhook(request: Request) -> Response:
    event = parse_webhook(await request.body(), request.headers, secret=SECRET)
    if event.type == EventType.DOCUMENT_SIGNATURE_COMPLETED: ...
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

from signroom_client.decoding import decode
from signroom_client.errors import UnexpectedAnswerError, WebhookError
from signroom_client.models import WebhookEvent

TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"


class Unverified(Enum):
    """See `UNVERIFIED`."""

    UNVERIFIED = "unverified"


UNVERIFIED: Final = Unverified.UNVERIFIED
"""Instead of a secret: take an event from whoever sent it."""


def parse_webhook(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secret: str | Unverified,
    tolerance: timedelta = TOLERANCE,
    now: datetime | None = None,
) -> WebhookEvent:
    """The event of a request. `body` are its bytes as they came: JSON that was parsed and written again differs.

    With `secret` (``whsec_...``, from the service's settings) the signature and the time are checked first. With
    `UNVERIFIED` anybody who knows your address can send you events: check some other secret, or only use ids to ask
    the API.

    Raises: WebhookError; ValueError or TypeError for a secret that is none.

    Example:
        event = parse_webhook(body, headers, secret="whsec_c2VjcmV0")
        if event.type == EventType.DOCUMENT_SIGNATURE_COMPLETED and event.document is not None:
            print(event.id, event.document.signed_file)
    """
    given = {name.lower(): value for name, value in headers.items()}
    sent_at = _time(given.get("webhook-timestamp"))
    if secret is not UNVERIFIED:
        _verify(body, given, _key(secret), sent_at)
        if sent_at is None or abs((now or datetime.now(UTC)) - sent_at) > tolerance:
            raise WebhookError(
                WebhookError.OUT_OF_TIME, "The webhook was not sent just now: a replay, or a wrong clock."
            )
    event = _event(body)
    event_id = given.get("webhook-id") or event.id or (event.document.event_id if event.document else None)
    return replace(event, id=event_id, timestamp=sent_at)


def _verify(body: bytes, headers: Mapping[str, str], key: bytes, sent_at: datetime | None) -> None:
    identity, time, signatures = (headers.get(f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    if not identity or not time or not signatures or sent_at is None:
        text = "webhook-id, webhook-timestamp and webhook-signature are needed."
        raise WebhookError(WebhookError.HEADERS_MISSING, text)
    content = f"{identity}.{time}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
    # While a secret is being changed there are two signatures, by the old one and the new one.
    for one in signatures.split():
        version, _, value = one.partition(",")
        if version == "v1" and hmac.compare_digest(expected, value.encode()):
            return
    raise WebhookError(WebhookError.BAD_SIGNATURE, "No signature of the webhook is by this secret.")


def _key(secret: object) -> bytes:
    if not isinstance(secret, str):  # a setting that was forgotten must not open the door
        raise TypeError("The webhook secret is a text; UNVERIFIED goes without one.")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("The webhook secret is whsec_ and base64.") from error
    if not key:
        raise ValueError("The webhook secret is empty.")
    return key


def _time(header: str | None) -> datetime | None:
    if header is None or not header.isascii() or not header.isdigit():
        return None
    try:
        return datetime.fromtimestamp(int(header), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _event(body: bytes) -> WebhookEvent:
    try:
        value: Any = json.loads(body)
        event = decode(WebhookEvent, value)
    except (ValueError, RecursionError, UnexpectedAnswerError) as error:
        raise WebhookError(WebhookError.MALFORMED, "The body is not an event.") from error
    return event
