"""Rows to nouns and back, by hand: tables and nouns may change apart."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import RowMapping

from signroom.domain.appearance import Appearance
from signroom.domain.application import ApiKey, Application, Role
from signroom.domain.audit import Action, Change
from signroom.domain.branding import Branding, Logo
from signroom.domain.document import Document, DocumentStatus, StoredFile, Version
from signroom.domain.document_key import DocumentKey, key_of_old_document
from signroom.domain.endpoint import Endpoint, EndpointAuth
from signroom.domain.erasure import ErasedKind, Erasure, KeptProof, Removed
from signroom.domain.event import RecordedEvent
from signroom.domain.file_validation import FileValidation
from signroom.domain.level import Level
from signroom.domain.metadata import MAX_NAME, Metadata, fold
from signroom.domain.preflight import Finding
from signroom.domain.preparation import Preparation, PreparedDocument, RefusedDocument
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import (
    NO_OPTIONS,
    CertificateChain,
    CheckedValue,
    CmsLayout,
    CmsOptions,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    OptionsByType,
    PdfLayout,
    PdfOptions,
    Prepared,
    SignatureType,
    SigningOptions,
    Verdict,
    XmlLayout,
    XmlLocation,
    XmlOptions,
)
from signroom.domain.upload import Upload

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredOptions:
    """Signing options as the JSON of the ``options`` columns has them, whatever the type of the document.

    The names of the fields are in rows of every version: they stay.
    """

    detached: bool = False
    data_hashes: tuple[DigestValue, ...] = ()
    xml_element_id: str | None = None
    xml_location: XmlLocation | None = None
    appearance: Appearance | None = None
    pdf_level: Level | None = None
    cms_level: Level | None = None
    xml_level: Level | None = None
    pdf_timestamp_tier: str | None = None
    cms_timestamp_tier: str | None = None
    xml_timestamp_tier: str | None = None
    pdf_signature_policy: str | None = None
    cms_signature_policy: str | None = None
    xml_signature_policy: str | None = None

    def by_type(self) -> OptionsByType:
        return OptionsByType(
            PdfOptions(self.appearance, self.pdf_level, self.pdf_timestamp_tier, self.pdf_signature_policy),
            CmsOptions(
                self.detached, self.data_hashes, self.cms_level, self.cms_timestamp_tier, self.cms_signature_policy
            ),
            XmlOptions(
                self.xml_element_id,
                self.xml_location,
                self.xml_level,
                self.xml_timestamp_tier,
                self.xml_signature_policy,
            ),
        )


def packed_options(options: OptionsByType | SigningOptions) -> bytes:
    match options:
        case OptionsByType(pdf, cms, xml):
            stored = StoredOptions(
                detached=cms.detached,
                data_hashes=cms.data_hashes,
                xml_element_id=xml.element_id,
                xml_location=xml.location,
                appearance=pdf.appearance,
                pdf_level=pdf.level,
                cms_level=cms.level,
                xml_level=xml.level,
                pdf_timestamp_tier=pdf.timestamp_tier,
                cms_timestamp_tier=cms.timestamp_tier,
                xml_timestamp_tier=xml.timestamp_tier,
                pdf_signature_policy=pdf.signature_policy,
                cms_signature_policy=cms.signature_policy,
                xml_signature_policy=xml.signature_policy,
            )
        case PdfOptions(appearance, level, tier, policy):
            stored = StoredOptions(
                appearance=appearance, pdf_level=level, pdf_timestamp_tier=tier, pdf_signature_policy=policy
            )
        case CmsOptions(detached, data_hashes, level, tier, policy):
            stored = StoredOptions(
                detached, data_hashes, cms_level=level, cms_timestamp_tier=tier, cms_signature_policy=policy
            )
        case XmlOptions(element_id, location, level, tier, policy):
            stored = StoredOptions(
                xml_element_id=element_id,
                xml_location=location,
                xml_level=level,
                xml_timestamp_tier=tier,
                xml_signature_policy=policy,
            )
    return packed(stored)


def options_of(stored: bytes) -> OptionsByType:
    if stored == _NO_OPTIONS:  # those of most sessions and documents
        return NO_OPTIONS
    options: StoredOptions = unpacked_as(StoredOptions, stored)
    return options.by_type()


def session_row(s: Session) -> Row:
    return {
        "id": s.id,
        "subscription_id": s.subscription_id,
        "application_id": s.application_id,
        "status": s.status.value,
        "link_hash": s.link_hash,
        "return_url": s.return_url,
        "callback_argument": s.callback_argument,
        "callback_argument_hash": text_hash(s.callback_argument),
        "disable_downloads": s.disable_downloads,
        "predefined": s.predefined,
        "created_at": s.created_at,
        "expires_at": s.expires_at,
        "security_context_id": s.security_context_id,
        "requirements": packed(s.requirements),
        "background": s.background,
        "metadata": packed(s.metadata),
        "options": packed_options(s.options),
        "result_token": s.result_token,
        "language": s.language,
        "signer_certificate": s.signer_certificate,
        "signer_issuers": packed(s.signer_issuers),
        "processing_error_code": s.processing_error_code,
        "opened_at": s.opened_at,
        "webhook_url": s.webhook_url,
        "erased_at": s.erased_at,
        "person_due": True,
    }


def session_of(row: RowMapping | Row) -> Session:
    plain = {name: value for name, value in row.items() if name not in _NOT_OF_A_SESSION}
    unpacked = {
        "status": SessionStatus(row["status"]),
        "requirements": unpacked_as(tuple[CertificateRequirement, ...], row["requirements"]),
        "metadata": unpacked_as(Metadata, row["metadata"]),
        "options": options_of(row["options"]),
        "signer_issuers": unpacked_as(tuple[bytes, ...], row["signer_issuers"]),
    }
    return Session(**{**plain, **unpacked})


_NOT_OF_A_SESSION = {"callback_argument_hash", "person_due", "counted_as"}
"""Columns for searching."""


def text_hash(text: str | None) -> bytes | None:
    return None if text is None else hashlib.sha256(text.encode()).digest()


def packed(value: Any) -> bytes:
    """Parts of a noun that are read and written as a whole."""
    return msgspec.json.encode(value)


def unpacked_as(kind: Any, stored: bytes) -> Any:
    return _decoder(msgspec.json.Decoder, kind).decode(stored)


def _decoder(of: Any, kind: Any) -> Any:
    """msgspec finds out about a type at its first use, and shows a second thread what it has found so far: the process
    ends with SIGSEGV. So one thread at a time. What is in the table is found out about.
    """
    known = _decoders.get((of, kind))
    if known is None:
        with _one_at_a_time:
            known = _decoders.setdefault((of, kind), of(kind))
    return known


_decoders: dict[tuple[Any, Any], Any] = {}
_one_at_a_time = threading.Lock()
_NO_OPTIONS = packed_options(NO_OPTIONS)


def document_row(d: Document) -> Row:
    """A document as one row. The columns ``signed_*`` hold the newest version of the signed file.

    A process of an older release, which runs beside this one during a roll-out, hands out what is there. The versions
    before it are kept as a whole; `version_rows` are for finding them by their file.
    """
    newest = d.versions[-1] if d.versions else None
    return {
        "id": d.id,
        "subscription_id": d.subscription_id,
        "application_id": d.application_id,
        "session_id": d.session_id,
        "position": d.position,
        "status": d.status.value,
        "signature_type": d.inspection.signature_type.value,
        "pages": d.inspection.pages,
        "signatures": d.inspection.signatures,
        "findings": packed(d.inspection.findings),
        "created_at": d.created_at,
        "preparation_id": d.preparation_id,
        "signature_value": None if d.signature_value is None else d.signature_value.value,
        "signed_at": d.signed_at,
        "processing_error_code": d.processing_error_code,
        "processing_error_detail": d.processing_error_detail,
        "verdict": None if d.verdict is None else packed(d.verdict),
        "key": d.key,
        "metadata": packed(d.metadata),
        "options": packed_options(d.options),
        "data_key": d.data_key,
        "available_until": d.available_until,
        "purged_at": d.purged_at,
        "erased_at": d.erased_at,
        "person_due": True,
        "signed_level": None if newest is None else newest.level.value,
        "signed_made_at": None if newest is None else newest.made_at,
        "earlier_versions": packed(d.versions[:-1]) if len(d.versions) > 1 else None,
        "level_detail": d.level_detail,
        "level_asked_at": d.level_asked_at,
        "archive_until": d.archive_until,
        "security_context_id": d.security_context_id,
        **_file_row("original", d.original),
        **_file_row("signed", None if newest is None else newest.file),
    }


def document_of(row: RowMapping | Row) -> Document:
    original = _file_of("original", row)
    if original is None:
        raise LookupError("a document row without an original file")  # the column is NOT NULL: a damaged database
    signature_type = SignatureType(row["signature_type"])
    return Document(
        id=row["id"],
        subscription_id=row["subscription_id"],
        application_id=row["application_id"],
        session_id=row["session_id"],
        position=row["position"],
        status=DocumentStatus(row["status"]),
        original=original,
        inspection=Inspection(
            signature_type=signature_type,
            content_type=original.content_type,
            pages=row["pages"],
            signatures=row["signatures"],
            findings=() if row["findings"] is None else unpacked_as(tuple[Finding, ...], row["findings"]),
        ),
        options=options_of(row["options"]).of(signature_type),
        created_at=row["created_at"],
        preparation_id=row["preparation_id"],
        signature_value=_checked_before_it_was_stored(row["signature_value"]),
        versions=_versions_of(row),
        signed_at=row["signed_at"],
        processing_error_code=row["processing_error_code"],
        processing_error_detail=row["processing_error_detail"],
        verdict=None if row["verdict"] is None else unpacked_as(Verdict, row["verdict"]),
        key=row["key"] or key_of_old_document(row["id"]),
        metadata=unpacked_as(Metadata, row["metadata"]),
        data_key=row["data_key"],
        available_until=row["available_until"],
        purged_at=row["purged_at"],
        erased_at=row["erased_at"],
        level_detail=row["level_detail"],
        level_asked_at=row["level_asked_at"],
        archive_until=row["archive_until"],
        security_context_id=row["security_context_id"],
    )


def version_rows(d: Document) -> list[Row]:
    """The earlier versions of its signed file, each with the columns that somebody searches by."""
    return [
        {
            "document_id": d.id,
            "number": number,
            "subscription_id": d.subscription_id,
            "file_key": version.file.blob_key,
            "file_length": version.file.length,
            "file_sha256": version.file.sha256,
        }
        for number, version in enumerate(d.versions[:-1])
    ]


def _checked_before_it_was_stored(value: bytes | None) -> CheckedValue | None:
    """Believe the database: `signature_value` is written from a `CheckedValue` only."""
    return None if value is None else CheckedValue(value)


def _versions_of(row: RowMapping | Row) -> tuple[Version, ...]:
    file = _file_of("signed", row)
    if file is None:
        return ()
    # NULL in rows of releases that knew one level.
    level, made_at = Level(row["signed_level"] or Level.B_B), row["signed_made_at"] or row["signed_at"]
    if made_at is None:
        raise LookupError("a document row with a signed file and without its time")  # a damaged database
    earlier = row["earlier_versions"]
    before = () if earlier is None else unpacked_as(tuple[Version, ...], earlier)
    return (*before, Version(level, file, made_at))


def erasure_row(e: Erasure) -> Row:
    return {
        "id": e.id,
        "kind": e.kind.value,
        "subscription_id": e.subscription_id,
        "application_id": e.application_id,
        "erased_at": e.erased_at,
        "removed": packed(e.removed),
        "proofs": packed(e.proofs),
        "files_deleted_at": e.files_deleted_at,
        "ended_at": e.ended_at,
    }


def erasure_of(row: RowMapping) -> Erasure:
    return Erasure(
        id=row["id"],
        kind=ErasedKind(row["kind"]),
        subscription_id=row["subscription_id"],
        application_id=row["application_id"],
        erased_at=row["erased_at"],
        removed=unpacked_as(Removed, row["removed"]),
        proofs=unpacked_as(tuple[KeptProof, ...], row["proofs"]),
        files_deleted_at=row["files_deleted_at"],
        ended_at=row["ended_at"],
    )


def metadata_rows(owner: Row, subscription_id: UUID, metadata: Metadata) -> list[Row]:
    """One row per name and value, for searching; `owner` is the column of the noun they belong to."""
    pairs = [(name, value) for name, values in metadata for value in dict.fromkeys(values)]
    return [
        {**owner, "number": n, "subscription_id": subscription_id, "name": fold(name)[:MAX_NAME], "value": value}
        for n, (name, value) in enumerate(pairs)
    ]


def document_key_row(k: DocumentKey) -> Row:
    return {
        "key": k.key,
        "subscription_id": k.subscription_id,
        "application_id": k.application_id,
        "created_at": k.created_at,
        "metadata": packed(k.metadata),
        "document_id": k.document_id,
        "made_with_document": None if k.allocated else True,
    }


def document_key_of(row: RowMapping) -> DocumentKey:
    return DocumentKey(
        key=row["key"],
        subscription_id=row["subscription_id"],
        application_id=row["application_id"],
        created_at=row["created_at"],
        metadata=unpacked_as(Metadata, row["metadata"]),
        document_id=row["document_id"],
        allocated=not row["made_with_document"],
    )


def upload_row(u: Upload) -> Row:
    return {
        "id": u.id,
        "token_hash": u.token_hash,
        "subscription_id": u.subscription_id,
        "application_id": u.application_id,
        "created_at": u.created_at,
        "used": u.used,
        "ended_with": u.ended_with,
        "extracted_from": u.extracted_from,
        **_file_row("file", u.file),
    }


def upload_of(row: RowMapping) -> Upload:
    return Upload(
        id=row["id"],
        token_hash=row["token_hash"],
        subscription_id=row["subscription_id"],
        application_id=row["application_id"],
        created_at=row["created_at"],
        file=_file_of("file", row),
        used=row["used"],
        ended_with=row["ended_with"],
        extracted_from=row["extracted_from"],
    )


def _file_row(prefix: str, file: StoredFile | None) -> Row:
    values = (None,) * 5 if file is None else (file.blob_key, file.name, file.content_type, file.length, file.sha256)
    return dict(zip((f"{prefix}_{c}" for c in ("key", "name", "type", "length", "sha256")), values, strict=True))


def _file_of(prefix: str, row: RowMapping | Row) -> StoredFile | None:
    if row[f"{prefix}_key"] is None:
        return None
    return StoredFile(
        blob_key=row[f"{prefix}_key"],
        name=row[f"{prefix}_name"],
        content_type=row[f"{prefix}_type"],
        length=row[f"{prefix}_length"],
        sha256=row[f"{prefix}_sha256"],
    )


def preparation_row(p: Preparation) -> Row:
    return {
        "id": p.id,
        "session_id": p.session_id,
        "chain": msgspec.msgpack.encode(p.chain),
        "created_at": p.created_at,
        "refused": packed(p.refused),
    }


def prepared_row(preparation_id: UUID, position: int, item: PreparedDocument) -> Row:
    p = item.prepared
    return {
        "preparation_id": preparation_id,
        "document_id": item.document_id,
        "position": position,
        "original_length": p.original_length,
        "digest_algorithm": p.digest_algorithm.value,
        "document_digest": p.document_digest,
        "to_sign": p.to_sign,
        "signature_type": p.signature_type.value,
        **_layout_row(p.layout),
    }


def _layout_row(layout: PdfLayout | CmsLayout | XmlLayout) -> Row:
    """One set of columns for all formats. What a layout does not have is stored as empty."""
    match layout:
        case PdfLayout(before, contents_length, after):
            tail, options = (before, contents_length, after), StoredOptions()
        case CmsLayout(detached):
            tail, options = (b"", 0, b""), StoredOptions(detached)
        case XmlLayout(signature, of_xml):
            tail = (signature, 0, b"")
            options = StoredOptions(xml_element_id=of_xml.element_id, xml_location=of_xml.location)
    return {
        **dict(zip(("tail_before", "contents_length", "tail_after"), tail, strict=True)),
        "options": packed(options),
    }


def _layout_of(row: RowMapping | Row) -> PdfLayout | CmsLayout | XmlLayout:
    options = options_of(row["options"])
    match SignatureType(row["signature_type"]):
        case SignatureType.PDF:
            return PdfLayout(row["tail_before"], row["contents_length"], row["tail_after"])
        case SignatureType.CMS:
            return CmsLayout(options.cms.detached)
        case SignatureType.XML:
            return XmlLayout(row["tail_before"], options.xml)


def preparation_of(row: Row, items: Sequence[Row]) -> Preparation:
    chain = chain_of(row["chain"])
    return Preparation(
        id=row["id"],
        session_id=row["session_id"],
        chain=chain,
        items=tuple(PreparedDocument(item["document_id"], prepared_of(item, chain)) for item in items),
        created_at=row["created_at"],
        refused=() if row["refused"] is None else unpacked_as(tuple[RefusedDocument, ...], row["refused"]),
    )


def chain_of(stored: bytes) -> CertificateChain:
    found: CertificateChain = _decoder(msgspec.msgpack.Decoder, CertificateChain).decode(stored)
    return found


def prepared_of(row: RowMapping | Row, chain: CertificateChain) -> Prepared:
    return Prepared(
        original_length=row["original_length"],
        digest_algorithm=DigestAlgorithm(row["digest_algorithm"]),
        document_digest=row["document_digest"],
        to_sign=row["to_sign"],
        chain=chain,
        layout=_layout_of(row),
    )


def event_row(e: RecordedEvent) -> Row:
    return {
        "id": e.id,
        "type": e.type,
        "subscription_id": e.subscription_id,
        "application_id": e.application_id,
        "session_id": e.session_id,
        "document_id": e.document_id,
        "webhook_id": e.webhook_id,
        "api_key_id": e.api_key_id,
        "at": e.at,
    }


def event_of(row: RowMapping | Row) -> RecordedEvent:
    return RecordedEvent(**{name: value for name, value in row.items() if name != "data"})


def file_validation_row(subscription_id: UUID, v: FileValidation) -> Row:
    e = v.endpoint
    return {
        "subscription_id": subscription_id,
        "file_name_pattern": v.file_name_pattern,
        "endpoint_url": None if e is None else e.url,
        "endpoint_auth": None if e is None else e.auth.value,
        "endpoint_user": None if e is None else e.user,
        "endpoint_secret": None if e is None else e.sealed_secret,
    }


def file_validation_of(row: RowMapping) -> FileValidation:
    endpoint = None
    if row["endpoint_url"] is not None:
        auth = EndpointAuth(row["endpoint_auth"])
        endpoint = Endpoint(row["endpoint_url"], auth, row["endpoint_user"], row["endpoint_secret"])
    return FileValidation(row["file_name_pattern"], endpoint)


def branding_row(subscription_id: UUID, b: Branding, logo: Logo | None) -> Row:
    return {
        "subscription_id": subscription_id,
        "name": b.name,
        "accent": b.accent,
        "accent_dark": b.accent_dark,
        "logo": None if logo is None else logo.content,
        "logo_type": None if logo is None else logo.content_type,
    }


def branding_of(row: RowMapping | Row) -> Branding:
    return Branding(row["name"], row["accent"], row["accent_dark"], row["logo_type"] is not None)


def application_row(a: Application) -> Row:
    return {
        "id": a.id,
        "subscription_id": a.subscription_id,
        "name": a.name,
        "roles": " ".join(sorted(a.roles)),
        "default_metadata": packed(a.default_metadata),
        "return_urls": packed(a.return_urls),
        "frame_origins": packed(a.frame_origins),
        "strict": a.strict or None,
        "created_at": a.created_at,
        "disabled_at": a.disabled_at,
        "deleting_since": a.deleting_since,
    }


def application_of(row: RowMapping | Row) -> Application:
    return Application(
        id=row["id"],
        subscription_id=row["subscription_id"],
        name=row["name"],
        roles=frozenset(map(Role, row["roles"].split())),
        default_metadata=unpacked_as(Metadata, row["default_metadata"]),
        return_urls=unpacked_as(tuple[str, ...], row["return_urls"]),
        frame_origins=unpacked_as(tuple[str, ...], row["frame_origins"]),
        strict=bool(row["strict"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        deleting_since=row["deleting_since"],
    )


def api_key_row(key: ApiKey) -> Row:
    return {
        "id": key.id,
        "application_id": key.application_id,
        "secret_hash": key.secret_hash,
        "role": key.role,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "description": key.description,
        "created_by": key.created_by,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }


def api_key_of(row: RowMapping | Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        application_id=row["application_id"],
        secret_hash=row["secret_hash"],
        role=None if row["role"] is None else Role(row["role"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        description=row["description"],
        created_by=row["created_by"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )


def change_row(c: Change) -> Row:
    return {
        "id": c.id,
        "at": c.at,
        "subscription_id": c.subscription_id,
        "actor": c.actor,
        "key_id": c.key_id,
        "action": c.action.value,
        "subject_id": c.subject_id,
        "before": packed(c.before),
        "after": packed(c.after),
    }


def change_of(row: RowMapping) -> Change:
    return Change(
        id=row["id"],
        at=row["at"],
        subscription_id=row["subscription_id"],
        actor=row["actor"],
        key_id=row["key_id"],
        action=Action(row["action"]),
        subject_id=row["subject_id"],
        before=unpacked_as(dict[str, Any], row["before"]),
        after=unpacked_as(dict[str, Any], row["after"]),
        position=row["position"],
    )
