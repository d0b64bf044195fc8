"""What the service answers: frozen dataclasses. Times are aware, ids are `UUID`, lists are tuples.

Each has a ``repr`` of one line. Secrets are not in it, nor what certificates say of a person besides their name.

A field that this page does not know is dropped, one that the service leaves out is None or empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from signroom_client.naming import named
from signroom_client.showing import OneLine
from signroom_client.words import (
    AuthenticationFailure,
    Check,
    CmsContentType,
    DigestAlgorithm,
    DocumentStatus,
    EventType,
    HolderType,
    InspectionFailure,
    Level,
    PkiBrazilCertificateType,
    PkiItalyCertificateType,
    PreparationFailure,
    SessionStatus,
    SignatureAlgorithm,
    SignatureType,
    XmlSignedEntity,
)

Metadata = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, repr=False)
class SystemInfo(OneLine):
    product_name: str
    product_version: str
    api_version: str
    timestamp: datetime


# -- files and documents ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class DocumentFile(OneLine):
    """A file of a document. `location` is an address that works without the API key, for some hours.

    A signed file has the `name` of its original: save it in another folder, or under another name.
    """

    name: str
    length: int
    location: str = field(repr=False)
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, repr=False)
class CertificateSummary(OneLine):
    thumbprint: str | None = None
    """SHA-1, hexadecimal."""
    thumbprint_sha256: str | None = named("thumbprintSHA256")
    subject_common_name: str | None = field(default=None, repr=False)
    subject_display_name: str | None = None
    subject_identifier: str | None = field(default=None, repr=False)
    email_address: str | None = field(default=None, repr=False)
    organization: str | None = None
    organization_identifier: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SignerSummary(OneLine):
    certificate: CertificateSummary
    date: datetime
    identity_confirmed: bool | None = None
    """False: nobody has confirmed this identity. None: nobody has asked, or the server is older."""


@dataclass(frozen=True, slots=True, repr=False)
class Validation(OneLine):
    """What the check of a document's newest signature found (ETSI EN 319 102-1)."""

    indication: str
    sub_indication: str | None = None
    level: Level | None = None
    signing_time: datetime | None = None
    signing_time_source: str | None = None
    """``timestamp``: proven. ``claim``: what the signer's clock said."""
    security_context_id: UUID | None = None
    identity_confirmed: bool | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class DocumentVersion(OneLine):
    """The signed file as it was when it reached a level."""

    level: Level
    made_at: datetime
    file: DocumentFile


@dataclass(frozen=True, slots=True, repr=False)
class DocumentSummary(OneLine):
    id: UUID
    key: str | None = None
    """16 characters, printed on the document."""
    formatted_key: str | None = None
    original_file: DocumentFile | None = None
    marked_file: DocumentFile | None = None
    """With validation marks on its pages."""
    signed_file: DocumentFile | None = None
    """None until it is signed."""
    signature_type: SignatureType | None = None
    available_until: datetime | None = None
    level: Level | None = None
    """Of the signed file; None before there is one."""
    level_wanted: Level | None = None
    """While it is higher than `level`, the service goes on. None: the server is older."""
    level_detail: str | None = None
    """Why the level that is wanted is not reached."""
    validation: Validation | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SessionDocument(DocumentSummary):
    """A document as its session lists it."""

    status: DocumentStatus = DocumentStatus.PENDING_SIGNATURE
    date_signed: datetime | None = None
    processing_error_code: str | None = None
    """Why this document could not be signed."""
    processing_error_detail: str | None = None
    pdf_signature_field: str | None = None
    """The name of the empty field of the PDF that the signature goes into; None: it gets one of its own."""


@dataclass(frozen=True, slots=True, repr=False)
class Document(DocumentSummary):
    signers: tuple[SignerSummary, ...] = ()
    metadata: Metadata = field(default_factory=dict)


