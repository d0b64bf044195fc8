"""What is signed, with what, and what came of it: the nouns that cross the ``Formats`` port.

The steps follow the signature cycle (``docs/signature-cycle.md``): ``Inspection`` (a file looked at),
``Prepared`` (the exact bytes to be signed, stored before any key is used), ``CheckedValue`` (the key's value,
verified over those bytes), ``Verdict`` (the output judged like a stranger's file).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeVar, assert_never
from uuid import UUID

from signroom.domain.appearance import Appearance
from signroom.domain.level import Level
from signroom.domain.pdf_facts import PdfFacts
from signroom.domain.preflight import Finding, FindingCode
from signroom.domain.qualification import Qualification


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
class TrustedChain:
    """Evidence: a security context trusted this certificate. Only `require_trusted` makes one."""

    chain: CertificateChain
    """Its issuers are in order, as far as they were found."""


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
class PdfOptions:
    """How a PDF is signed. Without an `appearance` the signature is not seen on a page."""

    signature_type: ClassVar = SignatureType.PDF
    appearance: Appearance | None = None
    level: Level | None = None
    """The level that the signed file is to reach; None: as the security context says."""
    timestamp_tier: str | None = None
    """Whose providers give the timestamps that are in the file; None: those of the default tier."""
    signature_policy: str | None = None
    """The policy that the signature names, as `SignaturePolicy.stated` has it; None: it names none."""


@dataclass(frozen=True, slots=True)
class CmsOptions:
    """How a file is signed as the content of a CMS object, or a CMS object once more."""

    signature_type: ClassVar = SignatureType.CMS
    detached: bool = False
    """The CMS object does not hold the content (RFC 5652, 5.2)."""
    data_hashes: tuple[DigestValue, ...] = ()
    """Digests of the content of a detached CMS object that is co-signed."""
    level: Level | None = None
    """As in `PdfOptions`."""
    timestamp_tier: str | None = None
    """As in `PdfOptions`."""
    signature_policy: str | None = None
    """As in `PdfOptions`."""


@dataclass(frozen=True, slots=True)
class XmlOptions:
    """What of an XML document is signed, and where the signature goes."""

    signature_type: ClassVar = SignatureType.XML
    element_id: str | None = None
    """Sign only the element with this Id; None: the whole document (enveloped)."""
    location: XmlLocation | None = None
    """None: last child of the root, or of the signed element."""
    level: Level | None = None
    """As in `PdfOptions`."""
    timestamp_tier: str | None = None
    """As in `PdfOptions`."""
    signature_policy: str | None = None
    """As in `PdfOptions`."""


SigningOptions = PdfOptions | CmsOptions | XmlOptions
"""What an application may say about how a document is signed; kept with the document."""

INVISIBLE = PdfOptions()
ATTACHED = CmsOptions()
WHOLE_DOCUMENT = XmlOptions()


@dataclass(frozen=True, slots=True)
class OptionsByType:
    """Options for files whose type is not known yet: a session's, and those of a file before it is looked at."""

    pdf: PdfOptions = INVISIBLE
    cms: CmsOptions = ATTACHED
    xml: XmlOptions = WHOLE_DOCUMENT

    def with_level(self, level: Level) -> OptionsByType:
        """With `level` where none is said."""
        return OptionsByType(
            replace(self.pdf, level=self.pdf.level or level),
            replace(self.cms, level=self.cms.level or level),
            replace(self.xml, level=self.xml.level or level),
        )

    def of(self, signature_type: SignatureType) -> SigningOptions:
        """The options for a file of this type."""
        match signature_type:
            case SignatureType.PDF:
                return self.pdf
            case SignatureType.CMS:
                return self.cms
            case SignatureType.XML:
                return self.xml
            case _:
                assert_never(signature_type)


NO_OPTIONS = OptionsByType()


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
    reading: PdfReading | None = None
    """Of a PDF that has just been looked at. It is stored apart (`Documents.readings`): few need it."""

    @property
    def field_to_fill(self) -> str | None:
        """The name of the empty field that the signature goes into; None: it gets one of its own."""
        filled = (one for one in self.findings if one.code is FindingCode.FILLS_FIELD)
        return next((dict(one.facts)["field"] for one in filled), None)


@dataclass(frozen=True, slots=True)
class PdfLayout:
    """An incremental update (ISO 32000-1, 7.5.6) with a gap for the value.

    The prepared file is the original, `before`, the gap, `after`. The gap is the region that the ByteRange leaves out
    (ISO 32000-1, 12.8.1): ``contents_length`` bytes, delimiters ``<`` and ``>`` included.
    """

    signature_type: ClassVar = SignatureType.PDF
    before: bytes
    contents_length: int
    after: bytes


