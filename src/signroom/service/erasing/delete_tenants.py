"""Delete an application or a subscription for good, with all that belongs to it.

Two steps, so that it ends in one known state whatever comes in between:

1. `delete_application` and `delete_subscription` write down that it is being deleted, in one transaction with the entry
   of the audit log. From then on it is closed as one that is disabled, and nothing takes that back. It is refused while
   sessions are open or documents in processing. With `force`, open sessions do not count: they are cancelled.
2. `finish_deletions`, which a schedule calls each minute, removes what belongs to it, some at a time: open sessions are
   cancelled, files go before the rows that lead to them, the row of the application goes last. Each part may be
   repeated. A process that dies, or a storage that does not answer, leaves the rest to the next run.

A request that was under way when its application was closed may still add something: the next run finds it. A file of
it that came when its rows were gone is looked for an hour later (`delete_late_files`). A document that is in processing
is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from signroom.domain.application import ADMINS, Application, Caller, OperatorCaller, Subscription
from signroom.domain.audit import Action, application_facts, subscription_facts
from signroom.domain.blob_key import blobs_of_session, blobs_of_upload
from signroom.domain.document import PURGE_GRACE, Document, DocumentStatus
from signroom.domain.errors import StillInUse, StorageUnavailable
from signroom.domain.event import ApplicationDeleted
from signroom.domain.upload import Upload
from signroom.ports import ManagementPorts, Ports
from signroom.ports.store import Work
from signroom.service.documents.delete_files import delete_files
from signroom.service.events.record_change import record_change
from signroom.service.events.record_event import record_event
from signroom.service.sessions.end_session import end_unsigned
from signroom.service.subscriptions.disable_tenants import require_another

_AT_ONCE = 50


def delete_application(
    ports: ManagementPorts, caller: Caller, application_id: UUID, *, force: bool = False
) -> Application:
    """Close it for good; what belongs to it goes within some minutes. Quiet when it is being deleted.

    Raises: NotAllowed, ApplicationNotFound, OwnApplication, StillInUse.
    """
    caller.require(ADMINS)
    require_another(caller, application_id)
    now = ports.clock.now()
    with ports.store.work() as work:
        found = work.of(caller).locked_application(application_id)
        if found.deleting_since is not None:
            return found
        cancelled = _require_unused(work, [found.id], now, force=force)
        deleted = replace(found, deleting_since=now)
        work.applications.save(deleted)
        facts = {**application_facts(deleted), "sessionsCancelled": cancelled}
        record_change(
            work, caller, Action.APPLICATION_DELETED, found.id, now, before=application_facts(found), after=facts
        )
    return deleted


def delete_subscription(ports: ManagementPorts, caller: OperatorCaller, *, force: bool = False) -> Subscription:
    """The same of a subscription, with all its applications. Raises: StillInUse."""
    now = ports.clock.now()
    with ports.store.work() as work:
        found = work.subscriptions.locked(caller.subscription_id)
        if found.deleting_since is not None:
            return found
        applications = [a.id for a in work.applications.of_subscription(found.id)]
        cancelled = _require_unused(work, applications, now, force=force)
        deleted = replace(found, deleting_since=now)
        work.subscriptions.save(deleted)
        facts = {**subscription_facts(deleted), "sessionsCancelled": cancelled}
        record_change(
            work, caller, Action.SUBSCRIPTION_DELETED, found.id, now, before=subscription_facts(found), after=facts
        )
    return deleted


def finish_deletions(ports: Ports) -> int:
    """Remove what is being deleted. Returns how many applications and subscriptions are gone.

    May run late, twice, and in several places at once.

    Raises: what went wrong with one of them, StorageUnavailable for example, after all others were looked at.
    """
    gone, failure = 0, None
    with ports.store.read() as work:
        applications = work.removal.applications()
    for application in applications:
        try:
            gone += _removed_application(ports, application)
        except Exception as error:  # noqa: BLE001  (raised below: one must not hold up the others for ever)
            failure = error
    with ports.store.read() as work:
        subscriptions = work.removal.subscriptions()
    for subscription in subscriptions:
        try:
            gone += _removed_subscription(ports, subscription)
        except Exception as error:  # noqa: BLE001  (as above)
            failure = error
    if gone:
        ports.store.scrub()
    if failure is not None:
        raise failure
    return gone


def _require_unused(work: Work, application_ids: Sequence[UUID], now: datetime, *, force: bool) -> int:
    """How many open sessions will be cancelled. Raises: StillInUse."""
    used = work.removal.in_use(application_ids, now)
    if used.documents_in_processing or (used.open_sessions and not force):
        raise StillInUse(
            f"{used.open_sessions} sessions are open, {used.documents_in_processing} documents are in processing."
        )
    return used.open_sessions


def _removed_application(ports: Ports, application: Application) -> bool:
    """Whether it is gone. Raises: StorageUnavailable."""
    _cancel_open(ports, application)
    while _removed_sessions(ports, application) or _removed_local_documents(ports, application):
        pass
    while _removed_uploads(ports, application):
        pass
    _remove_webhooks(ports, application.subscription_id, application.id)
    with ports.store.work() as work:
        if not work.removal.remove_application(application.id):
            return False
        record_event(work, ApplicationDeleted(None, ports.clock.now()), application.subscription_id, application.id)
    return True


def _removed_subscription(ports: Ports, subscription: Subscription) -> bool:
    _remove_webhooks(ports, subscription.id, None)
    with ports.store.work() as work:
        return work.removal.remove_subscription(subscription.id)


def _cancel_open(ports: Ports, application: Application) -> None:
    now = ports.clock.now()
    while True:
        with ports.store.work() as work:
            found = work.removal.locked_pending(application.id, _AT_ONCE)
            for session in found:
                end_unsigned(work, *(session.expire(now) if session.expired(now) else session.cancel(now)))
        if len(found) < _AT_ONCE:
            return


def _removed_sessions(ports: Ports, application: Application) -> int:
    """How many of the next ones are gone. Raises: StorageUnavailable."""
    with ports.store.read() as work:
        ids = [session.id for session in work.removal.ended(application.id, _AT_ONCE)]
        documents = [document for one in ids for document in work.erasures.documents_of_session(one)]
    _delete_files(ports, documents, [beginning for one in ids for beginning in blobs_of_session(one)])
    now = ports.clock.now()
    with ports.store.work() as work:
        sessions = work.removal.locked_ended(ids)
        # Before what hangs on them: the index of persons locks a document, too, before it writes about it.
        documents = work.removal.locked_documents([document.id for document in documents])
        # One that was added meanwhile has files: it is for the next time.
        known = {document.id for document in documents}
        whole = [s.id for s in sessions if known.issuperset(d.id for d in work.erasures.documents_of_session(s.id))]
        gone = [d for d in documents if d.session_id in whole]
        for one in whole:
            of_session = [document for document in gone if document.session_id == one]
            work.erasures.remove_traces(application.subscription_id, one, of_session, now)
        late = [beginning for one in whole for beginning in blobs_of_session(one)]
        work.erasures.expect_late_files(late, now + PURGE_GRACE)
        work.removal.remove(whole, [document.id for document in gone])
    return len(whole)


def _removed_local_documents(ports: Ports, application: Application) -> int:
    """The same of documents without a session. Raises: StorageUnavailable."""
    with ports.store.read() as work:
        documents = work.removal.local_documents(application.id, _AT_ONCE)
    _delete_files(ports, documents, [one for document in documents for one in document.blob_folder.every()])
    now = ports.clock.now()
    with ports.store.work() as work:
        current = work.removal.locked_documents([document.id for document in documents])
        gone = [document for document in current if document.status is not DocumentStatus.PROCESSING]
        work.erasures.remove_traces(application.subscription_id, None, gone, now)
        late = [beginning for document in gone for beginning in document.blob_folder.every()]
        work.erasures.expect_late_files(late, now + PURGE_GRACE)
        work.removal.remove([], [document.id for document in gone])
    return len(gone)


def _removed_uploads(ports: Ports, application: Application) -> int:
    """The same of uploads. A file that a document of another application has stays, and goes with that document."""
    with ports.store.work() as work:
        uploads = work.removal.locked_uploads(application.id, _AT_ONCE)
        keys = _keys_of_uploads(work, uploads)
        in_use = work.documents.files_in_use(sorted(set().union(*keys.values())), [])
        # From then on nobody can make a document of them: their files may go.
        for upload in uploads:
            work.uploads.save(upload.end(ports.clock.now()))
        # Of a file that stays no row of this application says anything any more.
        work.uploads.remove_all([upload_id for upload_id, own in keys.items() if own & in_use])
    free = set().union(*keys.values()) - in_use
    for key in sorted(free):
        ports.blobs.delete(key)
    with ports.store.work() as work:
        current = _keys_of_uploads(work, work.removal.locked_uploads(application.id, _AT_ONCE))
        # One that has got a part or its file meanwhile is for the next time.
        removed = [upload_id for upload_id, own in current.items() if upload_id in keys and own <= free]
        work.uploads.remove_all(removed)
        late = [blobs_of_upload(upload_id) for upload_id in removed]
        work.erasures.expect_late_files(late, ports.clock.now() + PURGE_GRACE)
    return len(uploads)


def _keys_of_uploads(work: Work, uploads: Sequence[Upload]) -> dict[UUID, set[str]]:
    """The keys of their blobs, by the id of the upload."""
    parts = {upload.id: {part.blob_key for part in work.uploads.parts(upload.id)} for upload in uploads}
    return {u.id: parts[u.id] if u.file is None else {u.file.blob_key, *parts[u.id]} for u in uploads}


def _remove_webhooks(ports: Ports, subscription_id: UUID, application_id: UUID | None) -> None:
    """With what they hold. `application_id` None: all that the subscription still has."""
    with ports.store.read() as work:
        webhooks = work.webhooks.of_subscription(subscription_id)
    for webhook in webhooks:
        if application_id in {None, webhook.application_id}:
            with ports.store.work() as work:
                work.webhooks.remove(webhook.id)


def _delete_files(ports: Ports, documents: Sequence[Document], beginnings: Sequence[str]) -> None:
    """Raises: StorageUnavailable."""
    stray = ports.blobs.beginning_with(*beginnings)
    if len(delete_files(ports, documents, stray)) < len(documents):
        raise StorageUnavailable
