"""Telling applications what happened: their endpoints, what is on its way there, when it is tried again, how it is
signed (Standard Webhooks).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from uuid import UUID

from signroom.domain.endpoint import Endpoint
from signroom.domain.errors import BadInput, BadWebhookOperation
from signroom.domain.event import TYPES, DocumentSignatureCompleted, RecordedEvent, WebhookTested

MAX_WEBHOOKS = 20
"""Of a subscription."""
MAX_DESCRIPTION = 255
MAX_ANSWER = 1024
"""Bytes of an answer that are kept."""
MAX_ERROR = 255
MAX_RETRY_AFTER = timedelta(hours=24)
"""As long as an endpoint may ask us to wait."""
JITTER = 0.1
"""How much longer or shorter a wait may be, so that what failed together does not come back together."""
PREVIOUS_LIFETIME = timedelta(hours=24)
"""How long both secrets sign after a rotation, unless told otherwise."""
MAX_PREVIOUS_LIFETIME = timedelta(days=30)
SECRET_PREFIX = "whsec_"  # noqa: S105  (how every such secret begins)
SECRET_BYTES = 32
TEST = WebhookTested.__name__

DEFAULT_TYPES = (DocumentSignatureCompleted.__name__,)
"""What clients of the contract know."""
EVENT_TYPES = frozenset(TYPES) - {TEST}
"""What an endpoint may ask for. A test goes to the endpoint that it is of, whatever that has asked for."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told. Secrets are sealed."""

    id: UUID
    subscription_id: UUID
    application_id: UUID | None
    """None: of every application of the subscription."""
    endpoint: Endpoint | None
    """None: where each session of the application says (``webhookUrl``)."""
    signing_secret: bytes
    event_types: tuple[str, ...]
    created_at: datetime
    description: str | None = None
    previous_secret: bytes | None = None
    """Signs beside `signing_secret` until `previous_until`."""
    previous_until: datetime | None = None
    failing_since: datetime | None = None
    """The first failure after the last success."""
    paused_at: datetime | None = None

    def secrets(self, now: datetime) -> tuple[bytes, ...]:
        """Those that sign, the newest first."""
        if self.previous_secret is None or self.previous_until is None or now >= self.previous_until:
            return (self.signing_secret,)
        return (self.signing_secret, self.previous_secret)

    def rotated(self, secret: bytes, now: datetime, keep: timedelta) -> Webhook:
        """With a new signing secret; the one before signs for as long as `keep`."""
        kept = self.signing_secret if keep > timedelta() else None
        return replace(
            self, signing_secret=secret, previous_secret=kept, previous_until=None if kept is None else now + keep
        )

    def paused(self, now: datetime) -> Webhook:
        """Raises: BadWebhookOperation for one that has no address of its own."""
        if self.endpoint is None:
            raise BadWebhookOperation("It goes where each session says, and is never paused.")
        return replace(self, paused_at=now)

    def resumed(self) -> Webhook:
        return replace(self, paused_at=None, failing_since=None)


