"""Every refusal and every outage, in two families.

    SignroomError
    ├── Refused                      someone asked for what we will not do; never retried
    │   ├── BadInput                 the schema alone can tell (syntax, type, length, URL form)
    │   ├── Unauthenticated          no API key, or a wrong one
    │   ├── NotAllowed               known, but not entitled
    │   ├── NotFound                 SignatureSessionNotFound, DocumentNotFound ...
    │   ├── WrongState               BadSignatureSessionOperation
    │   ├── TokenRefused             the three codes of ``X-Signature-Session-Token``
    │   ├── DocumentRejected         the file cannot be signed, and why
    │   ├── CertificateRejected      the certificate cannot be used, and why
    │   ├── SignatureRejected        the signature value does not belong to what was prepared
    │   └── LimitExceeded            too large, too many
    └── Unavailable                  the outside is down; always retried after ``retry_after`` seconds

No class knows HTTP: ``http/problems.py`` holds the one table from class to status. Each leaf has a stable
``code`` (never renamed, listed in ``docs/errors.md``) and an English ``message`` for logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar


class SignroomError(Exception):
    """Root of both families. ``detail`` is safe to show: it never holds secrets, content or personal numbers."""

    code: ClassVar[str] = "Error"
    message: ClassVar[str] = "Something went wrong."
    field: ClassVar[str | None] = None
    """The field of a request that errors of this class are always about."""

    def __init__(self, detail: str | None = None, *, path: str | None = None) -> None:
        """`path`: where the request is wrong, in its own names; `at` puts the way there in front of it."""
        super().__init__(self.message if detail is None else f"{self.message} {detail}")
        self.detail = detail
        self.path = self.field if path is None else path

    def of(self, place: str) -> SignroomError:
        """The same error, which says where it comes from: ``documents[1]``."""
        found = type(self)(place if self.detail is None else f"{place}: {self.detail}")
        found.path = self.path
        return found

    def inside(self, place: str) -> SignroomError:
        """The same error, which says that it comes from `place`, in its path, too."""
        # It has no name where it is raised: a frame that holds the error whose traceback holds it is a circle.
        found = self.of(place)
        found.path = joined_path(place, self.path)
        return found

    def __reduce__(self) -> tuple[type[SignroomError], tuple[str | None], dict[str, str | None]]:
        # Errors cross the process pool; the default would pass the joined text as `detail`.
        return type(self), (self.detail,), {"path": self.path}


@contextmanager
def told_of(place: str) -> Iterator[None]:
    """What goes wrong inside is about `place`, and says so in its detail and its path."""
    try:
        yield
    except SignroomError as error:
        raise error.inside(place) from error


@contextmanager
def at(place: str) -> Iterator[None]:
    """What goes wrong inside is wrong at `place` of a request: a field, or an item of a list like ``documents[1]``."""
    try:
        yield
    except SignroomError as error:
        error.path = joined_path(place, error.path)
        raise


@contextmanager
def about(place: str) -> Iterator[None]:
    """What goes wrong inside is about `place` of a request, unless it says another one itself."""
    try:
        yield
    except SignroomError as error:
        if error.path is None:
            error.path = place
        raise


@contextmanager
def named(field: str) -> Iterator[None]:
    """What goes wrong inside is wrong in `field`, whatever the error calls it: ``returnUrls[0]``."""
    try:
        yield
    except SignroomError as error:
        error.path = field
        raise


def joined_path(place: str, path: str | None) -> str:
    """Where a fault is: `path` below `place`. An item of a list, ``[2]``, is not set off by a dot."""
    if not path or not place:
        return path or place
    return f"{place}{path}" if path.startswith("[") else f"{place}.{path}"


def document_place(number: int) -> str:
    """Where a document stands in the request of an application; `number` from 0."""
    return f"documents[{number}]"


class Refused(SignroomError):
    """A request that will never succeed as it stands."""


class Unavailable(SignroomError):
    """Something outside does not answer; the same request may succeed later.

    ``retry_after`` is in seconds. ``patience`` is how long a job goes on trying; None: as long as the job says.
    """

    code = "ServiceUnavailable"
    message = "A service that is needed does not answer; try again."
    retry_after: ClassVar[int] = 5
    patience: ClassVar[timedelta | None] = None


class AlreadyDone(Unavailable):
    """Somebody else is doing the same at this moment; asked again, his outcome is the answer."""

    code = "RequestInProgress"
    message = "The same request is being handled; ask again."
    retry_after = 1


class ProcessingUnavailable(Unavailable):
    code = "ProcessingUnavailable"
    message = "The document workers are busy or restarting; try again."
    # Those are our own: whoever finds them so for long is the cause of it.
    patience: ClassVar[timedelta | None] = timedelta(minutes=30)


class QueueFull(ProcessingUnavailable):
    """Others fill the workers' queue. A job waits for as long as for any other outage: it is not the cause."""

    message = "Too much waits for the document workers; try again."
    patience = None


