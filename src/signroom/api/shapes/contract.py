"""The wire's models, requests first; their manners are in ``wire``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from signroom.api.shapes.appearance import PdfOptionsRequest
from signroom.api.shapes.erasing import ErasedDocumentModel
from signroom.api.shapes.wire import Base64Text, EmptyList, Wire
from signroom.domain.application import MAX_RETENTION_DAYS
from signroom.domain.document_key import MAX_BATCH

# -- requests --------------------------------------------------------------------------------------

GivenMetadata = dict[str, str | list[str | None] | None] | EmptyList | None
"""A value may come as a text or as a list of texts."""

WholeMetadata = dict[str, str | list[str | None] | None] | EmptyList
"""As a body of its own."""


class DigestRequest(Wire):
    algorithm: str | None = None
    """`SHA256`, `SHA384` or `SHA512`."""
    value: bytes | None = None
    """In Base64."""
    hex_value: str | None = None
    """In hexadecimal, instead of `value`."""


GivenHashes = Annotated[list[DigestRequest], msgspec.Meta(max_length=10)]
"""One per algorithm."""


class FileReference(Wire):
    """`content`, better with its `name`; or `blobToken`; or `url`."""

    content: Base64Text | None = None
    """The file itself, in Base64."""
    name: str | None = None
    """With its ending. Without it the file is named after its media type."""
    url: str | None = None
    """Where we fetch the file: http or https, or a `location` of an earlier answer."""
    blob_token: str | None = None
    """Of an upload: `POST /api/plain-uploads`."""
    mime_type: str | None = None
    """The media type; `contentType` says the same."""
    content_type: str | None = None
    """The media type."""
    location: str | None = None
    """Older word for `url`: answers have it, and clients send it back."""


class CmsOptionsRequest(Wire):
    detached: bool | None = None
    """The signature stands beside the file and does not hold it."""
    data_file: FileReference | EmptyList | None = None
    """The content that a detached signature is about, when `file` is that signature."""
    data_hashes: GivenHashes | None = None
    """Digests of that content, instead of it."""
    level: str | None = None
    """Addition: as in `pdfSignatureOptions`."""
    timestamp_tier: str | None = None
    """Addition: as in `pdfSignatureOptions`."""
    signature_policy: str | None = None
    """Addition: as in `pdfSignatureOptions`."""


class XmlNamespaceRequest(Wire):
    prefix: str | None = None
    uri: str | None = None


class XmlLocationRequest(Wire):
    x_path: str | None = msgspec.field(name="xPath", default=None)
    namespaces: Annotated[list[XmlNamespaceRequest], msgspec.Meta(max_length=50)] | None = None
    insertion_option: str | None = None


class XmlOptionsRequest(Wire):
    type: str | None = None
    element_to_sign_id: str | None = None
    signature_element_location: XmlLocationRequest | EmptyList | None = None
    level: str | None = None
    """Addition: as in `pdfSignatureOptions`."""
    timestamp_tier: str | None = None
    """Addition: as in `pdfSignatureOptions`."""
    signature_policy: str | None = None
    """Addition: as in `pdfSignatureOptions`."""


class RequirementRequest(Wire):
    type: str | None = None
    """`CryptoDevice`, `Cpf`, `Cnpj`, `Person` ...: the guide lists them."""
    argument: str | None = None
    """Whom or what it asks for: a number, a name, an OID."""


class SessionDocumentRequest(Wire):
    id: UUID | None = None
    """Instead of `file`: a document of an earlier session, whose signed file is signed once more."""
    file: FileReference | EmptyList | None = None
    """What is signed: `content`, `blobToken` or `url`."""
    signature_type: str | None = None
    """`Pdf`, `Cms` or `Xml`. Left out: PDF files become `Pdf`, others `Cms`."""
    document_key: str | None = None
    """A key that you have allocated, and printed on the document."""
    metadata: GivenMetadata = None
    """By name: a text, or a list of texts. You find the document by it."""
    pdf_signature_options: PdfOptionsRequest | EmptyList | None = None
    """How a PDF is signed: the visible signature, the level."""
    cms_signature_options: CmsOptionsRequest | EmptyList | None = None
    """How a CMS signature is made: detached or with the file, the level."""
    xml_signature_options: XmlOptionsRequest | EmptyList | None = None
    """Addition: as of `POST /api/signature`."""


class CreateSessionRequest(Wire):
    return_url: str | None = None
    """Where the signer comes back to, with `signatureSessionId` in the query. Absolute, http or https, at most 1024
    characters. Left out: the page opens in a tab of its own, and you are told by webhook.
    """
    callback_argument: str | None = None
    """Comes back in the session and in webhooks: your own id, at most 1024 characters."""
    disable_downloads: bool | None = None
    """The page offers no signed files, and hands none out."""
    enable_background_processing: bool | None = None
    """The signer leaves as soon as the signatures are stored; the documents are finished afterwards."""
    documents: list[SessionDocumentRequest] | None = None
    """What is to be signed. Left out: the signer brings the files."""
    security_context_id: UUID | None = None
    """Whose certificates are trusted; left out: the installation's default."""
    certificate_requirements: Annotated[list[RequirementRequest], msgspec.Meta(max_length=10)] | None = None
    """What the signer must prove, such as `Cpf`; all of them must hold."""
    document_metadata: GivenMetadata = None
    """For every document of the session. A document's own wins, by name."""
    pdf_signature_options: PdfOptionsRequest | EmptyList | None = None
    """For the PDF files that the signer brings, and for documents that say nothing themselves."""
    cms_signature_options: CmsOptionsRequest | EmptyList | None = None
    """The same for files that become CMS signatures."""
    xml_signature_options: XmlOptionsRequest | EmptyList | None = None
    """Addition: of it `level` counts for the documents of the session."""
    result_token: bool | None = None
    """Addition: `signroomResult` on the return URL, a JWT."""
    webhook_url: str | None = None
    """Addition: told of this session's documents, besides the webhooks of its application."""
    language: str | None = None
    """Addition: `en`, `pt-BR` or `es`; else this request's `Accept-Language`, else the signer's browser."""


