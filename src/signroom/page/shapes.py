"""The page API's models (``docs/page-api.md``). Every key is always sent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Wire(msgspec.Struct, rename="camel", kw_only=True):
    """camelCase on the wire."""


class Renew(Wire):
    link: str
    load: bool = False
    """Whether the answer shall have the session, too: a page that opens asks for it next."""


class HandOverView(Wire):
    address: str
    qr: bytes
    """PNG."""
    expires_at: datetime


class Remove(Wire):
    document_id: UUID


class DemoCertificateRequest(Wire):
    public_key: bytes
    name: str


class ChainView(Wire):
    certificate: bytes
    chain: list[bytes]


class Prepare(Wire):
    certificate: bytes
    chain: list[bytes] = []


class Certificates(Wire):
    certificates: list[Prepare]


class JudgementView(Wire):
    usable: bool
    code: str | None
    detail: str | None
    of_authority: bool
    """It certifies others (CA:TRUE)."""
    name: str | None
    """The holder's, as people write it; null for what cannot be read."""
    confirmed_by: str | None
    """The authority that has confirmed who the holder is; null: nobody whom the session trusts."""


class JudgementsView(Wire):
    certificates: list[JudgementView]


class SignatureValue(Wire):
    document_id: UUID
    value: bytes


class Finish(Wire):
    preparation_id: UUID
    signatures: list[SignatureValue]


class SignedFileView(Wire):
    name: str
    length: int
    location: str


class FindingView(Wire):
    code: str
    level: str
    facts: dict[str, str]


class PageText(Wire):
    text: str


class PageSizes(Wire):
    pages: list[tuple[int, float, float]]
    """Number of pages, width and height of each in points: pages of one size that follow each other are one entry."""


class Find(Wire):
    document_id: UUID
    words: str
    first_page: int = 0
    """From 0."""


class Hit(Wire):
    page: int
    """From 0."""
    areas: list[tuple[float, float, float, float]]
    """Left, top, width, height: parts of the page's width and height, one entry a line."""


class SearchView(Wire):
    hits: list[Hit]
    next_page: int | None
    """Where the next call goes on; null when all was searched."""


class DocumentView(Wire):
    id: UUID
    name: str
    formatted_key: str
    """Of the document, as people write it down."""
    content_type: str
    length: int
    sha256: str
    pages: int
    signatures: int
    findings: list[FindingView]
    status: str
    processing_error_code: str | None
    processing_error_detail: str | None
    left_out: bool
    """It could not be prepared: signing again does not help."""
    awaits_level: bool
    """Something is still to be added to the signed file, a timestamp for example."""
    signed_file: SignedFileView | None


class BrandingView(Wire):
    name: str | None
    has_logo: bool
    accent: str | None
    accent_dark: str | None


class WebPkiView(Wire):
    license: str | None


class KeySourceConfigView(Wire):
    crypto_device: bool
    web_pki: WebPkiView | None


class RequirementView(Wire):
    type: str
    argument: str | None
    """Masked: who holds the link need not be the person."""


class SignerView(Wire):
    """Who has signed, as the session's security context has judged it."""

    name: str
    issued_by: str
    confirmed_by: str | None
    """As in `JudgementView`."""
    signed_at: datetime | None


class SessionView(Wire):
    status: str
    application_name: str
    predefined: bool
    disable_downloads: bool
    background: bool
    expires_at: datetime
    extensible: bool
    """More time can be asked for."""
    return_url: str | None
    processing_error_code: str | None
    max_file: int
    max_documents: int
    pdf_only: bool
    """Files of other types are not accepted from the signer."""
    key_sources: list[str]
    branding: BrandingView | None
    key_source_config: KeySourceConfigView
    requirements: list[RequirementView]
    identity_confirmed: bool
    """False: nobody confirms who a signer is, the session accepts every issuer."""
    signed_files: str | None
    """The address of all signed files in one archive; null where there are not several, or none may be downloaded."""
    hand_over: bool
    """Another device may go on."""
    signer: SignerView | None
    """Null until the signatures are stored, and once the session's time is over."""
    documents: list[DocumentView]


class TokenView(Wire):
    token: str
    expires_at: datetime
    link: str | None
    """The session's own link, for who came by a hand-over."""
    session: SessionView | None
    """As `load` gives it, where that was asked for and the link is no hand-over."""


class ItemView(Wire):
    document_id: UUID
    signature_type: str
    to_sign: bytes
    digest_algorithm: str
    original_length: int
    tail_before: bytes
    tail_after: bytes


class RefusedView(Wire):
    document_id: UUID
    code: str
    message: str
    detail: str | None


class PreparationView(Wire):
    preparation_id: UUID
    items: list[ItemView]
    refused: list[RefusedView]
    """Documents that cannot be signed; the others can be signed without them."""
