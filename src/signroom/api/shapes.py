"""The wire's models: lenient in, strict out.

Requests: unset fields may be absent, ``null`` or ``[]`` where an object is meant; unknown fields are ignored.
Responses: no field has a default, so each key is always sent, ``null`` when empty.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

EmptyList = Annotated[list[Any], msgspec.Meta(max_length=0, description="Some clients send [] for an unset object.")]


class Wire(msgspec.Struct, rename="camel", kw_only=True):
    """camelCase on the wire."""


# -- requests --------------------------------------------------------------------------------------


class FileReference(Wire):
    content: bytes | None = None
    """Base64."""
    name: str | None = None
    url: str | None = None
    blob_token: str | None = None
    mime_type: str | None = None
    content_type: str | None = None


class SessionDocumentRequest(Wire):
    file: FileReference | EmptyList | None = None
    signature_type: str | None = None
    document_key: str | None = None
    metadata: dict[str, str | list[str | None] | None] | EmptyList | None = None


class CreateSessionRequest(Wire):
    return_url: str | None = None
    callback_argument: str | None = None
    disable_downloads: bool | None = None
    enable_background_processing: bool | None = None
    documents: list[SessionDocumentRequest] | None = None
    security_context_id: UUID | None = None
    certificate_requirements: list[dict[str, Any]] | None = None
    document_metadata: dict[str, str | list[str | None] | None] | EmptyList | None = None
    pdf_signature_options: dict[str, Any] | EmptyList | None = None
    cms_signature_options: dict[str, Any] | EmptyList | None = None


# -- responses -------------------------------------------------------------------------------------


class CreateSessionResponse(Wire):
    session_id: UUID
    redirect_url: str


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


class DocumentSummary(Wire):
    """A document as a session lists it."""

    status: str
    date_signed: datetime | None
    id: UUID
    key: str | None
    formatted_key: str | None
    original_file: DocumentFileModel
    marked_file: DocumentFileModel | None
    signed_file: DocumentFileModel | None
    signature_type: str
    available_until: datetime | None


class SessionModel(Wire):
    id: UUID
    status: str
    processing_error_code: str | None
    callback_argument: str | None
    signer_certificate: CertificateModel | None
    documents: list[DocumentSummary]


class DocumentModel(Wire):
    signers: list[SignerSummary]
    metadata: dict[str, list[str]]
    id: UUID
    key: str | None
    formatted_key: str | None
    original_file: DocumentFileModel
    marked_file: DocumentFileModel | None
    signed_file: DocumentFileModel | None
    signature_type: str
    available_until: datetime | None


class SystemInfoModel(Wire):
    product_name: str
    product_version: str
    api_version: str
    timestamp: datetime


class Problem(Wire):
    """400, 401, 403, 404, 405, 413, 415."""

    code: str
    message: str


class DetailedProblem(Wire):
    """422."""

    code: str
    message: str
    detail: str | None