class AllocateKeyRequest(Wire):
    provisional_metadata: GivenMetadata = None


class AllocateKeysRequest(Wire):
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)]
    """1 to 100."""
    provisional_metadata: GivenMetadata = None


class EndUploadRequest(Wire):
    part_e_tags: list[str] = msgspec.field(name="partETags")
    """The `ETag` of each part, in order."""
    complete_md5: str | None = msgspec.field(name="completeMD5", default=None)
    """Of the whole file, in Base64: it is compared."""


class CertificateReference(Wire):
    id: UUID | None = None
    content: bytes | None = None
    """The certificate: DER, in Base64."""


class PrepareSignatureRequest(Wire):
    file: FileReference
    """What is signed."""
    certificate: CertificateReference
    """Whose signature it will be."""
    document_key: str | None = None
    security_context_id: UUID | None = None
    signature_type: str | None = None
    cms_signature_options: CmsOptionsRequest | EmptyList | None = None
    pdf_signature_options: PdfOptionsRequest | EmptyList | None = None
    xml_signature_options: XmlOptionsRequest | EmptyList | None = None


class CompleteSignatureRequest(Wire):
    state: Annotated[str, msgspec.Meta(min_length=1)]
    """What the preparation answered."""
    signature: bytes
    """What the key made of `toSignHash`, in Base64."""


