"""What a webhook brings, for the OpenAPI document: one entry for each shape of a body, with the types that have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signroom.api.reference.examples import Examples, Json
from signroom.domain.event import TYPES

_GUIDE = "/docs/guide/webhooks/"
_HEADERS: Mapping[str, tuple[Json, str]] = {
    "webhook-id": ({"type": "string", "format": "uuid"}, "The event: the same on every try and replay."),
    "webhook-timestamp": ({"type": "string"}, "Seconds since 1970, when it was sent."),
    "webhook-signature": ({"type": "string"}, "`v1,` and the signature in base64; two of them while a secret changes."),
}


def webhook_calls(examples: Examples) -> Json:
    """The section ``webhooks``."""
    types: dict[str, list[str]] = {}
    for kind in sorted(TYPES):
        types.setdefault(shape_of(kind), []).append(kind)
    return {_name(shape): {"post": _call(shape, kinds, examples)} for shape, kinds in types.items()}


def shape_of(kind: str) -> str:
    """The model of the body that an event of the type `kind` has."""
    if kind == "DocumentErased":
        return "ErasedDocumentEvent"
    beginnings = ("Document", "Session", "ApiKey", "Application")
    return next((f"{one}Event" for one in beginnings if kind.startswith(one)), "WebhookEvent")


def _name(shape: str) -> str:
    return shape[0].lower() + shape[1:]


def _call(shape: str, kinds: list[str], examples: Examples) -> Json:
    schema = {"$ref": f"#/components/schemas/{shape}"}
    listed = ", ".join(f"`{kind}`" for kind in kinds)
    erased = " An event of an erased document has this body, too." if shape == "ErasedDocumentEvent" else ""
    return {
        "tags": ["Webhooks"],
        "summary": f"Your endpoint gets {_SUBJECTS[shape]}",
        "description": f"`type` is {listed}.{erased} Check the signature first: [the guide]({_GUIDE}) shows how.",
        "operationId": f"Webhook{shape}",
        "security": [],
        "externalDocs": {"url": _GUIDE, "description": "Webhooks: set up, check, answer, try again"},
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": schema_of_header, "description": text}
            for name, (schema_of_header, text) in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": examples.answer(schema)}},
        },
        "responses": _ANSWERS,
    }


_SUBJECTS = {
    "ApiKeyEvent": "an event of an API key",
    "ApplicationEvent": "an event of an application",
    "DocumentEvent": "an event of a document",
    "ErasedDocumentEvent": "an event of a document that was erased",
    "SessionEvent": "an event of a session",
    "WebhookEvent": "an event of the webhook itself",
}
_ANSWERS: Mapping[str, Any] = {
    "2XX": {"description": "You have it. Answer first, work later: within 15 seconds."},
    "default": {"description": "It is tried again: nine times over more than three days."},
}
