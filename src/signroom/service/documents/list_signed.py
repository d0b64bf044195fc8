"""Who signed what in a certain time: for the operator, who answers for it. Each such question is in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action
from signroom.domain.certificate import Certificate
from signroom.domain.document import Document
from signroom.domain.errors import BadCertificate, BadInput
from signroom.ports import ManagementPorts
from signroom.ports.store import Position
from signroom.service.events.record_change import record_change

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Signed:
    """``signer`` is the name in the signer's certificate; None when that is not there any more."""

    document: Document
    application: str | None
    signer: str | None
    identity_confirmed: bool | None
    """Whether a trusted authority has confirmed that name; None: nobody asked."""


def list_signed(
    ports: ManagementPorts,
    caller: Caller,
    since: datetime,
    until: datetime,
    read: Callable[[bytes], Certificate],
) -> Iterator[Signed]:
    """Documents that were signed from `since` until before `until`, the earliest first.

    `read` raises BadCertificate. Raises: NotAllowed, BadInput.
    """
    caller.require(MANAGERS)
    if since >= until:
        raise BadInput("The time ends before it begins.")
    with ports.store.work() as work:
        asked = {"since": since.isoformat(), "until": until.isoformat()}
        now = ports.clock.now()
        record_change(work, caller, Action.SIGNERS_LISTED, caller.subscription_id, now, after=asked)
        names = {a.id: a.name for a in work.applications.of_subscription(caller.subscription_id)}

    def shown(document: Document, certificate: bytes | None) -> Signed:
        return _signed(document, certificate, names.get(document.application_id), read)

    return _pages(ports, caller.subscription_id, since, until, shown)


def _pages(
    ports: ManagementPorts,
    subscription_id: UUID,
    since: datetime,
    until: datetime,
    shown: Callable[[Document, bytes | None], Signed],
) -> Iterator[Signed]:
    after: Position | None = None
    while True:
        with ports.store.read() as work:
            found = work.documents.signed_between(subscription_id, since, until, after, _AT_ONCE)
        yield from starmap(shown, found)
        if len(found) < _AT_ONCE:
            return
        last, _ = found[-1]
        after = Position(last.signed_at or last.created_at, last.id)


def _signed(
    document: Document, certificate: bytes | None, application: str | None, read: Callable[[bytes], Certificate]
) -> Signed:
    verdicts = () if document.verdict is None else document.verdict.signatures
    if certificate is None and document.session_id is None and verdicts:
        # The application has signed it itself: nobody signs after that.
        certificate = verdicts[-1].certificate
    confirmed = next((v.identity_confirmed for v in reversed(verdicts) if v.certificate == certificate), None)
    try:
        subject = read(certificate or b"").subject
    except BadCertificate:
        return Signed(document, application, None, None)
    return Signed(document, application, subject.first("CN") or subject.dn_string or None, confirmed)