class InspectSignatureRequest(Wire):
    file: FileReference
    """The signed file."""
    should_validate: bool | None = msgspec.field(name="validate", default=None)
    """Also say whether each signature holds."""
    security_context_id: UUID | None = None
    ignore_revocation_status_unknown: bool | None = None
    trust_uncertified_signing_time: bool | None = None
    data_file: FileReference | EmptyList | None = None
    """The content of a detached signature."""
    data_hashes: GivenHashes | None = None
    """Digests of that content, instead of it."""
    extract_encapsulated_content: bool | None = None
    """Also hand out the content that a CMS signature holds."""


class CheckFileRequest(Wire):
    file: FileReference
    signature_type: str | None = None


class PrepareAuthenticationRequest(Wire):
    security_context_id: UUID | None = None
    ignore_revocation_status_unknown: bool | None = None


class CompleteAuthenticationRequest(Wire):
    state: Annotated[str, msgspec.Meta(min_length=1)]
    certificate: bytes
    signature: bytes


class RolesRequest(Wire):
    roles: Annotated[list[str], msgspec.Meta(max_length=10)] | None = None


class CreateApplicationRequest(Wire):
    name: str
    authorization_data: RolesRequest | EmptyList | None = None
    root_authorization_data: RolesRequest | EmptyList | None = None


class ChangeApplicationRequest(Wire):
    """What is missing stays as it is."""

    name: str | None = None
    strict: bool | None = None


class CreateKeyRequest(Wire):
    description: str | None = None
    """For you: where the key is used."""
    expires_on: datetime | None = None
    """Left out: as the installation has it."""


class EndKeyRequest(Wire):
    expires_on: datetime | None = None


class RotateKeyRequest(Wire):
    previous_hours: Annotated[int, msgspec.Meta(ge=0, le=720)] | None = None
    """How long the key before works on."""


class ReturnUrls(Wire):
    """Both ways."""

    return_urls: list[str]
    """A session's `returnUrl` must lie below one of them. An empty list allows all."""


class FrameOrigins(Wire):
    """Both ways."""

    frame_origins: list[str]
    """Like `https://app.example`."""


class EndpointRequest(Wire):
    """`auth` is `None`, `Basic`, `Bearer` or `ApiKey` (the header `X-Api-Key`)."""

    url: str
    auth: str | None = None
    user: str | None = None
    secret: str | None = None


class FileValidationRequest(Wire):
    file_name_pattern: str | None = None
    """A regular expression of RE2 that must match the whole name."""
    endpoint: EndpointRequest | EmptyList | None = None
    """Your address that is asked about each file."""


class LogoRequest(Wire):
    content: Base64Text | None = None


class BrandingRequest(Wire):
    name: str | None = None
    """Whom the page is of."""
    accent: str | None = None
    """A colour, like `#17594a`."""
    accent_dark: str | None = None
    """The same for dark mode."""
    logo: LogoRequest | EmptyList | None = None
    """PNG, JPEG or WebP, at most 100 KB."""


# -- responses -------------------------------------------------------------------------------------


class EndpointModel(Wire):
    url: str
    auth: str
    user: str | None
    has_secret: bool


class FileValidationModel(Wire):
    file_name_pattern: str | None
    endpoint: EndpointModel | None


class LogoModel(Wire):
    content_type: str
    content: bytes


class BrandingModel(Wire):
    name: str | None
    accent: str | None
    accent_dark: str | None
    logo: LogoModel | None


class CreateSessionResponse(Wire):
    session_id: UUID
    """By it you read the session."""
    redirect_url: str
    """Where you send your user. It holds the secret of the session: send it to nobody else."""


class DigestModel(Wire):
    algorithm: str
    value: bytes
    hex_value: str


class ValidationItemModel(Wire):
    type: str
    message: str
    detail: str | None
    inner_validation_results: ValidationResultsModel | None


class ValidationResultsModel(Wire):
    passed_checks: list[ValidationItemModel]
    errors: list[ValidationItemModel]
    warnings: list[ValidationItemModel]


class FileReferenceModel(Wire):
    mime_type: str
    content: bytes | None
    blob_token: str | None
    url: str | None
    name: str | None
    length: int
    content_type: str
    location: str | None


