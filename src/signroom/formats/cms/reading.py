"""Read a CMS SignedData (RFC 5652) without its content: a file of 100 MB has some kilobytes of signatures around it.

The file is walked header by header, DER and BER alike, and the content stays where it is, also in the pieces of BER.
PEM and base64 text, as other programs write them, are decoded as a whole, up to a limit: once, or twice where a program
has encoded what was text already, and behind the header of a MIME entity.
"""

from __future__ import annotations

import base64
import binascii
import builtins
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from signroom.domain.errors import CmsTooComplex, InvalidCms, Refused
from signroom.formats.cms.bounds import MAX_PARTS, require_few_parts
from signroom.formats.cms.hashing import new_hash

if TYPE_CHECKING:
    from asn1crypto.cms import SignedData

SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
"""DER of the object identifier id-signedData (RFC 5652, 5.1)."""
_INTEGER, _OID, _SEQUENCE, _SET, _EXPLICIT_0 = 0x02, 0x06, 0x30, 0x31, 0xA0
_OCTETS, _OCTETS_IN_PIECES = 0x04, 0x24
_CONSTRUCTED = 0x20
_MAX_TEXT = 32 << 20
"""Bytes of a text form, which is decoded as a whole."""
MAX_AROUND = 16 << 20
"""Bytes of everything but the content."""
_MAX_HEADERS = 250_000
"""Of one walk. A content of 100 MB in pieces of 1000 bytes has 100,000; a hostile file's pieces can be empty."""
_MAX_DEPTH = 16
_HEAD = 16 << 10
"""Bytes that tell whether a file is a CMS object, in a text form too; a MIME header ends within them."""
_MAX_LAYERS = 3
"""Text forms around each other."""
_CHUNK = 1 << 20
_WHITE = b" \t\r\n\v\f"
_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MIME_HEADER = re.compile(
    rb"(?:(?:content-[a-z-]+|mime-version|x-[a-z-]+):[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)+\r?\n", re.IGNORECASE
)
"""Of an entity (RFC 2045, 3). What has other fields, ``From`` or ``Subject``, is a mail and not its attachment."""
_PEM = (b"-----BEGIN CMS-----", b"-----BEGIN PKCS7-----", b"-----BEGIN PKCS #7 SIGNED DATA-----")

Source = Path | bytes


@dataclass(frozen=True, slots=True)
class Slice:
    """Octets that stand together in `source`: from `start`, `length` bytes."""

    source: Source
    start: int
    length: int

    def chunks(self) -> Iterator[bytes]:
        with _opened(self.source) as stream:
            yield from _chunks(stream, self.start, self.length)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The octets of an OCTET STRING that comes in pieces (X.690, 8.7.3), found again at each reading."""

    source: Source
    start: int
    """Where its identifier is."""
    length: int

    def chunks(self) -> Iterator[bytes]:
        with _opened(self.source) as stream, _opened(self.source) as headers:
            walk = Walk(headers, _size(self.source), self.start)
            for start, length in walk.octets():
                yield from _chunks(stream, start, length)


Content = Slice | Pieces


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the parts of a SignedData are. `content` is None for a detached signature."""

    content: Content | None
    octets: bytes
    """The SignedData without its content, as it stands in the file but for its own length."""

    def parsed(self) -> CmsFile:
        """To be used inside `only_refusals`."""
        return CmsFile(self.content, self.octets, _signed_data(self.octets))


@dataclass(frozen=True, slots=True)
class CmsFile(Outline):
    """A SignedData that was read."""

    signed: SignedData
    """Without the content."""


def whole(file: Path) -> Slice:
    """A file as the content."""
    return Slice(file, 0, file.stat().st_size)


def digest(content: Content, algorithm: str) -> bytes:
    """`algorithm` as asn1crypto names it. Raises: ValueError for an unknown one."""
    found = new_hash(algorithm)
    for chunk in content.chunks():
        found.update(chunk)
    return found.digest()


def read_cms(file: Path) -> CmsFile | None:
    """None when `file` is no SignedData. Raises: InvalidCms when it begins like one and cannot be read."""
    return _parsed(read_outline(file))


def read_cms_octets(octets: bytes) -> CmsFile | None:
    """As `read_cms`, for what is in memory. Whatever stands behind the object does not count. No text is decoded."""
    return _parsed(read_outline_octets(octets))


