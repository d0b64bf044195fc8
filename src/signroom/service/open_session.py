"""Open a signature session for an application, with or without documents of its choice.

Documents are checked before anything is created: a session either exists with all of them or not at all.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

from signroom.domain.application import WORKERS, Caller
from signroom.domain.errors import AlreadyDone, SecurityContextNotConfigured, TooManyDocuments
from signroom.domain.event import Event
from signroom.domain.metadata import NO_METADATA, Metadata
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.session import MAX_DOCUMENTS, Session, new_session
from signroom.domain.signature import NO_OPTIONS, SigningOptions
from signroom.ports import Ports
from signroom.service.add_document import (
    Accepted,
    NewDocument,
    accepted_document,
    document_of_session,
    record_document,
    require_free_keys,
)
from signroom.service.authenticate import hash_secret
from signroom.service.judge_certificate import find_context
from signroom.service.once import Idempotency, done_before, remember
from signroom.service.page_tokens import page_link


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The command: what an application may say about a new session."""

    return_url: str | None = None
    callback_argument: str | None = None
    disable_downloads: bool = False
    background: bool = False
    documents: tuple[NewDocument, ...] = ()
    metadata: Metadata = NO_METADATA
    security_context_id: UUID | None = None
    """None: the installation's default."""
    requirements: tuple[CertificateRequirement, ...] = ()
    options: SigningOptions = NO_OPTIONS
    """For the signer's uploads."""
    result_token: bool = False
    once: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    session_id: UUID
    redirect_url: str
    """Holds the link's secret, which is not stored."""


async def open_session(ports: Ports, caller: Caller, command: OpenSession) -> Opened:
    """Raises: NotAllowed, BadReturnUrl, ReturnUrlNotAllowed, BadCallbackArgument, TooManyDocuments, FileTooLarge,
    SecurityContextNotFound, SecurityContextNotConfigured, DocumentKeyNotFound, DocumentKeyInUse, UploadNotFound,
    IdempotencyKeyReused, a DocumentRejected.
    """
    caller.require(WORKERS)
    before = await asyncio.to_thread(done_before, ports, caller, command.once)
    if before is not None:
        return _opened(ports, before)
    if len(command.documents) > MAX_DOCUMENTS:
        raise TooManyDocuments(f"At most {MAX_DOCUMENTS}.")
    if command.return_url is not None:
        caller.application.require_return_url(command.return_url)
    context = find_context(ports, command.security_context_id)
    if command.requirements and context.any_issuer:
        # OIDs that anybody may have written into a certificate of his own prove nothing.
        raise SecurityContextNotConfigured("certificateRequirements need a context with trusted roots.")
    now, session_id = ports.clock.now(), uuid4()
    session, event = new_session(
        id=session_id,
        subscription_id=caller.subscription_id,
        application_id=caller.application.id,
        link_hash=hash_secret(page_link(ports, session_id)),
        return_url=command.return_url,
        callback_argument=command.callback_argument,
        disable_downloads=command.disable_downloads,
        predefined=bool(command.documents),
        now=now,
        expires_at=now + ports.limits.session_lifetime,
        security_context_id=context.id,
        requirements=command.requirements,
        background=command.background,
        metadata=command.metadata,
        options=command.options,
        result_token=command.result_token,
    )
    await asyncio.to_thread(require_free_keys, ports, caller, command.documents)
    try:
        async with AsyncExitStack() as files:
            folder = f"sessions/{session_id}"
            accepted = [
                await files.enter_async_context(accepted_document(ports, caller, folder, d)) for d in command.documents
            ]
            await asyncio.to_thread(_record, ports, caller, command.once, (session, event), accepted)
    except AlreadyDone:
        # The same request, at the same time: its outcome is this one's.
        first = await asyncio.to_thread(done_before, ports, caller, command.once)
        if first is None:
            raise
        return _opened(ports, first)
    return _opened(ports, session_id)


def _opened(ports: Ports, session_id: UUID) -> Opened:
    return Opened(session_id, f"{ports.public_url}/sign/{page_link(ports, session_id)}")


def _record(
    ports: Ports,
    caller: Caller,
    once: Idempotency | None,
    opened: tuple[Session, Event],
    accepted: list[Accepted],
) -> None:
    session, event = opened
    with ports.store.work() as work:
        remember(work, ports, caller, once, session.id)
        work.add_session(session)
        for position, file in enumerate(accepted):
            document = document_of_session(file, session, caller.application.default_metadata, position, ports)
            record_document(work, ports, document, file)
        work.append_event(event)
