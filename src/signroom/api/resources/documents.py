"""``/api/documents`` and the downloads that need no key."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.params import Parameter
from litestar.response import Stream

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.description import METADATA_NAME
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import file_source, level_of, signature_type_of
from signroom.api.translation.cursors import Limit, cursor_of, position_of
from signroom.api.translation.erasures import erased_document
from signroom.api.translation.models import document_model, file_check_model, signer_model, version_models
from signroom.domain.errors import BadInput
from signroom.domain.level import Level
from signroom.domain.metadata import MAX_VALUE
from signroom.http.callers.hang_up import while_connected
from signroom.http.files import file_response
from signroom.ports.store import MetadataSearch, Position
from signroom.service.documents.check_file import CheckFile, check_file
from signroom.service.documents.download_file import open_download
from signroom.service.documents.manage_document_keys import find_key
from signroom.service.documents.read_documents import find_documents, read_document
from signroom.service.levels.extend_document import extend_document
from signroom.service.verification.inspect_signature import signers_of_document

_TAGS = ["Documents"]


@get("/api/documents/{document_id:str}", responses=ANSWERS, summary="Read a document", tags=_TAGS)
async def read(document_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> shapes.DocumentModel:
    """The document, its files and who signed it."""
    return await asyncio.to_thread(lambda: document_model(ports, read_document(ports, caller, document_id)))


@post(
    "/api/documents/preflight",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Can a file be signed?",
    tags=_TAGS,
)
async def preflight(
    data: shapes.CheckFileRequest, request: Request[Any, Any, Any], ports: InjectedPorts, caller: InjectedCaller
) -> shapes.FileCheckModel:
    """Addition. What stands in the way of signing it, and what is worth a word, before anybody is asked.

    A file that cannot be signed is an answer (200) whose finding has the code of the refusal. Nothing is kept.
    """
    command = CheckFile(file_source(data.file), signature_type_of(data.signature_type))
    return file_check_model(await while_connected(request, check_file(ports, caller, command)))


@get("/api/documents/{document_id:str}/signers", responses=ANSWERS, summary="Who signed a document", tags=_TAGS)
async def signers(
    document_id: UUID, request: Request[Any, Any, Any], ports: InjectedPorts, caller: InjectedCaller
) -> list[shapes.SignerModel]:
    """One entry per signature, those of earlier signers included; empty before it is signed."""
    found = await while_connected(request, signers_of_document(ports, caller, document_id))
    return await asyncio.to_thread(lambda: [signer_model(ports, signer) for signer in found])


@get(
    "/api/documents/{document_id:str}/versions", responses=ANSWERS, summary="The versions of a signed file", tags=_TAGS
)
async def versions(document_id: UUID, ports: InjectedPorts, caller: InjectedCaller) -> list[shapes.VersionModel]:
    """Addition. One for each level that the signed file has reached, the newest last; empty before it is signed."""
    return await asyncio.to_thread(lambda: version_models(ports, read_document(ports, caller, document_id)))


@post(
    "/api/documents/{document_id:str}/extend",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Raise the level of a signed file",
    tags=_TAGS,
)
async def extend(
    document_id: UUID, data: shapes.ExtendRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.DocumentModel:
    """Addition. The service goes on until the level is reached, and tells it by the event `DocumentArchived`.

    A document that has the level already, or wants a higher one, stays as it is.
    """
    level = level_of(data.level)
    if level is None or level is Level.B_B:  # every signature has that one
        raise BadInput("level is one of B-T, B-LT, B-LTA.", path="level")
    return await asyncio.to_thread(lambda: document_model(ports, extend_document(ports, caller, document_id, level)))


@get("/api/documents/keys/{key:str}", responses=ANSWERS, summary="Find a document by its key", tags=_TAGS)
async def by_key(key: str, ports: InjectedPorts, caller: InjectedCaller) -> shapes.DocumentQueryModel:
    """`found` is false for keys that nobody allocated, for keys without a document, and for erased documents.

    Of an erased one `erased` says what stays: compare its `sha256` with that of a file that you hold.
    """

    def answer() -> shapes.DocumentQueryModel:
        found = find_key(ports, caller, key)
        document = None if found is None else found.document
        erased = erased_document(document)
        document = document if erased is None else None
        model = None if document is None else document_model(ports, document)
        return shapes.DocumentQueryModel(found=document is not None, document=model, erased=erased)

    return await asyncio.to_thread(answer)


@get("/api/documents", responses=ANSWERS, summary="Find documents by metadata", tags=_TAGS)
async def find(
    metadata_name: Annotated[str, Parameter(query="metadataName", schema_extra={"pattern": METADATA_NAME})],
    metadata_value: Annotated[str, Parameter(query="metadataValue", max_length=MAX_VALUE)],
    ports: InjectedPorts,
    caller: InjectedCaller,
    cursor: str | None = None,
    limit: Limit = 50,
) -> shapes.DocumentList:
    """Addition. Newest first; the name's case is ignored, the value is compared as a whole."""

    def answer() -> shapes.DocumentList:
        wanted = MetadataSearch(caller.subscription_id, metadata_name, metadata_value, position_of(cursor))
        found = find_documents(ports, caller, wanted, limit + 1)
        page = found[:limit]
        last = Position(page[-1].created_at, page[-1].id) if len(found) > limit else None
        return shapes.DocumentList(items=[document_model(ports, d) for d in page], next_cursor=cursor_of(last))

    return await asyncio.to_thread(answer)


@get("/api/downloads/{token:str}", include_in_schema=False)
async def download(token: str, ports: InjectedPorts) -> Stream:
    """The file of a `location`: the token is the authorisation."""
    found = await asyncio.to_thread(open_download, ports, token)
    return await file_response(ports, found.file)