class MultipartUploadModel(Wire):
    blob_token: str
    part_size: int


class DocumentFileModel(Wire):
    mime_type: str
    content: bytes | None
    blob_token: str | None
    url: str
    name: str
    length: int
    content_type: str
    location: str
    """Absolute, carries its own authorisation, for a limited time."""


class NameModel(Wire):
    country: str | None
    organization: str | None
    organization_unit: str | None
    dn_qualifier: str | None
    state_name: str | None
    common_name: str | None
    serial_number: str | None
    locality: str | None
    title: str | None
    surname: str | None
    given_name: str | None
    initials: str | None
    pseudonym: str | None
    generation_qualifier: str | None
    email_address: str | None
    all_values: dict[str, list[str]]
    dn_string: str


class PkiBrazilModel(Wire):
    certificate_type: str
    cpf: str | None
    cnpj: str | None
    responsavel: str | None
    date_of_birth: str | None
    company_name: str | None
    oab_uf: str | None = msgspec.field(name="oabUF")
    oab_numero: str | None
    rg_emissor: str | None
    rg_emissor_uf: str | None = msgspec.field(name="rgEmissorUF")
    rg_numero: str | None


class PkiItalyModel(Wire):
    certificate_type: str
    codice_fiscale: str | None
    id_carta: str | None


class CertificateSummary(Wire):
    thumbprint: str
    thumbprint_sha256: str = msgspec.field(name="thumbprintSHA256")
    subject_common_name: str | None
    subject_display_name: str | None
    subject_identifier: str | None
    email_address: str | None
    organization: str | None
    organization_identifier: str | None


class CertificateModel(CertificateSummary):
    subject_name: NameModel
    issuer_name: NameModel
    issuer_display_name: str | None
    serial_number: str
    """Decimal."""
    validity_start: datetime
    validity_end: datetime
    issuer: CertificateModel | None
    pki_brazil: PkiBrazilModel
    pki_italy: PkiItalyModel
    binary_thumbprint_sha256: bytes = msgspec.field(name="binaryThumbprintSHA256")


class SignerSummary(Wire):
    certificate: CertificateSummary
    date: datetime
    identity_confirmed: bool | None
    """Addition: whether an authority that the security context trusts has confirmed who this is. False: nobody has
    confirmed this identity, anybody can make a certificate in any name. Null: nobody has asked, for one who had signed
    before the file came here."""


class QualificationModel(Wire):
    """What the trusted lists of the European Union say of the signer's certificate."""

    level: str
    """`QES`, `AdESQC` or `AdES`: the best that a signature by it can be."""
    purpose: str | None
    """`ESig`, `ESeal` or `WebAuthentication`; null: it is not qualified."""
    on_device: bool
    territory: str | None
    service: str | None


class ValidationModel(Wire):
    """Addition: what was found when the newest signature of the signed file was checked, in the words of
    ETSI EN 319 102-1."""

    indication: str
    """`TOTAL-PASSED`, `INDETERMINATE` or `TOTAL-FAILED`."""
    sub_indication: str | None
    level: str
    """`B-B`, `B-T`, `B-LT` or `B-LTA`."""
    signing_time: datetime | None
    signing_time_source: str | None
    """`timestamp`: proven by a timestamp authority. `claim`: the signer says so."""
    security_context_id: UUID | None
    """Whose rules the signer's certificate was judged by; null: by nobody's."""
    identity_confirmed: bool | None
    """As in `signers`."""
    qualification: QualificationModel | None
    """Null where the security context is not `eu`."""
    warnings: list[str]


class VersionModel(Wire):
    """One version of a signed file. A later one has everything of an earlier one, and more that proves it."""

    level: str
    made_at: datetime
    file: DocumentFileModel


