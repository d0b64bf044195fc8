"""Open a signature session for an application, with or without documents of its choice.

Documents are checked before anything is created: a session either exists with all of them or not at all. What is wrong
with one is told with its place: ``documents[1]``.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID, uuid4

from signroom.domain.application import WORKERS, ApplicationCaller, Caller
from signroom.domain.errors import (
    AlreadyDone,
    FileDownloadFailed,
    TooManyDocuments,
    about,
    at,
    document_place,
    told_of,
)
from signroom.domain.event import Event
from signroom.domain.file_validation import FileValidation
from signroom.domain.level import Level
from signroom.domain.metadata import NO_METADATA, Metadata
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.secret import hash_secret
from signroom.domain.session import MAX_DOCUMENTS, Session, new_session
from signroom.domain.signature import NO_OPTIONS, OptionsByType, SignatureType
from signroom.ports import Ports
from signroom.service.access.idempotency import Idempotency, find_result, store_result
from signroom.service.access.page_tokens import link_of, page_link
from signroom.service.certificates.judge_certificate import find_context_soon
from signroom.service.documents.add_document import (
    Accepted,
    NewDocument,
    Taken,
    bind_keys,
    document_of_session,
    inspect_together,
    inspected,
    keep_files,
    lock_earlier,
    record_documents,
    require_free_key,
    taken_in,
)
from signroom.service.documents.discard_blobs import before_recording
from signroom.service.documents.file_sources import place_of
from signroom.service.documents.validate_file import require_accepted
from signroom.service.events.record_event import record_event
from signroom.service.levels.extend_document import require_levels
from signroom.service.webhooks.manage_webhooks import ensure_session_webhook

S = TypeVar("S")
T = TypeVar("T")
_AT_ONCE = 4
_PATIENCE = 300
"""Seconds for all documents of a request."""


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
    options: OptionsByType = NO_OPTIONS
    """For the signer's uploads."""
    result_token: bool = False
    language: str | None = None
    webhook_url: str | None = None
    """Told of the session's documents, besides the webhooks of application and subscription."""
    idempotency: Idempotency | None = None


def with_level(command: OpenSession, level: Level | None) -> OpenSession:
    """The security context's level, where neither the session nor a document says one."""
    if level is None:
        return command
    documents = tuple(replace(d, options=d.options.with_level(level)) for d in command.documents)
    return replace(command, options=command.options.with_level(level), documents=documents)


@dataclass(frozen=True, slots=True)
class Opened:
    session_id: UUID
    redirect_url: str
    """Holds the link's secret, which is not stored."""


async def open_session(ports: Ports, caller: ApplicationCaller, command: OpenSession) -> Opened:
    """Raises: NotAllowed, BadInput, BadReturnUrl, ReturnUrlNotAllowed, BadCallbackArgument, TooManyDocuments,
    FileTooLarge, SecurityContextNotFound, SecurityContextNotConfigured, DocumentKeyNotFound, DocumentKeyInUse,
    UploadNotFound, IdempotencyKeyReused, FileRejected, FileValidationUnavailable, TimestampTierNotFound, another
    DocumentRejected.
    """
    caller.require(WORKERS)
    if command.idempotency is not None:
        before = await asyncio.to_thread(find_result, ports, caller, command.idempotency)
        if before is not None:
            return await asyncio.to_thread(_opened_before, ports, caller, before)
    if len(command.documents) > MAX_DOCUMENTS:
        raise TooManyDocuments(f"At most {MAX_DOCUMENTS}.")
    if command.return_url is not None:
        caller.application.require_return_url(command.return_url)
    # Numbers that anybody may have written into a certificate of his own prove nothing: requirements need roots.
    context = await find_context_soon(
        ports, caller.subscription_id, command.security_context_id, deciding=bool(command.requirements)
    )
    await require_levels(ports, command.options)
    for number, document in enumerate(command.documents):
        with at(document_place(number)):
            await require_levels(ports, document.options)
    command = with_level(command, context.rules.level)
    # What the context asks for counts where neither session nor document says anything.
    for number, document in enumerate(command.documents):
        with at(document_place(number)):
            await require_levels(ports, document.options, document.signature_type or SignatureType.PDF)
    if not command.documents:
        await require_levels(ports, command.options)
    now, session_id = ports.clock.now(), uuid4()
    link = page_link(ports, session_id)
    session, event = new_session(
        id=session_id,
        subscription_id=caller.subscription_id,
        application_id=caller.application.id,
        link_hash=hash_secret(link),
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
        language=command.language,
        webhook_url=command.webhook_url,
    )
    validation = ports.store.known_file_validation(caller.subscription_id)
    if validation is None or any(document.key is not None for document in command.documents):
        validation = await asyncio.to_thread(_before_documents, ports, caller, command)
    try:
        async with AsyncExitStack() as files:
            with before_recording():
                documents = command.documents
                accepted = await _accept_all(ports, caller, session_id, documents, validation=validation, files=files)
            await asyncio.to_thread(_record, ports, caller, command.idempotency, (session, event), accepted)
    except AlreadyDone:
        # The same request, at the same time: its outcome is this one's.
        first = await asyncio.to_thread(find_result, ports, caller, command.idempotency)
        if first is None:
            raise
        return await asyncio.to_thread(_opened_before, ports, caller, first)
    return _opened(ports, link, session_id)


