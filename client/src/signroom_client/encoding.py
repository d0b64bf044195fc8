"""Requests to JSON: dataclasses and plain values; what is not set is left out."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from signroom_client.naming import wire_name


def encode(value: Mapping[str, Any]) -> bytes:
    """A JSON body. Raises: TypeError for what has no place in one."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()


def plain(value: Any) -> Any:
    """`value` as `json.dumps` takes it; a dataclass with a ``to_wire`` method speaks for itself."""
    if hasattr(value, "to_wire"):
        return plain(value.to_wire())
    if is_dataclass(value):
        return plain({wire_name(f): getattr(value, f.name) for f in fields(value)})
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _scalar(value)


def _scalar(value: object) -> str | bool | int | float | None:
    match value:
        case Enum(value=str() as word):
            return word
        case bytes():
            return base64.b64encode(value).decode()
        case UUID():
            return str(value)
        case str() | bool() | int() | float() | None:
            return value
    raise TypeError(f"{type(value).__name__} cannot be sent")


def timestamp(time: datetime) -> str:
    """Raises: ValueError for a time without a zone: whose would it be?"""
    if time.tzinfo is None:
        raise ValueError("The datetime has no time zone; use datetime.now(UTC) and the like.")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