def read_outline(file: Path) -> Outline | None:
    """As `read_cms`, a tenth of the work: the parts are found and counted, and not looked into."""
    with file.open("rb") as stream:
        start = stream.read(_HEAD)
    source: Source | None = file if _begins_like_signed_data(start) else _decoded(file, start)
    return None if source is None else _read_source(source)


def read_outline_octets(octets: bytes) -> Outline | None:
    """As `read_cms_octets`, and `read_outline`."""
    return _read_source(octets) if _begins_like_signed_data(octets[:_HEAD]) else None


def _parsed(found: Outline | None) -> CmsFile | None:
    with only_refusals():
        return None if found is None else found.parsed()


def _read_source(source: Source) -> Outline:
    with only_refusals():
        if isinstance(source, bytes):
            return _read(source, Walk(source, len(source)))
        with source.open("rb") as stream:
            return _read(source, Walk(stream, _size(source)))


@contextmanager
def only_refusals() -> Iterator[None]:
    """Nothing of the parser may cross: hostile files make it fail in every way there is."""
    try:
        yield
    except (Refused, OSError):
        raise
    except Exception as error:
        raise InvalidCms from error


def _read(source: Source, walk: Walk) -> Outline:
    walk.enter(_SEQUENCE)  # ContentInfo
    walk.skip(_OID)
    walk.enter(_EXPLICIT_0)
    walk.enter(_SEQUENCE)  # SignedData
    version, _ = walk.skip(_INTEGER)
    _, end = walk.skip(_SET)  # digestAlgorithms
    before = walk.bytes(version, end)
    walk.enter(_SEQUENCE)  # encapContentInfo
    kind = walk.bytes(*walk.skip(_OID))
    content = None
    if not walk.at_end():
        walk.enter(_EXPLICIT_0)
        content = _content(source, walk)
        walk.leave()
    walk.leave()
    start = end = walk.position
    while not walk.at_end():
        _, end = walk.skip()
    after = walk.bytes(start, end)
    for _level in range(3):  # What is behind the ContentInfo is not ours: mail programs add line ends.
        walk.leave()
    body = before + header(_SEQUENCE, len(kind)) + kind + after
    whole_body = header(_SEQUENCE, len(body)) + body
    require_few_parts(Walk(whole_body, len(whole_body), most=MAX_PARTS))
    return Outline(content, whole_body)


def _content(source: Source, walk: Walk) -> Content:
    start = walk.position
    first, length, together = start, 0, True
    for number, (position, size) in enumerate(walk.octets()):
        first, together = (position, True) if number == 0 else (first, False)
        length += size
    return Slice(source, first, length) if together else Pieces(source, start, length)


def _signed_data(whole_body: bytes) -> SignedData:
    from asn1crypto.cms import SignedData

    signed = SignedData.load(whole_body)
    _ = [signer["sid"].native for signer in signed["signer_infos"]]  # asn1crypto is lazy
    return signed


def _begins_like_signed_data(start: bytes) -> bool:
    if start[:1] != bytes([_SEQUENCE]) or len(start) < 2:
        return False
    length = start[1] & 0x7F if start[1] > 0x80 else 0  # octets of the length itself
    return start.startswith(SIGNED_DATA, 2 + length)


def _decoded(file: Path, start: bytes) -> bytes | None:
    """The bytes behind a text form; None when they are no SignedData. Raises: InvalidCms."""
    # Its beginning tells, so other large files need not be read.
    layers = _text_layers(start)
    if layers is None:
        return None
    if file.stat().st_size > _MAX_TEXT:
        raise InvalidCms(f"As text it may have at most {_MAX_TEXT >> 20} MB: send it as DER.")
    content = file.read_bytes()
    with only_refusals():
        for _layer in range(layers):
            letters = _letters(content)
            content = base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    return content