class KeyRuleModel(Wire):
    kind: str
    """`RSA` or `EC`."""
    least_bits: int
    until: datetime | None = None
    """From then on such keys are not accepted any more."""


class DigestRuleModel(Wire):
    algorithm: str
    """`SHA256`, `SHA384` or `SHA512`."""
    until: datetime | None = None
    """From then on it is not accepted any more."""


class SecurityContextRequest(Wire):
    name: str
    """Up to 50 lower-case letters, digits and hyphens."""
    roots: Annotated[list[str], msgspec.Meta(max_length=20)]
    """Certificates: a DER or PEM file in Base64, or the text of a PEM file as it is."""
    intermediates: Annotated[list[str], msgspec.Meta(max_length=30)] | None = None
    """Known, not trusted: they save a signer from sending them. Written as `roots`."""
    policies: list[str] | None = None
    """Dotted OIDs; one of them must hold for the signer's certificate."""
    purposes: list[str] | None = None
    """Further purposes in an extended key usage that let a certificate sign."""
    revocation: str | None = None
    """`Required`, `IfKnown` or `NotAsked`."""
    keys: list[KeyRuleModel] | None = None
    """Which keys are accepted; nothing: every key that is safe."""
    requirements: list[RequirementRequest] | None = None
    """Each session has them, beside its own."""
    level: str | None = None
    """That signed files reach unless a session says otherwise."""
    digests: list[DigestRuleModel] | None = None
    """By which new signatures, certificates, OCSP responses and revocation lists may be signed; nothing: every one that
    is safe."""
    responders: str | None = None
    """Whose OCSP responses count. `Appointed`: the issuer's, and those of whom it has appointed. `Issuer`: its own."""
    timestamp_roots: Annotated[list[str], msgspec.Meta(max_length=20)] | None = None
    """Whose timestamps count: those by authorities below one of these. Nothing: those below `roots`, and those of the
    installation's providers. Written as `roots`."""


class RequirementModel(Wire):
    type: str
    argument: str | None


class SecurityContextModel(Wire):
    id: UUID
    name: str
    built_in: bool
    any_issuer: bool
    """Nobody confirms who a signer is."""
    roots: list[CertificateSummary]
    intermediates: list[CertificateSummary]
    policies: list[str]
    purposes: list[str]
    revocation: str
    keys: list[KeyRuleModel]
    requirements: list[RequirementModel]
    level: str | None
    digests: list[DigestRuleModel]
    responders: str
    timestamp_roots: list[CertificateSummary]


class DemoFailuresModel(Wire):
    fail: list[str]


class ExtendRequest(Wire):
    level: str
    """`B-T`, `B-LT` or `B-LTA`."""


class DocumentSummary(Wire):
    """A document as a session lists it."""

    status: str
    date_signed: datetime | None
    id: UUID
    key: str
    formatted_key: str
    original_file: DocumentFileModel
    marked_file: DocumentFileModel | None
    signed_file: DocumentFileModel | None
    signature_type: str
    available_until: datetime | None
    processing_error_code: str | None
    """Why this document could not be signed; null unless it is `ProcessingError`."""
    processing_error_detail: str | None
    level: str | None
    """Addition: the level of the signed file, `B-B`, `B-T`, `B-LT` or `B-LTA`; null before there is one."""
    level_wanted: str
    """Addition: the level that it is to reach. While it has a lower one the service goes on."""
    level_detail: str | None
    """Addition: why the level that is wanted is not reached yet, or never will be; in English."""
    validation: ValidationModel | None
    pdf_signature_field: str | None
    """Addition: the name of the empty field of the PDF that the signature goes into; null: it gets one of its own."""


class SessionModel(Wire):
    id: UUID
    status: str
    processing_error_code: str | None
    callback_argument: str | None
    signer_certificate: CertificateModel | None
    signer_identity_confirmed: bool | None
    """Addition: whether an authority that the session's security context trusts has confirmed who the signer is. False:
    nobody has confirmed this identity. Null before somebody has signed."""
    documents: list[DocumentSummary]


