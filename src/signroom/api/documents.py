"""``/api/documents`` and the downloads that need no key."""

from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import HttpMethod, get, route
from litestar.response import Stream

from signroom.api import shapes
from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS
from signroom.api.models import document_model
from signroom.http.files import file_response
from signroom.service.download_file import open_download
from signroom.service.read_sessions import read_document


@get("/api/documents/{document_id:str}", responses=ANSWERS, summary="Read a document", tags=["Documents"])
async def read(document_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.DocumentModel:
    """The document, its files and who signed it."""

    def answer() -> shapes.DocumentModel:
        document, _ = read_document(ports, caller, document_id)
        return document_model(ports, document)

    return await asyncio.to_thread(answer)


@route("/api/downloads/{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD], include_in_schema=False)
async def download(token: str, ports: InjectedPorts) -> Stream:
    """The file of a `location`: the token is the authorisation."""
    file = await asyncio.to_thread(open_download, ports, token)
    return await file_response(ports, file)