class DeliveryStatus(StrEnum):
    PENDING = "Pending"
    DELIVERED = "Delivered"
    FAILED = "Failed"
    """Its last try is over."""
    HELD = "Held"
    """The webhook is paused, or was until a moment ago."""

    @property
    def settled(self) -> bool:
        return self in {DeliveryStatus.DELIVERED, DeliveryStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook."""

    id: UUID
    subscription_id: UUID
    webhook_id: UUID
    event_id: UUID
    event_type: str
    session_id: UUID | None
    document_id: UUID | None
    stream: UUID
    """Deliveries of a stream go out one after the other: a document's, or those of a session itself."""
    created_at: datetime
    due_at: datetime
    """When it is tried next; while a try is under way, when another one may begin at the earliest."""
    status: DeliveryStatus = DeliveryStatus.PENDING
    tries: int = 0
    """Of the schedule as it runs now; the log may have more."""
    settled_at: datetime | None = None

    @property
    def is_test(self) -> bool:
        return self.event_type == TEST

    def delivered(self, now: datetime) -> Delivery:
        return replace(self, status=DeliveryStatus.DELIVERED, tries=self.tries + 1, settled_at=now)

    def again(self, due_at: datetime) -> Delivery:
        """That try failed; another one is due."""
        return replace(self, tries=self.tries + 1, due_at=due_at)

    def failed(self, now: datetime) -> Delivery:
        """That try failed, and it was the last."""
        return replace(self, status=DeliveryStatus.FAILED, tries=self.tries + 1, settled_at=now, due_at=now)

    def held(self) -> Delivery:
        """Until the webhook is resumed; then the schedule begins anew."""
        return replace(self, status=DeliveryStatus.HELD, tries=0)

    def released(self, due_at: datetime) -> Delivery:
        return replace(self, status=DeliveryStatus.PENDING, tries=0, due_at=due_at)


def new_delivery(id: UUID, event: RecordedEvent, webhook: Webhook, now: datetime) -> Delivery:
    return Delivery(
        id=id,
        subscription_id=event.subscription_id,
        webhook_id=webhook.id,
        event_id=event.id,
        event_type=event.type,
        session_id=event.session_id,
        document_id=event.document_id,
        stream=event.document_id or event.session_id or event.webhook_id or event.api_key_id or webhook.id,
        created_at=now,
        due_at=now,
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one try. ``answer``: the first bytes of the body; ``error``: why there was no answer."""

    delivery_id: UUID
    number: int
    at: datetime
    milliseconds: int
    status_code: int | None = None
    error: str | None = None
    answer: bytes | None = None

    @property
    def succeeded(self) -> bool:
        return self.error is None and self.status_code is not None and 200 <= self.status_code < 300


@dataclass(frozen=True, slots=True)
class DeliverySchedule:
    """The schedule: how long to wait before each try."""

    before: tuple[timedelta, ...]

    def after(self, tries: int, jitter: float, retry_after: timedelta | None = None) -> timedelta | None:
        """How long to wait once `tries` have failed; None: that was the last.

        `jitter` from -1 to 1; `retry_after` is what the endpoint asked for: it makes a wait longer, never shorter.
        """
        if tries >= len(self.before):
            return None
        own = self.before[tries] * (1 + JITTER * max(-1.0, min(1.0, jitter)))
        return own if retry_after is None else max(own, min(retry_after, MAX_RETRY_AFTER))


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """What ``Retry-After`` says (RFC 9110, 10.2.3): seconds or a date. None when it says nothing sensible."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:10]), MAX_RETRY_AFTER.total_seconds()))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return until - now if until > now else None


def clean_types(given: Collection[str]) -> tuple[str, ...]:
    """Each once, in order of the alphabet; none given: the contract's own. Raises: BadInput."""
    unknown = sorted(set(given) - EVENT_TYPES)
    if unknown:
        raise BadInput(
            f"eventTypes has '{unknown[0][:64]}', which is none of {', '.join(sorted(EVENT_TYPES))}.", path="eventTypes"
        )
    return tuple(sorted(set(given))) or DEFAULT_TYPES


def require_description(text: str | None) -> None:
    """Raises: BadInput."""
    if text is not None and (len(text) > MAX_DESCRIPTION or "\0" in text):
        raise BadInput(f"A description has at most {MAX_DESCRIPTION} characters.", path="description")


def secret_text(key: bytes) -> str:
    """A signing secret as it is handed out."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def secret_key(text: str) -> bytes:
    """The key of a signing secret. Raises: ValueError."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not key:
        raise ValueError("empty")
    return key


def signature_headers(event_id: UUID, body: bytes, secrets: Sequence[str], now: datetime) -> Mapping[str, str]:
    """The headers of Standard Webhooks: the same id on every try, one signature for each of `secrets`."""
    time = str(int(now.timestamp()))
    content = f"{event_id}.{time}.".encode() + body
    macs = [hmac.new(secret_key(secret), content, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": str(event_id),
        "webhook-timestamp": time,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs),
    }
