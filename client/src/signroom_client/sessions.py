"""Signature sessions: send a user to a page, get back signed documents."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from signroom_client import models, options
from signroom_client.calling import listing, operation
from signroom_client.decoding import decode
from signroom_client.encoding import timestamp
from signroom_client.errors import ConnectionFailedError, ServerError, TooManyRequestsError, WaitTimedOutError
from signroom_client.requests import Id, cms_options, id_text, metadata, pages
from signroom_client.service import Connected, Service, segment
from signroom_client.uploads import Room, sent
from signroom_client.words import SessionStatus

_SESSIONS = "api/signature-sessions"
_HELD = 25.0
"""Seconds: ``when-completed`` answers after 15."""
_SHORTEST_ROUND = 1.0
_SHORTEST_ASK = 1.0
"""Seconds for a question that is asked whatever the time: in none no answer can come."""


class SessionOperations(Connected):
    @operation
    async def create_session(
        self,
        *,
        return_url: str | None = None,
        callback_argument: str | None = None,
        documents: options.NewDocuments = None,
        document_metadata: options.MetadataInput | None = None,
        security_context_id: Id | None = None,
        certificate_requirements: Sequence[options.CertificateRequirement] = (),
        disable_downloads: bool = False,
        enable_background_processing: bool = False,
        pdf_signature_options: options.PdfSignatureOptions | None = None,
        cms_signature_options: options.CmsSignatureOptions | None = None,
        result_token: bool = False,
        webhook_url: str | None = None,
        language: str | None = None,
        idempotency_key: str | None = None,
    ) -> models.CreatedSession:
        """Open a signature session and learn where to send the user.

        `documents` is one or several of them: a `Path`, bytes, a `FileReference` or a `NewDocument`. The user signs
        those and no others; without `documents` they bring their own. They come back to
        `return_url` with ``signatureSessionId`` in its query; without one the page is for a tab of its own, and you
        ask `get_session` until its status is not ``Pending`` any more. `language` (``en``, ``pt-BR``, ``es``) is the
        page's; without it your user's browser decides. `webhook_url` is told when its documents are signed, besides
        the webhooks of your application (`parse_webhook`).

        The request is safe to send again: it carries an ``Idempotency-Key``. Give one of your own (an order number;
        printable ASCII, or ValueError) to be safe against your own restarts too, and then send files of more than
        768 KiB together ahead with `upload`: a file that is uploaded again is another request.

        Example:
            session = signroom.create_session(
                return_url="https://app.example.com/signed", documents=Path("contract.pdf")
            )
            print(session.redirect_url)  # send your user there
        """
        room = Room()
        body = {
            "returnUrl": return_url,
            "callbackArgument": callback_argument,
            "documents": [await _document(self._service, d, room) for d in options.documents_of(documents)] or None,
            "documentMetadata": metadata(document_metadata),
            "securityContextId": id_text(security_context_id),
            "certificateRequirements": list(certificate_requirements) or None,
            "disableDownloads": disable_downloads,
            "enableBackgroundProcessing": enable_background_processing,
            "pdfSignatureOptions": pdf_signature_options,
            "cmsSignatureOptions": await cms_options(self._service, cms_signature_options, room),
            "resultToken": result_token or None,
            "webhookUrl": webhook_url,
            "language": language,
        }
        return decode(models.CreatedSession, await self._service.post_once(_SESSIONS, body, idempotency_key))

    @operation
    async def get_session(self, session_id: Id) -> models.Session:
        """Look at ``status`` before the documents: a user also comes back when they cancel.

        Example:
            session = signroom.get_session(session_id)
            if session.completed:
                print([document.signed_file for document in session.documents])
        """
        return await self._session(session_id)

    @listing
    async def list_sessions(
        self,
        *,
        status: SessionStatus | str | Iterable[SessionStatus | str] = (),
        created_from: datetime | None = None,
        created_before: datetime | None = None,
        callback_argument: str | None = None,
        page_size: int = 50,
    ) -> AsyncGenerator[models.SessionSummary, None]:
        """All sessions that fit, newest first; pages are fetched as you go.

        Example:
            for open_one in signroom.list_sessions(status=SessionStatus.PENDING):
                print(open_one.id, open_one.expires_at)
        """
        wanted = [status] if isinstance(status, str) else list(status)
        params = [("status", str(one)) for one in wanted]
        if created_from is not None:
            params.append(("createdFrom", timestamp(created_from)))
        if created_before is not None:
            params.append(("createdBefore", timestamp(created_before)))
        if callback_argument is not None:
            params.append(("callbackArgument", callback_argument))
        async for item in pages(self._service, models.SessionSummary, _SESSIONS, params, page_size):
            yield item

    @operation
    async def cancel_session(self, session_id: Id) -> models.Session:
        """End a session that nobody has signed yet. Cancelled already: the same answer.

        Raises `RefusedError` (``BadSignatureSessionOperation``) once it is signed or over.

        Example:
            signroom.cancel_session(session_id)
        """
        path = f"{_SESSIONS}/{segment(session_id)}/cancel"
        return decode(models.Session, await self._service.post(path, {}, repeatable=True))

    @operation
    async def erase_session(self, session_id: Id) -> models.Erasure:
        """Erase a session with all its documents, for good; an open one ends. Erased already: the same answer.

        Needs the role Manager. Raises `RefusedError` (``DocumentInProcessing``) while a document is being processed.

        Example:
            erased = manager.erase_session(session_id)
            print([(document.key, document.sha256) for document in erased.documents])
        """
        return decode(models.Erasure, await self._service.delete(f"{_SESSIONS}/{segment(session_id)}"))

    @operation
    async def when_completed(
        self,
        session_id: Id,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - of the whole wait, in both clients
        on_progress: Callable[[float], None] | None = None,
    ) -> models.Session:
        """Wait until the signed documents are done, or have failed; returns the session.

        For sessions with background processing: the user is back, status ``Processing``. `timeout` in seconds (None:
        as long as it takes), then `WaitTimedOutError`; the service is asked once even if it is 0, which takes a
        second or two at most. `on_progress` hears 0 to 100. A session that nobody has signed yet is a `RefusedError`
        (``BadSignatureSessionOperation``).

        Example:
            session = signroom.when_completed(session_id, timeout=60, on_progress=print)
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        path, progress = f"{_SESSIONS}/{segment(session_id)}/when-completed", 0.0
        limits, until = _reading(self._timeout, _HELD), _at_least_once(deadline)
        while True:
            started = time.monotonic()
            try:
                found = decode(models.CompletionStatus, await self._service.get(path, deadline=until, timeout=limits))
            except (ConnectionFailedError, ServerError, TooManyRequestsError) as error:
                if not _over(until):
                    raise
                raise _timed_out(progress) from error
            progress = found.progress
            if on_progress is not None:
                on_progress(progress)
            if found.completed:
                return await self._session(session_id, _at_least_once(deadline))
            # The service holds its answer; should it ever not, we do not hammer it.
            await self._service.wire.sleep(_pause(started, deadline))
            if _over(deadline):
                raise _timed_out(progress)
            until = deadline

    async def _session(self, session_id: Id, deadline: float | None = None) -> models.Session:
        path = f"{_SESSIONS}/{segment(session_id)}"
        return decode(models.Session, await self._service.get(path, deadline=deadline, timeout=self._timeout))