class ShareUsed(Unavailable):
    """A session or an application has as many files waiting as it may have."""

    code = "TooManyRequests"
    message = "Too many files of the same session or application wait to be looked at; try again."


class CapacityUnavailable(Unavailable):
    code = "CapacityUnavailable"
    message = "The server has as much to do as it can take at once; try again."
    retry_after = 2


class DemoFails(Unavailable):
    code = "DemoFails"
    message = "A part of the demo is switched off, to see what happens then."


class StorageUnavailable(Unavailable):
    code = "StorageUnavailable"
    message = "The file storage does not answer; try again."


class DatabaseUnavailable(Unavailable):
    """Also when it cannot be said whether the transaction was committed: ask again, nothing happens twice."""

    code = "DatabaseUnavailable"
    message = "The database does not answer; try again."


class TimestampUnavailable(Unavailable):
    code = "TimestampUnavailable"
    message = "No timestamp authority of this tier gave a token that can be used; try again."


class FileValidationUnavailable(Unavailable):
    code = "FileValidationUnavailable"
    message = "The application's validation endpoint did not say whether it accepts the file; try again."


class SecretUnreadable(Refused):
    """A stored secret was sealed with another SIGNROOM_SECRET_KEY, or was changed in the database.

    This is no outage: trying again does not help until somebody sets the secret again. No client sees this code today.
    The verbs that need a secret say in their own words what is wrong (`validate_file`, `deliver_webhook`), and so does
    `signroom doctor`.
    """

    code = "SecretUnreadable"
    message = "A stored secret cannot be decrypted; set it again."


# -- syntax and entitlement ------------------------------------------------------------------------


class BadInput(Refused):
    code = "BadRequest"
    message = "The request is malformed."


class UnknownField(BadInput):
    code = "UnknownField"
    message = "The request has a field that there is not."


class BadReturnUrl(BadInput):
    code = "BadReturnUrl"
    message = "returnUrl must be an absolute http or https URL of at most 1024 characters."
    field = "returnUrl"


class BadCallbackArgument(BadInput):
    code = "BadCallbackArgument"
    message = "callbackArgument may have at most 1024 characters, and no NUL among them."
    field = "callbackArgument"


class BadMetadata(BadInput):
    code = "BadMetadata"
    message = "The metadata is out of bounds."


class BadCertificate(BadInput):
    code = "BadCertificate"
    message = "The certificate could not be read: a DER-encoded X.509 certificate is expected."


class BadTrustedList(BadInput):
    code = "BadTrustedList"
    message = "The trusted list is not one that may be used."


class BadPolicyList(BadInput):
    code = "BadPolicyList"
    message = "The list of approved policies is not one that may be used."


class BadFileNamePattern(BadInput):
    code = "BadFileNamePattern"
    message = "fileNamePattern must be a regular expression of RE2 of at most 1000 characters."
    field = "fileNamePattern"


class BadFrameOrigin(BadInput):
    code = "BadFrameOrigin"
    message = "An origin is written like https://app.example or https://app.example:8443, without a path."


class BadLogo(BadInput):
    code = "BadLogo"
    message = "The logo must be a PNG, JPEG or WebP picture of at most 100 KB."
    field = "logo.content"


class Unauthenticated(Refused):
    code = "Unauthorized"
    message = "The API key is missing or wrong."


class NotAllowed(Refused):
    code = "Forbidden"
    message = "This API key does not allow that."


class ApplicationDisabled(NotAllowed):
    code = "ApplicationDisabled"
    message = "The application is disabled."


class KeySourceNotAvailable(NotAllowed):
    code = "KeySourceNotAvailable"
    message = "This key source is not offered here."


class BadDownloadToken(NotAllowed):
    code = "BadDownloadToken"
    message = "This download address is wrong."


class ExpiredDownloadToken(NotAllowed):
    code = "ExpiredDownloadToken"
    message = "This download address has expired; ask the API for a fresh one."


# -- look-ups and states ---------------------------------------------------------------------------


class NotFound(Refused):
    code = "NotFound"
    message = "Not found."


