"""All that is kept of one person: find it, hand it out, erase it. For requests that data protection laws give people.

A person is named by a number of theirs: a CPF, a codice fiscale, the serial number of their certificate. It is
found in certificates of signers, in requirements, metadata, callback arguments, return addresses and file names.
"""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action
from signroom.domain.document import Document, StoredFile
from signroom.domain.erasure import ErasedKind, Erasure, proof_of
from signroom.domain.errors import BlobNotFound, FileChanged, NotFound, Refused, StorageUnavailable
from signroom.domain.metadata import Metadata
from signroom.domain.person import PersonErasure, PersonTrace, RefusedTrace, identifier_of
from signroom.domain.session import Session, SessionStatus
from signroom.ports import Ports
from signroom.ports.files import content_of
from signroom.service.erasing.erase import delete_erased_files, erase_document_rows, erase_session_rows
from signroom.service.erasing.index_persons import bring_up_to_date
from signroom.service.events.record_change import record_change

MAX_TRACES = 1000
"""Of one call."""


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Where a person was found."""

    traces: tuple[PersonTrace, ...]
    complete: bool
    """False: there may be more. The index is still being made, or there are more than `MAX_TRACES`."""


@dataclass(frozen=True, slots=True)
class ExportedPerson:
    """How much an export has."""

    sessions: int
    documents: int
    files: int
    complete: bool


def find_person(ports: Ports, caller: Caller, text: str) -> FoundPerson:
    """Raises: NotAllowed, BadInput for what cannot be an identifier."""
    caller.require(MANAGERS)
    identifier = identifier_of(text)
    up_to_date = bring_up_to_date(ports)
    with ports.store.read() as work:
        traces = work.persons.find(caller.subscription_id, identifier, MAX_TRACES + 1)
    return FoundPerson(tuple(traces[:MAX_TRACES]), up_to_date and len(traces) <= MAX_TRACES)


def export_person(ports: Ports, caller: Caller, text: str, target: Path) -> ExportedPerson:
    """Write a ZIP to `target`: ``person.json`` with all that is kept, and every file that is kept.

    Raises: NotAllowed, BadInput, Unavailable.
    """
    found = find_person(ports, caller, text)
    sessions, documents = _everything(ports, caller, found.traces)
    files = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in documents:
            files += _add_files(ports, archive, document)
        whole = {
            "sessions": [_session(ports, session) for session in sessions],
            "documents": [_document(document) for document in documents],
            "complete": found.complete,
        }
        archive.writestr("person.json", json.dumps(whole, indent=2, ensure_ascii=False, default=_text))
    exported = ExportedPerson(len(sessions), len(documents), files, found.complete)
    with ports.store.work() as work:
        facts = {"sessions": len(sessions), "documents": len(documents), "files": files}
        record_change(work, caller, Action.PERSON_EXPORTED, uuid4(), ports.clock.now(), after=facts)
    return exported


def erase_person(ports: Ports, caller: Caller, text: str) -> PersonErasure:
    """Erase every session and every document that a person was found in. What is refused is named; the rest is erased.

    Each is erased by itself: killed in the middle, the same call goes on with what is left.

    Raises: NotAllowed, BadInput, Unavailable.
    """
    found = find_person(ports, caller, text)
    erased: dict[UUID, Erasure] = {}
    refused: list[RefusedTrace] = []
    for trace in found.traces:
        if trace.session_id in erased:
            continue
        try:
            erasure = _erase(ports, caller, trace)
        except NotFound:  # somebody was faster
            continue
        except Refused as error:
            refused.append(RefusedTrace(trace, error.code))
            continue
        erased[erasure.id] = erasure
    with ports.store.work() as work:
        facts = {
            "sessions": sum(e.kind is ErasedKind.SESSION for e in erased.values()),
            "documents": sum(e.removed.documents for e in erased.values()),
            "refused": len(refused),
        }
        record_change(work, caller, Action.PERSON_ERASED, uuid4(), ports.clock.now(), after=facts)
    return PersonErasure(tuple(erased.values()), tuple(refused), found.complete and not refused)


def _erase(ports: Ports, caller: Caller, trace: PersonTrace) -> Erasure:
    """A document of an open session goes with its session: the signer would be shown it.

    Raises: NotFound, DocumentInProcessing.
    """
    now = ports.clock.now()
    with ports.store.work() as work:
        session_id = trace.session_id
        whole = trace.kind is ErasedKind.SESSION
        if not whole and session_id is not None:
            whole = work.of(caller).locked_session(session_id).status is SessionStatus.PENDING
        if whole and session_id is not None:
            erasure = erase_session_rows(work, caller, session_id, now)
        else:
            erasure = erase_document_rows(work, caller, trace.id, now, shown_only=False)
    try:
        return delete_erased_files(ports, erasure)
    except StorageUnavailable:  # the schedule goes on with it
        return erasure


def _everything(ports: Ports, caller: Caller, traces: Sequence[PersonTrace]) -> tuple[list[Session], list[Document]]:
    """The sessions with all their documents, and the other documents."""
    sessions: dict[UUID, Session] = {}
    documents: dict[UUID, Document] = {}
    with ports.store.read() as work:
        own = work.of(caller)
        for trace in traces:
            if trace.kind is ErasedKind.SESSION:
                sessions[trace.id] = own.session(trace.id)
                documents.update({d.id: d for d in work.documents.of_session(trace.id) if d.erased_at is None})
            else:
                documents[trace.id] = own.document(trace.id)
    return list(sessions.values()), list(documents.values())


def _add_files(ports: Ports, archive: zipfile.ZipFile, document: Document) -> int:
    """How many there were: the files of a document whose time is over are gone."""
    added = 0
    for kind, file in (("original", document.original), ("signed", document.signed)):
        if file is None or document.purged_at is not None:
            continue
        try:
            with ports.blobs.as_file(file.blob_key, content_of(file)) as path:
                archive.write(path, f"{document.id}/{kind}{Path(file.name).suffix[:10]}")
        except (BlobNotFound, FileChanged):
            continue  # `doctor --blobs` names it
        added += 1
    return added


def _session(ports: Ports, s: Session) -> dict[str, Any]:
    with ports.store.read() as work:
        feed = work.erasures.events_of_session(s.id)
    return {
        "id": s.id,
        "applicationId": s.application_id,
        "status": s.status,
        "createdAt": s.created_at,
        "openedAt": s.opened_at,
        "expiresAt": s.expires_at,
        "returnUrl": s.return_url,
        "callbackArgument": s.callback_argument,
        "webhookUrl": s.webhook_url,
        "language": s.language,
        "metadata": _metadata(s.metadata),
        "requirements": [{"type": r.kind, "argument": r.argument} for r in s.requirements],
        "signerCertificate": s.signer_certificate,
        "issuerCertificates": list(s.signer_issuers),
        "events": [{"type": e.type, "at": e.at, "documentId": e.document_id} for e in feed],
    }


def _document(d: Document) -> dict[str, Any]:
    signatures = () if d.verdict is None else d.verdict.signatures
    return {
        "id": d.id,
        "sessionId": d.session_id,
        "applicationId": d.application_id,
        "documentKey": d.key,
        "status": d.status,
        "createdAt": d.created_at,
        "signedAt": d.signed_at,
        "level": proof_of(d).level,
        "availableUntil": d.available_until,
        "original": _file(d.original),
        "signed": None if d.signed is None else _file(d.signed),
        "metadata": _metadata(d.metadata),
        "processingErrorDetail": d.processing_error_detail,
        "signatures": [
            {"certificate": s.certificate, "signedAt": s.signed_at, "indication": s.indication, "reason": s.reason}
            for s in signatures
        ],
    }


def _file(f: StoredFile) -> dict[str, Any]:
    return {"name": f.name, "contentType": f.content_type, "length": f.length, "sha256": f.sha256.hex()}


def _metadata(metadata: Metadata) -> dict[str, list[str]]:
    return {name: list(values) for name, values in metadata}


def _text(value: object) -> str:
    """Ids and times as the API writes them, certificates in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return str(value)
