"""New objects of a PDF as bytes (ISO 32000-1, 7.3): what a drawing needs, and nothing more."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_IRREGULAR = re.compile(rb"[^!-~]|[#()<>\[\]{}/%]")
_ESCAPED = re.compile(rb"[\\()\r\n]")
_ESCAPES = {b"\r": b"\\r", b"\n": b"\\n"}
_DIGITS = 4
"""Behind the point: 1/10,000 of a point is finer than any printer."""


@dataclass(frozen=True, slots=True)
class Name:
    """Without its slash."""

    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """To another object, of generation 0."""

    number: int


Value = Name | Reference | float | bytes | Sequence["Value"] | Mapping[str, "Value"]
"""Bytes are a string. Keys are names without their slash."""


@dataclass(slots=True)
class Objects:
    """Indirect objects that belong together, numbered from `first_number` on."""

    first_number: int
    texts: list[bytes] = field(default_factory=list)
    """The value of each, without ``N 0 obj`` and ``endobj``: a dictionary, or a dictionary and a stream."""

    def add(self, entries: Mapping[str, Value]) -> Reference:
        """A dictionary."""
        self.texts.append(serialized(entries))
        return Reference(self.first_number + len(self.texts) - 1)

    def add_stream(self, entries: Mapping[str, Value], data: bytes) -> Reference:
        """A stream, deflated (7.4.4)."""
        packed = zlib.compress(data)
        head = serialized({**entries, "Filter": Name("FlateDecode"), "Length": len(packed)})
        self.texts.append(b"%b\nstream\n%b\nendstream" % (head, packed))
        return Reference(self.first_number + len(self.texts) - 1)


def serialized(value: Value) -> bytes:
    """As it is written in a file."""
    match value:
        case Name(text):
            written = b"/" + _IRREGULAR.sub(lambda found: b"#%02x" % found[0][0], text.encode())
        case Reference(number):
            written = b"%d 0 R" % number
        case int():
            written = b"%d" % value
        case float():
            written = (b"%.*f" % (_DIGITS, round(value, _DIGITS) + 0.0)).rstrip(b"0").rstrip(b".")
        case bytes():
            written = b"(%b)" % _ESCAPED.sub(lambda found: _ESCAPES.get(found[0], b"\\" + found[0]), value)
        case Mapping():
            pairs = (serialized(Name(key)) + b" " + serialized(one) for key, one in value.items())
            written = b"<<%b>>" % b" ".join(pairs)
        case _:
            written = b"[%b]" % b" ".join(map(serialized, value))
    return written