class DatabaseNotFound(NotFound):
    """Of the command line alone."""

    code = "DatabaseNotFound"
    message = "There is no database here."


class DeadJobNotFound(NotFound):
    """Of the command line alone."""

    code = "DeadJobNotFound"
    message = "There is no dead job of that id, or it was retried before."


class SignatureSessionNotFound(NotFound):
    code = "SignatureSessionNotFound"
    message = "The signature session was not found."


class DocumentNotFound(NotFound):
    code = "DocumentNotFound"
    message = "The document was not found."


class SignatureSessionErased(SignatureSessionNotFound):
    """Nobody reads it any more. What stays of its documents is found by their keys."""

    code = "SignatureSessionErased"
    message = "The signature session was erased."


class DocumentErased(DocumentNotFound):
    """Nobody reads it any more. What stays of it is found by its key."""

    code = "DocumentErased"
    message = "The document was erased."


class ApplicationNotFound(NotFound):
    code = "ApplicationNotFound"
    message = "The application was not found."


class SubscriptionNotFound(NotFound):
    code = "SubscriptionNotFound"
    message = "The subscription was not found."


class DocumentKeyNotFound(NotFound):
    code = "DocumentKeyNotFound"
    message = "The document key was not found: allocate it first."
    field = "documentKey"


class TimestampRefused(Refused):
    """`detail` is the name of the bit of PKIFailureInfo (RFC 3161, 2.4.2)."""

    code = "TimestampRefused"
    message = "The timestamp authorities of this tier refuse the policy or the digest that was asked for."


class TimestampNotAccepted(Refused):
    code = "TimestampNotAccepted"
    message = "No timestamp authority of this tier is one whose timestamps count in the security context."


class TimestampTierNotFound(NotFound):
    code = "TimestampTierNotFound"
    message = "There is no timestamp authority of this tier here."
    field = "timestampTier"


class SignaturePolicyNotFound(NotFound):
    code = "SignaturePolicyNotFound"
    message = "There is no such signature policy for signatures of this type here."
    field = "signaturePolicy"


class TimestampProviderNotFound(NotFound):
    code = "TimestampProviderNotFound"
    message = "There is no such timestamp provider, or it stands in the file of settings."


class BadTimestampProvider(Refused):
    code = "BadTimestampProvider"
    message = "The timestamp provider cannot be used."


class LastTimestampProvider(Refused):
    code = "LastTimestampProvider"
    message = "No other provider of its tier would be left. Say force to do it all the same."


class UploadNotFound(NotFound):
    code = "UploadNotFound"
    message = "The upload was not found."
    field = "blobToken"


class WebhookNotFound(NotFound):
    code = "WebhookNotFound"
    message = "The webhook was not found."


class DeliveryNotFound(NotFound):
    code = "DeliveryNotFound"
    message = "The delivery was not found."


class EventNotFound(NotFound):
    code = "EventNotFound"
    message = "The event was not found, or is not kept any more."


class PreparationNotFound(NotFound):
    code = "PreparationNotFound"
    message = "The preparation was not found; prepare the signature again."


class EventsPurged(NotFound):
    """Said aloud: skipping in silence would make a receiver believe that it has caught up."""

    code = "EventsPurged"
    message = "The feed does not go back to this cursor any more."
    field = "?after"


class DocumentPurged(NotFound):
    code = "DocumentPurged"
    message = "The files of the document are not kept any more: its time was over."


class FileChanged(Refused):
    """A stored file is not the one that was stored: its disk or store has changed it."""

    code = "FileChanged"
    message = "The stored file has changed since it was stored, and is not handed out. The operator must restore it."


class BlobNotFound(NotFound):
    code = "FileNotFound"
    message = "The file is not stored any more."


class PreviewNotAvailable(Refused):
    code = "PreviewNotAvailable"
    message = "There is no preview of this page."


class WrongState(Refused):
    code = "BadSignatureSessionOperation"
    message = "The operation is invalid for the current status of the signature session or document."


class DocumentInProcessing(Refused):
    code = "DocumentInProcessing"
    message = "A document is being processed: erase it when that is over."


class DocumentKeyInUse(Refused):
    code = "DocumentKeyInUse"
    message = "The document key belongs to another document."
    field = "documentKey"


class UploadIncomplete(Refused):
    code = "UploadIncomplete"
    message = "The upload is not complete."
    field = "partETags"


class UploadDigestMismatch(Refused):
    code = "UploadDigestMismatch"
    message = "The bytes that arrived are not those that were sent (MD5)."


