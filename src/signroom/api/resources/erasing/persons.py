"""``/api/persons``: all that is kept of one person. Identifiers are in bodies: addresses are written into logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import IO

from litestar import post
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Stream

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, require_json
from signroom.api.shapes import erasing as shapes
from signroom.api.translation.erasures import erasure_model, refused_model, trace_model
from signroom.domain.application import Caller
from signroom.http.files import ATTACHMENT, content_disposition
from signroom.ports import Ports
from signroom.service.erasing.persons import erase_person, export_person, find_person

_TAGS = ["Persons"]
_ZIP = "application/zip"
_CHUNK = 1 << 20


@post(
    "/api/persons/find",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Find a person",
    tags=_TAGS,
)
async def find(data: shapes.PersonRequest, ports: InjectedPorts, caller: InjectedCaller) -> shapes.FoundPersonModel:
    """Addition. Needs the role Manager. The sessions and documents of the subscription in which the person occurs."""
    found = await asyncio.to_thread(find_person, ports, caller, data.identifier)
    return shapes.FoundPersonModel(items=[trace_model(t) for t in found.traces], complete=found.complete)


@post(
    "/api/persons/export",
    status_code=200,
    responses={**ANSWERS, 200: ResponseSpec(bytes, media_type=_ZIP, generate_examples=False, description="A ZIP.")},
    before_request=require_json,
    summary="Export what is kept of a person",
    tags=_TAGS,
)
async def export(data: shapes.PersonRequest, ports: InjectedPorts, caller: InjectedCaller) -> Stream:
    """Addition. Needs the role Manager. A ZIP: `person.json` with all that is kept, and the files that are kept."""
    file = await asyncio.to_thread(_exported, ports, caller, data.identifier)

    async def chunks() -> AsyncIterator[bytes]:
        with file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk

    headers = {**ATTACHMENT, "content-disposition": content_disposition("person.zip")}
    return Stream(chunks(), media_type=_ZIP, headers=headers)


@post(
    "/api/persons/erase",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Erase what is kept of a person",
    tags=_TAGS,
)
async def erase(
    data: shapes.ErasePersonRequest, ports: InjectedPorts, caller: InjectedCaller
) -> shapes.PersonErasureModel:
    """Addition. Needs the role Manager. Erases every session and document in which the person occurs, at most 1000.

    What cannot be erased now is in `refused`, with the code that says why. With `dryRun` nothing is erased.
    """
    if data.dry_run:
        found = await asyncio.to_thread(find_person, ports, caller, data.identifier)
        traces = [trace_model(t) for t in found.traces]
        return shapes.PersonErasureModel(erased=[], refused=[], found=traces, complete=found.complete)
    outcome = await asyncio.to_thread(erase_person, ports, caller, data.identifier)
    return shapes.PersonErasureModel(
        erased=[erasure_model(e) for e in outcome.erased],
        refused=[refused_model(r) for r in outcome.refused],
        found=[],
        complete=outcome.complete,
    )


def _exported(ports: Ports, caller: Caller, identifier: str) -> IO[bytes]:
    """An open file without a name: it is gone as soon as nobody reads it, whatever becomes of the request."""
    with ports.blobs.scratch() as folder:
        target = folder / "person.zip"
        export_person(ports, caller, identifier, target)
        return target.open("rb")