# -- certificates ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Name(OneLine):
    """A distinguished name (X.501)."""

    country: str | None = None
    organization: str | None = None
    organization_unit: str | None = None
    dn_qualifier: str | None = None
    state_name: str | None = None
    common_name: str | None = field(default=None, repr=False)
    serial_number: str | None = field(default=None, repr=False)
    locality: str | None = None
    title: str | None = None
    surname: str | None = None
    given_name: str | None = None
    initials: str | None = None
    pseudonym: str | None = None
    generation_qualifier: str | None = None
    email_address: str | None = field(default=None, repr=False)
    all_values: Metadata = field(default_factory=dict)
    dn_string: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class PkiBrazil(OneLine):
    """ICP-Brasil: what the certificate says of its holder. Personal data: keep it out of logs."""

    certificate_type: PkiBrazilCertificateType | None = None
    cpf: str | None = field(default=None, repr=False)
    cnpj: str | None = field(default=None, repr=False)
    responsavel: str | None = field(default=None, repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    company_name: str | None = field(default=None, repr=False)
    oab_uf: str | None = named("oabUF")
    oab_numero: str | None = field(default=None, repr=False)
    rg_emissor: str | None = field(default=None, repr=False)
    rg_emissor_uf: str | None = named("rgEmissorUF")
    rg_numero: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class PkiItaly(OneLine):
    certificate_type: PkiItalyCertificateType | None = None
    codice_fiscale: str | None = field(default=None, repr=False)
    id_carta: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Certificate(CertificateSummary):
    subject_name: Name = Name()
    issuer_name: Name = Name()
    issuer_display_name: str | None = None
    serial_number: str | None = None
    """Decimal."""
    validity_start: datetime | None = None
    validity_end: datetime | None = None
    issuer: Certificate | None = None
    """The certificate that issued this one, where it is known."""
    pki_brazil: PkiBrazil = field(default=PkiBrazil(), repr=False)
    pki_italy: PkiItaly = field(default=PkiItaly(), repr=False)
    binary_thumbprint_sha256: bytes | None = named("binaryThumbprintSHA256")


# -- validation ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class ValidationItem(OneLine):
    type: Check
    message: str | None = None
    detail: str | None = None
    inner_validation_results: ValidationResults | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ValidationResults(OneLine):
    passed_checks: tuple[ValidationItem, ...] = ()
    errors: tuple[ValidationItem, ...] = ()
    warnings: tuple[ValidationItem, ...] = ()

    @property
    def valid(self) -> bool:
        """True when no check failed; warnings do not count."""
        return not self.errors


# -- sessions --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class CreatedSession(OneLine):
    session_id: UUID
    redirect_url: str = field(repr=False)
    """Send the user there. It opens the session for whoever has it: keep it out of logs."""


@dataclass(frozen=True, slots=True, repr=False)
class Session(OneLine):
    id: UUID
    status: SessionStatus
    processing_error_code: str | None = None
    callback_argument: str | None = None
    signer_certificate: Certificate | None = None
    signer_identity_confirmed: bool | None = None
    """False: nobody has confirmed this identity. None: nobody has signed, or the server is older."""
    documents: tuple[SessionDocument, ...] = ()

    @property
    def completed(self) -> bool:
        """True when every document is signed."""
        return self.status == SessionStatus.COMPLETED


@dataclass(frozen=True, slots=True, repr=False)
class SessionSummary(OneLine):
    """A session as the list has it; `get_session` gives its documents."""

    id: UUID
    status: SessionStatus
    created_at: datetime
    expires_at: datetime
    processing_error_code: str | None = None
    callback_argument: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class CompletionStatus(OneLine):
    completed: bool
    progress: float = 0
    """0 to 100."""


# -- what stays of erased documents ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class ErasedDocument(OneLine):
    """What stays of a document. By `sha256`, in hexadecimal, a signed file is known to be the one that was signed."""

    id: UUID
    key: str | None = None
    formatted_key: str | None = None
    status: DocumentStatus | None = None
    sha256: str | None = None
    """None for a document that was not signed."""
    level: str | None = None
    date_signed: datetime | None = None
    signatures_intact: bool | None = None
    """Whether all signatures were good when it was signed."""


# -- document keys ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class DocumentKey(OneLine):
    key: str
    formatted_key: str
    """In groups of four, as it is printed."""


@dataclass(frozen=True, slots=True, repr=False)
class DocumentKeyInfo(OneLine):
    """A key that was allocated, and its document once there is one."""

    formatted_key: str | None = None
    has_document: bool = False
    provisional_metadata: Metadata = field(default_factory=dict)
    document: Document | None = None
    erased: ErasedDocument | None = None
    """What stays of its document, when that was erased."""


# -- signatures ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Digest(OneLine):
    algorithm: DigestAlgorithm
    value: bytes


@dataclass(frozen=True, slots=True, repr=False)
class SignatureAlgorithmIdentifier(OneLine):
    """`algorithm` is None where the contract has no word: `SignatureValue.signature_algorithm_name` has the name."""

    algorithm: SignatureAlgorithm | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SignatureValue(OneLine):
    value: bytes
    algorithm_identifier: SignatureAlgorithmIdentifier | None = None
    signature_algorithm_name: SignatureAlgorithm | None = None
    """Of elliptic curves too."""


@dataclass(frozen=True, slots=True, repr=False)
class SignaturePolicy(OneLine):
    oid: str | None = None
    uri: str | None = None
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, repr=False)
class CommitmentType(OneLine):
    oid: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class CadesSigner(OneLine):
    """Who signed a CMS object; a timestamp is one."""

    message_digest: Digest | None = None
    signature: SignatureValue | None = None
    signature_policy: SignaturePolicy | None = None
    certificate: Certificate | None = None
    signing_time: datetime | None = None
    certified_date_reference: datetime | None = None
    timestamps: tuple[Timestamp, ...] = ()
    validation_results: ValidationResults | None = None
    commitment_type: CommitmentType | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Timestamp(OneLine):
    """A time that an authority vouches for (RFC 3161)."""

    gen_time: datetime | None = None
    serial_number: str | None = None
    message_imprint: Digest | None = None
    encapsulated_content_type: CmsContentType | None = None
    has_encapsulated_content: bool = False
    signers: tuple[CadesSigner, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class XmlAttribute(OneLine):
    local_name: str
    value: str | None = None
    namespace_uri: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class XmlElement(OneLine):
    local_name: str
    attributes: tuple[XmlAttribute, ...] = ()
    namespace_uri: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class OtherName(OneLine):
    type_id: str | None = None
    encoded: bytes | None = None
    display_html: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class GeneralName(OneLine):
    choice: str | None = None
    directory_name: Name | None = None
    other_name: OtherName | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class RoleAttribute(OneLine):
    authority: tuple[GeneralName, ...] = ()
    name: str | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class CertifiedAttribute(OneLine):
    type: str | None = None
    role: RoleAttribute | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AttributeCertificate(OneLine):
    """RFC 5755."""

    holder_type: HolderType | None = None
    holder_certificate_serial_number: str | None = None
    holder_display_name: str | None = None
    holder_name: GeneralName | None = None
    issuer_display_name: str | None = None
    issuer: Name | None = None
    validity_start: datetime | None = None
    validity_end: datetime | None = None
    attributes: tuple[CertifiedAttribute, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Signer(OneLine):
    """One signature of a file, and what was found about it."""

    certificate: Certificate | None = None
    date: datetime | None = None
    signing_time: datetime | None = None
    """The signer's own claim."""
    certified_date_reference: datetime | None = None
    """Proven by a timestamp."""
    validation_results: ValidationResults | None = None
    """None when no validation was asked for."""
    message_digest: Digest | None = None
    signature: SignatureValue | None = None
    signature_policy: SignaturePolicy | None = None
    timestamps: tuple[Timestamp, ...] = ()
    is_document_timestamp: bool = False
    signature_field_name: str | None = None
    has_ltv: bool | None = None
    xml_signed_entity_type: XmlSignedEntity | None = None
    xml_signed_element: XmlElement | None = None
    attribute_certificates: tuple[AttributeCertificate, ...] = ()
    identity_confirmed: bool | None = None
    """False: nobody has confirmed this identity. None: no validation was asked for, or the server is older."""
    level: Level | None = None
    """By what is in the file; None: that cannot be read, or the server is older."""


@dataclass(frozen=True, slots=True, repr=False)
class EncapsulatedContent(OneLine):
    """What a CMS object had inside, kept like an upload for a day."""

    blob_token: str | None = field(default=None, repr=False)
    name: str | None = None
    length: int | None = None
    content_type: str | None = None
    location: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class InspectedSignatures(OneLine):
    """What `inspect_signature` found."""

    success: bool
    failure: InspectionFailure | None = None
    missing_data_hash: DigestAlgorithm | None = None
    """The digest of the signed data that would do instead of `data_file`."""
    signers: tuple[Signer, ...] = ()
    document: DocumentSummary | None = None
    has_encapsulated_content: bool | None = None
    encapsulated_content_type: CmsContentType | None = None
    encapsulated_content: EncapsulatedContent | None = None
    erased_document: ErasedDocument | None = None
    """What stays of the document that the file was signed as, when that was erased."""

    @property
    def valid(self) -> bool:
        """True when there are signatures, they were validated, and none of them failed a check.

        Under the context `SecurityContexts.ANY` that is integrity, not identity: issuers are not judged.
        """
        verdicts = [signer.validation_results for signer in self.signers]
        return self.success and bool(verdicts) and all(v is not None and v.valid for v in verdicts)


# -- local signature and authentication ------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class ToSign(OneLine):
    """`data` for a key that hashes by itself; `hash` is its digest."""

    data: bytes
    hash: bytes
    digest_algorithm: DigestAlgorithm


@dataclass(frozen=True, slots=True, repr=False)
class PreparedSignature(OneLine):
    """With `success`: sign `to_sign`, then `complete_signature`."""

    success: bool
    failure: PreparationFailure | None = None
    state: str | None = field(default=None, repr=False)
    to_sign_hash: Digest | None = None
    to_sign: ToSign | None = None
    validation_results: ValidationResults = ValidationResults()
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AuthenticationChallenge(OneLine):
    """Let the user's key sign `to_sign_hash`, then `complete_authentication`."""

    state: str = field(repr=False)
    to_sign_hash: Digest


@dataclass(frozen=True, slots=True, repr=False)
class AuthenticationResult(OneLine):
    """Only with `success` is the user the one that `certificate` names."""

    success: bool
    failure: AuthenticationFailure | None = None
    certificate: Certificate | None = None
    validation_results: ValidationResults = ValidationResults()


# -- events ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Event(OneLine):
    """A fact. `id` is the one that a webhook of it carries; `cursor` is where to read on after it."""

    cursor: str
    id: UUID
    type: EventType
    created_at: datetime
    session_id: UUID | None = None
    document_id: UUID | None = None
    application_id: UUID | None = None
    """None: it concerns the whole subscription."""
    webhook_id: UUID | None = None
    api_key_id: UUID | None = None


# -- managing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Application(OneLine):
    id: UUID
    name: str
    enabled: bool
    strict: bool = False
    """Requests with a field that there is not are refused."""
    roles: tuple[str, ...] = ()
    """Of its keys, when they have none of their own."""
    keys: int = 0
    """All that were made."""
    usable_keys: int = 0
    """Those that are neither revoked nor expired."""
    created_on: datetime | None = None
    last_used_on: datetime | None = None
    """Of the key that was used last; at most an hour too early."""
    disabled_on: datetime | None = None
    deleting_since: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ApiKey(OneLine):
    """What is known of a key. Its secret is not."""

    id: UUID
    application_id: UUID
    type: str | None = None
    description: str | None = None
    expires_on: datetime | None = None
    role: str | None = None
    """None: those of the application."""
    created_on: datetime | None = None
    created_by: str | None = None
    last_used_on: datetime | None = None
    """At most an hour too early."""
    revoked_on: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class NewApiKey(OneLine):
    """`key` is shown here and never again."""

    info: ApiKey
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Change(OneLine):
    """A change that somebody made. `before` and `after` have what differs, without secrets."""

    id: UUID
    actor: str
    action: str
    subject_id: UUID
    created_at: datetime | None = None
    key_id: UUID | None = None
    """The API key that was shown; None: a command of the operator."""
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Removed(OneLine):
    """How much was removed, by kind."""

    documents: int = 0
    files: int = 0
    preparations: int = 0
    deliveries: int = 0
    metadata_values: int = 0
    idempotency_keys: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Erasure(OneLine):
    """What was erased, and what stays."""

    id: UUID
    kind: str
    erased_at: datetime
    removed: Removed = Removed()
    documents: tuple[ErasedDocument, ...] = ()
    files_deleted_at: datetime | None = None


# -- webhooks --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class WebhookDocument(Document):
    status: DocumentStatus | None = None
    session_id: UUID | None = None
    callback_argument: str | None = None
    event_id: str | None = None
    processing_error_code: str | None = None
    """Of `DocumentFailed`: why it could not be signed."""
    processing_error_detail: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class WebhookSession(OneLine):
    """Of a session that was erased there is the id alone."""

    id: UUID
    status: SessionStatus | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    processing_error_code: str | None = None
    callback_argument: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class WebhookReference(OneLine):
    id: UUID


@dataclass(frozen=True, slots=True, repr=False)
class ApiKeyReference(OneLine):
    id: UUID
    application_id: UUID | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ApplicationReference(OneLine):
    id: UUID


@dataclass(frozen=True, slots=True, repr=False)
class WebhookEvent(OneLine):
    """`id` is the same on every try and replay of one event: keep it to do nothing twice."""

    type: EventType
    document: WebhookDocument | None = None
    """Of the events of documents."""
    session: WebhookSession | None = None
    """Of the events of sessions."""
    webhook: WebhookReference | None = None
    """Of the events of webhooks: which one was paused, resumed or tested."""
    api_key: ApiKeyReference | None = None
    """Of the events of API keys."""
    application: ApplicationReference | None = None
    """Of the events of applications."""
    id: str | None = None
    timestamp: datetime | None = None
    """When it was sent."""
