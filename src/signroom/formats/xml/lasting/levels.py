"""How far each signature of an XML file has come (EN 319 132-1, 6.3), by what is in its unsigned properties.

The parts of a level are there. Whether they hold is the affair of a validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signroom.domain.augmentation import (
    NO_DATA,
    EmbeddedTimestamp,
    FileLevels,
    SignatureLevel,
    TimestampUse,
    ValidationData,
)
from signroom.domain.errors import InvalidXml, NotSigned
from signroom.domain.level import Level
from signroom.domain.signature import CertificateChain
from signroom.formats.cms.lasting.material import Known
from signroom.formats.xml.lasting.imprints import KNOWN, imprint
from signroom.formats.xml.lasting.tokens import Token, read_token
from signroom.formats.xml.lasting.unsigned import Unsigned, WrittenTimestamp, read_unsigned
from signroom.formats.xml.reading import XmlDocument
from signroom.formats.xml.signature import Fault, SignatureParts, read_signature
from signroom.formats.xml.verification import signer_of, value_as_checked

WORK_OF_A_TOKEN = 1 << 17
"""Octets whose reading takes as long as reading and checking one. 100 signatures may have four each."""


@dataclass(frozen=True, slots=True)
class ReadSignature:
    """A XAdES signature with what makes it last."""

    place: int
    """Among all ds:Signature of the document, counted from 0."""
    parts: SignatureParts
    unsigned: Unsigned
    value: bytes
    """As in `CheckedValue`."""
    chain: CertificateChain
    embedded: tuple[tuple[WrittenTimestamp, EmbeddedTimestamp], ...]
    """The timestamps that can be read, as they are written and as they were judged; in the order of the file."""
    data: ValidationData
    """All certificates and revocation data that the signature has."""

    @property
    def timestamps(self) -> tuple[EmbeddedTimestamp, ...]:
        """By their times."""
        return tuple(sorted((one for _, one in self.embedded), key=lambda one: one.time))

    def level(self) -> SignatureLevel:
        """How far it has come. Raising it does not ask: the names of all that it has are compared for that."""
        stamps = self.timestamps
        return SignatureLevel(self.value, self.chain, _level(self.chain.certificate, stamps, self.data), stamps)


def read_levels(document: XmlDocument) -> FileLevels:
    """Raises: NotSigned when the file has no signature that has a level, XmlTooComplex."""
    signatures = read_signatures(document)
    if not signatures:
        raise NotSigned
    data = NO_DATA
    for one in signatures:
        data += one.data
    return FileLevels(tuple(one.level() for one in signatures), data)


def read_signatures(document: XmlDocument, *, compare: bool = True, value: bytes | None = None) -> list[ReadSignature]:
    """In the order of the file. What is no XAdES signature with a certificate is left out: it has no level.

    Without `compare` no timestamp is compared with what it is about, which takes the most time; then none is intact.
    `value`: only the signatures that have it, as in `CheckedValue` or as it stands in the file.

    Raises: XmlTooComplex.
    """
    places = range(len(document.signatures))
    found = (read_one(document, place, compare=compare, value=value) for place in places)
    return [one for one in found if one is not None]


def read_one(
    document: XmlDocument, place: int, *, compare: bool = True, value: bytes | None = None
) -> ReadSignature | None:
    """The signature at `place` among all of the document; None where it has no level, or another value.

    Raises: XmlTooComplex.
    """
    element = document.signatures[place]
    unsigned = read_unsigned(document, element)
    if unsigned is None:
        return None
    try:
        parts = read_signature(element)
        certificate = signer_of(document, parts)
    except (Fault, InvalidXml):
        return None
    if not certificate:
        return None
    as_checked = value_as_checked(parts, certificate)
    if value is not None and value not in {as_checked, parts.value}:
        return None
    embedded: list[tuple[WrittenTimestamp, EmbeddedTimestamp]] = []
    for written in unsigned.timestamps:
        document.spend(WORK_OF_A_TOKEN)
        token = read_token(written.token)
        if token is not None:
            intact = compare and token.is_intact and _fits(document, parts, written, token)
            embedded.append((written, EmbeddedTimestamp(written.use, token.time, token.authority, intact)))
    in_tokens = (der for _, one in embedded for der in (one.authority.certificate, *one.authority.issuers))
    data = ValidationData((*parts.certificates, *in_tokens)) + unsigned.data
    chain = CertificateChain(certificate, tuple(der for der in parts.certificates if der != certificate))
    return ReadSignature(place, parts, unsigned, as_checked, chain, tuple(embedded), data)


def _fits(document: XmlDocument, parts: SignatureParts, written: WrittenTimestamp, token: Token) -> bool:
    """Whether the token is about what stands in the file. Raises: XmlTooComplex."""
    if token.algorithm not in KNOWN:
        return False
    try:
        found = imprint(
            document,
            parts,
            written.use,
            before=written.before(),
            method=written.method,
            algorithm=token.algorithm,
        )
    except (Fault, InvalidXml):
        return False
    return found == token.imprint


def _level(certificate: bytes, embedded: Sequence[EmbeddedTimestamp], data: ValidationData) -> Level:
    """B-LT has what validates the signer and the authorities of its signature timestamps."""
    of_value = [one.authority.certificate for one in embedded if one.use is TimestampUse.SIGNATURE]
    if not of_value:
        return Level.B_B
    known = Known(data)
    if not all(known.is_complete_for(each) for each in (certificate, *of_value)):
        return Level.B_T
    return Level.B_LTA if len(of_value) < len(embedded) else Level.B_LT
