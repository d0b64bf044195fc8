"""Nouns to the page's models."""

from __future__ import annotations

from collections.abc import Sequence

from signroom.domain.branding import NO_BRANDING, Branding
from signroom.domain.document import Document, signed_name
from signroom.domain.document_key import formatted
from signroom.domain.holder import as_people_write, holder_of
from signroom.domain.key_source import TYPED_IN, needs_crypto_device
from signroom.domain.preparation import Preparation, PreparedDocument
from signroom.domain.security_context import confirms_identity
from signroom.domain.session import MAX_DOCUMENTS, Session
from signroom.domain.signature import CmsLayout, CmsOptions, PdfLayout, SignatureType, XmlLayout
from signroom.page import shapes
from signroom.ports import Ports
from signroom.ports.files import Occurrence, Search
from signroom.ports.store import SessionOfPage
from signroom.service.access.hand_over import offers_hand_over
from signroom.service.certificates.judge_certificates import Judgement
from signroom.service.documents.download_file import version_location
from signroom.service.documents.download_session import signed_files_location
from signroom.service.documents.validate_file import accepts_only_pdf
from signroom.service.sessions.extend_session import can_be_extended
from signroom.service.sessions.return_address import return_address


def session_view(ports: Ports, found: SessionOfPage, *, framed: bool) -> shapes.SessionView:
    """`framed`: the page is shown inside another one."""
    session = found.session
    # A link may lie about for years in a browser's history: after the session's time it shows how it ended, no files.
    over = ports.clock.now() >= session.expires_at
    documents = () if over else found.documents
    return shapes.SessionView(
        status=session.status.value,
        application_name=found.application.name,
        predefined=session.predefined,
        disable_downloads=session.disable_downloads,
        background=session.background,
        expires_at=session.expires_at.replace(microsecond=0),
        extensible=can_be_extended(ports, session),
        return_url=return_address(ports, session),
        processing_error_code=session.processing_error_code,
        max_file=ports.limits.max_file,
        max_documents=MAX_DOCUMENTS,
        pdf_only=accepts_only_pdf(ports, found.file_name_pattern),
        key_sources=_key_sources(ports, framed=framed),
        branding=_branding(found.branding),
        key_source_config=_key_source_config(ports, session),
        requirements=[shapes.RequirementView(type=r.kind.value, argument=r.masked) for r in session.requirements],
        identity_confirmed=confirms_identity(session.security_context_id),
        signed_files=_signed_files(ports, session, documents),
        hand_over=offers_hand_over(ports),
        signer=None if over else _signer(ports, found),
        documents=[document_view(ports, d, downloads=not session.disable_downloads) for d in documents],
    )


def _signed_files(ports: Ports, session: Session, documents: Sequence[Document]) -> str | None:
    several = sum(bool(document.versions) for document in documents) > 1
    return signed_files_location(ports, session.id) if several and not session.disable_downloads else None


def _key_sources(ports: Ports, *, framed: bool) -> list[str]:
    # Nobody can tell what the page around a frame lays over it: no key file and no password go in there.
    return [kind.value for kind in ports.key_sources.offered if not (framed and kind in TYPED_IN)]


def _branding(branding: Branding) -> shapes.BrandingView | None:
    if branding == NO_BRANDING:
        return None
    return shapes.BrandingView(
        name=branding.name, has_logo=branding.has_logo, accent=branding.accent, accent_dark=branding.accent_dark
    )


def _signer(ports: Ports, found: SessionOfPage) -> shapes.SignerView | None:
    certificate = found.session.signer_certificate
    if certificate is None:
        return None
    confirmed = confirms_identity(found.session.security_context_id)
    holder = holder_of(ports.trust.read(certificate), confirmed=confirmed)
    signed = max((d.signed_at for d in found.documents if d.signed_at is not None), default=None)
    return shapes.SignerView(
        name=holder.name,
        issued_by=holder.issued_by,
        confirmed_by=holder.confirmed_by,
        signed_at=None if signed is None else signed.replace(microsecond=0),
    )


