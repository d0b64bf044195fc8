"""Verdicts in the words of the wire contract: ``ValidationResultsModel`` and its items, as plain values.

A verdict is a value, never an exception: who asks decides what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from signroom.domain.qualification import Qualification


class Check(StrEnum):
    """What was checked. Spelled as the contract's ``ValidationItemTypes``; those that we produce."""

    SUCCESS = "Success"
    CERTIFICATE_NOT_YET_VALID = "CertificateNotYetValid"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    CERTIFICATE_REVOKED = "CertificateRevoked"
    CERTIFICATE_ISSUER_NOT_FOUND = "CertificateIssuerNotFound"
    CERTIFICATE_REVOCATION_STATUS_UNKNOWN = "CertificateRevocationStatusUnknown"
    CERTIFICATE_CHAIN_ROOT_NOT_TRUSTED = "CertificateChainRootNotTrusted"
    INVALID_CERTIFICATE_SIGNATURE = "InvalidCertificateSignature"
    DECODE_ERROR = "DecodeError"
    REQUIRED_SIGNED_ATTRIBUTE_MISSING = "RequiredSignedAttributeMissing"
    CONTENT_TYPE_MISMATCH = "ContentTypeMismatch"
    MESSAGE_DIGEST_MISMATCH = "MessageDigestMismatch"
    SIGNING_CERTIFICATE_DIGEST_MISMATCH = "SigningCertificateDigestMismatch"
    SIGNATURE_ALGORITHM_VALIDATION_FAILED = "SignatureAlgorithmValidationFailed"
    UNCERTIFIED_DATE_REFERENCE = "UncertifiedDateReference"
    SIGNATURE_POLICY_MISMATCH = "SignaturePolicyMismatch"
    SIGNING_TIME_OUT_OF_CERTIFICATE_VALIDITY = "SigningTimeOutOfCertificateValidity"
    INVALID_KEY_USAGE = "InvalidKeyUsage"
    INVALID_OCSP_RESPONSE = "InvalidOcspResponse"
    INVALID_CRL = "InvalidCrl"
    UNAUTHORIZED_ISSUER = "UnauthorizedIssuer"
    UNKNOWN_ROOT_TRUST_STATUS = "UnknownRootTrustStatus"
    CERTIFICATE_ISSUER_VALID = "CertificateIssuerValid"
    CERTIFICATE_ISSUER_INVALID = "CertificateIssuerInvalid"
    CERTIFICATE_VALIDATION_FAILED = "CertificateValidationFailed"
    SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION = "SignatureVulnerableToSignerSubstitution"
    INVALID_XML_SIGNATURE_SCHEMA = "InvalidXmlSignatureSchema"
    XML_DSIG_CORE_VALIDATION_FAILED = "XmlDSigCoreValidationFailed"
    INVALID_CERTIFICATION_PATH_LENGTH = "InvalidCertificationPathLen"
    SIGNING_CERTIFICATE_NOT_FOUND = "SigningCertificateNotFound"
    ALGORITHM_NOT_ALLOWED = "AlgorithmNotAllowed"


class Outcome(StrEnum):
    PASSED = "passed"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ValidationItem:
    """One check. ``message`` is a short English sentence; ``detail`` never holds personal numbers."""

    check: Check
    outcome: Outcome
    message: str
    detail: str | None = None
    inner: ValidationResults | None = None


@dataclass(frozen=True, slots=True)
class ValidationResults:
    """The checks in the order they were made."""

    items: tuple[ValidationItem, ...] = ()

    @classmethod
    def of(cls, items: Iterable[ValidationItem]) -> Self:
        return cls(tuple(items))

    def with_outcome(self, outcome: Outcome) -> tuple[ValidationItem, ...]:
        return tuple(item for item in self.items if item.outcome is outcome)

    @property
    def errors(self) -> tuple[ValidationItem, ...]:
        return self.with_outcome(Outcome.ERROR)

    @property
    def valid(self) -> bool:
        """True when no check failed; warnings do not count."""
        return not self.errors

    def __add__(self, other: ValidationResults) -> ValidationResults:
        return ValidationResults(self.items + other.items)


@dataclass(frozen=True, slots=True)
class TrustVerdict:
    """A certificate judged against a security context.

    ``path`` is DER from the signer's certificate up to the trusted root, or as far as issuers were found.
    ``policies`` are the certificate's policies that the authorities of a path to a trusted root carry (RFC 5280, 6.1);
    none without such a path. ``anchored`` says whether the path ends at a root of the context: without one nobody has
    confirmed who the certificate's holder is.
    """

    path: tuple[bytes, ...]
    results: ValidationResults
    policies: frozenset[str] = frozenset()
    anchored: bool = False
    qualification: Qualification | None = None
    """What the certificate makes of a signature by the trusted lists of the EU; None: not known."""

    @property
    def trusted(self) -> bool:
        return self.results.valid
