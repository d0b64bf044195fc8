"""``/api/signature-sessions``."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from litestar import get, post

from signroom.api import shapes
from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.models import session_model
from signroom.domain.errors import BadInput, NotImplementedHere, UnsupportedFileType
from signroom.service.open_session import OpenSession, PredefinedDocument, open_session
from signroom.service.read_sessions import read_session


@post(
    "/api/signature-sessions",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Open a signature session",
    tags=["Signature sessions"],
)
async def create(
    data: shapes.CreateSessionRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.CreateSessionResponse:
    """Send your user to `redirectUrl`; he comes back to `returnUrl` with `signatureSessionId` in its query."""
    opened = await open_session(ports, caller, _command(data))
    return shapes.CreateSessionResponse(session_id=opened.session_id, redirect_url=opened.redirect_url)


@get(
    "/api/signature-sessions/{session_id:str}",
    responses=ANSWERS,
    summary="Read a signature session",
    tags=["Signature sessions"],
)
async def read(session_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.SessionModel:
    """Check `status` before you use `documents`: a user also comes back when he cancels."""

    def answer() -> shapes.SessionModel:
        return session_model(ports, read_session(ports, caller, session_id))

    return await asyncio.to_thread(answer)


def _command(data: shapes.CreateSessionRequest) -> OpenSession:
    _require_supported(
        securityContextId=data.security_context_id,
        certificateRequirements=data.certificate_requirements,
        documentMetadata=data.document_metadata,
        pdfSignatureOptions=data.pdf_signature_options,
        cmsSignatureOptions=data.cms_signature_options,
        enableBackgroundProcessing=data.enable_background_processing,
    )
    return OpenSession(
        return_url=data.return_url,
        callback_argument=data.callback_argument,
        disable_downloads=bool(data.disable_downloads),
        documents=tuple(_document(d) for d in data.documents or ()),
    )


def _document(data: shapes.SessionDocumentRequest) -> PredefinedDocument:
    _require_supported(documentKey=data.document_key, metadata=data.metadata)
    if data.signature_type and data.signature_type.lower() not in {"pdf", "pades"}:
        raise UnsupportedFileType(f"signatureType {data.signature_type!r}.")
    file = data.file
    if not isinstance(file, shapes.FileReference):
        raise BadInput("Each document needs a file.")
    _require_supported(url=file.url if file.content is None else None, blobToken=file.blob_token)
    if file.content is None or not file.name:
        raise BadInput("A file needs its content (base64) and its name.")
    return PredefinedDocument(file.name, file.content)


def _require_supported(**fields: Any) -> None:
    """What this version does not do is refused, not ignored: a requirement that is dropped silently is a hole."""
    for name, value in fields.items():
        if value:
            raise NotImplementedHere(f"Field '{name}'.")