class IdempotencyKeyReused(Refused):
    code = "IdempotencyKeyReused"
    message = "This Idempotency-Key came with another request before."
    field = "Idempotency-Key"


class ReturnUrlNotAllowed(Refused):
    code = "ReturnUrlNotAllowed"
    message = "The application's list of return URLs does not have this one."
    field = "returnUrl"


class LowContrast(Refused):
    code = "LowContrast"
    message = "The colour could not be read on the page."


class BadSignatureState(Refused):
    code = "BadSignatureState"
    message = "The state is not one that a preparation answered, or it is too old; prepare again."
    field = "state"


class BadSecurityContext(Refused):
    code = "BadSecurityContext"
    message = "The security context cannot be used."


class DigestNotAccepted(Refused):
    code = "DigestNotAccepted"
    message = "The security context accepts no digest any more that could be signed with."


class SecurityContextInUse(Refused):
    code = "SecurityContextInUse"
    message = "Sessions that are not over yet are judged by the security context."


class NameTaken(Refused):
    code = "NameTaken"
    message = "That name is in use already."
    field = "name"


class ApiKeyRevoked(Refused):
    code = "ApiKeyRevoked"
    message = "The key was revoked. Make another one."


class StillInUse(Refused):
    code = "StillInUse"
    message = "Somebody still works with it. With force, open sessions are cancelled."


class OwnApplication(Refused):
    code = "OwnApplication"
    message = "An application does not shut itself out. Use the key of another one, or ask the operator."


class ApiKeyNotFound(NotFound):
    code = "ApiKeyNotFound"
    message = "There is no such API key."


class BadWebhookOperation(Refused):
    code = "BadWebhookOperation"
    message = "That cannot be done with this webhook or delivery as it is."


class PdfAConversionNotAvailable(Refused):
    code = "PdfAConversionNotAvailable"
    message = "This version does not convert to PDF/A. Convert the file before, and send it without convertToPdfA."


class NotImplementedHere(Refused):
    code = "NotSupported"
    message = "This version does not support that yet."


class TokenRefused(Refused):
    code = "BadSignatureSessionToken"
    message = "The signature session token is invalid."


class TokenRequired(TokenRefused):
    code = "SignatureSessionTokenRequired"
    message = "The X-Signature-Session-Token header is missing."
    field = "X-Signature-Session-Token"


class BadToken(TokenRefused):
    """An unknown, damaged or foreign token."""


class TokenExpired(TokenRefused):
    code = "ExpiredSignatureSessionToken"
    message = "The signature session token has expired."


class HandOverEnded(TokenRefused):
    code = "HandOverEnded"
    message = "The code was used already, or is older than five minutes."


class HandOverNotAvailable(Refused):
    code = "HandOverNotAvailable"
    message = "Going on with another device needs a public address with https."


# -- documents -------------------------------------------------------------------------------------


class DocumentRejected(Refused):
    code = "InvalidPdf"
    message = "The file is not a PDF that can be signed."


class EmptyFile(DocumentRejected):
    code = "EmptyFile"
    message = "The file is empty."


class InvalidPdf(DocumentRejected):
    """Damaged, truncated, or not a PDF at all."""

    message = "The PDF is damaged and cannot be read."


class UnsupportedFileType(DocumentRejected):
    code = "UnsupportedFileType"
    message = "The file is not of the kind that it is to be signed as."


class ProtectedPdf(DocumentRejected):
    code = "ProtectedPdfError"
    message = "The PDF is encrypted or protected by a password."


class CertifiedPdf(DocumentRejected):
    code = "CertifiedPdf"
    message = "The PDF is certified against changes: its author allows no further signature."


class XfaPdf(DocumentRejected):
    code = "XfaNotSupported"
    message = "The PDF is a dynamic XFA form: it has no fixed content that a signature could protect."


class PdfTooComplex(DocumentRejected):
    code = "PdfTooComplex"
    message = "The PDF needs more memory or time to read than a document may take."


class InvalidXml(DocumentRejected):
    code = "InvalidXml"
    message = "The XML is damaged, or uses what a signature may not cover (a DOCTYPE)."


class XmlTooComplex(DocumentRejected):
    code = "XmlTooComplex"
    message = "The XML needs more memory or time to read than a document may take."


class XmlElementNotFound(DocumentRejected):
    code = "XmlElementNotFound"
    message = "The XML has no such element, or more than one."
    field = "xmlSignatureOptions"