def _text_layers(start: bytes) -> int | None:
    """How often a file that begins with `start` must be decoded; None when no SignedData comes of it."""
    for layer in range(1, _MAX_LAYERS + 1):
        letters = _letters(start)
        try:
            start = base64.b64decode(letters[: len(letters) // 4 * 4], validate=True)
        except binascii.Error:
            return None
        if _begins_like_signed_data(start):
            return layer
    return None


def _letters(text: bytes) -> bytes:
    """The base64 letters of `text`, without what stands around them."""
    if text.startswith(_UTF_16):
        text = text[2:].replace(b"\0", b"")
    text = text.removeprefix(_MARK).lstrip()
    header = _MIME_HEADER.match(text)
    if header is not None:
        text = text[header.end() :].lstrip()
    label = next((label for label in _PEM if text.startswith(label)), b"")
    return text[len(label) :].partition(b"-----END")[0].translate(None, _WHITE)


class Walk:
    """Headers in a file or in octets (X.690, 8.1), one after the other, into values and out of them; lengths may be
    indefinite.

    Each step raises InvalidCms when something else is there.
    """

    def __init__(self, source: BinaryIO | bytes, size: int, position: int = 0, most: int = _MAX_HEADERS) -> None:
        self._source = source
        self._ends: list[int | None] = []
        """Of the values that were entered; None: until the end-of-contents octets."""
        self._limits = [size]
        """Behind which nothing stands: of all octets, and of each value that was entered."""
        self._left = most
        self.position = position

    def enter(self, tag: int) -> None:
        """Go inside the next value."""
        found, start, length = self._header()
        if found != tag or len(self._ends) == _MAX_DEPTH:
            raise InvalidCms
        self.position = start
        end = None if length is None else start + length
        self._ends.append(end)
        self._limits.append(self._limits[-1] if end is None else end)

    def at_end(self) -> bool:
        """Of the value that was entered last."""
        end = self._ends[-1]
        if end is not None:
            return self.position == end
        return self._header() == (0, self.position + 2, 0)

    def peek(self) -> int:
        """The identifier of the next value."""
        return self._header()[0]

    def leave(self) -> None:
        if not self.at_end():
            raise InvalidCms
        self._limits.pop()
        if self._ends.pop() is None:
            self.position += 2

    def skip(self, tag: int | None = None) -> tuple[int, int]:
        """Go behind the next value, and say where it stands, header included."""
        begin = self.position
        found, start, length = self._header()
        if tag is not None and found != tag:
            raise InvalidCms
        self.position = start + (length or 0)
        within = 1 if length is None else 0
        while within:
            found, start, length = self._header()
            self.position = start + (length or 0)
            if length is None:
                within += 1
            elif (found, length) == (0, 0):
                within -= 1
        return begin, self.position

    def octets(self) -> Iterator[tuple[int, int]]:
        """The pieces of the OCTET STRING that comes next: where each begins, and its length."""
        depth = len(self._ends)
        while True:
            tag, start, length = self._header()
            if tag == _OCTETS_IN_PIECES:
                self.enter(tag)
            elif tag == _OCTETS and length is not None:
                self.position = start + length
                yield start, length
            else:
                raise InvalidCms("Its content is no OCTET STRING.")
            while len(self._ends) > depth and self.at_end():
                self.leave()
            if len(self._ends) == depth:
                return

    def bytes(self, start: int, end: int) -> bytes:
        if end - start > MAX_AROUND:
            raise InvalidCms("There is too much around its content.")
        return self._octets(start, end - start)

    def _header(self) -> tuple[int, int, int | None]:
        """Of the next value: tag, where the value begins, its length or None for an indefinite one."""
        self._left -= 1
        if self._left < 0:
            raise CmsTooComplex("It is in too many pieces.")
        head = self._octets(self.position, 10)
        if len(head) < 2 or head[0] & 0x1F == 0x1F:  # no tag of more than one octet is in a CMS object
            raise InvalidCms
        first, used = head[1], 2
        length: int | None = first
        if first == 0x80 and head[0] & _CONSTRUCTED:
            length = None
        elif first >= 0x80:
            used += first - 0x80
            if not 2 < used <= len(head):
                raise InvalidCms
            length = int.from_bytes(head[2:used], "big")
        start = self.position + used
        if start + (length or 0) > self._limits[-1]:
            raise InvalidCms("It ends early, or a part of it claims to be longer than it is.")
        return head[0], start, length

    def _octets(self, start: int, length: int) -> builtins.bytes:
        if isinstance(self._source, builtins.bytes):
            return self._source[start : start + length]
        self._source.seek(start)
        return self._source.read(length)


def header(tag: int, length: int) -> bytes:
    """Identifier and definite length (X.690, 8.1.3)."""
    if length < 0x80:
        return bytes([tag, length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets


def _opened(source: Source) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _size(source: Source) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)


def _chunks(stream: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    stream.seek(start)
    while length > 0 and (chunk := stream.read(min(_CHUNK, length))):
        length -= len(chunk)
        yield chunk
