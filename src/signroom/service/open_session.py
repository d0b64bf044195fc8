"""Open a signature session for an application, with or without documents of its choice.

Documents are checked before anything is created: a session either exists with all of them or not at all.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

from signroom.domain.application import Caller, Role
from signroom.domain.document import clean_file_name
from signroom.domain.errors import NotAllowed, TooManyDocuments
from signroom.domain.event import Event
from signroom.domain.session import MAX_DOCUMENTS, Session, new_session
from signroom.ports import Ports
from signroom.service.add_document import Accepted, accepted_file, new_document
from signroom.service.authenticate import hash_secret

_CHUNK = 1 << 20
MAY_OPEN = frozenset({Role.WORKER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class PredefinedDocument:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The command: what an application may say about a new session."""

    return_url: str | None = None
    callback_argument: str | None = None
    disable_downloads: bool = False
    documents: tuple[PredefinedDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    session_id: UUID
    redirect_url: str
    """Holds the link's secret: handed out here and never again."""


async def open_session(ports: Ports, caller: Caller, command: OpenSession) -> Opened:
    """Raises: NotAllowed, BadReturnUrl, BadCallbackArgument, TooManyDocuments, FileTooLarge, a DocumentRejected."""
    if caller.role not in MAY_OPEN:
        raise NotAllowed(f"A key of role {caller.role} opens no sessions.")
    if len(command.documents) > MAX_DOCUMENTS:
        raise TooManyDocuments(f"At most {MAX_DOCUMENTS}.")
    now = ports.clock.now()
    link = secrets.token_urlsafe(32)
    session, event = new_session(
        id=uuid4(),
        subscription_id=caller.subscription_id,
        application_id=caller.application.id,
        link_hash=hash_secret(link),
        return_url=command.return_url,
        callback_argument=command.callback_argument,
        disable_downloads=command.disable_downloads,
        predefined=bool(command.documents),
        now=now,
        expires_at=now + ports.limits.session_lifetime,
    )
    async with AsyncExitStack() as files:
        accepted = [
            await files.enter_async_context(
                accepted_file(ports, session.id, clean_file_name(d.name), _chunks(d.content))
            )
            for d in command.documents
        ]
        await asyncio.to_thread(_record, ports, session, event, accepted)
    return Opened(session.id, f"{ports.public_url}/sign/{link}")


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), _CHUNK):
        yield bytes(view[start : start + _CHUNK])


def _record(ports: Ports, session: Session, event: Event, accepted: list[Accepted]) -> None:
    with ports.store.work() as work:
        work.add_session(session)
        for position, file in enumerate(accepted):
            work.add_document(new_document(file, session.id, position, ports))
        work.append_event(event)