class DocumentModel(Wire):
    level: str | None
    """Addition: as in the documents of a session, and so are the next three."""
    level_wanted: str
    level_detail: str | None
    validation: ValidationModel | None
    signers: list[SignerSummary]
    metadata: dict[str, list[str]]
    id: UUID
    key: str
    formatted_key: str
    original_file: DocumentFileModel
    marked_file: DocumentFileModel | None
    signed_file: DocumentFileModel | None
    signature_type: str
    available_until: datetime | None


class SessionSummary(Wire):
    """A session in a list."""

    id: UUID
    status: str
    processing_error_code: str | None
    callback_argument: str | None
    created_at: datetime
    expires_at: datetime


class SessionList(Wire):
    items: list[SessionSummary]
    next_cursor: str | None


class DocumentList(Wire):
    items: list[DocumentModel]
    next_cursor: str | None


class EventModel(Wire):
    """A fact. `id` is the `webhook-id` of its deliveries."""

    cursor: str
    id: UUID
    type: str
    created_at: datetime
    session_id: UUID | None
    document_id: UUID | None
    application_id: UUID | None
    """Null: it concerns the whole subscription."""
    webhook_id: UUID | None
    api_key_id: UUID | None


class EventList(Wire):
    events: list[EventModel]
    next: str
    """For `after` of the next request; given also when there is nothing new."""


class TimestampSignerModel(Wire):
    """The authority. What the contract has beside its certificate is about signatures, and null here."""

    certificate: CertificateModel
    message_digest: DigestModel | None = None
    signature: SignatureValueModel | None = None
    signature_policy: SignaturePolicyModel | None = None
    signing_time: datetime | None = None
    certified_date_reference: datetime | None = None
    timestamps: list[dict[str, str]] | None = None
    validation_results: ValidationResultsModel | None = None
    commitment_type: dict[str, str] | None = None
    b_stamp: dict[str, str] | None = None


class TimestampInfoModel(Wire):
    gen_time: datetime
    serial_number: str | None
    message_imprint: DigestModel | None
    encapsulated_content_type: str
    has_encapsulated_content: bool
    signers: list[TimestampSignerModel]
    policy: str | None
    """Addition: the OID of the policy that the token was made under."""
    encapsulated_content: dict[str, str] | None = None
    audit_package: dict[str, str] | None = None
    b_stamp: dict[str, str] | None = None


class TimestampModel(Wire):
    encoded_value: bytes
    """The token (RFC 3161, 2.4.2), DER."""
    info: TimestampInfoModel


class CompletionStatus(Wire):
    completed: bool
    progress: float


class DocumentQueryModel(Wire):
    found: bool
    document: DocumentModel | None
    erased: ErasedDocumentModel | None
    """Addition: what stays of a document that was erased; `found` is false then."""


class SignerModel(Wire):
    """One signature of a file."""

    message_digest: DigestModel | None
    signature: SignatureValueModel | None
    signature_policy: SignaturePolicyModel | None
    signing_time: datetime | None
    certified_date_reference: datetime | None
    timestamps: list[TimestampInfoModel]
    is_document_timestamp: bool
    signature_field_name: str | None
    validation_results: ValidationResultsModel | None
    has_ltv: bool | None
    xml_signed_entity_type: str | None
    xml_signed_element: XmlElementModel | None
    attribute_certificates: list[dict[str, str]]
    certificate: CertificateModel | None
    date: datetime
    """The signing time, or when we looked at it."""
    identity_confirmed: bool | None
    """Addition: whether an authority that the security context trusts has confirmed who this is. False: nobody has
    confirmed this identity, anybody can make a certificate in any name. Null: no validation was asked for."""
    level: str | None = None
    """Addition: `B-B`, `B-T`, `B-LT` or `B-LTA`, by what is in the file; null where that cannot be read."""


