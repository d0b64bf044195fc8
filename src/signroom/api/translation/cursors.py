"""Cursors of lists: where a page ended, as a text that clients hand back and do not read."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar.params import Parameter

from signroom.domain.errors import BadInput
from signroom.ports.store import Position

Limit = Annotated[int, Parameter(ge=1, le=100, description="Items on a page.")]


def cursor_of(position: Position | None) -> str | None:
    if position is None:
        return None
    text = f"{position.created_at.isoformat()} {position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> Position | None:
    """Raises: BadInput for anything but a cursor of ours."""
    if not cursor:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        time, _, item = text.partition(" ")
        created_at = datetime.fromisoformat(time)
        if created_at.tzinfo is None:
            raise ValueError(time)
        return Position(created_at.astimezone(UTC), UUID(item))
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BadInput("The cursor is not one of ours.", path="?cursor") from error


_FEED = "feed "
_MAX_DIGITS = 18  # fits a bigint


def event_cursor(position: int) -> str:
    """A position in the event feed."""
    return base64.urlsafe_b64encode(f"{_FEED}{position}".encode()).decode().rstrip("=")


def event_position(cursor: str | None) -> int | None:
    """None for no cursor. Raises: BadInput for anything but a cursor of the feed."""
    if not cursor:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadInput("The cursor is not one of ours.", path="?cursor") from error
    digits = text.removeprefix(_FEED)
    if digits == text or not digits.isdecimal() or len(digits) > _MAX_DIGITS:
        raise BadInput("The cursor is not one of ours.", path="?cursor")
    return int(digits)
