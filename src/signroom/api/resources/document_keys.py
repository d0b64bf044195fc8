"""``/api/document-keys``."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import get, post
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.description import METADATA_NAME, OptionalBody
from signroom.api.media import ANSWERS, require_json_or_nothing
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import metadata_of
from signroom.api.translation.erasures import erased_document
from signroom.api.translation.models import document_key_model, document_model, metadata_model
from signroom.domain.document_key import formatted
from signroom.domain.metadata import MAX_VALUE
from signroom.service.documents.manage_document_keys import allocate_keys, find_key, unused_keys

_TAGS = ["Document keys"]
_METADATA = "provisionalMetadata"


@post(
    "/api/document-keys",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json_or_nothing,
    operation_class=OptionalBody,
    summary="Allocate a document key",
    tags=_TAGS,
)
async def allocate(
    ports: InjectedPorts, caller: InjectedCaller, data: shapes.AllocateKeyRequest | None = None
) -> shapes.DocumentKeyModel:
    """To print on a document before it is signed. The body may be empty."""
    metadata = metadata_of(data.provisional_metadata if data is not None else None, _METADATA)
    keys = await asyncio.to_thread(allocate_keys, ports, caller, 1, metadata)
    return document_key_model(keys[0])


@post(
    "/api/document-keys/batch",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json_or_nothing,
    summary="Allocate document keys",
    tags=_TAGS,
)
async def allocate_batch(
    data: shapes.AllocateKeysRequest, ports: InjectedPorts, caller: InjectedCaller
) -> list[shapes.DocumentKeyModel]:
    """1 to 100 at once."""
    metadata = metadata_of(data.provisional_metadata, _METADATA)
    keys = await asyncio.to_thread(allocate_keys, ports, caller, data.count, metadata)
    return [document_key_model(key) for key in keys]


@get("/api/document-keys/{key:str}", responses=ANSWERS, summary="Look a document key up", tags=_TAGS)
async def query(key: str, ports: InjectedPorts, caller: InjectedCaller) -> shapes.DocumentKeyQueryModel:
    """`found` is false for a key that was never allocated; typing it in lower case or without dashes is fine.

    Of a document that was erased `erased` says what stays.
    """

    def answer() -> shapes.DocumentKeyQueryModel:
        found = find_key(ports, caller, key)
        document = found.document if found is not None else None
        erased = erased_document(document)
        document = document if erased is None else None
        return shapes.DocumentKeyQueryModel(
            found=found is not None,
            formatted_key=formatted(found.key.key) if found is not None else None,
            has_document=document is not None,
            provisional_metadata=metadata_model(found.key.metadata) if found is not None else None,
            document=document_model(ports, document) if document is not None else None,
            erased=erased,
        )

    return await asyncio.to_thread(answer)


@get("/api/document-keys/unused", responses=ANSWERS, summary="Find unused document keys", tags=_TAGS)
async def unused(
    ports: InjectedPorts,
    caller: InjectedCaller,
    metadata_name: Annotated[
        str | None, Parameter(query="metadataName", schema_extra={"pattern": METADATA_NAME})
    ] = None,
    metadata_value: Annotated[str | None, Parameter(query="metadataValue", max_length=MAX_VALUE)] = None,
) -> list[shapes.DocumentKeyModel]:
    """Keys without a document, oldest first, at most 1000: all of them, or by provisional metadata.

    The case of the metadata's name is ignored.
    """
    found = await asyncio.to_thread(unused_keys, ports, caller, metadata_name, metadata_value)
    return [document_key_model(key) for key in found]
