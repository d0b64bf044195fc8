"""Rows of webhooks and their deliveries to nouns and back."""

from __future__ import annotations

from sqlalchemy.engine import RowMapping

from signroom.domain.endpoint import Endpoint, EndpointAuth
from signroom.domain.webhook import Attempt, Delivery, DeliveryStatus, Webhook
from signroom.store.rows import Row, packed, unpacked_as


def webhook_row(w: Webhook) -> Row:
    e = w.endpoint
    return {
        "id": w.id,
        "subscription_id": w.subscription_id,
        "application_id": w.application_id,
        "url": None if e is None else e.url,
        "auth": EndpointAuth.NONE.value if e is None else e.auth.value,
        "user": None if e is None else e.user,
        "secret": None if e is None else e.sealed_secret,
        "signing_secret": w.signing_secret,
        "previous_secret": w.previous_secret,
        "previous_until": w.previous_until,
        "event_types": packed(w.event_types),
        "description": w.description,
        "created_at": w.created_at,
        "failing_since": w.failing_since,
        "paused_at": w.paused_at,
    }


def webhook_of(row: RowMapping | Row) -> Webhook:
    endpoint = None
    if row["url"] is not None:
        endpoint = Endpoint(row["url"], EndpointAuth(row["auth"]), row["user"], row["secret"])
    return Webhook(
        id=row["id"],
        subscription_id=row["subscription_id"],
        application_id=row["application_id"],
        endpoint=endpoint,
        signing_secret=row["signing_secret"],
        event_types=unpacked_as(tuple[str, ...], row["event_types"]),
        created_at=row["created_at"],
        description=row["description"],
        previous_secret=row["previous_secret"],
        previous_until=row["previous_until"],
        failing_since=row["failing_since"],
        paused_at=row["paused_at"],
    )


def delivery_row(d: Delivery) -> Row:
    return {
        "id": d.id,
        "subscription_id": d.subscription_id,
        "webhook_id": d.webhook_id,
        "event_id": d.event_id,
        "event_type": d.event_type,
        "session_id": d.session_id,
        "document_id": d.document_id,
        "stream": d.stream,
        "status": d.status.value,
        "tries": d.tries,
        "created_at": d.created_at,
        "due_at": d.due_at,
        "settled_at": d.settled_at,
    }


def delivery_of(row: RowMapping | Row) -> Delivery:
    return Delivery(**{**row, "status": DeliveryStatus(row["status"])})


def attempt_row(a: Attempt) -> Row:
    return {
        "delivery_id": a.delivery_id,
        "number": a.number,
        "at": a.at,
        "milliseconds": a.milliseconds,
        "status_code": a.status_code,
        "error": a.error,
        "answer": a.answer,
    }


def attempt_of(row: RowMapping) -> Attempt:
    return Attempt(**row)