@dataclass(frozen=True, slots=True)
class CmsLayout:
    """The signed file is made anew around its content."""

    signature_type: ClassVar = SignatureType.CMS
    detached: bool
    """Leave the content out of it."""


@dataclass(frozen=True, slots=True)
class XmlLayout:
    """An element that is put into the original."""

    signature_type: ClassVar = SignatureType.XML
    signature: bytes
    """ds:Signature with an empty SignatureValue (ASCII)."""
    options: XmlOptions
    """What it signs and where it goes."""


@dataclass(frozen=True, slots=True)
class ClaimedValue:
    """A signature value as it came in: nobody has checked yet whether the key of `certificate` (DER) made it."""

    value: bytes
    to_sign: bytes
    """The bytes that the key is said to have signed."""
    digest_algorithm: DigestAlgorithm
    certificate: bytes


@dataclass(frozen=True, slots=True)
class CheckedValue:
    """Evidence: this value was verified with its certificate. Only `check_values` makes one."""

    value: bytes
    """As CMS wants it: RSA octets, or ECDSA as DER (RFC 5753, 7.2)."""


L = TypeVar("L", PdfLayout, CmsLayout, XmlLayout)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The bytes to be signed and where the value goes; all that `embed` needs beside the original file."""

    original_length: int
    digest_algorithm: DigestAlgorithm
    document_digest: bytes
    """PDF: of the byte range. CMS: of the content. XML: the DigestValue of the reference to the document."""
    to_sign: bytes
    """The exact bytes for the key. PDF and CMS: DER of the signed attributes as a SET OF (RFC 5652, 5.4).
    XML: the canonical SignedInfo (XMLDSIG, 3.1.2)."""
    chain: CertificateChain
    layout: PdfLayout | CmsLayout | XmlLayout

    @property
    def signature_type(self) -> SignatureType:
        return self.layout.signature_type

    def claimed(self, value: bytes) -> ClaimedValue:
        """`value` as one that is said to be the signature of these bytes."""
        return ClaimedValue(value, self.to_sign, self.digest_algorithm, self.chain.certificate)

    def layout_as(self, kind: type[L]) -> L:
        """The layout of the one format that asks. Raises: TypeError when another format prepared it."""
        if not isinstance(self.layout, kind):
            raise TypeError(f"It was prepared as {self.signature_type}.")
        return self.layout


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
    warnings: tuple[str, ...] = ()
    """Short texts on what does not make it less intact: what was filled in later, weak algorithms of old ones."""
    identity_confirmed: bool | None = None
    """Whether an authority that the security context trusts has confirmed who the signer is; None: nobody asked."""
    proven_at: datetime | None = None
    """Before this time the signature existed: an authority's timestamp proves it. None: there is only `signed_at`."""
    context_id: UUID | None = None
    """The security context that the signer's certificate was judged by, for a signature that was made here."""
    qualification: Qualification | None = None
    """What the certificate makes of it in the European Union; None: the context does not say."""


@dataclass(frozen=True, slots=True)
class PdfReading:
    """What was read of a PDF at upload, so that nobody need read it again."""

    facts: PdfFacts
    earlier: tuple[SignatureVerdict, ...] = ()
    """Its signatures as they are once one more has been appended, in the order they were made."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a file: one entry per signature, in the order they were made."""

    signatures: tuple[SignatureVerdict, ...]

    @property
    def intact(self) -> bool:
        """True when there is at least one signature and none of them failed."""
        return bool(self.signatures) and all(s.indication is not Indication.TOTAL_FAILED for s in self.signatures)

    def with_proof(self, proven_at: datetime | None, certificate: bytes | None = None) -> Verdict:
        """The newest signature, of `certificate` when one is named, is proven to have existed at that time."""
        mine = [n for n, one in enumerate(self.signatures) if certificate in {None, one.certificate}]
        signatures = list(self.signatures)
        if mine:
            signatures[mine[-1]] = replace(signatures[mine[-1]], proven_at=proven_at)
        return Verdict(tuple(signatures))

    @property
    def ours(self) -> SignatureVerdict | None:
        """The newest signature that was made here. In a CMS object the order says nothing (RFC 5652, 5.1)."""
        return next((one for one in reversed(self.signatures) if one.context_id is not None), None)

    def with_proof_of_ours(self, proven_at: datetime | None) -> Verdict:
        ours = self.ours
        return self.with_proof(proven_at, None if ours is None else ours.certificate)

    def without_names(self) -> Verdict:
        """The verdict without what may say who has signed."""
        return Verdict(
            tuple(
                replace(s, field_name="", reason=None, certificate=b"", warnings=(), identity_confirmed=None)
                for s in self.signatures
            )
        )
