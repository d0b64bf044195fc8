"""Rows to nouns and back, by hand: tables and nouns may change apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import RowMapping

from signroom.domain.application import ApiKey, Application, Role
from signroom.domain.document import Document, DocumentStatus, StoredFile
from signroom.domain.event import DocumentFailed, DocumentSignatureCompleted, Event
from signroom.domain.preparation import Preparation, PreparedDocument
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import (
    CertificateChain,
    DigestAlgorithm,
    Inspection,
    Prepared,
    SignatureType,
    Verdict,
)

Row = dict[str, Any]


def session_row(s: Session) -> Row:
    return {
        "id": s.id,
        "subscription_id": s.subscription_id,
        "application_id": s.application_id,
        "status": s.status.value,
        "link_hash": s.link_hash,
        "return_url": s.return_url,
        "callback_argument": s.callback_argument,
        "disable_downloads": s.disable_downloads,
        "predefined": s.predefined,
        "created_at": s.created_at,
        "expires_at": s.expires_at,
        "signer_certificate": s.signer_certificate,
        "processing_error_code": s.processing_error_code,
    }


def session_of(row: RowMapping) -> Session:
    return Session(**{**row, "status": SessionStatus(row["status"])})


def document_row(d: Document) -> Row:
    return {
        "id": d.id,
        "session_id": d.session_id,
        "position": d.position,
        "status": d.status.value,
        "signature_type": d.inspection.signature_type.value,
        "pages": d.inspection.pages,
        "signatures": d.inspection.signatures,
        "created_at": d.created_at,
        "preparation_id": d.preparation_id,
        "signature_value": d.signature_value,
        "signed_at": d.signed_at,
        "processing_error_code": d.processing_error_code,
        "verdict": None if d.verdict is None else msgspec.json.encode(d.verdict),
        **_file_row("original", d.original),
        **_file_row("signed", d.signed),
    }


def document_of(row: RowMapping) -> Document:
    original = _file_of("original", row)
    if original is None:
        raise LookupError("a document row without an original file")  # the column is NOT NULL: a damaged database
    return Document(
        id=row["id"],
        session_id=row["session_id"],
        position=row["position"],
        status=DocumentStatus(row["status"]),
        original=original,
        inspection=Inspection(
            signature_type=SignatureType(row["signature_type"]),
            content_type=original.content_type,
            pages=row["pages"],
            signatures=row["signatures"],
        ),
        created_at=row["created_at"],
        preparation_id=row["preparation_id"],
        signature_value=row["signature_value"],
        signed=_file_of("signed", row),
        signed_at=row["signed_at"],
        processing_error_code=row["processing_error_code"],
        verdict=None if row["verdict"] is None else msgspec.json.decode(row["verdict"], type=Verdict),
    )


def _file_row(prefix: str, file: StoredFile | None) -> Row:
    values = (None,) * 5 if file is None else (file.blob_key, file.name, file.content_type, file.length, file.sha256)
    return dict(zip((f"{prefix}_{c}" for c in ("key", "name", "type", "length", "sha256")), values, strict=True))


def _file_of(prefix: str, row: RowMapping) -> StoredFile | None:
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
    }


def prepared_row(preparation_id: UUID, position: int, item: PreparedDocument) -> Row:
    p = item.prepared
    start, end = p.contents_start - p.original_length, p.contents_end - p.original_length
    return {
        "preparation_id": preparation_id,
        "document_id": item.document_id,
        "position": position,
        "original_length": p.original_length,
        "tail_before": p.tail[:start],
        "tail_after": p.tail[end:],
        "contents_length": end - start,
        "digest_algorithm": p.digest_algorithm.value,
        "document_digest": p.document_digest,
        "to_sign": p.to_sign,
    }


def preparation_of(row: RowMapping, items: Sequence[RowMapping]) -> Preparation:
    chain = chain_of(row["chain"])
    return Preparation(
        id=row["id"],
        session_id=row["session_id"],
        chain=chain,
        items=tuple(PreparedDocument(item["document_id"], prepared_of(item, chain)) for item in items),
        created_at=row["created_at"],
    )


def chain_of(stored: bytes) -> CertificateChain:
    return msgspec.msgpack.decode(stored, type=CertificateChain)


def prepared_of(row: RowMapping, chain: CertificateChain) -> Prepared:
    placeholder = b"<" + b"0" * (row["contents_length"] - 2) + b">"
    start = row["original_length"] + len(row["tail_before"])
    return Prepared(
        original_length=row["original_length"],
        tail=row["tail_before"] + placeholder + row["tail_after"],
        contents_start=start,
        contents_end=start + row["contents_length"],
        digest_algorithm=DigestAlgorithm(row["digest_algorithm"]),
        document_digest=row["document_digest"],
        to_sign=row["to_sign"],
        chain=chain,
    )


def event_row(event: Event) -> Row:
    document = event.document_id if isinstance(event, DocumentSignatureCompleted | DocumentFailed) else None
    return {"type": event.type, "session_id": event.session_id, "document_id": document, "at": event.at}


def api_key_row(key: ApiKey) -> Row:
    return {
        "id": key.id,
        "application_id": key.application_id,
        "secret_hash": key.secret_hash,
        "role": key.role.value,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }


def api_key_of(row: RowMapping) -> tuple[ApiKey, Application]:
    key = ApiKey(
        id=row["id"],
        application_id=row["application_id"],
        secret_hash=row["secret_hash"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
    return key, Application(row["application_id"], row["subscription_id"], row["name"])