class XmlSealed(DocumentRejected):
    code = "XmlSealed"
    message = "A signature that is already in the XML covers the place of the new one, and would break."


class InvalidCms(DocumentRejected):
    code = "InvalidCms"
    message = "The CMS object is damaged and cannot be signed again."


class CmsTooComplex(InvalidCms):
    code = "CmsTooComplex"
    message = "The CMS object has more parts, or takes more time to read, than a signature may."


class DataFileRequired(DocumentRejected):
    code = "DataFileRequired"
    message = "The signature is detached: the file that it signs is needed beside it."
    field = "cmsSignatureOptions.dataFile"


class DataMismatch(DocumentRejected):
    code = "DataMismatch"
    message = "The data is not what the earlier signatures cover."
    field = "cmsSignatureOptions.dataFile"


class DataNotExpected(DocumentRejected):
    code = "DataNotExpected"
    message = "A dataFile and dataHashes belong to CMS signatures; this file is signed as another kind."
    field = "cmsSignatureOptions.dataFile"


class AugmentationImpossible(DocumentRejected):
    code = "AugmentationImpossible"
    message = "The signature cannot be raised to a higher level."


class TimestampTooLarge(Refused):
    """The room for a timestamp is decided before the signer signs. Another way is taken, or more room."""

    code = "TimestampTooLarge"
    message = "The timestamp is larger than the space that was reserved for it."


class NotSigned(DocumentRejected):
    code = "NotSigned"
    message = "The file has no signature."


class BadAppearance(DocumentRejected):
    code = "BadVisualRepresentation"
    message = "The visual representation does not fit: its page, place, text or image."
    field = "pdfSignatureOptions.visualRepresentation"


class FileRejected(DocumentRejected):
    """``detail`` is the application's own reason, as plain text."""

    code = "FileRejected"
    message = "The application does not accept this file."


class FileNameRejected(FileRejected):
    code = "FileNameRejected"
    message = "The application does not accept files of this name."
    field = "file.name"


class FileDownloadFailed(DocumentRejected):
    code = "FileDownloadFailed"
    message = "The file could not be downloaded from its URL."
    field = "url"


class BrokenSignature(DocumentRejected):
    code = "EarlierSignatureBroken"
    message = "A signature that is already in the file is not valid any more; signing it again would hide that."


class BadFileName(BadInput):
    code = "BadFileName"
    message = "The file needs a name of 1 to 255 characters."
    field = "name"


# -- certificates and signature values -------------------------------------------------------------


class CertificateRejected(Refused):
    code = "CertificateRejected"
    message = "The certificate cannot be used."


class CertificateExpired(CertificateRejected):
    code = "CertificateExpired"
    message = "The certificate has expired."


class CertificateNotYetValid(CertificateRejected):
    code = "CertificateNotYetValid"
    message = "The certificate is not valid yet."


class CertificateKeyUsage(CertificateRejected):
    code = "CertificateKeyUsage"
    message = "The certificate is not meant for signing documents (key usage)."


class CertificatePurpose(CertificateKeyUsage):
    code = "CertificatePurpose"
    message = "The certificate was issued for another purpose than signing documents (extended key usage)."


class CertificateRuleBroken(CertificateRejected):
    code = "CertificateRuleBroken"
    message = "The certificate breaks a rule of the authorities above it."


class CertificateKeyNotSupported(CertificateRejected):
    code = "CertificateKeyNotSupported"
    message = (
        "The certificate's key is too weak or of a kind that is not supported (RSA 2048-4096, P-256, P-384, P-521)."
    )


class CertificateNotTrusted(CertificateRejected):
    code = "CertificateNotTrusted"
    message = "The certificate was not issued by an authority that is trusted here."


class CertificateRevoked(CertificateRejected):
    code = "CertificateRevoked"
    message = "The certificate was revoked by its issuer."


class RevocationStatusUnknown(CertificateRejected):
    code = "CertificateRevocationStatusUnknown"
    message = "The issuer does not say whether the certificate was revoked."


class CertificateRequirementNotMet(CertificateRejected):
    code = "CertificateRequirementNotMet"
    message = "The certificate does not meet a requirement of this session."


class CryptoDeviceRequired(CertificateRequirementNotMet):
    code = "CryptoDeviceRequired"
    message = "The session asks for a certificate whose key is in a device: a card, a token or a certified cloud."


class OtherCpfRequired(CertificateRequirementNotMet):
    code = "OtherCpfRequired"
    message = "The session asks for the certificate of a certain person (CPF), and this is not his."