def _reading(limits: httpx.Timeout, seconds: float) -> httpx.Timeout:
    """`limits` with another time to wait for the answer."""
    return httpx.Timeout(connect=limits.connect, read=seconds, write=limits.write, pool=limits.pool)


def _at_least_once(deadline: float | None) -> float | None:
    """A deadline, of the monotonic clock, that leaves time for one question."""
    return None if deadline is None else max(deadline, time.monotonic() + _SHORTEST_ASK)


def _over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def _pause(started: float, deadline: float | None) -> float:
    """Seconds until the next round, of which the last began at `started`; not beyond `deadline`."""
    now = time.monotonic()
    pause = _SHORTEST_ROUND - (now - started)
    return max(0.0, pause if deadline is None else min(pause, deadline - now))


def _timed_out(progress: float) -> WaitTimedOutError:
    return WaitTimedOutError("The session is still being processed.", progress=progress)


async def _document(service: Service, document: options.NewDocument, room: Room) -> dict[str, Any]:
    return {
        "id": document.file if isinstance(document.file, UUID) else None,
        "file": None if isinstance(document.file, UUID) else await sent(service, document.file, room),
        "signatureType": document.signature_type,
        "documentKey": document.document_key,
        "metadata": metadata(document.metadata),
        "pdfSignatureOptions": document.pdf_signature_options,
        "cmsSignatureOptions": await cms_options(service, document.cms_signature_options, room),
    }
