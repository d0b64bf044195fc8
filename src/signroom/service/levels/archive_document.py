"""A durable job: raise the signed file of a document to the level that is wanted, however long that takes.

A file that has an archive timestamp gets another one when that is asked for (`renew_archives`, `extend_document`).

The signer is long gone. A timestamp authority or a responder may be down for hours: the job runs again with growing
waits for `TRIED_FOR`, and each run goes as far as it can. Every level that it reaches is a new version, a file of its
own. The comments in the code have the same numbers:

1. Read the document. Stop when it wants nothing any more.
2. Raise a copy of its newest version.
3. Store the copy.
4. Lock the document, and add the version. Delete the copy when the document has changed meanwhile.

5. Hasten others that wait, when one that waited has reached a level: who is back for it is back for them, too.

A run that is killed between 3 and 4 leaves a file that no row points to. It is deleted with the document's files.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from signroom.domain.document import Document, Version
from signroom.domain.errors import (
    AugmentationImpossible,
    NotFound,
    Refused,
    SecurityContextNotFound,
    TimestampUnavailable,
    Unavailable,
    WrongState,
)
from signroom.domain.event import DocumentArchived
from signroom.domain.level import Level
from signroom.domain.security_context import BY_ID, SecurityContext
from signroom.ports import Ports
from signroom.ports.files import Stored, Turn
from signroom.ports.store import Work
from signroom.service.documents.delete_files import delete_files
from signroom.service.documents.file_sources import local_files, off_the_loop
from signroom.service.events.record_event import record_event
from signroom.service.levels.raise_level import Patience, Raising, Standing, archive_end, ends_soon, proofs_of

ARCHIVE_DOCUMENT = "archive-document"
"""The name of the durable job; never renamed while rows of it may exist."""
TRIED_FOR = timedelta(days=30)
"""Since somebody asked for the level."""
_SECONDS = 60.0
"""For everything from outside in one run."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=6)
_HASTENED = 8
"""More than the places of a process get through in a second, in which it asks once."""
_GROWTH = 4
"""The wait is this part of the time since then."""


def context_of(ports: Ports, work: Work, document: Document, of_session: UUID | None) -> SecurityContext | None:
    """By which the signer of a document is judged. None: it was deleted since.

    `of_session` is the security context of its session, if it has one.
    """
    context_id = document.security_context_id
    if context_id is None:  # a row of an older release
        context_id = ports.default_context.id if of_session is None else of_session
    if context_id in BY_ID:
        return BY_ID[context_id]
    with suppress(SecurityContextNotFound):
        return work.security_contexts.get(document.subscription_id, context_id)
    return None


NO_CONTEXT = "The security context that its signer was judged by is not there any more."


def enqueue_archiving(work: Work, document: Document) -> None:
    """Have the job run, in the transaction that makes the document want more, or again."""
    if document.level_asked_at is None:
        raise WrongState("Nobody asks for another level.")
    key = f"{ARCHIVE_DOCUMENT}:{document.id}:{document.level_wanted}:{document.level_asked_at.timestamp()}"
    work.enqueue(ARCHIVE_DOCUMENT, key, document.id)


async def archive_document(ports: Ports, document_id: UUID) -> timedelta | None:
    """Go on until the level that is wanted is reached. Returns the wait before the next run; None: it is over.

    Raises: Unavailable when the database or the store of files does not answer.
    """
    # 1. Read the document.
    found = await asyncio.to_thread(_read, ports, document_id)
    if found is None:
        return None
    document, context = found
    made = _Made(document.level or Level.B_B, None, None, NO_CONTEXT, final=True)
    if document.awaits_renewal:  # the signer is not judged again
        context = context or ports.default_context
    if context is not None:
        made = await _make(ports, document, context)
    wait = None if made.detail is None or made.final else _wait(document, ports.clock.now())
    # 4. Lock the document, and add the version.
    settled = await asyncio.to_thread(_settle, ports, document, made, final=wait is None)
    if not settled and made.version is not None:
        await asyncio.to_thread(delete_files, ports, [], [made.version.file.blob_key])
    # 5. Hasten others that wait.
    if made.version is not None and document.level_detail is not None:
        with suppress(Unavailable):  # the level is reached, and its row says so
            await asyncio.to_thread(ports.jobs.hasten, ARCHIVE_DOCUMENT, _HASTENED)
    return wait if settled else None


def try_an_archive(ports: Ports) -> int:
    """Let one document that waits be tried now: it finds out whether the outside is back. Returns 1, or 0."""
    return ports.jobs.hasten(ARCHIVE_DOCUMENT, 1)


def give_up_archiving(ports: Ports, document_id: UUID, code: str) -> None:
    """The job failed for good: the document stays as it is, and says so."""
    with ports.store.work() as work:
        try:
            document = work.documents.locked_of_any_tenant(document_id)
        except NotFound:
            return
        if document.may_be_raised:
            work.documents.save(document.note_level(f"The service has given up: {code}.", final=True))