class OtherPersonRequired(CertificateRequirementNotMet):
    code = "OtherPersonRequired"
    message = "The certificate is not that of the person or company who is to sign."


class OtherIssuerRequired(CertificateRequirementNotMet):
    code = "OtherIssuerRequired"
    message = "The certificate was not issued by the authority that is asked for."


class OtherPolicyRequired(CertificateRequirementNotMet):
    code = "OtherPolicyRequired"
    message = "The certificate was not issued under the policy that is asked for."


class QualifiedCertificateRequired(CertificateRequirementNotMet):
    code = "QualifiedCertificateRequired"
    message = "A qualified certificate is needed."


class QualifiedDeviceRequired(CertificateRequirementNotMet):
    code = "QualifiedDeviceRequired"
    message = "A qualified certificate whose key is in a qualified device is needed."


class SecurityContextNotFound(NotFound):
    code = "SecurityContextNotFound"
    message = "There is no such security context."
    field = "securityContextId"


class SecurityContextNotConfigured(Refused):
    code = "SecurityContextNotConfigured"
    message = "The security context has no trusted roots on this server."
    field = "securityContextId"


class SignatureRejected(Refused):
    code = "InvalidSignatureValue"
    message = "The signature value does not match the certificate and the document."
    field = "signature"


class SignatureMissing(SignatureRejected):
    code = "SignatureValueMissing"
    message = "A signature value is needed for each prepared document, and for no other."


class VerificationFailed(Refused):
    code = "SignedFileVerificationFailed"
    message = "The signed file did not pass its own verification."


# -- limits ----------------------------------------------------------------------------------------


class LimitExceeded(Refused):
    code = "LimitExceeded"
    message = "A limit was exceeded."


class FileTooLarge(LimitExceeded):
    code = "FileTooLarge"
    message = "The file is larger than this server accepts."


class TooManyRequests(LimitExceeded):
    """``retry_after`` is in seconds."""

    code = "TooManyRequests"
    message = "Too many requests; try again later."

    def __init__(self, detail: str | None = None, retry_after: int = 1, *, path: str | None = None) -> None:
        super().__init__(detail, path=path)
        self.retry_after = retry_after


class TooManyDocuments(LimitExceeded):
    code = "TooManyDocuments"
    message = "The session has as many documents as it may have."
    field = "documents"


class TooManyWebhooks(LimitExceeded):
    code = "TooManyWebhooks"
    message = "The subscription has as many webhooks as it may have."


class TooManySecurityContexts(LimitExceeded):
    code = "TooManySecurityContexts"
    message = "The subscription has as many security contexts of its own as it may have."


# -- backup, restore, export, import: an operator's commands -----------------------------------


class KeepingRefused(Refused):
    """A backup, a restore, an export or an import that is not begun, or not gone on with."""

    code = "KeepingRefused"
    message = "This cannot be done with the whole installation."


class BackupPlaceRefused(KeepingRefused):
    code = "BackupPlaceRefused"
    message = "Backups cannot be kept at this place."


class BackupNoRoom(KeepingRefused):
    code = "BackupNoRoom"
    message = "There is not enough room on the disk."


class BackupNotFound(KeepingRefused):
    code = "BackupNotFound"
    message = "There is no whole backup of that kind at this place."


class BackupDamaged(KeepingRefused):
    code = "BackupDamaged"
    message = "The backup is not what was written."


class BackupNewer(KeepingRefused):
    code = "BackupNewer"
    message = "The backup was made by a newer version of Signroom than this one."


class OtherSecretKey(KeepingRefused):
    code = "OtherSecretKey"
    message = "The backup belongs to another SIGNROOM_SECRET_KEY than the one that is set here."


class InstallationNotEmpty(KeepingRefused):
    code = "InstallationNotEmpty"
    message = "There is an installation here already."


class InstallationInUse(KeepingRefused):
    code = "InstallationInUse"
    message = "The service runs, or another program has its database open."


class BackupUnderWay(KeepingRefused):
    code = "BackupUnderWay"
    message = "Another backup, restore, export or import of this installation is under way."


class OtherUser(KeepingRefused):
    code = "OtherUser"
    message = "This is not the user of the service."


class DatabaseDamaged(KeepingRefused):
    code = "DatabaseDamaged"
    message = "The SQLite file of this installation is damaged."


class DatabaseNotCurrent(KeepingRefused):
    code = "DatabaseNotCurrent"
    message = "The tables are not those of this version."
