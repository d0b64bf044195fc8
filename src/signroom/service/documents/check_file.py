"""Pre-flight for an application: can this file be signed, and what is worth a word? Nothing is kept."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import PurePath

from signroom.domain.application import WORKERS, Caller
from signroom.domain.errors import DocumentRejected, FileDownloadFailed, FileTooLarge, about
from signroom.domain.preflight import Finding, FindingCode, FindingLevel, fact
from signroom.domain.signature import Inspection, SignatureType
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.documents.file_sources import (
    FileSource,
    UploadToken,
    as_local_file,
    off_the_loop,
    place_of,
    store_source,
)


@dataclass(frozen=True, slots=True)
class CheckFile:
    file: FileSource
    signature_type: SignatureType | None = None
    """None: PDF for a PDF, else CMS."""


async def check_file(ports: Ports, caller: Caller, command: CheckFile) -> Inspection | DocumentRejected | FileTooLarge:
    """What `add_document` would find, or its refusal as a value.

    Raises: NotAllowed, BadInput, UploadNotFound, UploadIncomplete, FileDownloadFailed, Unavailable.
    """
    caller.require(WORKERS)
    try:
        return await _inspected(ports, caller, command)
    except FileDownloadFailed:
        raise  # nobody knows what the file is
    except (DocumentRejected, FileTooLarge) as error:
        return error


async def _inspected(ports: Ports, caller: Caller, command: CheckFile) -> Inspection:
    formats = ports.formats.of(Turn.of_caller(caller))
    formats.require_place()
    async with AsyncExitStack() as files:
        folder = await files.enter_async_context(off_the_loop(ports.blobs.scratch()))
        name = await _name(ports, caller, command.file)
        file = await files.enter_async_context(as_local_file(ports, caller, command.file, folder))
        wanted = command.signature_type or type_by_name(name)
        with about(place_of(command.file)):
            return with_name(await formats.inspect(file, wanted), name)


async def _name(ports: Ports, caller: Caller, source: FileSource) -> str:
    """As it was given, or as the upload has it."""
    if source.name is not None or not isinstance(source, UploadToken):
        return source.name or ""
    return (await store_source(ports, caller, source, "", "")).file.name


def type_by_name(name: str) -> SignatureType | None:
    """What is called .pdf and is none would get a CMS signature that nobody expects."""
    return SignatureType.PDF if name.lower().endswith(".pdf") else None


def with_name(inspection: Inspection, name: str) -> Inspection:
    """`inspection`, and a word about a PDF that is called something else."""
    suffix = PurePath(name).suffix.lower()
    if inspection.signature_type is not SignatureType.PDF or suffix in {"", ".pdf"}:
        return inspection
    found = Finding(FindingCode.OTHER_TYPE, FindingLevel.BUT, (fact("suffix", suffix),))
    return replace(inspection, findings=(found, *inspection.findings))
