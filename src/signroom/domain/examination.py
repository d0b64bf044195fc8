"""A stranger's signed file, taken apart for inspection: facts and findings per signature, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass

from signroom.domain.signature import DigestValue, SignatureType, SignatureVerdict
from signroom.domain.validation import ValidationResults


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """The explicit policy that a signer named (EPES; RFC 5126, 5.8.1)."""

    oid: str
    uri: str | None
    digest: DigestValue | None


@dataclass(frozen=True, slots=True)
class XmlElement:
    """The element that an XML signature covers."""

    local_name: str
    namespace_uri: str | None
    attributes: tuple[tuple[str, str, str | None], ...] = ()
    """(local name, value, namespace URI)."""


@dataclass(frozen=True, slots=True)
class ExaminedSignature:
    verdict: SignatureVerdict
    results: ValidationResults
    """The checks of the signature itself (integrity); the certificate's are the security context's affair."""
    issuers: tuple[bytes, ...]
    """Certificates that came along in the signature, DER, without the signer's."""
    message_digest: DigestValue | None
    signature_algorithm: str | None
    """``SHA256WithRSA`` ..., or ``SHA256WithECDSA`` ..., for which the contract has no word. None if unknown."""
    value: bytes
    policy: SignaturePolicy | None = None
    is_document_timestamp: bool = False
    is_xml: bool = False
    xml_element: XmlElement | None = None
    """The element that was signed; None for a whole document and for other formats."""


@dataclass(frozen=True, slots=True)
class Examination:
    signature_type: SignatureType
    signatures: tuple[ExaminedSignature, ...]
    has_encapsulated_content: bool | None = None
    """For CMS: whether the content is inside; None for other formats."""
    missing_data_hash: str | None = None
    """For a detached CMS object without its data: the first digest (``DigestAlgorithms``) that is needed to go on."""
