"""How many parts a CMS object may have, so that nobody pays for more than a person could mean.

The library that reads an object makes Python objects of its parts, some 10 microseconds for each, and needs time that
grows with the square of an identifier's length. So the headers are counted first, which is much cheaper. Parts that are
never looked into are passed over, whatever their number: revocation lists, unsigned attributes, the values of signed
attributes that mean nothing here.
"""

from __future__ import annotations

from typing import Protocol

from signroom.domain.errors import CmsTooComplex

MAX_PARTS = 60_000
"""250 signers with all that they need have 15,000."""
MAX_SIGNERS = 250
"""Each is judged by itself, and its certificate after that."""
MAX_CERTIFICATES = 2_000
MAX_CERTIFICATE = 64 << 10
"""Bytes, as everywhere; real certificates have 1-4 KB."""
_MAX_ALGORITHMS = 100
_MAX_ATTRIBUTES = 100
"""Of one signer."""
_LONGEST_OID = 64
"""Octets. Real ones have at most 20 or so."""
_LONGEST_NAME = 64 << 10
"""Octets of what names a signer's certificate."""
_INTEGER, _OID, _SEQUENCE, _SET, _EXPLICIT_0, _CONSTRUCTED = 0x02, 0x06, 0x30, 0x31, 0xA0, 0x20
_READ = frozenset(
    bytes.fromhex(der)
    for der in (
        "06092a864886f70d010903",  # content-type
        "06092a864886f70d010904",  # message-digest
        "06092a864886f70d010905",  # signing-time
        "06092a864886f70d010934",  # cms-algorithm-protection
        "060b2a864886f70d010910020c",  # signing-certificate
        "060b2a864886f70d010910022f",  # signing-certificate-v2
        "060b2a864886f70d010910020f",  # signature-policy-identifier
    )
)
"""The attributes whose values are read."""


class Walk(Protocol):
    """Headers in octets, one after the other: ``reading.Walk``."""

    def enter(self, tag: int) -> None: ...

    def leave(self) -> None: ...

    def at_end(self) -> bool: ...

    def peek(self) -> int: ...

    def skip(self, tag: int | None = None) -> tuple[int, int]: ...

    def bytes(self, start: int, end: int) -> bytes: ...


def require_few_parts(walk: Walk) -> None:
    """`walk` stands before a SignedData. Raises: CmsTooComplex, InvalidCms for other parts than it may have."""
    walk.enter(_SEQUENCE)
    walk.skip(_INTEGER)
    walk.enter(_SET)
    algorithms = 0
    while not walk.at_end():
        algorithms = _counted(algorithms, _MAX_ALGORITHMS, "digest algorithms")
        _go_through(walk)
    walk.leave()
    walk.enter(_SEQUENCE)  # encapContentInfo
    _go_through(walk)
    while not walk.at_end():
        walk.skip()
    walk.leave()
    while not walk.at_end():
        match walk.peek():
            case 0xA0:
                _certificates(walk)
            case 0x31:
                _signers(walk)
            case _:
                walk.skip()  # revocation lists
    walk.leave()


def _certificates(walk: Walk) -> None:
    walk.enter(_EXPLICIT_0)
    count = 0
    while not walk.at_end():
        count = _counted(count, MAX_CERTIFICATES, "certificates")
        start, end = walk.skip()
        if end - start > MAX_CERTIFICATE:
            raise CmsTooComplex(f"A certificate has more than {MAX_CERTIFICATE >> 10} KB.")
    walk.leave()


def _signers(walk: Walk) -> None:
    walk.enter(_SET)
    count = 0
    while not walk.at_end():
        count = _counted(count, MAX_SIGNERS, "signers")
        walk.enter(_SEQUENCE)
        walk.skip(_INTEGER)
        start, end = walk.skip()  # who: issuer and number, or a key identifier
        if end - start > _LONGEST_NAME:
            raise CmsTooComplex("A signer's name is too long.")
        _go_through(walk)  # digest algorithm
        if walk.peek() == _EXPLICIT_0:
            _signed_attributes(walk)
        _go_through(walk)  # signature algorithm
        while not walk.at_end():
            walk.skip()  # value, unsigned attributes
        walk.leave()
    walk.leave()


def _signed_attributes(walk: Walk) -> None:
    walk.enter(_EXPLICIT_0)
    count = 0
    while not walk.at_end():
        count = _counted(count, _MAX_ATTRIBUTES, "signed attributes")
        walk.enter(_SEQUENCE)
        kind = _oid(walk)
        if kind in _READ:
            _go_through(walk)
        else:
            walk.enter(_SET)
            values = 0
            while not walk.at_end():
                values = _counted(values, _MAX_ATTRIBUTES, "values of an attribute")
                walk.skip()
            walk.leave()
        walk.leave()
    walk.leave()


def _go_through(walk: Walk) -> None:
    """Count all that is inside the next value. The depth is limited by the walk, and so is the number."""
    tag = walk.peek()
    if tag == _OID:
        _oid(walk)
    elif tag & _CONSTRUCTED:
        walk.enter(tag)
        while not walk.at_end():
            _go_through(walk)
        walk.leave()
    else:
        walk.skip()


def _oid(walk: Walk) -> bytes:
    start, end = walk.skip(_OID)
    if end - start > _LONGEST_OID:
        raise CmsTooComplex("It has an object identifier that is too long.")
    return walk.bytes(start, end)


def _counted(before: int, most: int, what: str) -> int:
    if before == most:
        raise CmsTooComplex(f"It has more than {most} {what}.")
    return before + 1
