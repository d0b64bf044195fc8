"""What is signed, with what, and what came of it: the nouns that cross the ``Formats`` port.

The steps follow the signature cycle (``docs/signature-cycle.md``): ``Inspection`` (a file looked at),
``Prepared`` (the exact bytes to be signed, stored before any key is used), a checked value, ``Verdict``
(the output judged like a stranger's file).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SignatureType(StrEnum):
    """Spelled as on the wire (``SignatureTypes``)."""

    PDF = "Pdf"
    CMS = "Cms"
    XML = "Xml"


class DigestAlgorithm(StrEnum):
    """Digests for new signatures; SHA-1 and MD5 are refused by not being here."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class Indication(StrEnum):
    """EN 319 102-1, 5.1.3: the main status of a validation."""

    TOTAL_PASSED = "TOTAL-PASSED"
    INDETERMINATE = "INDETERMINATE"
    TOTAL_FAILED = "TOTAL-FAILED"


@dataclass(frozen=True, slots=True)
class CertificateChain:
    """A signer's certificate and what came along with it, as DER. ``issuers`` is in no particular order."""

    certificate: bytes
    issuers: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What pre-flight found in a file that can be signed."""

    signature_type: SignatureType
    content_type: str
    pages: int
    signatures: int
    """Signatures that are already in the file."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The bytes to be signed and where the value goes; all that `embed` needs beside the original file.

    The prepared file is ``original + tail``: an incremental update (ISO 32000-1, 7.5.6) never changes what is
    there. ``contents_start`` and ``contents_end`` are absolute offsets of the region that the ByteRange leaves
    out (ISO 32000-1, 12.8.1), delimiters ``<`` and ``>`` included.
    """

    original_length: int
    tail: bytes
    contents_start: int
    contents_end: int
    digest_algorithm: DigestAlgorithm
    document_digest: bytes
    to_sign: bytes
    """DER of the signed attributes as a SET OF (RFC 5652, 5.4): the exact bytes for the key."""
    chain: CertificateChain


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """The verdict on one signature of a file."""

    field_name: str
    indication: Indication
    reason: str | None
    """A short text when the indication is not TOTAL-PASSED."""
    certificate: bytes
    """The signer's certificate, DER."""
    signed_at: datetime | None
    """Claimed by the signer; not proven without a timestamp."""
    covers_whole_file: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a file: one entry per signature, in the order they were made."""

    signatures: tuple[SignatureVerdict, ...]

    @property
    def intact(self) -> bool:
        """True when there is at least one signature and none of them failed."""
        return bool(self.signatures) and all(s.indication is not Indication.TOTAL_FAILED for s in self.signatures)