async def _accept_all(
    ports: Ports,
    caller: ApplicationCaller,
    session_id: UUID,
    documents: Sequence[NewDocument],
    *,
    validation: FileValidation,
    files: AsyncExitStack,
) -> list[Accepted]:
    """Take in the documents and look at them; what `files` has taken in goes when the block around it fails.

    Raises: the first refusal, by the order of `documents`; FileDownloadFailed when all together take too long to come.
    """

    async def take(number: int, document: NewDocument) -> Taken | Accepted:
        with told_of(document_place(number)):
            found = await files.enter_async_context(taken_in(ports, caller, session_id, document))
            # A large one is looked at before others come: what is refused has not filled the disk first.
            return found if found.is_small else await inspected(ports, found)

    async def accept(number: int, found: Taken | Accepted) -> Accepted:
        with told_of(document_place(number)):
            if isinstance(found, Taken):
                found = await inspected(ports, found, known.get(found.document_id))
            with about(place_of(documents[number].file)):
                await require_accepted(ports, validation, caller.subscription_id, found.file)
        return found

    taken, later = await _each(documents, take, asyncio.get_running_loop().time() + _PATIENCE)
    known = await inspect_together(ports, [found for found in taken if isinstance(found, Taken)])
    accepted, refusal = await _each(taken, accept)
    # A document before the one that could not be taken in is the first one that is refused.
    wrong = refusal or later
    try:
        if wrong is not None:
            raise wrong
        return accepted
    finally:
        # It holds this frame. If the frame held it, too, only the search for garbage would find them.
        del refusal, later, wrong


async def _each(
    items: Sequence[S], do: Callable[[int, S], Awaitable[T]], until: float = math.inf
) -> tuple[list[T], BaseException | None]:
    """What `do` makes of those before the first refusal, by their order, and that refusal.

    Some at once: each may be a download of its own. None is called off in the middle, where its file would stay
    behind; after a refusal none is begun. It is a FileDownloadFailed for what would begin after `until`, in seconds of
    the event loop.
    """
    room = asyncio.Semaphore(_AT_ONCE)
    refused = asyncio.Event()

    async def one(number: int, item: S) -> T | None:
        async with room:
            if refused.is_set():
                return None
            try:
                if asyncio.get_running_loop().time() > until:
                    raise FileDownloadFailed("All files together took too long.")
                return await do(number, item)
            except BaseException:
                refused.set()
                raise

    done: list[T] = []
    for outcome in await asyncio.gather(*(one(*numbered) for numbered in enumerate(items)), return_exceptions=True):
        if isinstance(outcome, BaseException):
            return done, outcome
        if outcome is not None:
            done.append(outcome)
    return done, None


def _before_documents(ports: Ports, caller: Caller, command: OpenSession) -> FileValidation:
    """What can be refused before a file is downloaded, and what files must pass afterwards."""
    with ports.store.ask() as work:
        for number, document in enumerate(command.documents):
            with told_of(document_place(number)):
                require_free_key(work, caller, document)
    return ports.store.file_validation(caller.subscription_id)


def _opened(ports: Ports, link: str, session_id: UUID) -> Opened:
    return Opened(session_id, f"{ports.public_url}/sign/{link}")


def _opened_before(ports: Ports, caller: Caller, session_id: UUID) -> Opened:
    """The same answer as to the first request.

    A secret key that made the link may be gone since. Then nobody can say the link any more, and the session gets a
    new one.
    """
    with ports.store.read() as work:
        link = link_of(ports, work.of(caller).session(session_id).require_not_erased())
    if link is None:
        link = page_link(ports, session_id)
        with ports.store.work() as work:
            session = work.of(caller).locked_session(session_id).require_not_erased()
            work.sessions.save(replace(session, link_hash=hash_secret(link)))
    return _opened(ports, link, session_id)


def _record(
    ports: Ports,
    caller: ApplicationCaller,
    idempotency: Idempotency | None,
    opened: tuple[Session, Event],
    accepted: list[Accepted],
) -> None:
    session, event = opened
    keep_files(ports, accepted)
    with ports.store.work() as work:
        store_result(work, ports, caller, idempotency, session.id)
        work.sessions.add(session)
        ensure_session_webhook(work, ports.secrets, session)
        defaults = caller.application.default_metadata
        documents = [
            (document_of_session(file, session, defaults, position, ports), file)
            for position, file in enumerate(accepted)
        ]
        lock_earlier(work, ports, accepted)
        bind_keys(work, documents)
        record_documents(work, ports, documents)
        record_event(work, event, session.subscription_id, session.application_id)