class SignatureAlgorithmModel(Wire):
    algorithm: str | None
    """Null where the contract has no word for the algorithm: strict clients refuse a word that they do not know."""


class SignatureValueModel(Wire):
    algorithm_identifier: SignatureAlgorithmModel
    value: bytes
    hex_value: str
    signature_algorithm_name: str | None
    """Addition: the algorithm's name, also where the contract has no word for it, like SHA256WithECDSA."""


class SignaturePolicyModel(Wire):
    digest: DigestModel | None
    oid: str
    uri: str | None


class XmlAttributeModel(Wire):
    local_name: str
    value: str
    namespace_uri: str | None


class XmlElementModel(Wire):
    local_name: str
    attributes: list[XmlAttributeModel]
    namespace_uri: str | None


class DocumentKeyModel(Wire):
    key: str
    formatted_key: str


class DocumentKeyQueryModel(Wire):
    found: bool
    formatted_key: str | None
    has_document: bool
    provisional_metadata: dict[str, list[str]] | None
    document: DocumentModel | None
    erased: ErasedDocumentModel | None
    """Addition: what stays of a document that was erased; `hasDocument` is false then."""


class ToSignModel(Wire):
    """Addition: `data` are the bytes that a key which hashes by itself signs; `hash` is their digest."""

    data: bytes
    hash: bytes
    digest_algorithm: str


class PrepareSignatureModel(Wire):
    success: bool
    failure: str | None
    state: str | None
    to_sign_hash: DigestModel | None
    to_sign: ToSignModel | None
    validation_results: ValidationResultsModel
    certificate: CertificateModel


class EarlierSignatureModel(Wire):
    name: str
    """The common name in the certificate; empty when it has none."""
    intact: bool
    """False: neither proven nor broken (a broken one is a finding that the file cannot be signed)."""


class FindingModel(Wire):
    code: str
    level: str
    """`note`, `but` (look at it first) or `cannot` (be signed)."""
    message: str
    facts: dict[str, str]


class FileCheckModel(Wire):
    can_be_signed: bool
    signature_type: str | None
    pages: int
    """0 for files without pages."""
    signatures: list[EarlierSignatureModel]
    findings: list[FindingModel]


class InspectSignatureModel(Wire):
    success: bool
    failure: str | None
    missing_data_hash: str | None
    signers: list[SignerModel]
    document: PlainDocumentSummary | None
    erased_document: ErasedDocumentModel | None
    """Addition: what stays of the document that the file was signed as, when that was erased."""
    has_encapsulated_content: bool | None
    encapsulated_content_type: str | None
    encapsulated_content: FileReferenceModel | None


class PlainDocumentSummary(Wire):
    """A document as an inspection names it."""

    id: UUID
    key: str
    formatted_key: str
    original_file: DocumentFileModel
    marked_file: DocumentFileModel | None
    signed_file: DocumentFileModel | None
    signature_type: str
    available_until: datetime | None


class AuthenticationModel(Wire):
    state: str
    to_sign_hash: DigestModel


class AuthenticationResultModel(Wire):
    success: bool
    failure: str | None
    certificate: CertificateModel
    validation_results: ValidationResultsModel


class ApplicationSubscriptionModel(Wire):
    subscription_id: UUID
    roles: list[str]
    parent_roles: list[str]


class ApplicationModel(Wire):
    id: UUID
    subscription_id: UUID
    name: str
    root_roles: list[str]
    subscriptions: list[ApplicationSubscriptionModel]


class ApplicationInfoModel(Wire):
    id: UUID
    name: str
    roles: list[str]
    """Of its keys, when they have none of their own."""
    enabled: bool
    strict: bool
    """Requests with a field that there is not are refused."""
    keys: int
    """All that were made."""
    usable_keys: int
    """Those that are neither revoked nor expired."""
    created_on: datetime | None
    """Null: before this was written down."""
    last_used_on: datetime | None
    """Of the key that was used last; at most an hour too early."""
    disabled_on: datetime | None
    deleting_since: datetime | None
    """It is being deleted, with all that belongs to it."""


