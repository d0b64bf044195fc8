"""What several requests have in common: ids, metadata, files inside options, pages of lists."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from signroom_client.decoding import decode
from signroom_client.errors import UnexpectedAnswerError
from signroom_client.options import CmsSignatureOptions, MetadataInput
from signroom_client.service import Params, Service
from signroom_client.uploads import Room, sent

T = TypeVar("T")
Id = UUID | str


def id_text(given: Id | None) -> str | None:
    return None if given is None else str(given)


def metadata(given: MetadataInput | None) -> dict[str, list[str]] | None:
    if given is None:
        return None
    return {name: [value] if isinstance(value, str) else list(value) for name, value in given.items()}


async def cms_options(service: Service, given: CmsSignatureOptions | None, room: Room) -> CmsSignatureOptions | None:
    """With its file on the way."""
    if given is None or given.data_file is None:
        return given
    return replace(given, data_file=await sent(service, given.data_file, room))


async def pages(service: Service, kind: type[T], path: str, params: Params, page_size: int) -> AsyncGenerator[T, None]:
    """The items of a list, page by page."""
    cursor: list[tuple[str, str]] = []
    while True:
        answer = await service.get(path, [*params, ("limit", str(page_size)), *cursor])
        if not isinstance(answer, dict):
            raise UnexpectedAnswerError("A list should come in pages.")
        for item in answer.get("items") or ():
            yield decode(kind, item)
        following = answer.get("nextCursor")
        if not following:
            return
        cursor = [("cursor", str(following))]
