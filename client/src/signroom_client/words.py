"""The words of the wire: enumerations that take a word they do not know as it comes.

A newer service may say something new; that must not break a program that never looks at it:

    >>> SessionStatus("Completed") is SessionStatus.COMPLETED
    True
    >>> SessionStatus("Frozen").known
    False
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID


class OpenEnum(StrEnum):
    """Members compare equal to their text; so do unknown words, which are no members (compare with ``==``)."""

    @property
    def known(self) -> bool:
        return self._name_ in type(self).__members__

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        folded = cls._older_spellings().get(value.casefold(), value).casefold()
        for member in cls:
            if member.value.casefold() == folded:
                return member
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown

    @classmethod
    def _older_spellings(cls) -> Mapping[str, str]:
        return {}


class SessionStatus(OpenEnum):
    PENDING = "Pending"
    PROCESSING = "Processing"
    COMPLETED = "Completed"
    USER_CANCELLED = "UserCancelled"
    EXPIRED = "Expired"
    PROCESSING_ERROR = "ProcessingError"


class DocumentStatus(OpenEnum):
    PENDING_SIGNATURE = "PendingSignature"
    PROCESSING = "Processing"
    COMPLETED = "Completed"
    PROCESSING_ERROR = "ProcessingError"


class SignatureType(OpenEnum):
    PDF = "Pdf"
    CMS = "Cms"
    XML = "Xml"

    @classmethod
    def _older_spellings(cls) -> Mapping[str, str]:
        return {"pades": "Pdf", "cades": "Cms", "xades": "Xml"}


class Level(OpenEnum):
    """How long a signature lasts (ETSI EN 319 142-1, 319 122-1, 319 132-1)."""

    B_B = "B-B"
    B_T = "B-T"
    B_LT = "B-LT"
    B_LTA = "B-LTA"


class RequirementType(OpenEnum):
    CRYPTO_DEVICE = "CryptoDevice"
    CPF = "Cpf"
    CNPJ = "Cnpj"
    CODICE_FISCALE = "CodiceFiscale"
    NIF = "Nif"
    PERSON = "Person"
    ISSUER = "Issuer"
    POLICY = "Policy"
    QUALIFIED = "Qualified"
    QUALIFIED_DEVICE = "QualifiedDevice"


class DigestAlgorithm(OpenEnum):
    MD5 = "MD5"
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"
    SHA3_256 = "SHA3_256"


class SignatureAlgorithm(OpenEnum):
    MD5_WITH_RSA = "MD5WithRSA"
    SHA1_WITH_RSA = "SHA1WithRSA"
    SHA256_WITH_RSA = "SHA256WithRSA"
    SHA384_WITH_RSA = "SHA384WithRSA"
    SHA512_WITH_RSA = "SHA512WithRSA"
    SHA256_WITH_ECDSA = "SHA256WithECDSA"
    SHA384_WITH_ECDSA = "SHA384WithECDSA"
    SHA512_WITH_ECDSA = "SHA512WithECDSA"


class EventType(OpenEnum):
    SESSION_CREATED = "SessionCreated"
    SESSION_OPENED = "SessionOpened"
    SESSION_SIGNED = "SessionSigned"
    SESSION_COMPLETED = "SessionCompleted"
    SESSION_FAILED = "SessionFailed"
    SESSION_RETRIED = "SessionRetried"
    SESSION_LINK_REVOKED = "SessionLinkRevoked"
    SESSION_CANCELLED = "SessionCancelled"
    SESSION_EXPIRED = "SessionExpired"
    SESSION_ERASED = "SessionErased"
    DOCUMENT_SIGNATURE_COMPLETED = "DocumentSignatureCompleted"
    DOCUMENT_FAILED = "DocumentFailed"
    DOCUMENT_ARCHIVED = "DocumentArchived"
    """The signed file has reached the level that was wanted, some time after it was completed."""
    DOCUMENT_PURGED = "DocumentPurged"
    DOCUMENT_ERASED = "DocumentErased"
    DELIVERY_PAUSED = "DeliveryPaused"
    DELIVERY_RESUMED = "DeliveryResumed"
    WEBHOOK_TESTED = "WebhookTested"
    API_KEY_CREATED = "ApiKeyCreated"
    API_KEY_CHANGED = "ApiKeyChanged"
    API_KEY_REVOKED = "ApiKeyRevoked"
    APPLICATION_DISABLED = "ApplicationDisabled"
    APPLICATION_ENABLED = "ApplicationEnabled"
    APPLICATION_DELETED = "ApplicationDeleted"


class InspectionFailure(OpenEnum):
    DATA_FILE_REQUIRED = "DataFileRequired"


class AuthenticationFailure(OpenEnum):
    CERTIFICATE_FAILED_VALIDATION = "CertificateFailedValidation"
    STALE_SESSION = "StaleSession"


class PreparationFailure(OpenEnum):
    PDF_ALREADY_SIGNED = "PdfAlreadySigned"
    CORRUPTED_PDF = "CorruptedPdf"
    CERTIFICATE_VALIDATION_FAILED = "CertificateValidationFailed"


class Check(OpenEnum):
    """What one item of a validation is about."""

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
    FORBIDDEN_SIGNED_ATTRIBUTE_PRESENT = "ForbiddenSignedAttributePresent"
    REQUIRED_UNSIGNED_ATTRIBUTE_MISSING = "RequiredUnsignedAttributeMissing"
    FORBIDDEN_UNSIGNED_ATTRIBUTE_PRESENT = "ForbiddenUnsignedAttributePresent"
    CONTENT_TYPE_MISMATCH = "ContentTypeMismatch"
    MESSAGE_DIGEST_MISMATCH = "MessageDigestMismatch"
    SIGNING_CERTIFICATE_DIGEST_MISMATCH = "SigningCertificateDigestMismatch"
    SIGNATURE_ALGORITHM_VALIDATION_FAILED = "SignatureAlgorithmValidationFailed"
    REVOCATION_DATA_ISSUED_BEFORE_GRACE_PERIOD = "RevocationDataIssuedBeforeGracePeriod"
    UNCERTIFIED_DATE_REFERENCE = "UncertifiedDateReference"
    SIGNATURE_POLICY_MISMATCH = "SignaturePolicyMismatch"
    SIGNING_TIME_OUT_OF_CERTIFICATE_VALIDITY = "SigningTimeOutOfCertificateValidity"
    UNKNOWN_SIGNED_ATTRIBUTES_PRESENT = "UnknownSignedAttributesPresent"
    UNKNOWN_UNSIGNED_ATTRIBUTES_PRESENT = "UnknownUnsignedAttributesPresent"
    TIMESTAMP_WITH_MORE_THAN_ONE_SIGNER = "TimestampWithMoreThanOneSigner"
    TIMESTAMP_MESSAGE_IMPRINT_MISMATCH = "TimestampMessageImprintMismatch"
    TIMESTAMP_VALIDATION_EXCEPTION = "TimestampValidationException"
    COMPLETE_REFERENCES_MISMATCH = "CompleteReferencesMismatch"
    INVALID_SIGNATURE_TIMESTAMP = "InvalidSignatureTimestamp"
    INVALID_REFERENCES_TIMESTAMP = "InvalidReferencesTimestamp"
    INVALID_ARCHIVE_TIMESTAMP = "InvalidArchiveTimestamp"
    INVALID_KEY_USAGE = "InvalidKeyUsage"
    INVALID_OCSP_RESPONSE = "InvalidOcspResponse"
    UNAUTHORIZED_ISSUER = "UnauthorizedIssuer"
    UNKNOWN_ROOT_TRUST_STATUS = "UnknownRootTrustStatus"
    INVALID_TSL = "InvalidTsl"
    INVALID_CRL = "InvalidCrl"
    CERTIFICATE_ISSUER_VALID = "CertificateIssuerValid"
    CERTIFICATE_ISSUER_INVALID = "CertificateIssuerInvalid"
    CERTIFICATE_VALIDATION_FAILED = "CertificateValidationFailed"
    SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION = "SignatureVulnerableToSignerSubstitution"
    INVALID_XML_SIGNATURE_SCHEMA = "InvalidXmlSignatureSchema"
    XML_DSIG_CORE_VALIDATION_FAILED = "XmlDSigCoreValidationFailed"
    SIGNATURE_TIMESTAMP_IGNORED = "SignatureTimestampIgnored"
    INVALID_CERTIFICATION_PATH_LENGTH = "InvalidCertificationPathLen"
    SIGNING_CERTIFICATE_NOT_FOUND = "SigningCertificateNotFound"
    UNAUTHORIZED_AC_ISSUER = "UnauthorizedACIssuer"
    ALGORITHM_NOT_ALLOWED = "AlgorithmNotAllowed"
    UNACCEPTABLE_SIGNATURE_POLICY = "UnacceptableSignaturePolicy"


class CmsContentType(OpenEnum):
    DATA = "Data"
    SIGNED_DATA = "SignedData"
    ENVELOPED_DATA = "EnvelopedData"
    DIGESTED_DATA = "DigestedData"
    ENCRYPTED_DATA = "EncryptedData"
    AUTHENTICATED_DATA = "AuthenticatedData"
    TST_INFO = "TstInfo"


class PkiBrazilCertificateType(OpenEnum):
    UNKNOWN = "Unknown"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"
    T3 = "T3"
    T4 = "T4"


class PkiItalyCertificateType(OpenEnum):
    UNDEFINED = "Undefined"
    CNS = "Cns"
    DIGITAL_SIGNATURE = "DigitalSignature"


class HolderType(OpenEnum):
    ENTITY_NAME = "EntityName"
    BASE_CERTIFICATE_ID = "BaseCertificateID"


class XmlSignedEntity(OpenEnum):
    FULL_XML = "FullXml"
    XML_ELEMENT = "XmlElement"
    DETACHED_RESOURCE = "DetachedResource"


class XmlSignatureType(OpenEnum):
    FULL_XML = "FullXml"
    XML_ELEMENT = "XmlElement"


class XmlInsertion(OpenEnum):
    APPEND_CHILD = "AppendChild"
    PREPEND_CHILD = "PrependChild"
    APPEND_SIBLING = "AppendSibling"
    PREPEND_SIBLING = "PrependSibling"


class MeasurementUnits(OpenEnum):
    CENTIMETERS = "Centimeters"
    PDF_POINTS = "PdfPoints"


class PageOrientation(OpenEnum):
    AUTO = "Auto"
    PORTRAIT = "Portrait"
    LANDSCAPE = "Landscape"


class PaperSize(OpenEnum):
    CUSTOM = "Custom"
    A0 = "A0"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    A5 = "A5"
    A6 = "A6"
    A7 = "A7"
    A8 = "A8"
    LETTER = "Letter"
    LEGAL = "Legal"
    LEDGER = "Ledger"


class HorizontalAlign(OpenEnum):
    LEFT = "Left"
    CENTER = "Center"
    RIGHT = "Right"


class VerticalAlign(OpenEnum):
    TOP = "Top"
    CENTER = "Center"
    BOTTOM = "Bottom"


class HorizontalDirection(OpenEnum):
    LEFT_TO_RIGHT = "LeftToRight"
    RIGHT_TO_LEFT = "RightToLeft"


class VerticalDirection(OpenEnum):
    TOP_DOWN = "TopDown"
    BOTTOM_UP = "BottomUp"


class SecurityContexts:
    """Ids of the contexts that every service has: which issuers it trusts."""

    ANY: ClassVar[UUID] = UUID("1f4a6f6b-5d0c-4f3e-9d0a-0e7a3c5b9a01")
    """Every issuer: a signature holds, whoever made the certificate. It proves nobody's name."""
    ICP_BRASIL: ClassVar[UUID] = UUID("201856ce-273c-4058-a872-8937bd547d36")
    ITALY: ClassVar[UUID] = UUID("c438b17e-4862-446b-86ad-6f85734f0bfe")
    TEST: ClassVar[UUID] = UUID("803517ad-3bbc-4169-b085-60053a8f6dbf")
    """Certificates for tests; in the demo, its own."""
    ITALY_TEST: ClassVar[UUID] = UUID("d480958c-59b0-4178-bd11-0198188bfd3c")
