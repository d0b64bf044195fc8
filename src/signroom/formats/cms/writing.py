"""Write a CMS SignedData (RFC 5652, 5.1) around a content that is streamed: DER, one pass over the content."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from signroom.formats.cms.hashing import Hash, new_hash
from signroom.formats.cms.reading import SIGNED_DATA, Content, header
from signroom.ports.files import Stored

_OCTETS, _SEQUENCE, _SET, _EXPLICIT_0 = 0x04, 0x30, 0x31, 0xA0
_CERTIFICATES, _LISTS = 0xA0, 0xA1


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of a SignedData around its content. Each member is a whole value, as it stands or as DER."""

    version: bytes
    algorithms: Collection[bytes]
    content_type: bytes
    certificates: Collection[bytes]
    lists: Collection[bytes]
    """RevocationInfoChoice (RFC 5652, 10.2.1)."""
    signers: Collection[bytes]

    @property
    def before(self) -> bytes:
        """What stands before encapContentInfo."""
        return self.version + set_of(_SET, self.algorithms)

    @property
    def after(self) -> bytes:
        """What stands behind encapContentInfo."""
        certificates = set_of(_CERTIFICATES, self.certificates) if self.certificates else b""
        lists = set_of(_LISTS, self.lists) if self.lists else b""
        return certificates + lists + set_of(_SET, self.signers)


def write_object(
    output: Path, body: Body, content: Content | None, *, hashed: Content | None = None, algorithm: str | None = None
) -> tuple[Stored, bytes | None]:
    """Write a ContentInfo with a SignedData.

    Args:
        output: the file that is written.
        body: what is around the content.
        content: what is written as the content; None for a detached object.
        hashed: what is hashed on the way: `content`, or what is beside a detached object.
        algorithm: of that digest, as asn1crypto names it. None: nothing is hashed.

    Returns:
        What was written, and the digest.
    """
    length = 0 if content is None else content.length
    start = _start(body, content)
    after = body.after
    found: Hash | None = None if algorithm is None else new_hash(algorithm)
    written = hashlib.sha256(start)
    with output.open("wb") as target:
        target.write(start)
        copied = 0
        for chunk in _passed(content, hashed if found is not None else None):
            if found is not None:
                found.update(chunk)
            if content is not None:
                copied += target.write(chunk)
                written.update(chunk)
        if copied != length:
            raise OSError("The content ended early.")
        target.write(after)
        written.update(after)
        size = target.tell()
    return Stored(size, written.digest()), None if found is None else found.digest()


def _passed(content: Content | None, hashed: Content | None) -> Iterable[bytes]:
    chosen = content if content is not None else hashed
    return () if chosen is None else chosen.chunks()


def _start(body: Body, content: Content | None) -> bytes:
    """All octets up to the content's."""
    kind, before = body.content_type, body.before
    if content is None:
        length, info = 0, header(_SEQUENCE, len(kind)) + kind
    else:
        length = content.length
        octets = header(_OCTETS, length)
        explicit = header(_EXPLICIT_0, len(octets) + length) + octets
        info = header(_SEQUENCE, len(kind) + len(explicit) + length) + kind + explicit
    inner = len(before) + len(info) + length + len(body.after)
    signed = header(_SEQUENCE, inner)
    outer = header(_EXPLICIT_0, len(signed) + inner)
    whole = header(_SEQUENCE, len(SIGNED_DATA) + len(outer) + len(signed) + inner)
    return whole + SIGNED_DATA + outer + signed + before + info


def set_of(tag: int, members: Iterable[bytes]) -> bytes:
    """A SET OF in the order of DER (X.690, 11.6)."""
    joined = b"".join(sorted(members))
    return header(tag, len(joined)) + joined


def sequence(tag: int, *parts: bytes) -> bytes:
    """A constructed value with `parts` in this order."""
    joined = b"".join(parts)
    return header(tag, len(joined)) + joined
