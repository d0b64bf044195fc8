"""``/api/signature-sessions``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts, InjectedWaits
from signroom.api.media import ANSWERS, idempotency_of, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import (
    file_source,
    member,
    metadata_of,
    moment_of,
    new_document,
    optional_source,
    require_absent,
    requirements_of,
    signing_options,
)
from signroom.api.translation.cursors import Limit, cursor_of, position_of
from signroom.api.translation.models import session_model, session_summary
from signroom.domain.errors import BadInput, TooManyDocuments, document_place, told_of
from signroom.domain.language import LANGUAGES, known_language, preferred_language
from signroom.domain.session import MAX_DOCUMENTS, SessionStatus
from signroom.domain.signature import OptionsByType
from signroom.domain.signature_policy import SignaturePolicy
from signroom.http.callers.hang_up import while_connected
from signroom.ports.store import Position, SessionFilter
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.file_sources import EarlierDocument, FileSource
from signroom.service.sessions.end_session import withdraw_session
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.service.sessions.read_sessions import list_sessions, read_session
from signroom.service.sessions.wait_for_session import wait_for_session
from signroom.service.signing.retry_processing import retry_session

_TAGS = ["Signature sessions"]


@post(
    "/api/signature-sessions",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Open a signature session",
    tags=_TAGS,
)
async def create(
    data: shapes.CreateSessionRequest,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    caller: InjectedCaller,
    idempotency_key: Annotated[str | None, Parameter(header="Idempotency-Key", max_length=255)] = None,
    accept_language: Annotated[str | None, Parameter(header="Accept-Language")] = None,
) -> shapes.CreateSessionResponse:
    """Send your user to `redirectUrl`. They come back to `returnUrl` with `signatureSessionId` in its query.

    With an `Idempotency-Key` the same request may be sent again within a day: it opens one session.
    """
    if isinstance(data.cms_signature_options, shapes.CmsOptionsRequest):
        # The content of a detached signature is one document's, not a session's.
        field = "cmsSignatureOptions.dataFile"
        require_absent(**{field: optional_source(data.cms_signature_options.data_file, field)})
    if len(data.documents or ()) > MAX_DOCUMENTS:
        raise TooManyDocuments(f"At most {MAX_DOCUMENTS}.")  # before each is looked at
    policies = ports.policies()
    options = _options(data, policies)
    command = OpenSession(
        return_url=data.return_url,
        callback_argument=data.callback_argument,
        disable_downloads=bool(data.disable_downloads),
        background=bool(data.enable_background_processing),
        documents=tuple(_document(number, d, options, policies) for number, d in enumerate(data.documents or ())),
        metadata=metadata_of(data.document_metadata, "documentMetadata"),
        security_context_id=data.security_context_id,
        requirements=requirements_of(data.certificate_requirements),
        options=options,
        result_token=bool(data.result_token),
        language=_language(data.language, accept_language),
        webhook_url=data.webhook_url or None,
        idempotency=await idempotency_of(request, idempotency_key),
    )
    opened = await while_connected(request, open_session(ports, caller, command))
    ports.meter.about(session_id=opened.session_id)
    return shapes.CreateSessionResponse(session_id=opened.session_id, redirect_url=opened.redirect_url)


@get("/api/signature-sessions/{session_id:str}", responses=ANSWERS, summary="Read a signature session", tags=_TAGS)
async def read(session_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.SessionModel:
    """Check `status` before you use `documents`: a user also comes back after they cancel."""

    def answer() -> shapes.SessionModel:
        return session_model(ports, read_session(ports, caller, session_id))

    return await asyncio.to_thread(answer)


@get(
    "/api/signature-sessions/{session_id:str}/when-completed",
    responses=ANSWERS,
    summary="Wait until the documents of a session are done",
    tags=_TAGS,
)
async def when_completed(
    session_id: UUID,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    waits: InjectedWaits,
    caller: InjectedCaller,
) -> shapes.CompletionStatus:
    """Answers after 15 seconds at the latest; call again while `completed` is false."""
    with waits.taken(caller):
        found = await while_connected(request, wait_for_session(ports, caller, session_id))
    return shapes.CompletionStatus(completed=found.completed, progress=found.progress)


@get("/api/signature-sessions", responses=ANSWERS, summary="List signature sessions", tags=_TAGS)
async def list_all(
    ports: InjectedPorts,
    caller: InjectedCaller,
    status: Annotated[
        list[str] | None, Parameter(schema_extra={"items": {"type": "string", "enum": list(SessionStatus)}})
    ] = None,
    created_from: Annotated[datetime | None, Parameter(query="createdFrom")] = None,
    created_before: Annotated[datetime | None, Parameter(query="createdBefore")] = None,
    callback_argument: Annotated[str | None, Parameter(query="callbackArgument", max_length=1024)] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> shapes.SessionList:
    """Addition. Newest first; `nextCursor` leads to the next page. Several `status` may be given."""
    wanted = SessionFilter(
        subscription_id=caller.subscription_id,
        statuses=frozenset(member(SessionStatus, s, "?status") for s in status or ()),
        created_from=moment_of(created_from, "?createdFrom"),
        created_before=moment_of(created_before, "?createdBefore"),
        callback_argument=callback_argument,
        before=position_of(cursor),
    )
    found = await asyncio.to_thread(list_sessions, ports, caller, wanted, limit + 1)
    page = found[:limit]
    last = Position(page[-1].created_at, page[-1].id) if len(found) > limit else None
    return shapes.SessionList(items=[session_summary(s) for s in page], next_cursor=cursor_of(last))


@post(
    "/api/signature-sessions/{session_id:str}/cancel",
    status_code=200,
    responses=ANSWERS,
    summary="Cancel a signature session",
    tags=_TAGS,
)
async def cancel(session_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.SessionModel:
    """Addition. Only while it is `Pending`; once more is answered the same."""

    def answer() -> shapes.SessionModel:
        withdraw_session(ports, caller, session_id)
        return session_model(ports, read_session(ports, caller, session_id))

    return await asyncio.to_thread(answer)


@post(
    "/api/signature-sessions/{session_id:str}/retry",
    status_code=200,
    responses=ANSWERS,
    summary="Process the failed documents of a session again",
    tags=_TAGS,
)
async def retry(session_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.SessionModel:
    """Addition, for managers. Only in `ProcessingError`; the signatures that were given are used again."""

    def answer() -> shapes.SessionModel:
        retry_session(ports, caller, session_id)
        return session_model(ports, read_session(ports, caller, session_id))

    return await asyncio.to_thread(answer)


def _source(given: shapes.SessionDocumentRequest) -> FileSource | EarlierDocument:
    """A file, or a document that is signed already and is signed once more. Raises: BadInput."""
    if given.id is None:
        return file_source(given.file)
    if optional_source(given.file) is not None:
        raise BadInput("A document has a file or the id of an earlier document, not both.", path="id")
    return EarlierDocument(given.id)


def _language(given: str | None, accepted: str | None) -> str | None:
    """What the request says, else what its ``Accept-Language`` prefers. Raises: BadInput."""
    if not given:
        return preferred_language(accepted)
    found = known_language(given)
    if found is None:
        raise BadInput(f"language is one of {', '.join(LANGUAGES)}.", path="language")
    return found


def _options(session: shapes.CreateSessionRequest, policies: Sequence[SignaturePolicy]) -> OptionsByType:
    """Raises: BadInput, NotImplementedHere, SignaturePolicyNotFound."""
    pdf, cms, xml = session.pdf_signature_options, session.cms_signature_options, session.xml_signature_options
    return signing_options(pdf, cms, xml, policies=policies)


def _document(
    number: int,
    given: shapes.SessionDocumentRequest,
    default: OptionsByType,
    policies: Sequence[SignaturePolicy],
) -> NewDocument:
    """Raises: BadInput, BadMetadata, NotImplementedHere, SignaturePolicyNotFound, each with the document's place."""
    with told_of(document_place(number)):
        return new_document(
            _source(given),
            signature_type=given.signature_type,
            pdf=given.pdf_signature_options,
            cms=given.cms_signature_options,
            xml=given.xml_signature_options,
            metadata=metadata_of(given.metadata),
            key=given.document_key,
            default=default,
            policies=policies,
        )
