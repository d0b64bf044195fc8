"""Augmentation: raising a signature that exists to a higher baseline level (ETSI EN 319 102-1, 3.1 and 5.4 to 5.6).

A signature becomes B-T by a timestamp on its value, B-LT by the certificates and the revocation data that validate
it, and B-LTA by a timestamp on everything that is there by then. The signer is not needed for any of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from signroom.domain.level import Level
from signroom.domain.signature import CertificateChain, DigestAlgorithm
from signroom.domain.validation import TrustVerdict


class TimestampUse(StrEnum):
    """What a timestamp in a signed file is about."""

    SIGNATURE = "signature"
    """The value of one signature: a signature timestamp (EN 319 122-1, 5.3; 319 132-1, 5.3)."""
    ARCHIVE = "archive"
    """All that is in the file: an archive timestamp (EN 319 122-1, 5.5.3; 319 132-1, 5.5.2). In a PDF it is a document
    timestamp (EN 319 142-1, 5.4.3)."""


@dataclass(frozen=True, slots=True)
class ValidationData:
    """What validates a signature without asking anybody, as DER. Each is there once."""

    certificates: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()
    """CertificateList (RFC 5280, 5)."""
    responses: tuple[bytes, ...] = ()
    """OCSPResponse (RFC 6960, 4.2.1), the whole message."""

    def __add__(self, other: ValidationData) -> ValidationData:
        return ValidationData(
            tuple(dict.fromkeys((*self.certificates, *other.certificates))),
            tuple(dict.fromkeys((*self.lists, *other.lists))),
            tuple(dict.fromkeys((*self.responses, *other.responses))),
        )

    @property
    def is_empty(self) -> bool:
        return not (self.certificates or self.lists or self.responses)


NO_DATA = ValidationData()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A certificate judged, and what lets others judge it later without asking anybody."""

    verdict: TrustVerdict
    data: ValidationData
    missing: tuple[str, ...] = ()
    """Sentences: what could not be had, or what is wrong. They hold no names."""
    final: bool = False
    """Some of it can never be had: asking again later changes nothing."""

    @property
    def complete(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One step: validation data, or a timestamp, or both. An archive timestamp covers the data of its own step."""

    use: TimestampUse | None
    """None: validation data alone."""
    data: ValidationData = NO_DATA
    signature_value: bytes | None = None
    """The signature that the step is about, by its value as in `CheckedValue`. None: every signature of the file.

    A PDF has one store for the validation data of all its signatures, and a document timestamp covers them all."""
    timestamp_room: int = 12 << 10
    """Bytes that are kept free for the token where its room must be known before (PDF)."""
    digest_algorithm: DigestAlgorithm = DigestAlgorithm.SHA256
    """Of the timestamp's message imprint."""
    behind: bool = False
    """Something of the data is written in any case (PDF). Validators look behind a signature for what validates it,
    also when an earlier signature of the same signer has brought all of it."""


@dataclass(frozen=True, slots=True)
class LaidOutAugmentation:
    """A step that is ready but for the token: what it is about is known."""

    augmentation: Augmentation
    imprint: bytes | None
    """The digest that the authority is asked to stamp; None where no timestamp is wanted."""
    file_length: int
    """Bytes of the file that it was laid out for."""
    before: bytes = b""
    """PDF: what is appended before the gap for the token. CMS: the hash index of an archive timestamp. XML: what goes
    in before the token."""
    contents_length: int = 0
    """PDF: bytes of the gap, delimiters included. 0: there is none."""
    after: bytes = b""
    """PDF: what is appended behind the gap. XML: what goes in behind the token."""
    replaced: tuple[int, int] = (0, 0)
    """XML: from where to where all this takes the place of the file's own octets."""
    file_digest: bytes = b""
    """Of what it was laid out for, SHA-256. XML: of the file. CMS: of the file without its content."""


@dataclass(frozen=True, slots=True)
class EmbeddedTimestamp:
    """A token that a signed file has, taken as it stands: its imprint was compared, trust is judged elsewhere."""

    use: TimestampUse
    time: datetime
    authority: CertificateChain
    """The certificate of the authority, and the others that came along in the token."""
    intact: bool
    """The token's own signature fits, and its imprint is that of what it is about."""


@dataclass(frozen=True, slots=True)
class SignatureLevel:
    """How far one signature of a file has come."""

    value: bytes
    """The signature value, as in `CheckedValue`."""
    chain: CertificateChain
    """The signer's certificate, and the others that are in the file."""
    level: Level
    """By what is there: the parts of a level are present. Whether they hold is the validation's affair."""
    timestamps: tuple[EmbeddedTimestamp, ...] = ()
    """In the order in which they were made. Of a PDF the document timestamps that cover it are among them."""


@dataclass(frozen=True, slots=True)
class FileLevels:
    """How far the signatures of a file have come, in their order in the file."""

    signatures: tuple[SignatureLevel, ...]
    data: ValidationData = NO_DATA
    """All certificates and revocation data that the file has."""
