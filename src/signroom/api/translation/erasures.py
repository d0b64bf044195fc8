"""Erasures to the wire's models."""

from __future__ import annotations

from datetime import datetime

from signroom.api.shapes import erasing as shapes
from signroom.domain.document import Document
from signroom.domain.document_key import formatted
from signroom.domain.erasure import Erasure, KeptProof, proof_of
from signroom.domain.person import PersonTrace, RefusedTrace


def erasure_model(e: Erasure) -> shapes.ErasureModel:
    return shapes.ErasureModel(
        id=e.id,
        kind=e.kind.value,
        erased_at=e.erased_at.replace(microsecond=0),
        removed=_removed(e),
        documents=[_proof(proof) for proof in e.proofs],
        files_deleted_at=_seconds(e.files_deleted_at),
    )


def erased_document(document: Document | None) -> shapes.ErasedDocumentModel | None:
    """What stays of `document`; None when it was not erased."""
    return None if document is None or document.erased_at is None else _proof(proof_of(document))


def _seconds(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(microsecond=0)


def _removed(e: Erasure) -> shapes.RemovedModel:
    r = e.removed
    return shapes.RemovedModel(
        documents=r.documents,
        files=r.files,
        preparations=r.preparations,
        deliveries=r.deliveries,
        metadata_values=r.metadata_values,
        idempotency_keys=r.idempotency_keys,
    )


def _proof(p: KeptProof) -> shapes.ErasedDocumentModel:
    return shapes.ErasedDocumentModel(
        id=p.document_id,
        key=p.key,
        formatted_key=formatted(p.key),
        status=p.status,
        sha256=p.sha256,
        level=p.level,
        date_signed=_seconds(p.signed_at) if p.sha256 is not None else None,
        signatures_intact=p.intact,
    )


def trace_model(t: PersonTrace) -> shapes.PersonTraceModel:
    return shapes.PersonTraceModel(
        kind=t.kind.value,
        id=t.id,
        session_id=t.session_id,
        application_id=t.application_id,
        status=t.status,
        created_at=t.created_at.replace(microsecond=0),
    )


def refused_model(r: RefusedTrace) -> shapes.RefusedTraceModel:
    return shapes.RefusedTraceModel(kind=r.trace.kind.value, id=r.trace.id, code=r.code)
