"""The unsigned properties of one signature as they stand (EN 319 132-1, 4.3.5 and 5.3 to 5.5), read into plain values.

Nothing is judged here. What cannot be read is left out: unsigned properties are anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signroom.domain.augmentation import NO_DATA, TimestampUse, ValidationData
from signroom.formats.xml.canonical import INCLUSIVE, Canonicalization
from signroom.formats.xml.lasting.properties import MAX_TOKEN, XADES_141
from signroom.formats.xml.reading import XmlDocument
from signroom.formats.xml.signature import Fault, decode, ds, text, xa
from signroom.formats.xml.transforms import canonicalization

if TYPE_CHECKING:
    from lxml.etree import _Element as Element  # type: ignore[import-untyped]


def xa141(name: str) -> str:
    return f"{{{XADES_141}}}{name}"


ARCHIVES = frozenset({xa141("ArchiveTimeStamp"), xa("ArchiveTimeStamp")})
"""What stands before one of them must stay as it is. Those of TS 101 903 1.3.2 count for this, and for nothing else."""
_USES = {
    xa("SignatureTimeStamp"): TimestampUse.SIGNATURE,
    xa141("ArchiveTimeStamp"): TimestampUse.ARCHIVE,
}
_OF_CERTIFICATES = frozenset({xa("CertificateValues")})
_OF_REVOCATION = frozenset({xa("RevocationValues")})
_OF_BOTH = frozenset({xa141("TimeStampValidationData"), xa141("AnyValidationData")})
_WORK_OF_A_PROPERTY = 1 << 10
"""Octets: reading one costs about as much as a digest of so many."""
_HOLDERS = _OF_CERTIFICATES | _OF_REVOCATION | _OF_BOTH


@dataclass(frozen=True, slots=True)
class WrittenTimestamp:
    """One xades:EncapsulatedTimeStamp."""

    property: Element
    """The timestamp property that it is in."""
    use: TimestampUse
    token: bytes
    method: Canonicalization
    """Of what it is about."""
    place: int
    """Of the property, among all unsigned signature properties."""
    properties: tuple[Element, ...]
    """All of them. The timestamps of a signature share this: a part for each would grow with the square."""

    def before(self) -> tuple[Element, ...]:
        """The unsigned signature properties before it."""
        return self.properties[: self.place]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What xades:QualifyingProperties of one signature has beside the signed properties."""

    qualifying: Element
    holder: Element | None
    """xades:UnsignedProperties."""
    of_signature: Element | None
    """xades:UnsignedSignatureProperties."""
    properties: tuple[Element, ...] = ()
    """In their order."""
    timestamps: tuple[WrittenTimestamp, ...] = ()
    """In their order."""
    data: ValidationData = NO_DATA
    """The values in them, those in tokens left out."""

    @property
    def is_archived(self) -> bool:
        return any(each.tag in ARCHIVES for each in self.properties)

    @property
    def has_values(self) -> bool:
        """Whether CertificateValues or RevocationValues are there: of each there is at most one (6.3)."""
        return any(each.tag in _OF_CERTIFICATES | _OF_REVOCATION for each in self.properties)


def read_unsigned(document: XmlDocument, signature: Element) -> Unsigned | None:
    """None where the signature is not XAdES, or has several of what it may have once. Raises: XmlTooComplex."""
    qualifying = signature.findall(f"{ds('Object')}/{xa('QualifyingProperties')}")
    if len(qualifying) != 1 or qualifying[0].find(xa("SignedProperties")) is None:
        return None
    holders = qualifying[0].findall(xa("UnsignedProperties"))
    if not holders:
        return Unsigned(qualifying[0], None, None)
    of_signature = holders[0].findall(xa("UnsignedSignatureProperties"))
    if len(holders) > 1 or len(of_signature) > 1:
        return None
    if not of_signature:
        return Unsigned(qualifying[0], holders[0], None)
    document.spend(_WORK_OF_A_PROPERTY * len(of_signature[0]))
    properties = tuple(of_signature[0].iterchildren("*"))
    return Unsigned(
        qualifying=qualifying[0],
        holder=holders[0],
        of_signature=of_signature[0],
        properties=properties,
        timestamps=tuple(_timestamps(properties)),
        data=_data(properties),
    )


def _timestamps(properties: tuple[Element, ...]) -> Iterator[WrittenTimestamp]:
    for place, element in enumerate(properties):
        use = _USES.get(element.tag)
        method = None if use is None else _method(element)
        if use is None or method is None:
            continue
        for token in _decoded(element.iterchildren(xa("EncapsulatedTimeStamp"))):
            if 0 < len(token) <= MAX_TOKEN:
                yield WrittenTimestamp(element, use, token, method, place, properties)


def _method(element: Element) -> Canonicalization | None:
    """None for a timestamp of which cannot be told what it is about: it lists its parts (5.5.2.3), or by a way that
    is not known here."""
    if element.find(xa("Include")) is not None or element.find(xa("ReferenceInfo")) is not None:
        return None
    given = element.find(ds("CanonicalizationMethod"))
    try:
        return INCLUSIVE if given is None else canonicalization(given)
    except Fault:
        return None


def _data(properties: tuple[Element, ...]) -> ValidationData:
    holders = [each for each in properties if each.tag in _HOLDERS]

    def found(tag: str) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys(der for holder in holders for der in _decoded(holder.iter(xa(tag))) if der))

    return ValidationData(
        certificates=found("EncapsulatedX509Certificate"),
        lists=found("EncapsulatedCRLValue"),
        responses=found("EncapsulatedOCSPValue"),
    )


def _decoded(elements: Iterator[Element]) -> Iterator[bytes]:
    for element in elements:
        try:
            yield decode(text(element))
        except Fault:
            continue