def _wait(document: Document, now: datetime) -> timedelta | None:
    """None: it was tried for long enough."""
    tried = now - (document.level_asked_at or document.created_at)
    in_time = document.archive_until is not None and now < document.archive_until
    if tried > TRIED_FOR and not in_time:
        return None
    return min(max(_FIRST_WAIT, tried / _GROWTH), _LONGEST_WAIT)


def _read(ports: Ports, document_id: UUID) -> tuple[Document, SecurityContext | None] | None:
    with ports.store.read() as work:
        try:
            document = work.documents.of_any_tenant(document_id)
        except NotFound:  # it was erased, or deleted with its application
            return None
        if not document.may_be_raised or document.level_asked_at is None:
            return None
        session = None if document.session_id is None else work.sessions.of_any_tenant(document.session_id)
        of_session = None if session is None else session.security_context_id
        return document, context_of(ports, work, document, of_session)


@dataclass(frozen=True, slots=True)
class _Made:
    level: Level
    version: Version | None
    """None: nothing was reached."""
    proven_at: datetime | None
    detail: str | None
    final: bool = False
    """Trying again would not help."""
    archive_until: datetime | None = None


async def _make(ports: Ports, document: Document, context: SecurityContext) -> _Made:
    before = document.level or Level.B_B
    signed, value, preparation_id = document.signed, document.signature_value, document.preparation_id
    if signed is None or value is None or preparation_id is None:
        return _Made(before, None, None, "Its signature value is not known any more.", final=True)
    if _begins_with_a_timestamp(document) and ports.timestamps.all_rest(document.timestamp_tier):
        # Signers need the processes that would look at the file for nothing.
        return _Made(before, None, None, str(TimestampUnavailable()))
    try:
        async with AsyncExitStack() as files:
            folder = await files.enter_async_context(off_the_loop(ports.blobs.scratch()))
            turn, kind, copy = Turn.of_document(document), document.signature_type, folder / "signed"
            source, content = await files.enter_async_context(local_files(ports, turn, signed, document.content_key))
            await asyncio.to_thread(shutil.copyfile, source, copy)
            # 2. Raise a copy of its newest version.
            levels = await ports.formats.of(turn).read_levels(copy, kind, content)
            stored = Stored(signed.length, signed.sha256)
            found = next((one for one in levels.signatures if one.value == value.value), None)
            if found is None:
                raise AugmentationImpossible("The signature is not in the file.")
            standing = Standing(copy, stored, kind, found.chain, value.value, found.level, proofs_of(found), content)
            raising = Raising(ports, turn, context, Patience(_SECONDS), document.timestamp_tier)
            if document.awaits_renewal:
                soon = ends_soon(document.known_archive_end, ports.clock.now())
                raised = await raising.renew(standing, at_any_rate=soon)
            else:
                raised = await raising.raise_to(document.level_wanted, standing)
            after = raised.standing.level
            unchanged = raised.standing.stored == stored if document.awaits_renewal else before.reaches(after)
            if unchanged:
                return _Made(
                    before,
                    None,
                    None,
                    raised.detail or "It is of the level already.",
                    final=raised.final or raised.detail is None,
                )
            # 3. Store the copy.
            key = document.blob_folder.version(preparation_id, after, uuid4())
            await asyncio.to_thread(ports.blobs.write_file, key, copy)
    except Unavailable:
        raise
    except Refused as error:
        return _Made(before, None, None, str(error), final=True)
    made = replace(signed, blob_key=key, length=raised.standing.stored.length, sha256=raised.standing.stored.sha256)
    version, end = Version(after, made, ports.clock.now()), archive_end(ports, raised.standing)
    return _Made(after, version, raised.standing.proven_at, raised.detail, final=raised.final, archive_until=end)


def _begins_with_a_timestamp(document: Document) -> bool:
    """Without one nothing of the next step can be done."""
    level = document.level or Level.B_B
    return not level.reaches(Level.B_T) or level.reaches(Level.B_LT)


def _settle(ports: Ports, document: Document, made: _Made, *, final: bool) -> bool:
    """False when the document is another one by now: erased, purged, or raised by another run."""
    with ports.store.work() as work:
        try:
            current = work.documents.locked_of_any_tenant(document.id)
        except NotFound:
            return False
        if not current.may_be_raised or current.versions != document.versions:
            return False
        if made.version is None:
            noted = current.note_level(made.detail or "", final=final)
            if noted != current:
                work.documents.save(noted)
            return True
        raised = current.raise_to(made.version, made.proven_at, made.detail, made.archive_until)
        if raised.awaits_level and final:
            raised = raised.note_level(made.detail or "", final=True)
        work.statistics.count_raised(current, made.version.level)
        work.documents.save(raised)
        if not raised.awaits_level:
            event = DocumentArchived(current.session_id, ports.clock.now(), current.id)
            record_event(work, event, current.subscription_id, current.application_id)
    return True
