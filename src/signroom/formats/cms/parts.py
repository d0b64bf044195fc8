"""A SignedData cut into the parts that a later signer, or a later timestamp, leaves as they are or adds to.

The library that reads CMS objects may write anew what it has looked into. An archive timestamp is about octets, so
here nothing is read but identifiers and lengths, DER and BER alike (X.690, 8.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from signroom.domain.errors import InvalidCms
from signroom.formats.cms.reading import Outline, Walk
from signroom.formats.cms.writing import sequence, set_of

_SEQUENCE, _SET = 0x30, 0x31
_SIGNED, _UNSIGNED = 0xA0, 0xA1
_MANY = 1_000
"""Unsigned attributes of a signer, or values of one; revocation lists. Real ones have some dozens."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An unsigned attribute (RFC 5652, 5.3)."""

    kind: bytes
    """The object identifier as a whole value."""
    values: tuple[bytes, ...]
    octets: bytes
    """All of it."""


@dataclass(frozen=True, slots=True)
class SignerParts:
    """A SignerInfo (RFC 5652, 5.3)."""

    octets: bytes
    """All of it."""
    fields: bytes
    """From the version to the signature value, identifiers and lengths included."""
    signed: bytes
    """The signed attributes among them; empty where there are none."""
    value: bytes
    """The signature value."""
    unsigned: bytes
    """The unsigned attributes as they stand, identifier and length included; empty where there are none."""

    def attributes(self) -> tuple[Attribute, ...]:
        """The unsigned ones. Raises: InvalidCms."""
        return tuple(_attribute(one) for one in _few(inside(self.unsigned))) if self.unsigned else ()

    def with_attribute(self, attribute: bytes) -> bytes:
        """All of it with one attribute more. The others keep their octets, and their order where it is not DER's."""
        earlier = [one.octets for one in self.attributes()]
        if earlier == sorted(earlier):
            unsigned = set_of(_UNSIGNED, [*earlier, attribute])
        else:
            unsigned = sequence(_UNSIGNED, *earlier, attribute)
        return sequence(_SEQUENCE, self.fields, unsigned)


@dataclass(frozen=True, slots=True)
class Parts:
    """A SignedData without its content. Each member is a whole value."""

    version: bytes
    algorithms: tuple[bytes, ...]
    content_type: bytes
    certificates: tuple[bytes, ...]
    lists: tuple[bytes, ...]
    """RevocationInfoChoice (RFC 5652, 10.2.1): revocation lists, OCSP responses, others."""
    signers: tuple[SignerParts, ...]


def read_parts(found: Outline) -> Parts:
    """To be used inside ``only_refusals``. Raises: InvalidCms."""
    version, algorithms, content, *rest = inside(found.octets)
    certificates = lists = signers = b""
    for part in rest:
        match part[0]:
            case 0xA0:
                certificates = part
            case 0xA1:
                lists = part
            case 0x31:
                signers = part
            case _:
                raise InvalidCms
    return Parts(
        version=version,
        algorithms=tuple(inside(algorithms)),
        content_type=inside(content)[0],
        certificates=tuple(inside(certificates)) if certificates else (),
        lists=tuple(inside(lists)) if lists else (),
        signers=tuple(read_signer(one) for one in inside(signers)) if signers else (),
    )


def read_signer(octets: bytes) -> SignerParts:
    """Raises: InvalidCms, ValueError."""
    members = inside(octets)
    unsigned = b""
    if members[-1][0] == _UNSIGNED:
        unsigned = members.pop()
    value = members[-1]
    signed = next((one for one in members[3:4] if one[0] == _SIGNED), b"")
    return SignerParts(octets, b"".join(members), signed, octets_of(value), unsigned)


def with_unsigned(signer: bytes, attributes: tuple[bytes, ...]) -> bytes:
    """A SignerInfo with `attributes` added. Raises: InvalidCms."""
    for attribute in attributes:
        signer = read_signer(signer).with_attribute(attribute)
    return signer


def inside(value: bytes) -> list[bytes]:
    """The values inside a constructed one that is all of `value`, each whole. Raises: InvalidCms."""
    walk, found = Walk(value, len(value)), []
    walk.enter(value[0] if value else 0)
    while not walk.at_end():
        start, end = walk.skip()
        found.append(value[start:end])
    walk.leave()
    if walk.position != len(value):
        raise InvalidCms
    return found


def first_inside(value: bytes, number: int) -> list[bytes]:
    """As `inside`, but at most the first `number` of them: what stands behind is not looked at. Raises: InvalidCms."""
    walk = Walk(value, len(value))
    found: list[bytes] = []
    walk.enter(value[0] if value else 0)
    while len(found) < number and not walk.at_end():
        start, end = walk.skip()
        found.append(value[start:end])
    return found


def octets_of(value: bytes) -> bytes:
    """What is in an OCTET STRING, which may be in pieces. Raises: InvalidCms."""
    walk = Walk(value, len(value))
    return b"".join(value[start : start + length] for start, length in walk.octets())


def _attribute(octets: bytes) -> Attribute:
    kind, values = inside(octets)
    if octets[0] != _SEQUENCE or values[0] != _SET:
        raise InvalidCms("An unsigned attribute is malformed.")
    return Attribute(kind, tuple(_few(inside(values))), octets)


def _few(members: list[bytes]) -> list[bytes]:
    if len(members) > _MANY:
        raise InvalidCms("It has too many unsigned attributes.")
    return members
