"""Step 5 of the signature cycle: accept the signature values of one preparation.

The comments in the code have the same numbers:

1. Read the preparation. There must be exactly one value for each document that it lays out.
2. Verify each value over the stored bytes: a few at once, more of them in the sandbox.
3. Lock the session. Refuse when its page was closed meanwhile. Answer as before when the same values were accepted
   before; refuse other values.
4. Check that the certificate may still sign, that the session is open, and that its documents are those of the consent.
5. Write the values, the states and the jobs. Documents that could not be prepared end with the reason. When there is
   no other, nothing is signed, and the session ends with their errors.

Steps 3 to 5 are one transaction. Once it has committed, no signature can be lost.

For the only document of a session they are two changes, which say what the lock would have been for. When one of them
changes nothing, the steps are taken as they are written here, and say why.

Most signatures have to wait for nothing but the database. They take all steps in one thread, one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.errors import ApplicationDisabled, WrongState
from signroom.domain.event import DocumentFailed, Event
from signroom.domain.preparation import Preparation
from signroom.domain.security_context import BY_ID
from signroom.domain.session import Session
from signroom.domain.signature import CheckedValue, ClaimedValue
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.ports.store import SessionOfPage, SessionToFinish
from signroom.service.certificates.judge_certificate import find_context_soon, judging, require_good_certificate
from signroom.service.events.record_event import record_event
from signroom.service.signing.enqueue_processing import enqueue_processing

T = TypeVar("T")


async def finish_signing(
    ports: Ports,
    session_id: UUID,
    preparation_id: UUID,
    values: Mapping[UUID, bytes],
    show: Callable[[SessionOfPage], T],
) -> T:
    """Accept the values of one preparation. The same values again are accepted again, others are refused.

    A preparation that could lay out no document at all takes no value: the session then ends in their errors.
    Returns what `show` makes of the session once the values are in. It runs in the thread that has written them.

    Raises: PreparationNotFound, SignatureMissing, SignatureRejected, CertificateRejected, SecurityContextNotFound,
    WrongState, ApplicationDisabled, Unavailable.
    """

    def begin() -> _Begun | T:
        begun = _begin(ports, session_id, preparation_id, values)
        if begun.checked is None or _context_decides_again(begun.session):
            return begun
        return end(begun, begun.checked)

    def end(begun: _Begun, checked: Sequence[CheckedValue]) -> T:
        page = _commit(ports, session_id, begun, checked)
        return show(replace(page, documents=tuple(d for d in page.documents if d.erased_at is None)))

    begun = await asyncio.to_thread(begin)
    if not isinstance(begun, _Begun):
        return begun
    checked = begun.checked
    if checked is None:
        checked = await ports.formats.of(Turn.of_session(begun.session)).check_values(begun.claimed)
    if _context_decides_again(begun.session):
        await _require_context(ports, begun.session, begun.preparation)
    return await asyncio.to_thread(end, begun, checked)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A preparation that was read, and the values that are said to be its signatures, in its order."""

    preparation: Preparation
    session: Session
    """As it is before it is signed."""
    alone: SessionToFinish | None
    claimed: Sequence[ClaimedValue]
    checked: Sequence[CheckedValue] | None
    """None while they wait for the sandbox."""


def _begin(ports: Ports, session_id: UUID, preparation_id: UUID, values: Mapping[UUID, bytes]) -> _Begun:
    """Raises: PreparationNotFound, SignatureMissing, SignatureRejected."""
    # 1. Read the preparation.
    alone = _read_one(ports, session_id, preparation_id) if len(values) == 1 else None
    if alone is not None:
        preparation, session = alone.preparation, alone.page.session
    else:
        preparation, session = _read(ports, session_id, preparation_id)
    preparation.require_exactly(values.keys())
    # 2. Verify each value over the stored bytes.
    claimed = [item.prepared.claimed(values[item.document_id]) for item in preparation.items]
    checked = ports.formats.of(Turn.of_session(session)).check_few(claimed)
    return _Begun(preparation, session, alone, claimed, checked)


def _context_decides_again(session: Session) -> bool:
    """A context of the subscription's own may have been changed or deleted since the preparation."""
    return session.security_context_id not in BY_ID


async def _require_context(ports: Ports, session: Session, preparation: Preparation) -> None:
    """Raises: SecurityContextNotFound, a CertificateRejected."""
    context = await find_context_soon(ports, session.subscription_id, session.security_context_id)
    turn, now = Turn.of_session(session), ports.clock.now()
    chain, required = preparation.chain, session.requirements
    await judging(ports, turn, require_good_certificate, ports, chain, context, required, now)