def judgement_view(judgement: Judgement) -> shapes.JudgementView:
    refusal, holder = judgement.refusal, judgement.holder
    return shapes.JudgementView(
        usable=refusal is None,
        code=None if refusal is None else refusal.code,
        detail=None if refusal is None else refusal.detail,
        of_authority=judgement.of_authority,
        name=None if holder is None else holder.name,
        confirmed_by=None if holder is None else holder.confirmed_by,
    )


def document_view(ports: Ports, document: Document, *, downloads: bool) -> shapes.DocumentView:
    original = document.original
    return shapes.DocumentView(
        id=document.id,
        name=original.name,
        formatted_key=formatted(document.key),
        content_type=original.content_type,
        length=original.length,
        sha256=original.sha256.hex(),
        pages=document.inspection.pages,
        signatures=document.inspection.signatures,
        findings=[*_findings(document), *_signed_as(document)],
        status=document.status.value,
        processing_error_code=document.processing_error_code,
        processing_error_detail=document.processing_error_detail,
        left_out=document.left_out,
        awaits_level=document.awaits_level,
        signed_file=_signed_file(ports, document) if downloads else None,
    )


def search_view(search: Search) -> shapes.SearchView:
    def hit(one: Occurrence) -> shapes.Hit:
        return shapes.Hit(page=one.page, areas=[(a.left, a.top, a.width, a.height) for a in one.areas])

    return shapes.SearchView(hits=[hit(one) for one in search.found], next_page=search.next_page)


def _findings(document: Document) -> list[shapes.FindingView]:
    return [
        shapes.FindingView(
            code=found.code,
            level=found.level,
            facts={name: as_people_write(fact) if name == "name" else fact for name, fact in found.facts},
        )
        for found in document.inspection.findings
    ]


def _signed_as(document: Document) -> list[shapes.FindingView]:
    """What becomes of a file that is no PDF: a CMS object, which few people know and few programs open."""
    if document.signature_type is not SignatureType.CMS or document.inspection.signatures > 0:
        return []
    detached = isinstance(document.options, CmsOptions) and document.options.detached
    facts = {"file": signed_name(document.original.name, SignatureType.CMS)}
    return [shapes.FindingView(code="SignedDetached" if detached else "SignedAsCms", level="but", facts=facts)]


def preparation_view(preparation: Preparation) -> shapes.PreparationView:
    return shapes.PreparationView(
        preparation_id=preparation.id,
        items=[_item_view(item) for item in preparation.items],
        refused=[
            shapes.RefusedView(document_id=one.document_id, code=one.code, message=one.message, detail=one.detail)
            for one in preparation.refused
        ],
    )


def _item_view(item: PreparedDocument) -> shapes.ItemView:
    prepared = item.prepared
    match prepared.layout:
        case PdfLayout(before, _, after):
            tail_before, tail_after = before, after
        case XmlLayout(signature):
            tail_before, tail_after = signature, b""
        case CmsLayout():
            tail_before = tail_after = b""
    return shapes.ItemView(
        document_id=item.document_id,
        signature_type=prepared.signature_type.value,
        to_sign=prepared.to_sign,
        digest_algorithm=prepared.digest_algorithm.value,
        original_length=prepared.original_length,
        tail_before=tail_before,
        tail_after=tail_after,
    )


def _key_source_config(ports: Ports, session: Session) -> shapes.KeySourceConfigView:
    web_pki = ports.key_sources.web_pki
    return shapes.KeySourceConfigView(
        crypto_device=needs_crypto_device(session.requirements),
        web_pki=None if web_pki is None else shapes.WebPkiView(license=web_pki.licence),
    )


def _signed_file(ports: Ports, document: Document) -> shapes.SignedFileView | None:
    if document.signed is None:
        return None
    return shapes.SignedFileView(
        name=document.signed.name,
        length=document.signed.length,
        location=version_location(ports, document, len(document.versions) - 1),
    )
