"""Erase sessions and documents for good."""

from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import delete

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS
from signroom.api.shapes import erasing as shapes
from signroom.api.translation.erasures import erasure_model
from signroom.service.erasing.erase import erase_document, erase_session


@delete(
    "/api/signature-sessions/{session_id:str}",
    status_code=200,
    responses=ANSWERS,
    summary="Erase a signature session",
    tags=["Signature sessions"],
)
async def erase_one_session(session_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.ErasureModel:
    """Addition. Needs the role Manager. Erases the session and its documents: files, names, metadata, certificates.

    An open session ends at once. It is refused while a document is being processed. What stays confirms a signed file
    that you hold: its digest, its document key, the times. Again: the same answer.
    """
    return erasure_model(await asyncio.to_thread(erase_session, ports, caller, session_id))


@delete(
    "/api/documents/{document_id:str}",
    status_code=200,
    responses=ANSWERS,
    summary="Erase a document",
    tags=["Documents"],
)
async def erase_one_document(document_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.ErasureModel:
    """Addition. Needs the role Manager. Erases one document; its session stays, with who signed it.

    It is refused while the document is being processed, and while its session is open. Again: the same answer.
    """
    return erasure_model(await asyncio.to_thread(erase_document, ports, caller, document_id))
