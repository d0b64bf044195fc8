"""Read a CMS SignedData (RFC 5652) without its content: a file of 100 MB has some kilobytes of signatures around it.

DER is walked header by header, and the content stays where it is. BER with indefinite lengths, PEM and base64 text, as
other programs write them, are read as a whole, up to a limit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from signroom.domain.errors import InvalidCms, Refused

if TYPE_CHECKING:
    from asn1crypto.cms import SignedData

_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_SEQUENCE, _OCTETS, _EXPLICIT_0 = 0x30, 0x04, 0xA0
_MAX_WHOLE = 32 << 20
"""Bytes of a file that is read as a whole."""
_MAX_AROUND = 16 << 20
"""Bytes of everything but the content."""
_CHUNK = 1 << 20
_PEM = (b"-----BEGIN CMS-----", b"-----BEGIN PKCS7-----", b"-----BEGIN PKCS #7 SIGNED DATA-----")


@dataclass(frozen=True, slots=True)
class Slice:
    """The content's octets in a file: from `start`, `length` bytes."""

    file: Path
    start: int
    length: int

    def chunks(self) -> Iterator[bytes]:
        with self.file.open("rb") as stream:
            stream.seek(self.start)
            left = self.length
            while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True, slots=True)
class Held:
    """The content of a file that was read as a whole."""

    content: bytes

    @property
    def length(self) -> int:
        return len(self.content)

    def chunks(self) -> Iterator[bytes]:
        yield self.content


Content = Slice | Held


@dataclass(frozen=True, slots=True)
class CmsFile:
    """`signed` has no content; `content` is None for a detached signature."""

    signed: SignedData
    content: Content | None


def whole(file: Path) -> Slice:
    """A file as the content."""
    return Slice(file, 0, file.stat().st_size)


def digest(content: Content, algorithm: str) -> bytes:
    """`algorithm` as hashlib names it. Raises: ValueError for an unknown one."""
    found = hashlib.new(algorithm, usedforsecurity=False)
    for chunk in content.chunks():
        found.update(chunk)
    return found.digest()


def read_cms(file: Path) -> CmsFile | None:
    """None when `file` is no SignedData. Raises: InvalidCms when it begins like one and cannot be read."""
    with file.open("rb") as stream:
        start = stream.read(64)
        if start[:1] == b"\x30" and _SIGNED_DATA in start[:24]:
            with only_refusals():
                return _read_der(file, stream) or _read_whole(file.read_bytes() if _small(file) else None)
    text = _decoded(file, start)
    if text is None or _SIGNED_DATA not in text[:24]:
        return None
    with only_refusals():
        return _read_whole(text)


@contextmanager
def only_refusals() -> Iterator[None]:
    """Nothing of the parser may cross: hostile files make it fail in every way there is."""
    try:
        yield
    except (Refused, OSError):
        raise
    except Exception as error:
        raise InvalidCms from error


def _small(file: Path) -> bool:
    return file.stat().st_size <= _MAX_WHOLE


def _read_der(file: Path, stream: BinaryIO) -> CmsFile | None:
    """None when a length is indefinite or the content comes in pieces (BER): then it has to be read as a whole."""
    size = file.stat().st_size
    walk = _Walk(stream, size)
    if not (walk.enter(_SEQUENCE) and walk.skip(_SIGNED_DATA[0]) and walk.enter(_EXPLICIT_0) and walk.enter(_SEQUENCE)):
        return None
    end = walk.end
    start = walk.position
    if not (walk.skip(0x02) and walk.skip(0x31)):  # version, digestAlgorithms
        return None
    before = walk.bytes(start, walk.position)
    if not walk.enter(_SEQUENCE):  # encapContentInfo
        return None
    info_end = walk.end
    type_start = walk.position
    if not walk.skip(0x06):
        return None
    kind = walk.bytes(type_start, walk.position)
    content = None
    if walk.position < info_end:
        if not (walk.enter(_EXPLICIT_0) and walk.enter(_OCTETS)):
            return None
        content = Slice(file, walk.position, walk.end - walk.position)
    after = walk.bytes(info_end, end)
    return CmsFile(_signed_data(before + _tlv(_SEQUENCE, kind) + after), content)


def _read_whole(data: bytes | None) -> CmsFile:
    from asn1crypto.cms import ContentInfo

    if data is None:
        raise InvalidCms(f"One that is not DER may have at most {_MAX_WHOLE >> 20} MB.")
    signed = ContentInfo.load(data)["content"]
    info = signed["encap_content_info"]
    content = info["content"]
    held = Held(content.native) if content.native is not None else None
    kind = info["content_type"].dump(force=True)
    parts = [signed["version"].dump(force=True), signed["digest_algorithms"].dump(force=True), _tlv(_SEQUENCE, kind)]
    parts += [signed[name].dump() for name in ("certificates", "crls") if signed[name].native is not None]
    parts.append(signed["signer_infos"].dump())
    return CmsFile(_signed_data(b"".join(parts)), held)


def _signed_data(body: bytes) -> SignedData:
    from asn1crypto.cms import SignedData

    signed = SignedData.load(_tlv(_SEQUENCE, body))
    _ = [signer["sid"].native for signer in signed["signer_infos"]]  # asn1crypto is lazy
    return signed


def _decoded(file: Path, start: bytes) -> bytes | None:
    """The bytes behind PEM or base64 text."""
    begins_like_one = start.startswith(_PEM) or start[:2] == b"MI"
    if not begins_like_one or not _small(file):
        return None
    text = file.read_bytes()
    for label in _PEM:
        if text.startswith(label):
            text = text[len(label) :].partition(b"-----END")[0]
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return None


class _Walk:
    """Headers of DER in a file (X.690, 8.1), one level after the other."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.position = 0
        self.end = size

    def enter(self, tag: int) -> bool:
        """Go inside the next value; `end` is then its own. False unless it is a definite `tag`."""
        found = self._header()
        if found is None or found[0] != tag:
            return False
        self.position, self.end = found[1], found[1] + found[2]
        return True

    def skip(self, tag: int) -> bool:
        """Go behind the next value. False unless it is a definite `tag`."""
        found = self._header()
        if found is None or found[0] != tag:
            return False
        self.position = found[1] + found[2]
        return True

    def bytes(self, start: int, end: int) -> bytes:
        if end - start > _MAX_AROUND:
            raise InvalidCms("There is too much around its content.")
        self._stream.seek(start)
        return self._stream.read(end - start)

    def _header(self) -> tuple[int, int, int] | None:
        """Tag, where the value begins, its length; None for an indefinite length or one beyond what holds it."""
        self._stream.seek(self.position)
        head = self._stream.read(10)
        if len(head) < 2:
            return None
        length, used = head[1], 2
        if length == 0x80:
            return None
        if length > 0x80:
            count = length - 0x80
            if count > 8 or len(head) < 2 + count:
                return None
            length, used = int.from_bytes(head[2 : 2 + count], "big"), 2 + count
        start = self.position + used
        return None if start + length > self.end else (head[0], start, length)


def header(tag: int, length: int) -> bytes:
    """Identifier and definite length (X.690, 8.1.3)."""
    if length < 0x80:
        return bytes([tag, length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets


def _tlv(tag: int, value: bytes) -> bytes:
    return header(tag, len(value)) + value