class ApplicationList(Wire):
    items: list[ApplicationInfoModel]


class KeyInfoModel(Wire):
    id: UUID
    type: str
    application_id: UUID
    description: str | None
    expires_on: datetime | None
    role: str | None
    """Null: those of the application."""
    created_on: datetime | None
    created_by: str | None
    last_used_on: datetime | None
    """At most an hour too early."""
    revoked_on: datetime | None


class KeyList(Wire):
    items: list[KeyInfoModel]


class ChangeModel(Wire):
    """A change that somebody made. `before` and `after` have what differs, without secrets."""

    id: UUID
    created_at: datetime | None
    actor: str
    key_id: UUID | None
    """The API key that was shown; null: a command of the operator."""
    action: str
    subject_id: UUID
    before: dict[str, str | int | bool | list[str] | None]
    after: dict[str, str | int | bool | list[str] | None]


class ChangeList(Wire):
    items: list[ChangeModel]
    next: str | None
    """For `after` of the next request; null: there are no older ones."""


class SignedCountModel(Wire):
    """Documents that were signed for one application in one month."""

    month: str
    """Like `2027-01`."""
    application_id: UUID
    application_name: str | None
    """Null: the application is gone."""
    signature_type: str
    level: str
    """Like `B-B`."""
    count: int


class EndedCountModel(Wire):
    """Sessions of one application that were opened in one month and have ended in one way."""

    month: str
    """Like `2027-01`."""
    application_id: UUID
    application_name: str | None
    """Null: the application is gone."""
    status: str
    count: int


class TimestampCountModel(Wire):
    """`month` like `2027-01`."""

    month: str
    application_id: UUID
    application_name: str | None
    """Null: the application is gone."""
    tier: str
    count: int


class StatisticsModel(Wire):
    """`from` and `to` are days, both included, in UTC."""

    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    documents: list[SignedCountModel]
    sessions: list[EndedCountModel]
    timestamps: list[TimestampCountModel]


class KeyModel(Wire):
    """`key` is shown here and never again."""

    key: str
    info: KeyInfoModel


class SystemInfoModel(Wire):
    product_name: str
    product_version: str
    api_version: str
    timestamp: datetime


class RetentionModel(Wire):
    """`days` that signed documents are kept after they were signed; null: until somebody removes them."""

    days: Annotated[int, msgspec.Meta(ge=1, le=MAX_RETENTION_DAYS)] | None


class TimestampProviderRequest(Wire):
    """`auth` is `None`, `Basic`, `Bearer`, `ApiKey` or `MutualTls`. `user` is that of Basic, or the header of ApiKey.

    `secret` is the password, token or key; for MutualTls the certificate, its chain and its key, PEM, in one text.
    """

    name: str
    url: str
    context: str
    tier: str | None = None
    priority: int | None = None
    auth: str | None = None
    user: str | None = None
    secret: str | None = None


class TimestampProviderModel(Wire):
    """`id` and `auth` are null for a provider of the file of settings."""

    id: UUID | None
    name: str
    url: str
    context: str
    tier: str
    priority: int
    auth: str | None
    user: str | None
    has_secret: bool


class TimestampProviderList(Wire):
    items: list[TimestampProviderModel]


class ProviderCheckModel(Wire):
    """`name` is `Token`, `Time` or `Trust`."""

    name: str
    passed: bool
    detail: str


class ProviderTestModel(Wire):
    passed: bool
    checks: list[ProviderCheckModel]


class Problem(Wire):
    """400, 401, 403, 404, 405, 413, 415."""

    code: str
    message: str


class DetailedProblem(Wire):
    """422."""

    code: str
    message: str
    detail: str | None
