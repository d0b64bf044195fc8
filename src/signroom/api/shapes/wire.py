"""The manners of the wire: lenient in, strict out.

Requests: unset fields may be absent, ``null`` or ``[]`` where an object is meant; unknown fields are ignored.
Responses: no field has a default, so each key is always sent, ``null`` when empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import msgspec

from signroom.domain.errors import BadInput
from signroom.http.bodies import LargeText

EmptyList = Annotated[list[Any], msgspec.Meta(max_length=0, description="Some clients send [] for an unset object.")]

_PIECE = 1 << 20
"""Characters that are decoded at once: some 0.7 ms."""
_NO_BASE64 = "A content is not base64."
_DATA_URL = "A content is base64 alone, without `data:...,` before it."


class Wire(msgspec.Struct, rename="camel", kw_only=True):
    """camelCase on the wire."""


class Base64Text:
    """A file in a JSON body, decoded piece by piece: at once it would hold the event loop for 10 ms per 10 MB."""

    __slots__ = ("_text",)

    def __init__(self, text: str | LargeText) -> None:
        self._text = text

    @property
    def length(self) -> int:
        """Characters, as they were sent."""
        return len(self._text) if isinstance(self._text, str) else self._text.length

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes; others get a turn after each piece. Raises: BadInput for what is not base64."""
        for chunk in self.decoded():
            yield chunk
            await asyncio.sleep(0)

    def decoded(self) -> Iterator[bytes]:
        """The bytes, for what is small. Raises: BadInput for what is not base64."""
        rest, ended = "", False
        for number, piece in enumerate(self._pieces()):
            if number == 0 and piece[:5].lower() == "data:":  # what a browser's FileReader gives
                raise BadInput(_DATA_URL)
            # MIME encoders (RFC 2045, 6.8) break their lines.
            text = rest + ("".join(piece.split()) if any(c in piece for c in "\n\r ") else piece)
            whole = len(text) // 4 * 4
            now, rest = text[:whole], text[whole:]
            if (now or rest) and ended:
                raise BadInput(_NO_BASE64)  # padding belongs at the end
            if now:
                yield _bytes(now)
                ended = now.endswith("=")
        if rest:
            yield _bytes(rest)

    def _pieces(self) -> Iterator[str]:
        if isinstance(self._text, str):
            for start in range(0, len(self._text), _PIECE):
                yield self._text[start : start + _PIECE]
            return
        try:
            yield from self._text.parts()
        except ValueError as error:
            raise BadInput(_NO_BASE64) from error


def _bytes(text: str) -> bytes:
    try:
        found: bytes = msgspec.convert(text, bytes)
    except msgspec.ValidationError as error:
        raise BadInput(_NO_BASE64) from error
    return found


def read_base64_text(kind: Any, value: Any) -> Any:
    """For the JSON decoder: how a `Base64Text` comes about."""
    if not isinstance(value, str | LargeText):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    return kind(value)


TYPE_DECODERS = [(lambda kind: kind is Base64Text, read_base64_text)]