def _read(ports: Ports, session_id: UUID, preparation_id: UUID) -> tuple[Preparation, Session]:
    """What was prepared, and the session as it is before it is signed.

    Raises: PreparationNotFound, also when it is another session's.
    """
    with ports.store.ask() as work:  # what has changed meanwhile is seen under the lock
        return work.preparations.to_finish_of_any_tenant(preparation_id, session_id)


def _read_one(ports: Ports, session_id: UUID, preparation_id: UUID) -> SessionToFinish:
    """The same with the document. Raises: PreparationNotFound, also when it is another session's."""
    with ports.store.ask() as work:  # what has changed meanwhile makes that a change changes nothing
        return work.sessions.to_finish_of_any_tenant(session_id, preparation_id)


class _ChangedMeanwhile(Exception):
    """The session, its documents or its application are not as they were read any more."""


def _commit_alone(
    ports: Ports, found: SessionToFinish, values: Mapping[UUID, CheckedValue], now: datetime
) -> SessionOfPage | None:
    """Steps 3 to 5 for the only document of a session. None when they must be taken under a lock: nothing is written.

    Raises: CertificateRejected.
    """
    preparation, page = found.preparation, found.page
    if found.has_others or preparation.refused or len(page.documents) != 1:
        return None
    (seen,) = page.documents
    if seen.preparation_id == preparation.id:  # it was finished before: what has become of it is the answer
        return None
    try:
        session, signed = page.session.sign(preparation.chain, now)
        document = seen.accept_signature(preparation.id, values[seen.id], now)
    except WrongState:
        return None
    with suppress(_ChangedMeanwhile):
        with ports.store.work() as work:
            order = work.sessions.sign_alone(session, document, now)
            if order is None:
                raise _ChangedMeanwhile
            ports.trust.read(preparation.chain.certificate).require_in_date(now)
            enqueue_processing(work, [document], session.id, preparation.id, order)
            record_event(work, signed, session.subscription_id, session.application_id)
        return replace(page, session=session, documents=(document,))
    return None


def _commit(ports: Ports, session_id: UUID, begun: _Begun, checked: Sequence[CheckedValue]) -> SessionOfPage:
    now, preparation = ports.clock.now(), begun.preparation
    values = dict(zip((item.document_id for item in preparation.items), checked, strict=True))
    alone = None if begun.alone is None else _commit_alone(ports, begun.alone, values, now)
    if alone is not None:
        return alone
    with ports.store.work() as work:
        # 3. Lock the session.
        locked = work.sessions.locked_to_sign_of_any_tenant(session_id)
        if locked.closed:  # since the request was let in
            raise ApplicationDisabled
        session, documents = locked.page.session, locked.page.documents
        if _accepted_before(documents, preparation, values):
            return locked.page
        # 4. Check the certificate, the session and its documents.
        ports.trust.read(preparation.chain.certificate).require_in_date(now)
        waiting = [d for d in documents if d.awaits_signature]
        if {d.id for d in waiting} != preparation.document_ids:
            # A document was added or removed after the consent.
            raise WrongState("The documents have changed since they were prepared; prepare again.")
        # 5. Write the values, the states and the jobs.
        events: list[Event] = []
        if values:
            session, signed = session.sign(preparation.chain, now)
            events.append(signed)
        moved = {d.id: d for d in documents}
        order, accepted = locked.in_processing, list[Document]()
        for document in waiting:
            if document.id in values:
                moved[document.id] = document.accept_signature(preparation.id, values[document.id], now)
                accepted.append(moved[document.id])
            else:
                moved[document.id] = _left_out(document, preparation)
                events.append(DocumentFailed(session_id, now, document.id))
        work.documents.save(*(moved[document.id] for document in waiting))
        enqueue_processing(work, accepted, session_id, preparation.id, order)
        if not values:
            session, failed = session.give_up(list(moved.values()), now)
            events.append(failed)
        work.sessions.save(session)
        for event in events:
            record_event(work, event, session.subscription_id, session.application_id)
    return replace(locked.page, session=session, documents=tuple(moved.values()))


def _left_out(document: Document, preparation: Preparation) -> Document:
    reason = next(one for one in preparation.refused if one.document_id == document.id)
    return document.refuse(preparation.id, reason.code, reason.detail)


def _accepted_before(
    documents: Sequence[Document], preparation: Preparation, values: Mapping[UUID, CheckedValue]
) -> bool:
    mine = {d.id: d for d in documents if d.preparation_id == preparation.id}
    if not mine:
        return False
    if any(
        document_id not in mine or mine[document_id].signature_value != value for document_id, value in values.items()
    ):
        raise WrongState("It was finished with other values.")
    return True
