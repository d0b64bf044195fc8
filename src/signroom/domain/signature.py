"""What is signed, with what, and what came of it: the nouns that cross the ``Formats`` port.

The steps follow the signature cycle (``docs/signature-cycle.md``): ``Inspection`` (a file looked at),
``Prepared`` (the exact bytes to be signed, stored before any key is used), a checked value, ``Verdict``
(the output judged like a stranger's file).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from signroom.domain.appearance import Appearance
from signroom.domain.preflight import Finding


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


class XmlInsertion(StrEnum):
    """Where a signature goes relative to the element that an XPath names."""

    APPEND_CHILD = "AppendChild"
    PREPEND_CHILD = "PrependChild"
    APPEND_SIBLING = "AppendSibling"
    PREPEND_SIBLING = "PrependSibling"


@dataclass(frozen=True, slots=True)
class XmlLocation:
    """The place of ds:Signature: `insertion` relative to the one element that `xpath` selects."""

    xpath: str
    namespaces: tuple[tuple[str, str], ...] = ()
    """(prefix, URI) pairs that `xpath` uses."""
    insertion: XmlInsertion = XmlInsertion.APPEND_CHILD


@dataclass(frozen=True, slots=True)
class DigestValue:
    """A digest that came from outside. ``algorithm`` is spelled as on the wire (``DigestAlgorithms``)."""

    algorithm: str
    value: bytes


@dataclass(frozen=True, slots=True)
class SigningOptions:
    """What an application may say about how a document is signed, beside the type; kept with the document.

    ``detached`` and ``data_hashes`` are for CMS, ``xml_*`` for XML, ``appearance`` for PDF.
    """

    detached: bool = False
    """The CMS object does not hold the content (RFC 5652, 5.2)."""
    data_hashes: tuple[DigestValue, ...] = ()
    """Digests of the content of a detached CMS object that is co-signed."""
    xml_element_id: str | None = None
    """Sign only the element with this Id; None: the whole document (enveloped)."""
    xml_location: XmlLocation | None = None
    """None: last child of the root, or of the signed element."""
    appearance: Appearance | None = None


NO_OPTIONS = SigningOptions()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What pre-flight found in a file that can be signed."""

    signature_type: SignatureType
    content_type: str
    pages: int
    """0 for files without pages."""
    signatures: int
    """Signatures that are already in the file."""
    findings: tuple[Finding, ...] = ()
    """What is worth a word although it can be signed."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The bytes to be signed and where the value goes; all that `embed` needs beside the original file.

    PDF: the prepared file is ``original + tail``, an incremental update (ISO 32000-1, 7.5.6) that never changes
    what is there. ``contents_start`` and ``contents_end`` are absolute offsets of the region that the ByteRange
    leaves out (ISO 32000-1, 12.8.1), delimiters ``<`` and ``>`` included.

    CMS: there is no tail. XML: the tail is the ds:Signature element with an empty SignatureValue (UTF-8). For both
    ``contents_start == contents_end == original_length + len(tail)``.
    """

    original_length: int
    tail: bytes
    contents_start: int
    contents_end: int
    digest_algorithm: DigestAlgorithm
    document_digest: bytes
    """PDF: of the byte range. CMS: of the content. XML: the DigestValue of the reference to the document."""
    to_sign: bytes
    """The exact bytes for the key. PDF and CMS: DER of the signed attributes as a SET OF (RFC 5652, 5.4).
    XML: the canonical SignedInfo (XMLDSIG, 3.1.2)."""
    chain: CertificateChain
    signature_type: SignatureType = SignatureType.PDF
    options: SigningOptions = NO_OPTIONS


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """The verdict on one signature of a file."""

    field_name: str
    """Of a PDF's signature field; empty for other formats."""
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
